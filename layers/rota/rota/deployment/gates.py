"""What stands before the lease: a hold of deployments, the newest push that it stopped, and bars of images. Pure.

It is a part of the lease's item, so that a deployment takes the lease only under the gates that it has seen. Every
value in it is text, so that what is read is written again as it was.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime

from rota.contract.deployment import Asks, Execution, Image, Kind, Origin, Stored
from rota.deployment.items import Item
from rota.deployment.waiting import Answer, BackTo
from rota.times import minute

if TYPE_CHECKING:
    from rota.deployment.record import DeploymentRecord

# Of a plan's summary in the lease's item, which has at most 400 KB.
_LONGEST_SUMMARY = 8_000


class Hold(Item):
    """Deployments are held; until a person resumes them if `until` is None."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """For people: `deployments are held by ann until 2026-12-24 06:00 UTC: the sale`."""
        by = f" by {self.by}" if self.by else ""
        until = f" until {minute(self.until)}" if self.until else ""
        return f"deployments are held{by}{until}{f': {self.reason}' if self.reason else ''}"


class Closed(Item):
    """The deployment window is not open."""

    window: str
    """As the stack's parameter has it."""
    opens: AwareDatetime

    def __str__(self) -> str:
        """For people: `the deployment window, Mon-Fri 09:00-17:00 UTC, opens 2026-11-30 09:00 UTC`."""
        return f"the deployment window, {self.window}, opens {minute(self.opens)}"


class _Pending(Item):
    """What ended in `Held`, and is deployed later. `order`: what has a later one is newer."""

    order: str
    origin: Origin
    schedule: Stored | None = None
    """The version of a schedule file that it is to be deployed with; None for the newest."""
    execution: str
    """The ARN of the execution that was held."""
    passes: bool = False
    """Neither a hold nor the deployment window stops it: it is a rollback, or a person said so."""
    asks: Asks | None = None
    """What a person is to approve; None if no plan of it has been made yet, or no approval is needed."""
    summary: str = ""
    """Of the plan that is to be approved."""
    answer: Answer | None = None

    def waits_at(self, now: datetime) -> bool:
        """Whether it waits for a person's answer."""
        return bool(self.asks and not self.answer and now < self.asks.until)

    def is_due_at(self, now: datetime) -> bool:
        """Whether its time has come."""
        return True

    def rejected_at(self, now: datetime) -> str:
        """Why it is deployed no more, as a sentence; empty if it may be."""
        if self.answer and not self.answer.approves:
            return str(self.answer)
        if self.asks and not self.answer and self.asks.until <= now:
            return f"no person approved it until {minute(self.asks.until)}"
        return ""


class Pending(_Pending):
    """The newest push that was held. It keeps its place in the line."""

    image: Image
    lifts: tuple[str, ...] = ()
    back_to: BackTo | None = None
    """Of a rollback that is to be approved."""

    @classmethod
    def of(cls, record: "DeploymentRecord", summary: str) -> "Pending":
        """What a deployment of an image leaves that is to be approved."""
        if record.image is None:
            raise ValueError(f"{record.execution.name} deploys no image")
        kept = {"image": record.image, "lifts": record.lifts, "back_to": record.back_to}
        return cls(order=record.order, **_left(record, summary), **kept)


class PendingSchedule(_Pending):
    """The newest change of the schedule file alone that was held. Any deployment of an image takes its place, and lets
    it be pending again if the image does not go live.
    """

    due: AwareDatetime | None = None
    """Before then it is not deployed, as the image for it may come; None if a person asked for it."""
    left_by: str = ""
    """The ARN of the last deployment of an image that had taken its place, and did not go live."""

    @classmethod
    def of(cls, record: "DeploymentRecord", summary: str) -> "PendingSchedule":
        """What a change of the schedule file leaves that is to be approved."""
        return cls(order=record.order or start_order(record.execution), **_left(record, summary))

    def is_due_at(self, now: datetime) -> bool:
        """Whether it has waited long enough for a newer file, or an image."""
        return self.due is None or self.due <= now


def _left(record: "DeploymentRecord", summary: str) -> dict[str, Any]:
    return {
        "origin": record.origin or Origin(kind=None),
        "schedule": record.schedule,
        "execution": record.execution.id,
        "passes": record.passes,
        "asks": record.asks,
        "summary": summary[:_LONGEST_SUMMARY],
    }


class Bar(Item):
    """An image that was live in `release`, after the one to which a rollback went. It deploys by a person's choice."""

    digest: str
    tag: str | None = None
    release: str
    execution: str
    """The ARN of the rollback's execution."""
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """For people: `ann rolled back from v41, which had this image: the login fails`."""
        return f"{self.by or 'a person'} rolled back from {self.release}, which had this image" + (
            f": {self.reason}" if self.reason else ""
        )


