"""What a person changes of the gates alone: a hold of deployments, its end, and bars that are lifted."""

from collections.abc import Callable
from typing import NamedTuple

from rota.contract import Decision, Execution, Image, Kind, Origin, Stored, Verdict
from rota.deployment.gates import RESUME, Asked, Closed, Gates, hold_of
from rota.deployment.lease import Lease
from rota.errors import listed
from rota.execution_input import ExecutionInput, refuse_past


class Steered(NamedTuple):
    """What becomes of the execution; and the image that it deploys in place of the push that was held, with the version
    of a schedule file that is named for it.
    """

    verdict: Verdict
    image: Image | None = None
    schedule: Stored | None = None


def carry_out(
    lease: Lease,
    execution: Execution,
    keys: ExecutionInput,
    origin: Origin,
    closed: Closed | None,
    is_active: Callable[[str], bool],
) -> Steered:
    """Change the gates as the input says. `closed` and `is_active` are as `Asked` and `Lease.take` have them.

    RejectedError for what cannot be.
    """
    if keys.kind == Kind.LIFT:
        return Steered(_lift(lease, keys.lift))
    if keys.kind == Kind.PAUSE:
        return Steered(_hold(lease, execution, keys, origin))
    return _resume(lease, execution, keys, origin, closed, is_active)


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
    closed: Closed | None,
    is_active: Callable[[str], bool],
) -> Steered:
    """End the hold, if the input says so, and deploy what is pending. It is done again each time that it has waited."""

    def end_hold(gates: Gates) -> Gates:
        return gates.with_hold(execution, None) if keys.hold else gates

    item = lease.change_gates(end_hold)
    if item.holder == execution.id and item.record:
        verdict = Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
        return Steered(verdict, item.record.image, item.record.schedule)
    pending = item.gate.pending
    if pending is None:
        ended = "deployments are held no more; no push is pending" if keys.hold else "no push is pending"
        return Steered(_done(ended))
    asked = Asked(
        image=pending.image,
        origin=origin,
        closed=closed,
        lifts=pending.lifts,
        order=pending.order,
        schedule=pending.schedule,
    )
    return Steered(lease.take(asked, is_active), pending.image, pending.schedule)


def _lift(lease: Lease, digests: tuple[str, ...]) -> Verdict:
    lease.change_gates(lambda gates: gates.without_bars_of(digests))
    return _done(f"barred no more: {listed(digests)}")


def _done(reason: str) -> Verdict:
    return Verdict(decision=Decision.DONE, reason=reason)
