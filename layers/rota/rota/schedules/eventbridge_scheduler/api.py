"""Scheduler's calls: read schedules whole, create, replace and delete one. Each names the group; `scheduler` is its
client.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, TransientError
from rota.schedules.eventbridge_scheduler.schedule import SchedulerSchedule, members_of, writable
from rota.schedules.interface import in_group

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html, the most
_PAGE = 100
# AWS's words for a role that does not trust Scheduler; it says so of one that was made moments ago, too.
_NOT_YET_TRUSTED = "must allow AWS EventBridge Scheduler to assume the role"


def read_group(scheduler: Any, group: str, prefix: str = "") -> dict[str, SchedulerSchedule]:
    """Every schedule of the group whose name begins with `prefix`, whole, by `GROUP/NAME`. One call a schedule: a list
    says little of it.
    """
    try:
        names = _listed(scheduler, prefix, GroupName=group)
    except ClientError as error:
        if not _is_gone(error):
            raise
        raise RejectedError(
            f"the schedule group {group}, which the stack has made, was deleted: delete the stack and create it again; "
            "the app's rules stay"
        ) from error
    found = in_parallel(lambda name: read_schedule(scheduler, name), names)
    return {schedule.name: schedule for schedule in found if schedule}


def on_in_other_groups(scheduler: Any, group: str, prefix: str) -> frozenset[str]:
    """The schedules that are on in all groups but this one and whose name begins with `prefix`, by `GROUP/NAME`."""
    names = _listed(scheduler, prefix, State="ENABLED")
    return frozenset(name for name in names if not name.startswith(f"{group}/"))


def read_schedule(scheduler: Any, name: str) -> SchedulerSchedule | None:
    """The schedule `GROUP/NAME`; None if there is none."""
    try:
        described: Mapping[str, Any] = scheduler.get_schedule(**in_group(name))
    except ClientError as error:
        if not _is_gone(error):
            raise
        return None
    return SchedulerSchedule(name=name, members=members_of(described), read_at=datetime.now(UTC))


def create(scheduler: Any, schedule: SchedulerSchedule) -> bool:
    """Create the schedule; False if there is one of that name."""
    try:
        _write(scheduler.create_schedule, schedule)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
        return False
    return True


def replace(scheduler: Any, schedule: SchedulerSchedule) -> bool:
    """Give the schedule these members and no others; False if there is none of that name."""
    try:
        _write(scheduler.update_schedule, schedule)
    except ClientError as error:
        if _is_gone(error):
            return False
        if error.response["Error"]["Code"] == "ConflictException":
            raise TransientError(f"{schedule.name} is being changed: {error}") from error
        raise
    return True


def delete(scheduler: Any, name: str) -> bool:
    """Delete the schedule; False if there is none of that name, which is as good."""
    try:
        scheduler.delete_schedule(**in_group(name))
    except ClientError as error:
        if _is_gone(error):
            return False
        if error.response["Error"]["Code"] == "ConflictException":
            raise TransientError(f"{name} is being changed: {error}") from error
        raise
    return True


def _listed(scheduler: Any, prefix: str, **filters: str) -> list[str]:
    """The names, `GROUP/NAME`: of all groups unless a filter names one."""
    begin = {"NamePrefix": prefix} if prefix else {}
    pages = scheduler.get_paginator("list_schedules").paginate(**filters, **begin, PaginationConfig={"PageSize": _PAGE})
    return [f"{each['GroupName']}/{each['Name']}" for page in pages for each in page["Schedules"]]


def _write(call: Any, schedule: SchedulerSchedule) -> None:
    try:
        call(**in_group(schedule.name), **writable(schedule.members, datetime.now(UTC)))
    except ClientError as error:
        if _NOT_YET_TRUSTED in error.response["Error"].get("Message", ""):
            raise TransientError(f"{schedule.name}: {error}") from error
        raise


def _is_gone(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ResourceNotFoundException")
