"""The answer of `rota history`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rota.cli.pauses import PastPause
from rota.cli.status.model import Pause


@dataclass(frozen=True)
class Deployment:
    """One deployment that has ended, or is being restored.

    `release` is None if it made none, or before there were numbers; `live`: it is what runs now. `kind` and `by` are as
    its input said.
    """

    release: str | None
    live: bool
    outcome: str
    kind: str | None
    tag: str | None
    digest: str | None
    by: str
    reason: str
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    summary: str
    cause: str
    schedule_key: str | None
    schedule_version: str | None
    execution: str


@dataclass(frozen=True)
class TaskRun:
    """One run of a task."""

    at: datetime
    status: str
    exit: int | None
    seconds: float | None
    release: str | None
    trigger: str
    reason: str
    task_arn: str


@dataclass(frozen=True)
class History:
    """The newest first."""

    releases: list[Deployment]
    more: bool
    """Whether there are older ones."""
    kind: Literal["history"] = "history"


@dataclass(frozen=True)
class TaskHistory:
    """The runs of one task, the newest first, and the pauses in that time that are over; `paused`: the one in force."""

    task: str
    runs: list[TaskRun]
    pauses: list[PastPause]
    paused: Pause | None = None
    kind: Literal["runs"] = "runs"
