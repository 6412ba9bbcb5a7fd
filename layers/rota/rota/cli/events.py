"""What `--json` prints while a command watches an execution or a run: one event a line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Started:
    """The execution that is watched. `already`: another call or a push had started it."""

    execution: str
    already: bool
    event: Literal["started"] = "started"


@dataclass(frozen=True)
class Step:
    """A step of the machine has ended. `note` says what it did; `error` is the error's name, if it failed."""

    step: str
    status: Literal["ok", "failed"]
    seconds: float
    retries: int
    note: str
    error: str
    event: Literal["step"] = "step"


@dataclass(frozen=True)
class Service:
    """What ECS says while the service rolls."""

    message: str
    event: Literal["service"] = "service"


@dataclass(frozen=True)
class Live:
    """Everything is live; `--wait-until live` ends here."""

    execution: str
    event: Literal["live"] = "live"


@dataclass(frozen=True)
class Ended:
    """The execution has ended. `release` is the number that it made, `exit` the command's exit code."""

    outcome: str
    release: str | None
    execution: str
    seconds: float
    error: str
    cause: str
    exit: int
    event: Literal["end"] = "end"


@dataclass(frozen=True)
class Task:
    """A task of ECS that is followed has another status, as ECS names it, or is seen first."""

    arn: str
    status: str
    event: Literal["task"] = "task"


@dataclass(frozen=True)
class Logged:
    """A task has logged a line, which is masked. `at`: when, in UTC."""

    arn: str
    at: datetime
    message: str
    event: Literal["log"] = "log"


Event = Started | Step | Service | Live | Ended | Task | Logged
