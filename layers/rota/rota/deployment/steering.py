"""What a person changes of the gates alone: a hold of deployments, its end, and bars that are lifted."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from rota.contract import Decision, Execution, Kind, Origin, Verdict
from rota.deployment.gates import APPROVE, RESUME, Asked, Closed, Gates, Pending, hold_of
from rota.deployment.lease import Lease
from rota.errors import listed
from rota.execution_input import ExecutionInput, refuse_past


class Steering(NamedTuple):
    """What the gates are looked at with: `closed` and `is_active` are as `Asked` and `Lease.take` have them, `approval`
    as the stack's parameter has it.
    """

    now: datetime
    closed: Closed | None
    approval: str
    is_active: Callable[[str], bool]


class Steered(NamedTuple):
    """What becomes of the execution, and what it deploys in place of what was pending: no image, if it deploys nothing.
    A rollback that was approved, which is to go, has not taken the lease yet.
    """

    verdict: Verdict
    asked: Asked


def carry_out(lease: Lease, execution: Execution, keys: ExecutionInput, origin: Origin, given: Steering) -> Steered:
    """Change the gates as the input says.

    RejectedError for what cannot be.
    """
    if keys.kind == Kind.LIFT:
        return Steered(_lift(lease, keys.lift), Asked(origin=origin))
    if keys.kind == Kind.PAUSE:
        return Steered(_hold(lease, execution, keys, origin), Asked(origin=origin))
    return _resume(lease, execution, keys, origin, given)


def _hold(lease: Lease, execution: Execution, keys: ExecutionInput, origin: Origin) -> Verdict:
    until = keys.hold.until if keys.hold else None
    refuse_past("hold", until, execution.started_at)
    hold = hold_of(execution, origin, until)
    lease.change_gates(lambda gates: gates.with_hold(execution, hold))
    return _done(f"{hold}. A running deployment continues. To end the hold: {RESUME}")


def _resume(
    lease: Lease,
    execution: Execution,
    keys: ExecutionInput,
    origin: Origin,
    given: Steering,
) -> Steered:
    """End the hold, if the input says so, and deploy what is pending. It is done again each time that it has waited."""

    def end_hold(gates: Gates) -> Gates:
        return gates.with_hold(execution, None) if keys.hold else gates

    item = lease.change_gates(end_hold)
    if item.holder == execution.id and (record := item.record):
        verdict = Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
        asked = Asked(
            image=record.image,
            origin=record.origin or origin,
            order=record.order,
            schedule=record.schedule,
            answer=record.answer,
            back_to=record.back_to,
        )
        return Steered(verdict, asked)
    pending = item.gate.pending
    if pending is None:
        ended = "deployments are held no more; no push is pending" if keys.hold else "no push is pending"
        return Steered(_done(ended), Asked(origin=origin))
    asked = Asked(
        image=pending.image,
        origin=pending.origin if pending.asks else origin,
        closed=given.closed,
        lifts=pending.lifts,
        order=pending.order,
        schedule=pending.schedule,
        answer=pending.answer,
        back_to=pending.back_to,
    )
    if refused := pending.refused_at(given.now):
        reason = f"{refused}. To deploy it after all: {_deploys(pending)}"
        return Steered(Verdict(decision=Decision.REJECTED, reason=reason), asked)
    if pending.asks and given.approval != "none" and pending.waits_at(given.now):
        waits = f"{pending.image.tag or pending.image.digest} waits for an approval: {APPROVE}"
        return Steered(_done(waits), Asked(origin=origin))
    if pending.back_to:
        return Steered(Verdict(decision=Decision.GO, reason="the rollback is approved"), asked)
    return Steered(lease.take(asked, given.is_active), asked)


def _deploys(pending: Pending) -> str:
    if pending.back_to:
        return f"rota rollback {pending.back_to.release}"
    return f"rota deploy --image {pending.image.tag or pending.image.digest}"


def _lift(lease: Lease, digests: tuple[str, ...]) -> Verdict:
    lease.change_gates(lambda gates: gates.without_bars_of(digests))
    return _done(f"barred no more: {listed(digests)}")


def _done(reason: str) -> Verdict:
    return Verdict(decision=Decision.DONE, reason=reason)
