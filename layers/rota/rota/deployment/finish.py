"""Ending a deployment, well or not: its entry in the ledger, then the lease and the notification."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Kind, Outcome
from rota.deployment.ledger import Entry, ledger_of
from rota.stepfunctions import history

if TYPE_CHECKING:
    from rota.deployment.gates import Gates
    from rota.deployment.lease.item import LeaseItem
    from rota.deployment.lease.lease import Lease
    from rota.deployment.record import DeploymentRecord
    from rota.settings import Settings

_LIVE = (Outcome.DEPLOYED, Outcome.NOTHING_TO_DO)


def end_deployment(
    settings: "Settings",
    lease: "Lease",
    entry: Entry,
    record: "DeploymentRecord",
    executions: set[str],
    publish: Callable[[Entry], None],
) -> Entry:
    """Write the entry; then release the lease and `publish` the entry in force. Run again it does what is still to be
    done, and publishes once more.

    Returns the entry in force: an earlier attempt's, if that came so far. It is the point of no return: a deployment
    whose entry says `deployed` is deployed, whatever fails after it. `executions` are the ARNs of those that may have
    invoked what still writes.
    """
    entry = ledger_of(settings, record.execution).close(entry, record, datetime.now(UTC))
    waits = entry.outcome == Outcome.HELD and record.asks and record.image
    replaced = record.replaces if entry.outcome not in _LIVE else None
    if waits or replaced:
        # Here, because next to no deployment leaves anything pending.
        from rota.deployment.gates import Pending, PendingSchedule  # noqa: PLC0415
        from rota.deployment.lease.pending import leave_pending  # noqa: PLC0415

        if waits:
            kind = PendingSchedule if _is_schedule(record) else Pending
            leave_pending(lease.table, kind.of(record, entry.summary))
        if replaced:
            left = PendingSchedule.model_validate(replaced | {"left_by": record.execution.id})
            leave_pending(lease.table, left)
    with thread_pool() as pool:
        publishing = pool.submit(publish, entry)
        lease.release(
            lambda invocations: history.any_active(clients.stepfunctions(), executions, invocations),
            _settle(entry, record),
        )
    publishing.result()
    return entry


def _settle(entry: Entry, record: "DeploymentRecord") -> "Callable[[LeaseItem], Gates] | None":
    """How its end changes the bars: what a person chose and is live has none; a rollback that did not go bars nothing,
    also one that was approved and that a resume was to start.
    """
    if entry.outcome in _LIVE:
        return (lambda lease: lease.gate.without_bars_of(record.lifts)) if record.lifts else None
    is_rejected, is_schedule = entry.outcome == Outcome.REJECTED, _is_schedule(record)
    if not (is_rejected or (record.origin and record.origin.kind in (Kind.ROLLBACK, Kind.RESUME))):
        return None

    def settled(lease: "LeaseItem") -> "Gates":
        gate = lease.gate.with_bars(record.execution, ())
        return gate.without_rejected(datetime.now(UTC), is_schedule=is_schedule) if is_rejected else gate

    return settled


def _is_schedule(record: "DeploymentRecord") -> bool:
    return bool(record.origin and record.origin.kind == Kind.SCHEDULE)
