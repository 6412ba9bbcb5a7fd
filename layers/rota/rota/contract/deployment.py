"""The words of a deployment: what starts it, what is deployed, how far it is and how it ends. No I/O."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from rota.contract.shape import Shape

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Outcome(StrEnum):
    """How a deployment ended, as ledger, event and state machine spell it."""

    DEPLOYED = "deployed"
    NOTHING_TO_DO = "nothing to do"
    FAILED = "failed"
    ABORTED = "aborted"
    OVERTAKEN = "overtaken"
    HELD = "held"
    """Deployments are held. The newest push stays pending until the hold is over."""
    BARRED = "barred"
    """The image was rolled back from, and no person chose it since."""
    DONE = "done"
    """What a person asked for, a hold, bars or pauses, is changed; nothing was to be deployed."""
    REJECTED = "rejected"
    """It waited for an approval, and a person rejected it, or none answered in time."""
    REFUSED = "refused"
    """What a person asked for was refused before there was an image to deploy."""


class Execution(Shape):
    """One execution of the state machine."""

    id: str
    """Its ARN, `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`."""
    name: str
    started_at: AwareDatetime

    @property
    def region(self) -> str:
        """Where it runs."""
        return self.id.split(":")[3]

    @property
    def account(self) -> str:
        """The account in which it runs."""
        return self.id.split(":")[4]


class Image(Shape):
    """What was pushed. The digest alone decides; the tag is for people and for the schedule key."""

    repository: str
    digest: Digest
    tag: str | None = None
    event_id: str | None = None
    pushed_at: AwareDatetime | None = None

    def started(self, execution_name: str) -> bool:
        """True if the push itself started that execution: EventBridge names it after the event's id and a UUID.

        What a person calls `<id>-rollback` is that person's.
        """
        return is_started_by(self.event_id, execution_name)


def is_started_by(event_id: Any, execution_name: str) -> bool:
    """True if EventBridge started that execution with the event of that id, by the name that it gives."""
    return isinstance(event_id, str) and bool(
        event_id and re.fullmatch(f"{re.escape(event_id)}(_[0-9a-f-]{{32,}})?", execution_name)
    )


def is_dry_run(event: Any) -> bool:
    """True if the person who started the execution with that input added `"dry_run": true`."""
    return isinstance(event, Mapping) and event.get("dry_run") is True


class Stored(Shape):
    """One version of one object in the app's bucket."""

    key: str
    version_id: str


class Decision(StrEnum):
    """What becomes of an execution in TakeTurn."""

    GO = "go"
    WAIT = "wait"
    OVERTAKEN = "overtaken"
    IGNORE = "ignore"
    RESTORE = "restore"
    HELD = "held"
    BARRED = "barred"
    REJECTED = "rejected"
    DONE = "done"
    PAUSE = "pause"
    """It pauses or resumes tasks, and deploys nothing."""


class Kind(StrEnum):
    """What a deployment was started for. The first four deploy an image; the others change what is live."""

    PUSH = "push"
    """EventBridge started it with a push."""
    AGAIN = "again"
    """A person started it with the event of a push."""
    IMAGE = "image"
    """A person chose the image."""
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    SCHEDULE = "schedule"
    """The schedule file alone, with the image that is live."""
    LIFT = "lift"
    """Bars of images alone; it deploys nothing."""


class Origin(Shape):
    """Who started a deployment, and why. `by` and `reason` are as its input says, empty if it does not. `kind` is None
    only of an input that was refused because of its kind.
    """

    kind: Kind | None
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """For people: `rollback by ann: the login fails`."""
        by_a_person = f" by {self.by or 'a person'}" if self.by or self.kind != Kind.PUSH else ""
        return f"{self.kind or 'a request'}{by_a_person}{f': {self.reason}' if self.reason else ''}"


class Phase(StrEnum):
    """How far a deployment has come, in this order. It moves forward only."""

    PLANNING = "planning"
    """It holds the lease and has written nothing."""
    REGISTERING = "registering"
    MIGRATING = "migrating"
    """The task `before` of the schedule file runs."""
    CLEARING = "clearing"
    SCHEDULING = "scheduling"
    ROLLING = "rolling"
    TESTING = "testing"
    """The task `after` of the schedule file runs."""
    FINISHING = "finishing"
    RESTORING = "restoring"


class Standing(StrEnum):
    """Whether a deployment may write when one of its invocations enters the lease."""

    HOLDS = "holds"
    OVERTAKEN = "overtaken"
    """It holds the lease, and a newer push waits for it."""
    LOST = "lost"
    """Another deployment holds the lease, or none does, or this one is being restored."""
    DELETED = "deleted"
    """The item is gone. Rota never deletes it, so no other deployment has held it since."""


def phases_up_to(last: Phase | None) -> tuple[Phase, ...]:
    """The phases that may come before that one, and itself; none for None."""
    phases = tuple(Phase)
    before = phases[: phases.index(last) + 1] if last else ()
    # The version of Rota before clears before it registers, and may have begun the execution.
    return (*before, Phase.CLEARING) if last == Phase.REGISTERING else before


class Verdict(Shape):
    """What becomes of an execution now, and why."""

    decision: Decision
    reason: str


class Pinned(Shape):
    """What is deployed, not as it is today: a version of a schedule file; and of the release `name` that is brought
    back the base, which is in its plan, and the revisions that it registered.
    """

    schedule: Stored
    name: str = ""
    plan: Stored | None = None
    revisions: Stored | None = None


class Approval(Shape):
    """That a person has to approve the changes first. `given`: the digest of those that one approved; empty before."""

    given: str = ""


class Asks(Shape):
    """What an approval is asked for: the digest of the changes as a person sees them; and until when."""

    changes: str
    until: AwareDatetime
