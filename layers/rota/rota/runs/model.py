"""A run, a job and an incident as the ledger's table holds them, in a partition of their own. Pure.

```
app = runs#CLUSTER/SERVICE
  run#TASK#SCHEDULED_AT#TASK_ID   a Run; TASK_ID is `missed` where ECS has no task
  job#TASK                        a Job: what Sweep knows of its schedule, and how it does
  sweep                           a Swept: how far Sweep has looked
  releases                        the Releases that runs may have begun with
  reporting                       which Sweep reports now, and until when no other does
```
Runs are kept for the days of the parameter RunHistoryDays, and so are jobs whose task has left the schedule file.
RecordRun and Sweep alone write here.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from rota.contract.deployment import Stored
from rota.deployment.items import Item
from rota.schedule_file.when import When

# Of a request, a task, a network interface: what makes AWS's sentences about one cause different.
_ID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(eni-)?[0-9a-f]{17,32}\b")
MOST_RELEASES = 20
"""So many can be rolled back to."""
MISSED = "missed"
"""The task id of a run that ECS has no task for."""
STARTED = "started"
"""The answer of what is owed, once it is started."""


class Status(StrEnum):
    """The status of a run, or how it ended."""

    STARTING = "starting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    """It started and did not do what it should: whoever wrote the job acts."""
    NOT_STARTED = "not_started"
    """ECS made a task, and its container never ran: the operator acts."""
    MISSED = "missed"
    """It was due, and there is no task: the operator acts."""
    SKIPPED = "skipped"
    """Rota stopped it before it began, because an earlier run of the job went on: `overlap: skip`. Or its schedule was
    off while a migration ran: `pause_tasks`.
    """
    REPLACED = "replaced"
    """Rota stopped it, because a later run of the job had begun: `overlap: replace`."""
    UNKNOWN = "unknown"
    """It was due, or had started, and the watcher itself was away."""

    @property
    def has_ended(self) -> bool:
        return self not in (Status.STARTING, Status.RUNNING)

    @property
    def is_bad(self) -> bool:
        """Whether a job with such a run does not do well. Unknown, skipped and replaced is neither good nor bad."""
        return self in (Status.FAILED, Status.NOT_STARTED, Status.MISSED)


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    BY_HAND = "by_hand"


class Why(StrEnum):
    """Why a run is bad. An open set: what a later version adds is read as `other`."""

    EXIT_CODE = "exit_code"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"
    """By a signal whose sender is not known."""
    STOPPED = "stopped"
    """By a person, or a program that is not Rota."""
    MAX_RUNTIME = "max_runtime"
    """By Rota: it ran for longer than its job's `max_runtime`."""
    OVERLAP = "overlap"
    """By Rota: it ran at the same time as another run of its job."""
    SPOT = "spot"
    HOST = "host"
    """Fargate took the host away."""
    IMAGE = "image"
    SECRET = "secret"  # noqa: S105  the kind of reason
    LOGS = "logs"
    """The log group, or the right to write to it."""
    ROLE = "role"
    NETWORK = "network"
    CAPACITY = "capacity"
    COMMAND = "command"
    """The container's command could not be started."""
    REFUSED = "refused"
    """ECS refused EventBridge's request; a dead letter says why."""
    MIGRATION = "migration"
    """Its schedule was off while a migration ran: `pause_tasks`."""
    DISABLED = "disabled"
    """Its schedule is off, and not because the file says so."""
    GONE = "gone"
    """Its schedule is not there."""
    NO_TRACE = "no_trace"
    """EventBridge started nothing that ECS knows of, and says no reason."""
    AWAY = "away"
    """The watcher did not look, or looked too late to learn it."""
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls("other")


class Actor(StrEnum):
    """Who acts on a reason."""

    AUTHOR = "author"
    OPERATOR = "operator"


class Reason(Item):
    """Why a run is bad, for people."""

    why: Why
    words: str
    """One sentence without a full stop, such as `the job ended with exit code 1`."""
    aws: str = ""
    """AWS's own words, whole; empty if it has none."""
    todo: str
    """What to do: one sentence or two."""
    reader: Actor

    @property
    def key(self) -> str:
        """Equal for what has one cause, such as a missing secret that hundreds of jobs want."""
        return f"{self.why} {_ID.sub('', self.aws)}".strip()


class LogPlace(Item):
    """Where a run logs. `group` and `stream` are empty for another driver than awslogs."""

    driver: str
    group: str = ""
    stream: str = ""


