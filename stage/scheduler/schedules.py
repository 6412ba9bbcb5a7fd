"""Schedules, when they fall due, and the tasks that they start.

docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html, managing-schedule-context-attributes.html,
managing-schedule-state.html and setting-up.html.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.scheduler.models import Schedule, ScheduleGroup, scheduler_backends

from stage import clock
from stage.eventbridge.targets import STARTED_BY, task_request
from stage.moto.clients import ACCOUNT, REGION
from stage.scheduler import expressions

SERVICE = "scheduler.amazonaws.com"
Members = Mapping[str, Any]


def groups() -> dict[str, ScheduleGroup]:
    """Every group, by its name."""
    return scheduler_backends[ACCOUNT][REGION].schedule_groups


def schedules() -> dict[str, Schedule]:
    """Every schedule, by its group's name and its own: `group/name`."""
    found = ((group.name, list(group.schedules.values())) for group in list(groups().values()))  # others may write
    return {f"{group}/{each.name}": each for group, schedules_ in found for each in schedules_}


def members(schedule: Schedule) -> dict[str, Any]:
    """The schedule's members as AWS names them, with their defaults; dates are datetimes."""
    found: dict[str, Any] = vars(schedule)["members"]
    return found


def keep(schedule: Schedule, new: Members) -> None:
    """Give a schedule these members. What it was before may still fire for a while."""
    kept, now = vars(schedule), clock.now()
    kept["before"], kept["members"] = kept.get("members"), dict(new)
    schedule.last_modified_date = now.timestamp()
    kept["fires_at_once"] = new["State"] == "ENABLED" and _fires_at_once(new, kept["before"], now)


def as_of(schedule: Schedule, at: datetime, lag: timedelta) -> Members:
    """The members by which it fires then: those before the last change, if that was less than `lag` ago."""
    changed = datetime.fromtimestamp(schedule.last_modified_date, UTC)
    return vars(schedule)["before"] or members(schedule) if at - changed < lag else members(schedule)


def due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times after `after`, up to `until`, at which a schedule falls due; at once where AWS does not wait."""
    known = members(schedule)
    if vars(schedule).pop("fires_at_once", False):
        yield after
    start, end = known.get("StartDate"), known.get("EndDate")
    anchor = start or datetime.fromtimestamp(schedule.last_modified_date, UTC)
    expression, zone = known["ScheduleExpression"], known["ScheduleExpressionTimezone"]
    bounded = expressions.only_time(expression, zone) is None
    for time in expressions.due(expression, zone, anchor, after, until):
        if not bounded or ((start is None or start <= time) and (end is None or time <= end)):
            yield time


def input_of(schedule: Schedule, known: Members, at: datetime, execution: str, attempt: int) -> str | None:
    """What the target gets for a time; None if nothing is written for it."""
    values = {
        "schedule-arn": schedule.arn,
        "scheduled-time": clock.text(at),
        "execution-id": execution,
        "attempt-number": str(attempt),
    }
    given: str | None = known["Target"].get("Input")
    return given and re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda found: values.get(found[1], found[0]), given)


def run_task_of(schedule: Schedule, known: Members, at: datetime, execution: str, attempt: int) -> dict[str, Any]:
    """Scheduler's RunTask request for a time. Raises InvalidParameterException when the input is no JSON."""
    target, parameters = known["Target"], known["Target"].get("EcsParameters", {})
    # Each tag is a map from its key: one with the members Key and Value is two tags.
    tags = [{"Key": key, "Value": value} for each in parameters.get("Tags", []) for key, value in each.items()]
    as_a_rules = {**target, "EcsParameters": {**parameters, "Tags": tags}}
    written = input_of(schedule, known, at, execution, attempt)
    return task_request(as_a_rules, f"chronos-schedule/{schedule.name}"[:STARTED_BY], written)


def source(schedule: Schedule) -> dict[str, str | None]:
    """For which resource Scheduler assumes a role: the group of the schedule."""
    return source_of(schedule.group_name)


def source_of(group: str) -> dict[str, str | None]:
    """The same of a group."""
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{group}"
    return {"aws:SourceArn": arn, "aws:SourceAccount": ACCOUNT}


def fired_once(schedule: Schedule) -> None:
    """Delete a schedule that was to be deleted after its last time."""
    known = members(schedule)
    once = expressions.only_time(known["ScheduleExpression"], known["ScheduleExpressionTimezone"])
    if once and known["ActionAfterCompletion"] == "DELETE":
        groups()[schedule.group_name].delete_schedule(schedule.name)


def _fires_at_once(new: Members, before: Members | None, now: datetime) -> bool:
    """A rate without a start does as it is made or changed; and a time that is past, as it is made or enabled."""
    expression, zone = new["ScheduleExpression"], new["ScheduleExpressionTimezone"]
    if once := expressions.only_time(expression, zone):
        was = before or {"State": "DISABLED"}
        same = was["State"] == "ENABLED" and was["ScheduleExpression"] == expression
        return once <= now and not same
    return expressions.period(expression) is not None and "StartDate" not in new
