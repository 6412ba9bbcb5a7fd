"""The answer of `rota run`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class OneRun:
    """One task of ECS that was started. `due` is the scheduled time that it repeats, else when it was started; `status`
    is as in `rota history --task`; `exit` is None while it runs, and if it never ran.
    """

    task: str
    arn: str
    due: datetime
    status: str
    exit: int | None
    seconds: float | None
    stop_code: str
    reason: str


@dataclass(frozen=True)
class Ran:
    """`exit` is that of the command; None if it did not wait."""

    runs: list[OneRun]
    exit: int | None
    kind: Literal["run"] = "run"