class Gates(Item):
    """All gates of an app. `hold_changed` says which execution set or ended the hold last, by its start."""

    hold: Hold | None = None
    hold_changed: str = ""
    pending: Pending | None = None
    pending_schedule: PendingSchedule | None = None
    bars: tuple[Bar, ...] = ()

    def stored(self) -> dict[str, Any]:
        """As JSON has it, without what is not there; empty without any gate."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def hold_at(self, now: datetime) -> Hold | None:
        """The hold that is in force."""
        return self.hold if self.hold and (self.hold.until is None or self.hold.until > now) else None

    def without_rejected(self, now: datetime, *, is_schedule: bool) -> "Gates":
        """Without the push that is pending, or the change of the schedule file, if a person rejected it or none
        answered in time.
        """
        name, pending = ("pending_schedule", self.pending_schedule) if is_schedule else ("pending", self.pending)
        return self.model_copy(update={name: None}) if pending and pending.rejected_at(now) else self

    def without_schedule(self, order: str) -> "Gates":
        """Without a change of the schedule file that is pending, unless it is newer."""
        newer = self.pending_schedule and self.pending_schedule.order > order
        return self if newer else self.model_copy(update={"pending_schedule": None})

    @property
    def in_their_order(self) -> tuple[Pending | PendingSchedule, ...]:
        """What is pending, the push first."""
        return tuple(each for each in (self.pending, self.pending_schedule) if each)

    def waits_for_image(self, pending: Pending | PendingSchedule, now: datetime) -> bool:
        """Whether a file was uploaded before a push that waits for an approval, which may be the image for it."""
        push, is_uploaded = self.pending, isinstance(pending, PendingSchedule) and pending.due is not None
        return is_uploaded and push is not None and push.order > pending.order and push.waits_at(now)

    def asked(self, changes: str) -> Pending | PendingSchedule | None:
        """What is pending with that digest of its changes."""
        return next((each for each in self.in_their_order if each.asks and each.asks.changes == changes), None)

    def bar_of(self, digest: str) -> Bar | None:
        """The newest bar of that image; None if it has none."""
        return next((bar for bar in reversed(self.bars) if bar.digest == digest), None)

    def with_hold(self, execution: Execution, hold: Hold | None) -> "Gates":
        """With that hold, or without one; unless an execution that started later has changed it, or this one has."""
        changed = start_order(execution)
        if self.hold_changed >= changed:
            return self
        return self.model_copy(update={"hold": hold, "hold_changed": changed})

    def with_bars(self, execution: Execution, bars: tuple[Bar, ...]) -> "Gates":
        """With those as the only bars of that rollback."""
        others = tuple(bar for bar in self.bars if bar.execution != execution.id)
        return self.model_copy(update={"bars": (*others, *bars)})

    def without_bars_of(self, digests: tuple[str, ...]) -> "Gates":
        """Without every bar of those images."""
        return self.model_copy(update={"bars": tuple(bar for bar in self.bars if bar.digest not in digests)})


def hold_of(execution: Execution, origin: Origin, until: datetime | None) -> Hold:
    """The hold that an execution asks for."""
    return Hold(since=execution.started_at, until=until, by=origin.by, reason=origin.reason)


def start_order(execution: Execution) -> str:
    """Text that sorts as executions were started."""
    return f"{execution.started_at.astimezone(UTC).isoformat(timespec='microseconds')}#{execution.name}"


class Asked(Item):
    """What an execution asks of the lease. Without an image it is a change of what is live, and no gate stops it but a
    change of the schedule file (`is_schedule`).

    `closed`: the deployment window is not open; `passes`: neither that nor a hold stops it, which `passed` names;
    `lifts`: the digests whose bars do not stop it, and go once it is live; `order`: its place in the line, if that is
    not its own: of the push that it resumes; `schedule`: the version of a schedule file that it is to be deployed with;
    `answer`: how a person approved it; `back_to`: what it brings back, if it is a rollback.
    """

    image: Image | None = None
    is_schedule: bool = False
    origin: Origin
    closed: Closed | None = None
    passes: bool = False
    passed: tuple[str, ...] = ()
    lifts: tuple[str, ...] = ()
    order: str = ""
    schedule: Stored | None = None
    answer: Answer | None = None
    back_to: BackTo | None = None


def needs_no_answer(given: "Asked | DeploymentRecord") -> bool:
    """Whether no person has to approve it any more: one has, or it is a rollback that brings back what was live."""
    is_rollback = given.origin is not None and given.origin.kind == Kind.ROLLBACK
    return given.answer is not None or (is_rollback and given.back_to is None)


APPROVE = "rota approve, or rota reject"
"""What answers what waits for an approval, for a message."""
RESUME = f"rota resume --deployments, or start {json.dumps({'kind': Kind.RESUME, 'hold': {}})}"
"""What ends a hold, for a message: the command, and the input."""


def deploys_anyway(image: Image) -> str:
    """The input that deploys an image that is barred, for a message."""
    detail = {"repository-name": image.repository, "image-digest": image.digest}
    if image.tag:
        detail["image-tag"] = image.tag
    return json.dumps({"kind": Kind.IMAGE, "detail": detail})
