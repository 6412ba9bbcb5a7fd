"""What a person changes of the gates alone: a hold of deployments, its end, and bars that are lifted."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from rota.contract.deployment import Decision, Execution, Kind, Origin, Verdict
from rota.deployment.gates import APPROVE, RESUME, Asked, Closed, Gates, Pending, PendingSchedule, hold_of
from rota.deployment.lease import turn
from rota.deployment.lease.item import CLOCK_SKEW, LeaseItem, LeaseTable
from rota.errors import listed
from rota.execution_input import ExecutionInput, refuse_past
from rota.times import minute


class Steering(NamedTuple):
    """What the gates are looked at with: `closed`, `passed` and `is_active` give what `Asked` and `turn.take` have,
    `approval` is as the stack's parameter has it.
    """

    now: datetime
    closed: Callable[[], Closed | None]
    passed: Callable[[], tuple[str, ...]]
    approval: str
    is_active: Callable[[str], bool]


class Steered(NamedTuple):
    """What becomes of the execution, and what it deploys in place of what was pending: no image, if it deploys nothing.
    A rollback or a change of the schedule file that is to go has not taken the lease yet.
    """

    verdict: Verdict
    asked: Asked


def carry_out(
    table: LeaseTable, execution: Execution, keys: ExecutionInput, origin: Origin, given: Steering
) -> Steered:
    """Change the gates as the input says.

    RejectedError for what cannot be.
    """
    if keys.kind == Kind.LIFT:
        return Steered(_lift(table, keys.lift), Asked(origin=origin))
    if keys.kind == Kind.PAUSE:
        return Steered(_hold(table, execution, keys, origin), Asked(origin=origin))
    return _resume(table, execution, keys, origin, given)


def _hold(table: LeaseTable, execution: Execution, keys: ExecutionInput, origin: Origin) -> Verdict:
    until = keys.hold.until if keys.hold else None
    refuse_past("hold", until, execution.started_at)
    hold = hold_of(execution, origin, until)
    table.change_gates(lambda lease: lease.gate.with_hold(execution, hold))
    return _done(f"{hold}. A running deployment continues. To end the hold: {RESUME}")


def _resume(
    table: LeaseTable,
    execution: Execution,
    keys: ExecutionInput,
    origin: Origin,
    given: Steering,
) -> Steered:
    """End the hold, if the input says so, and deploy what is pending. It is done again each time that it has waited."""

    def end_hold(lease: LeaseItem) -> Gates:
        return lease.gate.with_hold(execution, None) if keys.hold else lease.gate

    item = table.change_gates(end_hold)
    if item.holder == execution.id and (record := item.record):
        verdict = Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
        asked = Asked(
            image=record.image,
            is_schedule=bool(record.origin and record.origin.kind == Kind.SCHEDULE),
            origin=record.origin or origin,
            order=record.order,
            schedule=record.schedule,
            passes=record.passes,
            passed=record.passed,
            answer=record.answer,
            back_to=record.back_to,
        )
        return Steered(verdict, asked)
    if not item.gate.in_their_order:
        ended = "deployments are held no more; no push is pending" if keys.hold else "no push is pending"
        return Steered(_done(ended), Asked(origin=origin))
    waiting = []
    # Nothing stops that a rejection is recorded, and what passes hold and window does not wait behind what they stop.
    for pending in sorted(item.gate.in_their_order, key=lambda it: (not it.rejected_at(given.now), not it.passes)):
        asked = _asked(pending, origin, given)
        if rejected := pending.rejected_at(given.now):
            reason = f"{rejected}. To deploy it after all: {_deploys(pending)}"
            return Steered(Verdict(decision=Decision.REJECTED, reason=reason), asked)
        what = asked.image.tag or asked.image.digest if asked.image else "the schedule file"
        if isinstance(pending, PendingSchedule) and pending.due and not pending.is_due_at(given.now + CLOCK_SKEW):
            waiting.append(f"{what} waits until {minute(pending.due)}")
        elif given.approval != "none" and item.gate.waits_for_image(pending, given.now):
            waiting.append(f"{what} waits for that push")
        elif given.approval == "none" or not pending.waits_at(given.now):
            if asked.back_to or asked.is_schedule:
                return Steered(Verdict(decision=Decision.GO, reason="it is its turn"), asked)
            return Steered(turn.take(table, execution, asked, given.is_active, given.approval), asked)
        else:
            waiting.append(f"{what} waits for an approval: {APPROVE}")
    return Steered(_done("; ".join(waiting)), Asked(origin=origin))


def _asked(pending: Pending | PendingSchedule, origin: Origin, given: Steering) -> Asked:
    """What it asks of the lease. One that had to be approved, and a change of the schedule file, stay that of who
    started them; who ends a hold deploys the push.
    """
    asked = Asked(
        is_schedule=isinstance(pending, PendingSchedule),
        origin=origin,
        closed=None if pending.passes or pending.rejected_at(given.now) else given.closed(),
        passes=pending.passes,
        passed=given.passed() if pending.passes else (),
        order=pending.order,
        schedule=pending.schedule,
        answer=pending.answer,
    )
    if isinstance(pending, PendingSchedule):
        return asked.model_copy(update={"origin": pending.origin})
    of_image = {"image": pending.image, "lifts": pending.lifts, "back_to": pending.back_to}
    return asked.model_copy(update=of_image | ({"origin": pending.origin} if pending.asks else {}))


def _deploys(pending: Pending | PendingSchedule) -> str:
    if isinstance(pending, PendingSchedule):
        return "rota deploy --schedule FILE"
    if pending.back_to:
        only = " --image-only" if pending.back_to.image_only else ""
        return f"rota rollback {pending.back_to.release}{only}{' --with-before' if pending.back_to.with_before else ''}"
    return f"rota deploy --image {pending.image.tag or pending.image.digest}"


def _lift(table: LeaseTable, digests: tuple[str, ...]) -> Verdict:
    table.change_gates(lambda lease: lease.gate.without_bars_of(digests))
    return _done(f"barred no more: {listed(digests)}")


def _done(reason: str) -> Verdict:
    return Verdict(decision=Decision.DONE, reason=reason)
