"""The answer of `rota next`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rota.cli.status.model import Pause
from rota.schedule_file.when import When


@dataclass(frozen=True)
class Coming:
    """A run that is due then. `exact` is False for a rate, which counts from a moment that AWS does not show; one that
    is not `enabled` is not started, because its job is paused or disabled. `local`: as its schedule's zone shows it.
    """

    task: str
    at: datetime
    exact: bool
    enabled: bool
    local: str


@dataclass(frozen=True)
class Scheduled:
    """A job and its schedule, from `start` until `end`. A run may begin `window` minutes later than it is due."""

    task: str
    schedule: str
    timezone: str
    start: datetime | None
    end: datetime | None
    window: int
    in_words: str
    enabled: bool
    paused: Pause | None

    @property
    def when(self) -> When:
        return When(self.schedule, self.timezone, self.start, self.end, self.window)


@dataclass(frozen=True)
class Calendar:
    """The runs that are due later than `since`, up to `until`, by time. `more`: they are too many to list them all.
    `zones`: the version of the IANA database that they were computed by; None if every schedule is in UTC.
    """

    since: datetime
    until: datetime
    tasks: list[Scheduled]
    runs: list[Coming]
    more: bool
    zones: str | None
    kind: Literal["next"] = "next"
