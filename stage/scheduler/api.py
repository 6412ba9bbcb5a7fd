"""EventBridge Scheduler's operations, which the stage answers instead of moto. moto's backend stays the store.

docs.aws.amazon.com/scheduler/latest/APIReference. A group that is deleted is gone at once, with its schedules; AWS
takes some time, in which they may fire.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from moto.scheduler.models import Schedule, ScheduleGroup, scheduler_backends

from stage import clock
from stage.eventbridge.retries import MOST_RETRIES, MOST_SECONDS
from stage.eventbridge.targets import Authorise
from stage.gateway.calls import Call, Reply
from stage.gateway.pages import one_page
from stage.moto.clients import ACCOUNT, REGION
from stage.scheduler import schedules
from stage.scheduler.requests import problems
from stage.settings import Settings

_STATUS = {"ResourceNotFoundException": 404, "ConflictException": 409, "ServiceQuotaExceededException": 402}
DEFAULT = "default"
_MEMBERS = (
    *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description"),
    *("State", "FlexibleTimeWindow", "Target", "ActionAfterCompletion", "KmsKeyArn"),
)
Request = Mapping[str, Any]


class Scheduler:
    """A hook that answers all operations but those of tags, of which it refuses those of a group that is not there."""

    def __init__(self, settings: Settings, authorise: Authorise) -> None:
        self._settings = settings
        self._authorise = authorise
        self._operations: Mapping[str, Callable[[Request], dict[str, Any] | None]] = {
            "CreateSchedule": self._create,
            "UpdateSchedule": self._update,
            "GetSchedule": lambda request: _shown(_schedule(request)),
            "DeleteSchedule": _delete,
            "ListSchedules": _listed,
            "CreateScheduleGroup": _create_group,
            "GetScheduleGroup": lambda request: _shown_group(_group(request["Name"])),
            "DeleteScheduleGroup": _delete_group,
            "ListScheduleGroups": _listed_groups,
            "TagResource": _existing,
            "UntagResource": _existing,
            "ListTagsForResource": _existing,
        }

    def before(self, call: Call) -> Reply | None:
        if call.service != "scheduler" or call.operation not in self._operations:
            return None
        try:
            answer = self._operations[call.operation](call.params)
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message, _STATUS.get(refusal.code, 400))
        return None if answer is None else one_page(call, answer)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def _create(self, request: Request) -> dict[str, Any]:
        group, members = _group(request.get("GroupName")), self._checked(request)
        if request["Name"] in group.schedules:  # whatever its ClientToken is
            raise ServiceException("ConflictException", f"Schedule {request['Name']} already exists.")
        made = Schedule(
            region=REGION,
            account_id=ACCOUNT,
            group_name=group.name,
            name=request["Name"],
            description=None,
            schedule_expression=request["ScheduleExpression"],
            schedule_expression_timezone=None,
            flexible_time_window={},
            target={},
            state=None,
            kms_key_arn=None,
            start_date=None,
            end_date=None,
            action_after_completion=None,
        )
        made.creation_date = clock.time()
        schedules.keep(made, members)
        group.add_schedule(made)
        return {"ScheduleArn": made.arn}

    def _update(self, request: Request) -> dict[str, Any]:
        found, members = _schedule(request), self._checked(request)
        age = clock.now() - datetime.fromtimestamp(found.last_modified_date, UTC)
        if timedelta() <= age < timedelta(seconds=self._settings.scheduler.conflict_seconds):
            raise ServiceException("ConflictException", f"Schedule {found.name} is being changed.")
        schedules.keep(found, members)
        return {"ScheduleArn": found.arn}

    def _checked(self, request: Request) -> dict[str, Any]:
        """The whole schedule that a request describes: what it leaves out has its default, also in an update.

        Raises ServiceException.
        """
        given = {member: request[member] for member in _MEMBERS if request.get(member) is not None}
        given |= {date: _time(given[date]) for date in ("StartDate", "EndDate") if date in given}
        for problem in problems(given, clock.now()):
            raise ServiceException("ValidationException", problem)
        members = {
            "GroupName": DEFAULT,
            "ScheduleExpressionTimezone": "UTC",
            "State": "ENABLED",
            "ActionAfterCompletion": "NONE",
            **given,
        }
        retry = {"MaximumEventAgeInSeconds": MOST_SECONDS, "MaximumRetryAttempts": MOST_RETRIES}
        members["Target"] = {"RetryPolicy": retry, **given["Target"]}
        try:
            self._authorise(
                schedules.SERVICE, given["Target"]["RoleArn"], schedules.source_of(members["GroupName"]), []
            )
        except ServiceException as refusal:
            words = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            raise ServiceException("ValidationException", words) from refusal
        return members


def _group(name: str | None) -> ScheduleGroup:
    """Raises ServiceException."""
    found = schedules.groups().get(name or DEFAULT)
    if found is None:
        raise ServiceException("ResourceNotFoundException", f"Schedule group {name} does not exist.")
    return found


def _schedule(request: Request) -> Schedule:
    """Raises ServiceException."""
    found = _group(request.get("GroupName")).schedules.get(request["Name"])
    if found is None:
        raise ServiceException("ResourceNotFoundException", f"Schedule {request['Name']} does not exist.")
    return found


def _shown(schedule: Schedule) -> dict[str, Any]:
    """GetSchedule's answer; what was not given has no member, unless it has a default."""
    dates = {"CreationDate": schedule.creation_date, "LastModificationDate": schedule.last_modified_date}
    return {**schedules.members(schedule), "Arn": schedule.arn, **dates}