class Release(Item):
    """What a run began with. `number` and `tag` are None where they are not known."""

    number: int | None = None
    tag: str | None = None
    digest: str
    schedule: Stored | None = None
    """The schedule file that was live."""
    base: str = ""
    """The ARN of the revision of another that the release took over; empty if it took over none."""
    since: AwareDatetime | None = None
    """When it went live."""


class Run(Item):
    """One task of ECS that was started for a job, or one that should have been."""

    task: str
    scheduled_at: AwareDatetime
    """When it was due; for one that a person started, when it was created."""
    task_id: str
    """The last part of the task's ARN, or MISSED."""
    version: int = 0
    """ECS's count of the task's changes: the newest event that is recorded."""
    status: Status
    trigger: Trigger = Trigger.SCHEDULE
    traced: bool = False
    """Whether the run itself says when it was due; if not, it is the latest due minute before it was created."""
    task_arn: str = ""
    created_at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    seconds: float | None = None
    """How long its container ran; without what ECS takes to remove the network interface."""
    exit_code: int | None = None
    stop_code: str = ""
    reason: Reason | None = None
    release: Release | None = None
    revision: str = ""
    """The task definition's ARN."""
    log: LogPlace | None = None
    """Known while a message about it is made, as is `tail`; the table has neither."""
    tail: tuple[str, ...] = ()
    """The last lines of its log, masked."""
    lacking: int = 1
    """Of a missed run: how many tasks are missing."""
    counted: bool = False
    """Of a missed run: it is one of so many that are missing in the hour after `scheduled_at`; which is not known."""
    overlong_since: AwareDatetime | None = None
    """When it had run for longer than its job's `max_runtime`."""
    overlaps: str = ""
    """The id of an earlier task of the job that still ran as this one started, or for which this one was skipped."""

    @property
    def key(self) -> str:
        return run_key(self.task, self.scheduled_at, self.task_id)


class GoodRun(Item):
    """The last run that succeeded, and how many did so on its release, one after the other or not."""

    scheduled_at: AwareDatetime
    ended_at: AwareDatetime
    release: Release | None = None
    revision: str = ""
    runs: int = 1
    caught_up: bool = False
    """Whether Rota had started it, late."""


class Incident(Item):
    """A job does not do well: from the run that says so to the next one that is ok.

    Each of its messages is sent at least once and normally once, and carries `id`.
    """

    id: str
    """`TASK#SCHEDULED_AT` of its first run."""
    opened_at: AwareDatetime
    first: Run
    """The run with which it began."""
    last: Run
    """The newest bad one."""
    runs: int = 1
    """How many bad runs it has so far."""
    last_good: GoodRun | None = None
    """The last good run before it."""
    reported_at: AwareDatetime | None = None
    """When it was reported, or the last reminder."""
    thread: str = ""
    """The id of the incident with which it was reported, in one message; empty until then."""
    recovered: GoodRun | None = None
    """The good run that ended it. It may be there before anything is reported: then one message says both."""

    @property
    def seconds(self) -> float:
        """From its first run's end to its recovery, or until its newest run."""
        end = self.recovered.ended_at if self.recovered else self.last.ended_at or self.last.scheduled_at
        return max(0.0, (end - (self.first.ended_at or self.first.scheduled_at)).total_seconds())


class Notice(Item):
    """What there is to report of a single run, beside incidents: it is overlong, it overlaps, or it is unknown."""

    kind: str
    """`overlong`, `overlapping`, `skipped`, `replaced`, `not_caught_up` or `unknown`."""
    run: Run
    reported_at: AwareDatetime | None = None


class Owed(Item):
    """The start that `catch_up` makes good: of the newest minute for which the job was due and did not begin."""

    scheduled_at: AwareDatetime
    tasks: int
    """How many are lacking."""
    given_up: bool
    """Whether EventBridge tries no more; if not, that is so once the retry age is over."""
    claimed_at: AwareDatetime | None = None
    """When a sweep took it on, before it called ECS."""
    answer: str = ""
    """STARTED, or why it is not started any more; empty until then."""


class Span(Item):
    """A schedule, and the time in which it was in force."""

    expression: str
    timezone: str = "UTC"
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    window: int = 0
    since: AwareDatetime
    """From here on every due minute counts."""
    until: AwareDatetime | None = None
    """From here on none does; None while it is live. Between a span's end and the next one's begin the schedule was
    being changed, and whether a minute was due is not known.
    """

    @property
    def when(self) -> When:
        return When(self.expression, self.timezone, self.start, self.end, self.window)


