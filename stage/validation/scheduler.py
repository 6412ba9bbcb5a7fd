"""What EventBridge Scheduler refuses of a schedule, in prose: docs.aws.amazon.com/scheduler/latest/UserGuide."""

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from moto.core.exceptions import ServiceException

from stage.scheduler.schedules import ONCE, groups
from stage.validation.eventbridge import is_schedule

Request = Mapping[str, Any]


def schedule(request: Request) -> None:
    """CreateSchedule and UpdateSchedule. Raises ServiceException.

    AWS's words for an unknown zone are not known. The stage has no recurring schedules in another zone than UTC.
    """
    expression, zone = request["ScheduleExpression"], request.get("ScheduleExpressionTimezone") or "UTC"
    if not ONCE.fullmatch(expression) and not is_schedule(expression):
        raise ServiceException("ValidationException", f"Invalid Schedule Expression {expression}.")
    if zone not in available_timezones():
        raise ServiceException("ValidationException", f"Invalid ScheduleExpressionTimezone {zone}.")
    if zone != "UTC" and not ONCE.fullmatch(expression):
        raise NotImplementedError("a recurring schedule in another zone than UTC")


def new_group(request: Request) -> None:
    """CreateScheduleGroup; moto replaces a group of the same name. Raises ServiceException."""
    if request["Name"] in groups():
        raise ServiceException("ConflictException", f"Schedule group {request['Name']} already exists.")


def group(request: Request) -> None:
    """DeleteScheduleGroup of a group that is there. Raises ServiceException."""
    if request["Name"] not in groups():
        raise ServiceException("ResourceNotFoundException", f"Schedule group {request['Name']} does not exist.")


REFUSALS: Mapping[tuple[str, str], Callable[[Request], None]] = {
    ("scheduler", "CreateSchedule"): schedule,
    ("scheduler", "UpdateSchedule"): schedule,
    ("scheduler", "CreateScheduleGroup"): new_group,
    ("scheduler", "DeleteScheduleGroup"): group,
}
