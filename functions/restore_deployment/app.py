"""RestoreDeployment: puts the snapshot back, records why, gives the lease back, tells the world."""

from datetime import UTC, datetime

from rota.aws import clients
from rota.contract import Registered, RestoreDeploymentInput, RestoreDeploymentOutput, Stored
from rota.deployment import artifacts, ledger
from rota.deployment.failure_message import entry_of
from rota.deployment.finish import finish_deployment
from rota.handlers.frame import logger
from rota.handlers.step import LastTurn, restoring_step
from rota.plan.model import Plan, Snapshot
from rota.restore.context import RestoreContext
from rota.restore.deployment import Restored, restore_deployment
from rota.settings import Settings
from rota.stepfunctions import recover


@restoring_step
def handler(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn) -> RestoreDeploymentOutput:
    restorer = request.execution
    try:
        request = recover.resolve_failed_execution(clients.stepfunctions(), request)
    except recover.NothingToRestoreError as told:
        error = "RejectedError" if told.outcome == "failed" else ""
        return RestoreDeploymentOutput(outcome=told.outcome, error=error, cause=str(told))
    logger.append_keys(execution=request.execution.name)
    failed = request.document
    entry = _begin(request, settings) or _undo(request, settings, turn, late=request.execution != restorer)
    if not (failed.turn and failed.turn.dry_run):  # a dry run is no deployment: it holds no lease and is not recorded
        entry = finish_deployment(settings, request.execution, entry, farewell_may_fail=True, restorer=restorer)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _begin(request: RestoreDeploymentInput, settings: Settings) -> ledger.Entry | None:
    """The entry is there if only the farewell failed: what was deployed stays, what was restored is restored."""
    execution = request.execution
    if not request.document.has_begun:
        return ledger.find(clients.dynamodb(), settings, execution)
    entry = entry_of(request.document, "It is to be put back.")
    return ledger.begin_restoring(clients.dynamodb(), settings, execution, entry, datetime.now(UTC))


def _undo(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn, *, late: bool) -> ledger.Entry:
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
