"""RestoreDeployment: restores the snapshot, records why, releases the lease, publishes the outcome."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.aws.parallel import in_parallel
from rota.contract import Outcome, RestoreDeploymentInput, RestoreDeploymentOutput
from rota.deployment import artifacts
from rota.deployment.failure_message import entry_of
from rota.deployment.finish import finish_deployment
from rota.deployment.ledger import Entry, Ledger
from rota.deployment.notify import notify
from rota.errors import RejectedError, TransientError
from rota.handlers.frame import logger
from rota.handlers.step import LastTurn, restoring_step
from rota.plan import earlier
from rota.plan.model import Plan, Snapshot
from rota.restore.context import RestoreContext
from rota.restore.deployment import RestoreResult, restore_deployment
from rota.schedules import backend
from rota.settings import Settings
from rota.stepfunctions import recover

# Retries of the state, some ten minutes, after which the lease is worth more than a notification, or than the deletion
# of rules that are disabled.
_RETRIES = 8


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
    entry = _recorded(request, settings)
    if entry is None:
        with turn(request.execution) if failed.has_begun else nullcontext(enter_result=True) as holds_lease:
            carry_out = _finish if failed.is_complete else _undo
            entry = carry_out(request, settings, holds_lease=holds_lease)
    if not (failed.turn and failed.turn.dry_run):  # a dry run is no deployment: it holds no lease and is not recorded
        entry = finish_deployment(settings, request.execution, entry, restorer=restorer)
        _notify(request, settings, entry)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _notify(request: RestoreDeploymentInput, settings: Settings, entry: Entry) -> None:
    try:
        notify(settings, request.execution, entry)
    except (*AWS_ERRORS, TransientError, RejectedError):
        if request.retries < _RETRIES:
            raise
        logger.exception("the outcome could not be published")


def _recorded(request: RestoreDeploymentInput, settings: Settings) -> Entry | None:
    """How the deployment ended, if only what follows the ledger's entry failed; else records that it is restored."""
    ledger = Ledger(clients.dynamodb(), settings.table, settings.app, request.execution, settings.history_days)
    failed = request.document
    if failed.is_complete or not failed.has_begun:
        return ledger.find()
    return ledger.begin_restoring(entry_of(failed, "It is being restored."), datetime.now(UTC))


def _finish(request: RestoreDeploymentInput, settings: Settings, *, holds_lease: bool) -> Entry:
    """Finish a deployment that is complete, as FinishDeployment would have. What AWS refuses to delete is disabled,
    and after some retries left to the next deployment.
    """
    failed, left = request.document, ""
    try:
        if holds_lease:
            in_parallel(backend.connect(settings).delete, _context(request, settings).plan.of_kind("remove"))
    except (*AWS_ERRORS, RejectedError) as refusal:
        if request.retries < _RETRIES:
            raise
        left = f"; the rules that were removed are disabled, and AWS refuses to delete them: {refusal}"
    return entry_of(failed, "").model_copy(
        update={
            "outcome": Outcome.DEPLOYED,
            "cause": "",
            "summary": f"{failed.plan.summary if failed.plan else ''}{left}",
        }
    )


def _undo(request: RestoreDeploymentInput, settings: Settings, *, holds_lease: bool) -> Entry:
    failed, done = request.document, RestoreResult()
    if failed.has_begun:
        done = restore_deployment(_context(request, settings)) if holds_lease else RestoreResult(too_late=True)
    return entry_of(failed, str(done))


def _context(request: RestoreDeploymentInput, settings: Settings) -> RestoreContext:
    s3, bucket, failed = clients.s3(), settings.bucket, request.document
    if failed.plan is None:
        raise ValueError("a deployment without a plan has changed nothing")
    stored = json.loads(artifacts.read_bytes(s3, bucket, failed.plan.document))
    before = artifacts.read(s3, bucket, failed.plan.snapshot, Snapshot, extra="ignore")
    registered = failed.revisions.document if failed.revisions else None
    revisions = json.loads(artifacts.read_bytes(s3, bucket, registered)) if registered else {}
    if earlier.is_earlier(stored):
        plan = earlier.plan_of(stored, before, settings.rule_prefix)
        revisions = plan.reused | earlier.revisions_of(revisions)
    else:
        plan = Plan.model_validate(stored, extra="ignore")
        revisions = plan.reused | revisions.get("revisions", {})
    return RestoreContext(settings, request.execution, failed, plan, before, revisions, request.retries)
