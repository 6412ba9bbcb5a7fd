"""RestoreDeployment: puts the snapshot back, records why, releases the lease, publishes the outcome."""

from datetime import UTC, datetime

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract import Outcome, Registered, RestoreDeploymentInput, RestoreDeploymentOutput, Stored
from rota.deployment import artifacts
from rota.deployment.failure_message import entry_of
from rota.deployment.finish import finish_deployment
from rota.deployment.ledger import Entry, Ledger
from rota.deployment.notify import notify
from rota.errors import RejectedError, TransientError
from rota.handlers.frame import logger
from rota.handlers.step import LastTurn, restoring_step
from rota.plan.model import Plan, Snapshot
from rota.restore.context import RestoreContext
from rota.restore.deployment import Restored, restore_deployment
from rota.settings import Settings
from rota.stepfunctions import recover

# Retries of the state, some ten minutes, after which an execution no longer waits for the bus to take its outcome.
_RETRIES_FOR_NOTIFICATION = 8


@restoring_step
def handler(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn) -> RestoreDeploymentOutput:
    restorer = request.execution
    resolved = recover.resolve_failed_execution(clients.stepfunctions(), request)
    if isinstance(resolved, recover.NothingToRestore):
        error = "RejectedError" if resolved.outcome == Outcome.FAILED else ""
        return RestoreDeploymentOutput(outcome=resolved.outcome, error=error, cause=resolved.reason)
    request = resolved
    logger.append_keys(execution=request.execution.name)
    failed = request.document
    entry = _begin(request, settings) or _undo(request, settings, turn, late=request.execution != restorer)
    if not (failed.turn and failed.turn.dry_run):  # a dry run is no deployment: it holds no lease and is not recorded
        entry = finish_deployment(settings, request.execution, entry, restorer=restorer)
        _notify(request, settings, entry)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _notify(request: RestoreDeploymentInput, settings: Settings, entry: Entry) -> None:
    try:
        notify(settings, request.execution, entry)
    except (*AWS_ERRORS, TransientError, RejectedError):
        if request.retries < _RETRIES_FOR_NOTIFICATION:
            raise
        logger.exception("the outcome could not be published")


def _begin(request: RestoreDeploymentInput, settings: Settings) -> Entry | None:
    """The entry is there if only the last calls failed: what was deployed stays, what was restored is restored."""
    ledger = Ledger(clients.dynamodb(), settings.table, settings.app, request.execution, settings.history_days)
    if not request.document.has_begun:
        return ledger.find()
    entry = entry_of(request.document, "It is to be restored.")
    return ledger.begin_restoring(entry, datetime.now(UTC))


def _undo(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn, *, late: bool) -> Entry:
    failed, done = request.document, Restored()
    if failed.plan and failed.has_begun:
        with turn(request.execution) as ours:
            done = _restore(request, failed.plan.document, settings, late=late) if ours else Restored(too_late=True)
    return entry_of(failed, str(done))


def _restore(request: RestoreDeploymentInput, stored: Stored, settings: Settings, *, late: bool) -> Restored:
    failed = request.document
    plan = artifacts.read(clients.s3(), settings.bucket, stored, Plan, extra="ignore")
    before = artifacts.read(clients.s3(), settings.bucket, plan.snapshot, Snapshot, extra="ignore")
    registered = None
    if failed.revisions and failed.revisions.document:  # CreateTargets may have begun
        registered = artifacts.read(
            clients.s3(), settings.bucket, failed.revisions.document, Registered, extra="ignore"
        )
    undo = RestoreContext(settings, request.execution, plan, before, registered)
    return restore_deployment(clients.events(), clients.ecs(), request, undo, late=late)
