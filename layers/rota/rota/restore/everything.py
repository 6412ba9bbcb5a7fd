"""Returning everything that a deployment changed to its snapshot: schedules, the service, registered revisions."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from rota.aws.errors import AWS_ERRORS, translate
from rota.contract.shape import Shape
from rota.errors import RejectedError, TransientError, listed
from rota.pauses.table import pauses_of
from rota.pauses.writing import write_schedules
from rota.restore import one_offs, revisions, service
from rota.schedules import backend
from rota.schedules.interface import SETTLES_WITHIN
from rota.schedules.restored import Restored

if TYPE_CHECKING:
    from rota.restore.context import RestoreContext
    from rota.schedules.connected import Connected

Result = TypeVar("Result")


class RestoreResult(Shape):
    """What was restored; `service` is the revision to which ECS is still rolling the service back.

    `remarks` are what could not be restored and never will be, a sentence each; `stopped`: what is being stopped, a
    sentence each; `too_late`: another deployment has changed the app since; `again`: an earlier attempt may have
    restored more.
    """

    schedules: int = 0
    service: str = ""
    remarks: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    too_late: bool = False
    again: bool = False

    def __str__(self) -> str:
        if self.too_late:
            since = "Nothing was restored, because another deployment has held the lease since."
            return f"{since} If that one failed, deploy again."
        return " ".join([*self.stopped, self._restored(), *(f"But {each}." for each in self.remarks)])

    def _restored(self) -> str:
        were = "schedule was" if self.schedules == 1 else "schedules were"
        schedules = f"{self.schedules} {were} restored" if self.schedules else ""
        if self.service:
            # ECS takes minutes for that, and this function does not wait for it.
            rest = f", {schedules}" if schedules else ""
            return f"All schedules are as they were before{rest}; ECS is rolling the service back to {self.service}."
        if not schedules and not self.again:
            return "Nothing had to be restored."
        return "Everything is as it was before" + (f"; {schedules}." if schedules else ".")


def restore_everything(context: "RestoreContext") -> RestoreResult:
    """Undo what the deployment may have written, by its plan. Run again, it ends the same.

    One part that cannot be restored does not keep the rest from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered.
    """
    begun = time.monotonic()
    refusals: list[Exception] = []

    def tried(part: Callable[[], Result]) -> Result | None:
        try:
            return part()
        except (*AWS_ERRORS, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return None

    stopped = tried(partial(one_offs.stop, context)) or []
    tried(partial(one_offs.lift_pauses, context))
    restored = tried(partial(_schedules, context, tried)) or []
    rolled = tried(partial(service.restore_service, context)) if context.rollout_begun else None
    if refusals:
        raise refusals[0]
    remarks = sorted(each.remark for each in restored if each and each.remark)
    if redated := sorted(each.redated for each in restored if each and each.redated):
        remarks.append(
            f"AWS did not take back a StartDate that is past, of {listed(redated)}: what is a rate has the next minute "
            "of its phase, a cron none, and each is due as before"
        )
    return RestoreResult(
        schedules=sum(each.changed for each in restored if each),
        service=rolled.rolling_to if rolled else "",
        stopped=tuple(stopped),
        remarks=(
            *remarks,
            *([rolled.remark] if rolled and rolled.remark else []),
            *revisions.deregister(context, begun),
        ),
        again=context.retries > 0,
    )


def _schedules(
    context: "RestoreContext", tried: "Callable[[Callable[[], Restored]], Restored | None]"
) -> list[Restored | None]:
    """Undo what the deployment may have changed of schedules. One that is paused now stays off; one that was, and is no
    more, is on again.
    """
    settings, schedules = context.settings, backend.connect(context.settings)
    changes = [
        change
        for change in context.plan.changes
        if context.targets_begun or (context.clearing_begun and change.kind == "remove" and not change.moved)
    ]
    if not changes:
        return []

    def write(change: backend.Change, kept_off: bool) -> Restored | None:
        before = context.snapshot.schedules.get(change.name)
        if before and kept_off:
            before = backend.switched(before, on=False)
        return tried(partial(schedules.restore, change, before, context.retries))

    def end_move(change: backend.Change, _kept_off: bool) -> Restored | None:
        before = context.snapshot.schedules.get(change.name)
        return tried(partial(_end_move, schedules, change, before, context.retries))

    def is_on(change: backend.Change) -> bool | None:
        before = context.snapshot.schedules.get(change.name)
        # Of a move, the one that was on says what a pause ends with; so it does beside one that a move left off.
        leaves = (
            change.replaces
            or (change.kind == "update" and backend.switches(change) is None)
            or (change.kind == "remove" and not change.disable)
        )
        return None if before is None or leaves else backend.is_enabled(before)

    # What moved to the other backend goes there only when it has been on here for a while.
    first = [change for change in changes if not change.replaces]
    restored = write_schedules(settings, pauses_of(settings).read(), first, is_on, write)
    stays = {backend.plain_name(change.name) for change, each in zip(first, restored, strict=True) if each is None}
    last = [change for change in changes if change.replaces and backend.plain_name(change.name) not in stays]
    if last:
        from rota.schedules import moving  # noqa: PLC0415  here, because few deployments move a schedule

        began = datetime.now(UTC)
        time.sleep(SETTLES_WITHIN.total_seconds())
        restored += write_schedules(settings, pauses_of(settings).read(), last, is_on, end_move)
        since = context.moving_back_since or began
        remarks = moving.remarks_on_return(last, since, datetime.now(UTC))
        restored += [Restored(remark=each) for each in remarks]
    return restored


def _end_move(
    schedules: "Connected", change: "backend.Change", before: "backend.Schedule | None", retries: int
) -> Restored:
    """Undo what a move has switched on, now that the old one is on. What AWS refuses says that both may be."""
    try:
        return schedules.restore(change, before, retries)
    except (ClientError, RejectedError) as refusal:
        error = translate(refusal) if isinstance(refusal, ClientError) else refusal
        if not isinstance(error, RejectedError) or not change.switches:
            raise
        name = backend.in_words(change)
        ended = "switched off" if before else "deleted"
        raise RejectedError(f"{error}; until {name} is {ended}, each run of its task may come twice") from refusal
