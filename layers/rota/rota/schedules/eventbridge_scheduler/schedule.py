"""Schedules of EventBridge Scheduler, and the writes that turn one into another. Pure.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html: what an update leaves out returns to
its default, and the default is a schedule that is on. So each request is whole.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from rota import tracing
from rota.contract.shape import Shape
from rota.schedule_file.expression import one_time, period_of
from rota.schedule_file.when import When, when_of_aws
from rota.schedules.revision import registered

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html: the default, and the most
LONGEST_AGE, MOST_ATTEMPTS = 86_400, 185
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""What Scheduler replaces in an input by the time for which the schedule was due:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""
DEFAULTS: dict[str, Any] = {
    "ScheduleExpressionTimezone": "UTC",
    "State": "ENABLED",
    "ActionAfterCompletion": "NONE",
    "FlexibleTimeWindow": {"Mode": "OFF"},
}
_DATES = ("StartDate", "EndDate")
# Scheduler refuses a StartDate "earlier than 5 minutes ago".
_EARLIEST = timedelta(minutes=4)
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Span(NamedTuple):
    begin: datetime
    end: datetime


class SchedulerSchedule(Shape):
    """One schedule, whole: as AWS describes it or as it should be.

    `name` is `GROUP/NAME`, which no rule is called; `members` are those of CreateSchedule's request but for the two,
    each with its default, and dates as text; `read_at`: when it was read.
    """

    backend: Literal["scheduler"] = "scheduler"
    name: str
    members: dict[str, Any]
    read_at: AwareDatetime | None = None

    @property
    def schedule_expression(self) -> str:
        return str(self.members["ScheduleExpression"])

    @property
    def target(self) -> dict[str, Any]:
        found: dict[str, Any] = self.members["Target"]
        return found

    @property
    def is_enabled(self) -> bool:
        return bool(self.members["State"] != "DISABLED")

    def switched(self, *, on: bool) -> "SchedulerSchedule":
        """The same, on or off."""
        return self.model_copy(update={"members": {**self.members, "State": "ENABLED" if on else "DISABLED"}})

    @property
    def revision(self) -> str | None:
        """The ARN of the task definition that it runs."""
        return (self.target.get("EcsParameters") or {}).get("TaskDefinitionArn")

    @property
    def retry_age(self) -> int:
        """Seconds for which a start is tried."""
        return int((self.target.get("RetryPolicy") or {}).get("MaximumEventAgeInSeconds", LONGEST_AGE))

    @property
    def is_traced(self) -> bool:
        """Whether its target passes its task's name to the container."""
        return json.dumps(tracing.TASK) in self.target.get("Input", "")


class SchedulerChange(Shape):
    """What turns one schedule into another: the plan holds it, later steps send it.

    `members` are the whole of the schedule: as it should be, or of one that is to be removed as it is. A target whose
    revision is yet to be registered names it by `to_be_registered(fingerprint)`. One that is to be removed is disabled
    (`disable`, unless it is already) and deleted at the end.
    """

    written_whole: ClassVar[bool] = True
    """Whether each write of it says everything, also one that only switches it."""
    backend: Literal["scheduler"] = "scheduler"
    kind: Literal["create", "update", "remove"]
    name: str
    members: dict[str, Any]
    disable: bool = False
    moved: bool = Field(False, exclude_if=lambda given: not given)
    """Of a schedule that is removed: its task gets one in the other backend, which is switched on first."""
    replaces: When | None = Field(None, exclude_if=lambda given: given is None)
    """Of a schedule that is created, or is switched on: when the one was due that its task had in the other backend."""

    def with_revisions(self, revisions: Mapping[str, str]) -> "SchedulerChange":
        """The change with every revision registered; `revisions`: ARNs by fingerprint."""
        target = self.members["Target"]
        ecs = target["EcsParameters"]
        named = {**ecs, "TaskDefinitionArn": registered(ecs["TaskDefinitionArn"], revisions)}
        return self.model_copy(update={"members": {**self.members, "Target": {**target, "EcsParameters": named}}})

    def writes(self) -> Counter[str]:
        """How often each operation is called that writes."""
        return +Counter(
            CreateSchedule=int(self.kind == "create"),
            UpdateSchedule=int(self.kind == "update" or self.disable),
            DeleteSchedule=int(self.kind == "remove"),
        )

    def calls_until_live(self) -> int:
        """How many calls it takes until the schedule is live. What is removed is deleted after that."""
        writes = self.writes()
        return writes["CreateSchedule"] + writes["UpdateSchedule"]

    @property
    def when(self) -> When:
        """When the schedule is due."""
        return when_of_aws(self.members)

    @property
    def switches(self) -> bool | None:
        """Whether what it writes is on; None if it leaves that as it is."""
        return None if self.kind == "remove" else self.members["State"] != "DISABLED"

    @property
    def kept_off(self) -> "SchedulerChange":
        """The change with a schedule that is off where it would be on."""
        if not self.switches:
            return self
        return self.model_copy(update={"members": {**self.members, "State": "DISABLED"}})

    @property
    def as_schedule(self) -> SchedulerSchedule:
        return SchedulerSchedule(name=self.name, members=self.members)


