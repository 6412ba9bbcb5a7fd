"""What a person changes of the gates alone: a hold of deployments, its end, and bars that are lifted."""

from collections.abc import Callable

from rota.contract import Decision, Execution, Image, Kind, Origin, Verdict
from rota.deployment.gates import RESUME, Asked, Gates, hold_of
from rota.deployment.lease import Lease
from rota.errors import RejectedError, listed
from rota.execution_input import ExecutionInput


def carry_out(
    lease: Lease, execution: Execution, keys: ExecutionInput, origin: Origin, is_active: Callable[[str], bool]
) -> tuple[Verdict, Image | None]:
    """Change the gates as the input says. If that lets a push deploy that was held, this execution deploys its image,
    which is the second of what is returned. `is_active` is as `Lease.take` has it.

    RejectedError for what cannot be.
    """
    if keys.kind == Kind.LIFT:
        return _lift(lease, keys.lift), None
    if keys.kind == Kind.PAUSE:
        return _hold(lease, execution, keys, origin), None
    return _resume(lease, execution, keys, origin, is_active)


def _hold(lease: Lease, execution: Execution, keys: ExecutionInput, origin: Origin) -> Verdict:
    until = keys.hold.until if keys.hold else None
    if until and until <= execution.started_at:
        raise RejectedError(f"hold.until is {until.isoformat()}, which is past; write when the hold is over")
    hold = hold_of(execution, origin, until)
    lease.change_gates(lambda gates: gates.with_hold(execution, hold))
    return _done(f"{hold}. A running deployment continues. To end the hold, start {RESUME}")


def _resume(
    lease: Lease, execution: Execution, keys: ExecutionInput, origin: Origin, is_active: Callable[[str], bool]
) -> tuple[Verdict, Image | None]:
    """End the hold, if the input says so, and deploy what is pending. It is done again each time that it has waited."""

    def end_hold(gates: Gates) -> Gates:
        return gates.with_hold(execution, None) if keys.hold else gates

    item = lease.change_gates(end_hold)
    if item.holder == execution.id and item.record:
        return Verdict(decision=Decision.GO, reason="this deployment holds the lease already"), item.record.image
    pending = item.gate.pending
    if pending is None:
        ended = "deployments are held no more; no push is pending" if keys.hold else "no push is pending"
        return _done(ended), None
    asked = Asked(image=pending.image, origin=origin, lifts=pending.lifts, order=pending.order)
    return lease.take(asked, is_active), pending.image


def _lift(lease: Lease, digests: tuple[str, ...]) -> Verdict:
    lease.change_gates(lambda gates: gates.without_bars_of(digests))
    return _done(f"barred no more: {listed(digests)}")


def _done(reason: str) -> Verdict:
    return Verdict(decision=Decision.DONE, reason=reason)