def _summary(schedule: Schedule) -> dict[str, Any]:
    """What a list has of a schedule, which is little."""
    shown = _shown(schedule)
    kept = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
    return {**{member: shown[member] for member in kept}, "Target": {"Arn": shown["Target"]["Arn"]}}


def _delete(request: Request) -> dict[str, Any]:
    found = _schedule(request)
    _group(request.get("GroupName")).delete_schedule(found.name)
    return {}


def _listed(request: Request) -> dict[str, Any]:
    wanted = [_group(request["GroupName"])] if request.get("GroupName") else schedules.groups().values()
    found = [_summary(each) for group in wanted for _, each in sorted(group.schedules.items())]
    prefix, state = request.get("NamePrefix") or "", request.get("State")
    return {"Schedules": [x for x in found if x["Name"].startswith(prefix) and state in (None, x["State"])]}


def _create_group(request: Request) -> dict[str, Any]:
    return {"ScheduleGroupArn": create_group(request["Name"], request.get("Tags") or []).arn}


def create_group(name: str, tags: list[dict[str, str]]) -> ScheduleGroup:
    """A new group. Raises ServiceException if there is one of that name; moto would replace it, schedules and all."""
    if name in schedules.groups():
        raise ServiceException("ConflictException", f"Schedule group {name} already exists.")
    return scheduler_backends[ACCOUNT][REGION].create_schedule_group(name, tags)


def _delete_group(request: Request) -> dict[str, Any]:
    if request["Name"] == DEFAULT:
        raise ServiceException("ValidationException", "The default schedule group cannot be deleted.")
    del schedules.groups()[_group(request["Name"]).name]
    return {}


def _listed_groups(request: Request) -> dict[str, Any]:
    prefix = request.get("NamePrefix") or ""
    found = [_shown_group(each) for name, each in sorted(schedules.groups().items()) if name.startswith(prefix)]
    return {"ScheduleGroups": found}


def _shown_group(group: ScheduleGroup) -> dict[str, Any]:
    return {member: value for member, value in group.to_dict().items() if value is not None}


def _existing(request: Request) -> None:
    """Only groups have tags: moto answers if there is such a group. Raises ServiceException."""
    _group(request["ResourceArn"].rpartition("/")[2])


def _time(given: Any) -> datetime:
    """A timestamp of a request, which AWS takes as UTC."""
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(given), UTC)