def members_of(described: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a schedule as GetSchedule describes it, each with its default, and dates as text."""
    asked = ("ScheduleExpression", "Description", "KmsKeyArn", "Target", *DEFAULTS)
    found = {member: described[member] for member in asked if described.get(member) not in (None, "")}
    found |= {date: text(described[date]) for date in _DATES if described.get(date)}
    return DEFAULTS | found


def text(at: datetime) -> str:
    """A date as the members have it: `2026-12-01T06:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def just_before(minute: datetime) -> str:
    """The StartDate of a cron that is due in that minute at the earliest."""
    return text(minute - _SECOND)


def just_after(due: datetime) -> str:
    """The EndDate of a schedule that is due then for the last time.

    AWS starts a run until a minute later, and says of an EndDate that it is one "before which the schedule can
    invoke its target": https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    """
    return text(due + _MINUTE - _SECOND)


def time_of(date: str | None) -> datetime | None:
    """The time of a date among the members."""
    return datetime.fromisoformat(date) if date else None


def difference(current: SchedulerSchedule | None, desired: SchedulerSchedule) -> SchedulerChange | None:
    """What turns `current` (None: there is no such schedule) into `desired`; None if they are equal. Pure.

    A schedule whose last minute had come when it was read is left alone, unless it gets others: it runs no more, or is
    about to, and AWS may fire at once what is changed.
    """
    if current is None:
        return SchedulerChange(kind="create", name=desired.name, members=desired.members)
    members = _in_phase(current, desired)
    if _is_spent(current) and is_due_as(current.members, members):
        return None
    if _comparable(current, current.read_at) == _comparable(
        desired.model_copy(update={"members": members}), current.read_at
    ):
        return None
    return SchedulerChange(kind="update", name=desired.name, members=members)


def removal(current: SchedulerSchedule) -> SchedulerChange:
    """The change that removes a schedule whose task has left the schedule file. Pure."""
    return SchedulerChange(kind="remove", name=current.name, members=current.members, disable=current.is_enabled)


def writable(members: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The members as AWS takes them now, with the same due minutes from now on.

    A StartDate that is past is left out, or of a rate moved on by whole periods: without one AWS would start its task
    at once. A rate that has none begins after one period, as a rule does. What has no time left is off; of a cron and
    of one time only after the last minute and its window, in which AWS may still start the last run.
    """
    found = dict(members)
    start, end = time_of(found.get("StartDate")), time_of(found.get("EndDate"))
    period, closes, has_runs = period_of(found["ScheduleExpression"]), _closing(found), True
    if period:
        begins = first_due(start or now + period, period, now)
        found["StartDate"], has_runs = text(begins), end is None or begins <= end
    elif start and start < now - _EARLIEST:
        del found["StartDate"]
    if not has_runs or (closes and closes.end <= now):
        found.pop("StartDate", None)  # AWS takes none after the EndDate
        found["State"] = "DISABLED"
    return found


def long_past(current: SchedulerSchedule) -> str:
    """A start in 1970 from which a rate is due when the schedule is."""
    anchor, period = time_of(current.members.get("StartDate")), period_of(current.schedule_expression)
    return text(_EPOCH + (anchor - _EPOCH) % period if anchor and period else _EPOCH)


def is_closing(members: Mapping[str, Any], now: datetime) -> bool:
    """Whether AWS may start the last run just now: in the minute in which it is due, and in its window."""
    closes = _closing(members)
    return closes is not None and closes.begin <= now < closes.end


def is_over(members: Mapping[str, Any], now: datetime) -> bool:
    """Whether the one time of a schedule is past, and its window: AWS starts it no more."""
    closes = _closing(members) if only_time(members) else None
    return closes is not None and closes.end <= now


def is_due_as(members: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether both are due at the same times, wherever they begin."""
    return _when(members) == _when(others)


def _closing(members: Mapping[str, Any]) -> _Span | None:
    """When the last run is due, or may be, and when AWS starts it no more; None if there is no last one.

    A schedule that is due at 06:00 starts its task until 06:00:59, and with a window of 15 minutes until 06:15:59. One
    time may have seconds: that of 06:00:59 until 06:01:58. An EndDate is itself the last second.
    """
    once = only_time(members)
    last = once or time_of(members.get("EndDate"))
    if last is None:
        return None
    begin = last.replace(second=0, microsecond=0)
    return _Span(begin, (once or begin) + timedelta(minutes=1 + when_of_aws(members).window))


def first_due(anchor: datetime, period: timedelta, now: datetime) -> datetime:
    """When a rate that counts from `anchor` is due from then on. Pure."""
    return anchor if anchor >= now else anchor + period * -(-(now - anchor) // period)


def only_time(members: Mapping[str, Any]) -> datetime | None:
    """When a schedule of one time is due; None for every other."""
    local = one_time(members["ScheduleExpression"])
    if local is None:
        return None
    from rota.schedule_file import zones  # noqa: PLC0415  here, because few schedules have one time

    return local.replace(tzinfo=zones.zone(members["ScheduleExpressionTimezone"])).astimezone(UTC)


def _is_spent(schedule: SchedulerSchedule) -> bool:
    closes = _closing(schedule.members)
    return closes is not None and schedule.read_at is not None and closes.begin <= schedule.read_at


def _when(members: Mapping[str, Any]) -> When:
    return when_of_aws(members)._replace(start=None, window=0)


def _in_phase(current: SchedulerSchedule, desired: SchedulerSchedule) -> dict[str, Any]:
    """The members; a rate without a start of its own counts from that of the schedule."""
    same = current.schedule_expression == desired.schedule_expression
    if "StartDate" in desired.members or not same or not period_of(desired.schedule_expression):
        return desired.members
    start = current.members.get("StartDate")
    return {**desired.members, **({"StartDate": start} if start else {})}


def _comparable(schedule: SchedulerSchedule, now: datetime | None) -> Any:
    """The members without what AWS adds on its own, and with the StartDate as far as it matters from `now` on."""
    members = dict(schedule.members)
    start, period = time_of(members.pop("StartDate", None)), period_of(schedule.schedule_expression)
    if start and now and start < now:
        start = first_due(start, period, now) if period else None
    return _bare({**members, "start": start and text(start)})


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "capacityProvider" in value:
            value = {"weight": 0, "base": 0, **value}
        bare = {key: _bare(inner) for key, inner in value.items()}
        return {key: inner for key, inner in bare.items() if inner is not False and inner not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return sorted((_bare(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def revisions_of(found: Iterable[SchedulerSchedule]) -> set[str]:
    """The ARNs of all task definitions that these schedules run."""
    return {schedule.revision for schedule in found if schedule.revision}
