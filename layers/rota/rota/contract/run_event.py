"""The event `Rota Run`, with which others learn of a job's runs. No I/O."""

from enum import StrEnum

from pydantic import AwareDatetime

from rota.contract.shape import Shape


class RunKind(StrEnum):
    """What there is to report of a job's runs, as messages, event and message attribute spell it."""

    FAILED = "failed"
    """The job began to fail: a run started and did not do what it should."""
    NOT_STARTED = "not_started"
    """The job began to fail: ECS made a task, and its container never ran."""
    MISSED = "missed"
    """The job began to fail: it was due, and there is no task."""
    STILL_FAILING = "still_failing"
    """It failed again, and the last message about it is a day old."""
    RECOVERED = "recovered"
    """A run of it succeeded again."""
    OVERLONG = "overlong"
    """A run lasts longer than its `max_runtime`."""
    OVERLAPPING = "overlapping"
    """A run began while an earlier one still ran."""
    SKIPPED = "skipped"
    """A run was skipped, because an earlier one still ran: `overlap: skip`."""
    REPLACED = "replaced"
    """A run was stopped, because a later one had begun: `overlap: replace`."""
    NOT_CAUGHT_UP = "not_caught_up"
    """A run that `catch_up` was to start once more, as a message had said, was not started, or not with all tasks."""
    UNKNOWN = "unknown"
    """Rota itself was not running, so the result of a run is not known."""


class EventRelease(Shape):
    """A release in the event `Rota Run`; what is not known is None."""

    number: int | None = None
    tag: str | None = None
    digest: str


class RunEvent(Shape):
    """The detail of the event `Rota Run` on the default bus, source `rota`: one for each job that a message names.

    It is put at least once and normally once; `id` is the same for repeats. Times are ISO 8601 in UTC; what is not
    known is None. The log is not in it.
    """

    id: str
    """`INCIDENT/KIND`; of a reminder with its day, `INCIDENT/KIND/2026-11-30`."""
    app: str
    task: str
    kind: RunKind
    owner: str
    """As the schedule file has it; empty if it has none."""
    incident: str
    """The same for the failure, its reminders and its recovery."""
    scheduled_at: AwareDatetime
    """When the run was due that this is about: of an incident the newest bad one. What follows is of that run, too."""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    seconds: float | None = None
    exit_code: int | None = None
    why: str | None = None
    """The kind of reason, `exit_code`, `out_of_memory`, `image`, `secret` …"""
    reason: str = ""
    """The reason in a sentence."""
    aws: str = ""
    """AWS's own words."""
    acts: str | None = None
    """`author` of the job, or `operator` of the account."""
    todo: str = ""
    bad_runs: int = 0
    """Of the incident, so far."""
    since: AwareDatetime | None = None
    """When the first of them was due."""
    recovered_at: AwareDatetime | None = None
    """When the good run ended with which the job recovered."""
    attribution: str = ""
    """Whether the release is why, in a sentence; empty if that is not known."""
    release: EventRelease | None = None
    last_good: EventRelease | None = None
    good_runs: int | None = None
    """On the release of the last good run."""
    log: str = ""
    """A link to the run's log in the console."""
