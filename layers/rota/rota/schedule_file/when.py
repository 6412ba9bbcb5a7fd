"""When a schedule falls due, whatever place in AWS it lives in."""

from datetime import datetime
from typing import NamedTuple


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
