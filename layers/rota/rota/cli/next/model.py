"""The answer of `rota next`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rota.cli.status.model import Pause


@dataclass(frozen=True)
class Coming:
    """A run that is due then. `exact` is False for a rate, which counts from a moment that AWS does not show; one that
    is not `enabled` is not started, because its job is paused or disabled.
    """

    task: str
    at: datetime
    exact: bool
    enabled: bool


@dataclass(frozen=True)
class Scheduled:
    """A job and its schedule."""

    task: str
    schedule: str
    in_words: str
    enabled: bool
    paused: Pause | None


@dataclass(frozen=True)
class Calendar:
    """The runs that are due later than `since`, up to `until`, by time. `more`: they are too many to list them all."""

    since: datetime
    until: datetime
    tasks: list[Scheduled]
    runs: list[Coming]
    more: bool
    kind: Literal["next"] = "next"
