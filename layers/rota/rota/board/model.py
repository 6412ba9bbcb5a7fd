"""What the pages show. Texts are ready to be read; the templates add none that depends on AWS. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Tone = Literal["good", "busy", "warn", "bad", "plain"]
"""How a thing is. Each page says it in words, too."""


@dataclass(frozen=True)
class Moment:
    """A time: as it is read, and exactly."""

    at: datetime
    words: str
    exact: str


@dataclass(frozen=True)
class Run:
    """A run in a picture. `at` is when it was due; `status` as `rota status` has it; `words` say all of it."""

    at: datetime
    status: str
    seconds: float | None
    words: str
    href: str


@dataclass(frozen=True)
class Todo:
    """What is the matter, why, and what to do: a command or another thing, each on a line of its own."""

    tone: Tone
    title: str
    why: Sequence[str] = ()
    todo: Sequence[str] = ()
    href: str = ""
    does: Sequence[tuple[str, str]] = ()
    """What may be done about it on a board that may: words and address."""


@dataclass(frozen=True)
class Step:
    """A step of a deployment. `note` is what it did or why it failed."""

    name: str
    state: Literal["done", "now", "failed", "to come", "skipped"]
    took: str = ""
    note: str = ""


@dataclass(frozen=True)
class Rollout:
    """How far the service's rollout is, and what ECS says of it, the newest last."""

    running: int
    desired: int
    words: str
    said: Sequence[str] = ()


@dataclass(frozen=True)
class Deploying:
    """The deployment that is under way."""

    title: str
    how: str
    since: Moment
    lasts: str
    steps: Sequence[Step]
    rollout: Rollout | None
    remarks: Sequence[str] = ()
    href: str = ""
    stop: str = ""
    """The address that stops it."""


@dataclass(frozen=True)
class Coming:
    """When a task runs within the picture: single times, and spans in which it runs often."""

    single: Sequence[datetime] = ()
    often: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True)
class Task:
    """A row for a task. `last` says how its newest run was; `runs` are the last ones, the oldest first."""

    name: str
    href: str
    schedule: str
    tone: Tone
    last: str
    last_tone: Tone
    last_at: Moment | None
    last_href: str
    runs: Sequence[Run]
    coming: Coming
    next: Moment | None
    next_note: str = ""
    off: str = ""
    """That its schedule does not start it: paused, and until when, or disabled."""
    off_note: str = ""
    """Who paused it, and why."""
    remarks: Sequence[str] = ()
    owner: str = ""


@dataclass(frozen=True)
class Release:
    """A row for a deployment that has ended. `name` is empty if it made no release."""

    name: str
    image: str
    href: str
    outcome: str
    tone: Tone
    live: bool
    ended: Moment | None
    lived: str
    """How long it was live, or has been."""
    how: str
    reason: str
    what: str
    can_go_back: bool
    """Whether a rollback to it is possible."""


@dataclass(frozen=True)
class Axis:
    """The time that the pictures show: from `begin` to `end`, now in the middle."""

    hours: int
    begin: datetime
    now: datetime
    end: datetime
    ticks: Sequence[tuple[datetime, str]]
    moment: Moment
    """Now, as it is read."""


@dataclass(frozen=True)
class Frame:
    """What every page has: whose app it is, and when it was gathered."""

    app: str
    place: str
    """Stack, Region and account."""
    now: datetime
    gathered: str
    zone: str
    version: str
    options: str = ""
    """What of the options commands need, to mean this stack: ` --stack rota-production`."""
    writes: bool = False
    served: bool = True
    """Whether the page is served; if not it is a file."""


@dataclass(frozen=True)
class Front:
    """The one screen."""

    frame: Frame
    tone: Tone
    headline: str
    """How all is, in one sentence."""
    release: str
    image: str
    live: str
    live_href: str
    service: str
    service_tone: Tone
    gates: Sequence[Todo]
    deploying: Deploying | None
    idle: str
    upcoming: Sequence[tuple[str, str, Moment]]
    """The next runs: the task, its page, when."""
    axis: Axis
    tasks: Sequence[Task]
    releases: Sequence[Release]
    more_releases: bool
    troubles: Sequence[Todo]
    notes: Sequence[str] = ()
    held: bool = False


@dataclass(frozen=True)
class Releases:
    """All releases, and the deployments that made none."""

    frame: Frame
    releases: Sequence[Release]
    more: bool
    """Whether there are older ones."""


@dataclass(frozen=True)
class Change:
    """A task that a plan changes: `+` new, `~` changed, `=` only the revision, `-` removed."""

    mark: Literal["+", "~", "=", "-"]
    task: str
    words: str
    fields: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Fact:
    """One thing, and why it is as it is."""

    what: str
    name: str
    because: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Detail:
    """A page about a run, a task, a release or a deployment."""

    frame: Frame
    kind: Literal["run", "task", "release", "deployment"]
    name: str
    tone: Tone
    headline: str
    facts: Sequence[Fact]
    parent: tuple[str, str] | None = None
    """The page that it belongs to: words and address."""
    why: Sequence[str] = ()
    """What is the matter, in sentences."""
    advice: Sequence[str] = ()
    runs: Sequence[Run] = ()
    changes: Sequence[Change] | None = None
    changes_note: str = ""
    steps: Sequence[Step] = ()
    diff: Sequence[str] = ()
    diff_note: str = ""
    log: Sequence[tuple[str, str]] = ()
    log_note: str = ""
    releases: Sequence[Release] = field(default_factory=tuple)
    writes: Sequence[tuple[str, str]] = ()
    """What may be done here: words and address."""


@dataclass(frozen=True)
class Field:
    """What is to be filled in."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    choices: Sequence[tuple[str, str]] = ()
    """Values and their words; without any it is text."""
    longest: int = 400


@dataclass(frozen=True)
class Ask:
    """What a person is asked before something is done: its effect, and the command that does the same."""

    title: str
    effect: Sequence[str]
    command: str
    button: str
    href: str
    fields: Sequence[Field] = ()
