"""The answer of `rota logs`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Line:
    """One line of a log, masked."""

    at: datetime
    message: str


@dataclass(frozen=True)
class Log:
    """What a task of ECS or, with `--deployment`, an execution has logged. `job`, `due`, `status` and `exit` are of a
    job's run; `exit` is None if it has none. `note` says why there are no lines.
    """

    source: str
    """Its ARN."""
    job: str | None
    due: datetime | None
    status: str | None
    exit: int | None
    lines: list[Line]
    note: str = ""


@dataclass(frozen=True)
class Logs:
    """The oldest run first."""

    logs: list[Log]
    kind: Literal["logs"] = "logs"