class Job(Item):
    """A task of the schedule file, as its runs are judged, and how it does."""

    task: str
    spans: tuple[Span, ...] = ()
    """The newest last; those that no due minute can be in any more are dropped. A task that is not enabled, or has left
    the file, has none that is open.
    """
    count: int = 1
    """How many tasks each start has."""
    retry_age: int
    """Seconds for which EventBridge tries to start it."""
    grace: int
    """Seconds after the retry age until a run is missed."""
    max_runtime: int | None = None
    """Seconds."""
    overlap: Literal["allow", "skip", "replace"] = "allow"
    catch_up: Literal[False, "not_started", "missed", "both"] = False
    tolerance: int = 0
    """How many bad runs in a row are not reported."""
    owner: str = ""
    state: int = 0
    """Counts the changes of what follows: who writes it names the one that was read."""
    bad_runs: int = 0
    """In a row."""
    last_good: GoodRun | None = None
    last_run_at: AwareDatetime | None = None
    """When the newest run that is judged was due."""
    last_run_good: int = 0
    """How many of its tasks succeeded so far; all `count` of them make a good run."""
    overlapping: bool = False
    """Whether its newest run began while an earlier one ran."""
    gave_way_at: AwareDatetime | None = None
    """When the run was due that was last reported as skipped or replaced."""
    lasted: tuple[float, ...] = ()
    """Seconds of its last good runs, the newest last."""
    owed: Owed | None = None
    incident: Incident | None = None
    """The one that is not over, or is over and not reported yet."""
    notices: tuple[Notice, ...] = ()
    """What is not reported yet."""

    @property
    def key(self) -> str:
        return job_key(self.task)


class UnclearTime(Item):
    """A time of which it is not known what became of what was due: Rota was away, or a deployment was changing
    schedules, and was restored.
    """

    since: AwareDatetime
    until: AwareDatetime
    away: bool = False


class Migration(Item):
    """A time in which the jobs were paused while a deployment's migration ran."""

    execution: str
    """The ARN of the deployment's execution."""
    since: AwareDatetime
    until: AwareDatetime | None = None
    """None while it lasts."""


class Swept(Item):
    """How far Sweep has looked."""

    at: AwareDatetime
    """Whatever was to be looked at by then has been."""
    live_since: AwareDatetime | None = None
    """When that went live which the jobs are as."""
    paused: dict[str, str] = Field(default_factory=dict)
    """By task, the pauses that the jobs are as: since when, and whether the schedule is off."""
    changing_since: AwareDatetime | None = None
    """Since when a deployment that is running changes schedules: what was due since then is not judged yet."""
    asked_at: AwareDatetime | None = None
    """When ECS was asked for its tasks, also if what was due was not judged yet."""
    back_at: AwareDatetime | None = None
    """When Sweep came back, after it was away for longer than ECS remembers; None once it has caught up."""
    unclear: tuple[UnclearTime, ...] = ()
    migrations: tuple[Migration, ...] = ()
    """Those of the last days: what was due in one was skipped."""
    image_seen_at: AwareDatetime | None = None
    """When ECR was asked for the live image."""
    policy_reported: tuple[str, ...] = ()
    """What was reported of the repository's lifecycle policy, and still is so."""
    image_reported: str = ""
    """Its digest and status if it could not be pulled then, and that is reported."""


class KnownReleases(Item):
    """The releases that runs may have begun with. RecordRun reads them with each batch, and Sweep writes them when
    another goes live: so they are no part of what Sweep writes each minute.
    """

    releases: Annotated[tuple[Release, ...], Field(max_length=MOST_RELEASES)] = ()
    """The newest last."""


def partition(app: str) -> str:
    """The partition key of all that is known of an app's runs."""
    return f"runs#{app}"


def run_key(task: str, scheduled_at: datetime, task_id: str) -> str:
    """The sort key of a run; names of tasks have no `#`."""
    return f"{slot_key(task, scheduled_at)}{task_id}"


def slot_key(task: str, scheduled_at: datetime) -> str:
    """What the sort keys of all runs of a task that were due then begin with."""
    return f"run#{task}#{scheduled_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}#"


def incident_id(run: Run) -> str:
    """The id of an incident that begins with that run: `TASK#SCHEDULED_AT`."""
    return slot_key(run.task, run.scheduled_at).strip("#").removeprefix("run#")


def job_key(task: str) -> str:
    """The sort key of a job."""
    return f"job#{task}"


SWEEP_KEY = "sweep"
RELEASES_KEY = "releases"
REPORTING_KEY = "reporting"


def attributes(item: Item) -> dict[str, Any]:
    """What an item is stored as, without what is not known or is as it always is."""
    return item.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
