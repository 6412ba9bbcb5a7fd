"""The answer of `rota status`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

BY_HAND = "by_hand"
GONE = "its schedule is gone"
"""What `drift` says of a task that is wanted and has none."""
BAD = ("failed", "not_started", "missed")
"""The statuses of a run that did not do what it should."""
RunStatus = Literal["starting", "running", "ok", "failed", "not_started", "missed", "skipped", "replaced", "unknown"]


@dataclass(frozen=True)
class Release:
    """What is live. `release` is None before there were numbers."""

    release: str | None
    digest: str
    tag: str | None
    since: datetime | None
    schedule_key: str
    schedule_version: str
    kind: str | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Deploying:
    """The deployment that holds the lease. `half_done`: it failed, its restore has ended too, and it does not run."""

    execution: str
    phase: str
    started_at: datetime
    seconds: float
    digest: str | None
    tag: str | None
    kind: str | None
    by: str
    reason: str
    status: str
    """Of the execution, as Step Functions has it: RUNNING, ABORTED ..."""
    newer_waits: bool
    half_done: bool


@dataclass(frozen=True)
class Ended:
    """The newest deployment that has ended."""

    execution: str
    outcome: str
    finished_at: datetime | None
    tag: str | None
    digest: str | None
    cause: str


@dataclass(frozen=True)
class Hold:
    """Deployments are held. `until` is None if that is a person's to end."""

    by: str
    reason: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Pending:
    """The newest push that was held; it is deployed when the hold ends. `opens`: when the deployment window does, if
    that is not open; None if it is, or if there is none. `changes` is the digest of what a person is to approve, until
    `approve_until`, and `summary` says it in words; empty if it waits for no approval.
    """

    digest: str
    tag: str | None
    execution: str
    opens: datetime | None = None
    changes: str = ""
    approve_until: datetime | None = None
    summary: str = ""


@dataclass(frozen=True)
class PendingSchedule:
    """A change of the schedule file alone that was held; the rest is as `Pending` has it. `due`: of an uploaded file,
    until when it waits for an image.
    """

    execution: str
    by: str
    opens: datetime | None = None
    changes: str = ""
    approve_until: datetime | None = None
    summary: str = ""
    due: datetime | None = None


@dataclass(frozen=True)
class Bar:
    """A digest that a push does not deploy, because of a rollback."""

    digest: str
    tag: str | None
    by: str
    reason: str


@dataclass(frozen=True)
class Pause:
    """A task that a person paused."""

    by: str
    reason: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Service:
    """The ECS service. `rollout` is that of its primary deployment: COMPLETED, IN_PROGRESS or FAILED; `new` counts the
    tasks of that one that run.
    """

    revision: str
    running: int
    desired: int
    rollout: str
    new: int = 0


@dataclass(frozen=True)
class LastRun:
    """The newest run. `at` is when it was due."""

    at: datetime
    status: RunStatus
    exit: int | None
    seconds: float | None
    release: str | None
    reason: str
    trigger: str
    """What started it: `schedule`, `catch_up` or `by_hand`."""

    @property
    def is_bad(self) -> bool:
        """Whether it says that the job does not do well. What a person starts says nothing of that."""
        return self.trigger != BY_HAND and self.status in BAD


@dataclass(frozen=True)
class Task:
    """A task of the schedule file, or a schedule that has the app's prefix.

    `strip` has a character for each of the last runs, the newest last: `.` ok, `x` failed, `!` not started, `-` missed,
    `/` skipped or replaced, `?` unknown, `>` under way. `next` is None if that is not known or never; `exact` is False
    for a rate, which counts from a moment that AWS does not show. `bad_runs` counts those in a row. `drift` says what
    is otherwise than the schedule file has it. `why` says why its newest bad run was bad, until the job does well.
    `foreign`: the rule has the app's prefix and is not the app's own. `removed`: it has no schedule any more, and none
    is wanted.
    """

    task: str
    schedule: str
    timezone: str
    in_words: str
    enabled: bool
    paused: Pause | None
    last: LastRun | None
    strip: str
    exits: list[int | None]
    bad_runs: int
    next: datetime | None
    exact: bool
    owner: str
    drift: list[str]
    why: str
    foreign: bool
    removed: bool = False


@dataclass(frozen=True)
class Status:
    """One stack's app, now."""

    release: Release | None
    deploying: Deploying | None
    last_deployment: Ended | None
    hold: Hold | None
    pending: Pending | None
    pending_schedule: PendingSchedule | None
    barred: list[Bar]
    service: Service | None
    tasks: list[Task]
    watched: bool
    """Whether the runs of jobs are watched; if not, there are no last runs."""
    compared: bool
    """Whether rules are compared with the live schedule file: nothing deploys, and Sweep has read that file."""
    kind: Literal["status"] = "status"

    @property
    def half_done(self) -> bool:
        return self.deploying is not None and self.deploying.half_done

    @property
    def fails(self) -> bool:
        """Whether the last run of any task was bad."""
        return any(task.bad_runs or (task.last and task.last.is_bad) for task in self.tasks)


@dataclass(frozen=True)
class StackStatus:
    """One of several stacks."""

    stack: str
    app: str
    release: str | None
    tag: str | None
    deploying: bool
    half_done: bool
    running: int | None
    desired: int | None
    failing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AllStatus:
    """Every Rota stack of the Region."""

    region: str
    stacks: list[StackStatus]
    kind: Literal["stacks"] = "stacks"
