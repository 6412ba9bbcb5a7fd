"""Schedules that start ECS tasks.

docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html, managing-schedule-context-attributes.html and
setting-up.html. A start that is refused is not tried again and has no dead letter here.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from moto.scheduler.models import Schedule, ScheduleGroup, scheduler_backends

from stage import clock
from stage.eventbridge.schedules import due as due_in_utc
from stage.eventbridge.targets import STARTED_BY, task_request
from stage.moto.clients import ACCOUNT, REGION

SERVICE = "scheduler.amazonaws.com"
ONCE = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


def groups() -> dict[str, ScheduleGroup]:
    """Every group, by its name."""
    return scheduler_backends[ACCOUNT][REGION].schedule_groups


def schedules() -> dict[str, Schedule]:
    """Every schedule, by its group's name and its own: `group/name`."""
    return {f"{group.name}/{each.name}": each for group in groups().values() for each in group.schedules.values()}


def due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times after `after`, up to `until`, at which a schedule falls due."""
    if once := ONCE.fullmatch(schedule.schedule_expression):
        local = datetime.fromisoformat(once[1]).replace(tzinfo=ZoneInfo(schedule.schedule_expression_timezone))
        if after < (at := local.astimezone(UTC)) <= until:
            yield at
        return
    created = datetime.fromtimestamp(schedule.creation_date, UTC)
    yield from due_in_utc(schedule.schedule_expression, created, after, until)


def run_task_of(schedule: Schedule, at: datetime) -> dict[str, Any]:
    """Scheduler's RunTask request for a time. Raises InvalidParameterException when the input is no JSON."""
    values = {
        "schedule-arn": schedule.arn,
        "scheduled-time": clock.text(at),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    given = schedule.target.get("Input")
    written = given and re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda found: values.get(found[1], found[0]), given)
    return task_request(schedule.target, f"chronos-schedule/{schedule.name}"[:STARTED_BY], written)


def source(schedule: Schedule) -> dict[str, str | None]:
    """For which resource Scheduler assumes a role: the group of the schedule."""
    group = schedule.arn.rpartition("/")[0].replace(":schedule/", ":schedule-group/")
    return {"aws:SourceArn": group, "aws:SourceAccount": ACCOUNT}


def fired_once(schedule: Schedule) -> None:
    """Delete a schedule that was to be deleted after its last time."""
    if ONCE.fullmatch(schedule.schedule_expression) and schedule.action_after_completion == "DELETE":
        scheduler_backends[ACCOUNT][REGION].delete_schedule(schedule.group_name, schedule.name)
