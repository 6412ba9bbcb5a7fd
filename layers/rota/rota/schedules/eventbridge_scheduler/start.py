"""What Scheduler asks of ECS for a schedule's target, so that Rota can ask it once more. Pure.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html
"""

import json
from datetime import datetime
from typing import Any

from rota.schedules import run_task
from rota.schedules.eventbridge_scheduler.schedule import SCHEDULED_TIME, SchedulerSchedule, text


def request(schedule: SchedulerSchedule, due: datetime) -> dict[str, Any] | None:
    """RunTask's request for the schedule's task, due then, without `startedBy` and `clientToken`; None if its target is
    not one of a task, or its input is no JSON.
    """
    if "EcsParameters" not in schedule.target:
        return None
    try:
        overrides = json.loads(schedule.target.get("Input", "{}").replace(SCHEDULED_TIME, text(due)))
    except ValueError:
        return None
    if not isinstance(overrides, dict):
        return None
    tags = schedule.target["EcsParameters"].get("Tags") or []
    return run_task.request(schedule.target, overrides, [pair for each in tags for pair in each.items()])
