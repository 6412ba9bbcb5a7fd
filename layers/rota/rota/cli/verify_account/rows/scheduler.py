"""What EventBridge Scheduler takes as a schedule. None of these schedules ever fires."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, tried
from rota.cli.verify_account.resources import CLUSTER, ROLE, SCHEDULE, SCHEDULE_GROUP
from rota.cli.verify_account.row import Row, Seen, probe

_DAILY = "cron(0 6 * * ? *)"
_RETRIES = {"MaximumRetryAttempts": 3}
_SETTLING_SECONDS = 30


@dataclass(frozen=True)
class _Answers:
    retry_policy: Mapping[str, Any]
    """What GetSchedule shows of a retry policy of which one member was given."""
    again: tuple[str, str]
    zone: tuple[str, str]
    past_end: tuple[str, str]
    past_time: tuple[str, str]
    updates: tuple[tuple[str, str], ...]
    """The same two of a schedule that is there already."""


_ACTIONS = ("iam:PassRole", "scheduler:GetSchedule", "scheduler:UpdateSchedule")


@probe(CLUSTER, ROLE, SCHEDULE_GROUP, SCHEDULE, actions=_ACTIONS)
def schedules(account: Account) -> _Answers:
    """A disabled schedule, the same again, and others that are in the past or in a zone that there is not."""
    revision = account.arn("ecs", f"task-definition/{account.name('none')}:1")
    # Without a launch type, because Scheduler refuses Fargate without a network; none of them ever fires.
    parameters = {"TaskDefinitionArn": revision}
    target = {**resources.task_target(account, revision), "EcsParameters": parameters, "RetryPolicy": _RETRIES}

    def create(purpose: str, expression: str = _DAILY, **more: Any) -> str:
        return resources.schedule(account, purpose, target, ScheduleExpression=expression, State="DISABLED", **more)

    name = create("daily")
    group = account.name("group")
    shown = account.client("scheduler").get_schedule(GroupName=group, Name=name)["Target"].get("RetryPolicy", {})
    now = account.clock.now()
    end, once = now - timedelta(days=1), f"at({now - timedelta(days=1):%Y-%m-%dT%H:%M:%S})"

    def update(expression: str, **more: Any) -> None:
        whole = {"GroupName": group, "Name": name, "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "DISABLED"}
        call = partial(account.client("scheduler").update_schedule, **whole, Target=target, **more)
        # Scheduler may refuse an update soon after the change before.
        account.retry(lambda: call(ScheduleExpression=expression), ("ConflictException",), _SETTLING_SECONDS)

    return _Answers(
        shown,
        tried(lambda: create("daily")),
        tried(lambda: create("zone", ScheduleExpressionTimezone="Mars/Base")),
        tried(lambda: create("past-end", EndDate=end)),
        tried(lambda: create("past-time", once)),
        (tried(lambda: update(_DAILY, EndDate=end)), tried(lambda: update(once))),
    )


ROWS = (
    Row(
        id="scheduler-retry-policy",
        group="free",
        assumption="GetSchedule shows of a retry policy what was given, and completes nothing.",
        expected="as given",
        meaning="A plan for tasks in Scheduler finds a change each time where a retry policy is half given.",
        then="The schedule file's `retry`: give both members.",
        probe=schedules,
        read=lambda seen: Seen(
            "as given" if seen.retry_policy == _RETRIES else "completed", json.dumps(seen.retry_policy)
        ),
    ),
    Row(
        id="scheduler-create-twice",
        group="free",
        assumption="A second CreateSchedule of the same name is refused.",
        expected="ConflictException",
        meaning="A schedule that was made by others could be taken for one's own.",
        then="Report it.",
        probe=schedules,
        read=lambda seen: Seen(*seen.again),
    ),
    Row(
        id="scheduler-time-zone",
        group="free",
        assumption="A time zone that does not exist is refused.",
        expected="ValidationException",
        meaning="Nothing: zones are checked before the first write.",
        then="Nothing.",
        probe=schedules,
        read=lambda seen: Seen(*seen.zone),
    ),
    Row(
        id="scheduler-past-end",
        group="free",
        assumption="A schedule whose end is past is accepted, and never fires.",
        expected="accepted",
        meaning="A restore cannot return a schedule that has ended.",
        then="Remove tasks that have ended from the schedule file.",
        probe=schedules,
        read=lambda seen: Seen(*seen.past_end),
    ),
    Row(
        id="scheduler-past-time",
        group="free",
        assumption="A disabled schedule for one time that is past is accepted.",
        expected="accepted",
        meaning="A restore cannot return a schedule for one time that is past.",
        then="Remove tasks that have run from the schedule file.",
        probe=schedules,
        read=lambda seen: Seen(*seen.past_time),
    ),
    Row(
        id="scheduler-past-update",
        group="free",
        assumption="A disabled schedule that is there already can be given an end, or one time, that is past.",
        expected="accepted",
        meaning="A restore cannot return a schedule that has ended during the deployment.",
        then="Remove tasks that have ended from the schedule file.",
        probe=schedules,
        read=lambda seen: next((Seen(*each) for each in seen.updates if each[0] != "accepted"), Seen("accepted")),
    ),
)
