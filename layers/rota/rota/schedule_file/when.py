"""When a schedule falls due, whatever place in AWS it lives in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from rota.schedule_file.expression import period_of

_MINUTE = timedelta(minutes=1)


class When(NamedTuple):
    """An expression and what bounds it. A rule has its expression alone."""

    expression: str
    """`cron(...)`, `rate(...)` or `at(...)`, in one spelling."""
    timezone: str = "UTC"
    """The zone of the local times of a cron and of `at(...)`."""
    start: datetime | None = None
    """Nothing is due before it; a rate is due then, and counts from it."""
    end: datetime | None = None
    """Nothing is due after it."""
    window: int = 0
    """A run may begin so many minutes later than it is due."""

    def from_now_on(self, now: datetime) -> "When":
        """Without a start that changes nothing from now on: it is past, or of a rate one period ahead at most."""
        begins = now + (period_of(self.expression) or timedelta()) + _MINUTE
        return self if self.start and self.start > begins else self._replace(start=None)


def when_of_aws(members: Mapping[str, Any]) -> When:
    """What EventBridge says of a rule with a schedule, or EventBridge Scheduler of a schedule; a date may be text.

    Rota writes those of crons in a minute's last second: AWS does not say whether one is due at its dates.
    """
    start, end = _date(members.get("StartDate")), _date(members.get("EndDate"))
    return When(
        members["ScheduleExpression"],
        members.get("ScheduleExpressionTimezone") or "UTC",
        start and _minute(start + _MINUTE - timedelta(microseconds=1)),
        end and _minute(end),
        (members.get("FlexibleTimeWindow") or {}).get("MaximumWindowInMinutes") or 0,
    )


def _date(given: datetime | str | None) -> datetime | None:
    date = datetime.fromisoformat(given) if isinstance(given, str) else given
    return date and date.astimezone(UTC)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
