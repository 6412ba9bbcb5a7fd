"""RestoreDeployment: restores the snapshot, records why, releases the lease, publishes the outcome."""

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract import CaughtError, FailedDeployment, Outcome, RestoreDeploymentInput, RestoreDeploymentOutput
from rota.deployment.finish import end_deployment, ledger_of
from rota.deployment.ledger import Entry
from rota.deployment.notify import notify
from rota.deployment.record import DeploymentRecord, derive
from rota.errors import RejectedError, TransientError
from rota.handlers.frame import logger
from rota.handlers.step import Turn, Turns, restoring_step
from rota.restore.attempt import RETRIES, Attempt, restore
from rota.settings import Settings
from rota.stepfunctions.failed import Failed, NothingToRestore, find_failed

# Characters of an error's cause in the record, which is a part of an item of at most 400 KB.
_LONGEST_CAUSE = 8_000


@restoring_step
def handler(request: RestoreDeploymentInput, settings: Settings, turns: Turns) -> RestoreDeploymentOutput:
    failed = find_failed(clients.stepfunctions(), request)
    if isinstance(failed, NothingToRestore):
        error = "RejectedError" if failed.outcome == Outcome.FAILED else ""
        return RestoreDeploymentOutput(outcome=failed.outcome, error=error, cause=failed.reason)
    logger.append_keys(execution=failed.execution.name)
    turn = failed.document.turn if failed.document else None
    if turn and turn.dry_run:  # a dry run is no deployment: it holds no lease and is not recorded
        entry = _attempt(request, settings, failed, None).entry("Nothing had to be restored.")
    else:
        entry = _restore(request, settings, turns, failed)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _restore(request: RestoreDeploymentInput, settings: Settings, turns: Turns, failed: Failed) -> Entry:
    """Restore the deployment in its turn, record how it ended, and publish that."""
    document = failed.document
    facts = _facts(failed.error, document) if document else {}
    with turns(failed.execution, facts, recreate=bool(document and document.has_begun)) as turn:
        if document or turn.record or turn.standing == "lost":
            return _end(_attempt(request, settings, failed, turn.record), turn)
    # The lease was deleted, or a version of Rota took it that makes no record.
    return _restore(request, settings, turns, _from_history(failed))


def _facts(error: CaughtError | None, document: FailedDeployment) -> dict[str, object]:
    """What goes into the record of a deployment whose own Catch led here."""
    why = {"error": {"Error": error.Error, "Cause": error.Cause[:_LONGEST_CAUSE]}} if error else {}
    return {**why, **({"complete": True} if document.is_complete else {})}


def _from_history(failed: Failed) -> Failed:
    from rota.stepfunctions import recover  # noqa: PLC0415  here, because next to no restore needs it

    document = recover.read_document(clients.stepfunctions(), failed.execution.id)
    return failed._replace(document=document, error=document.error or failed.error)


def _attempt(
    request: RestoreDeploymentInput, settings: Settings, failed: Failed, record: DeploymentRecord | None
) -> Attempt:
    document = failed.document
    step = document.step if document else record.last_step if record else "TakeTurn"
    if record is None:
        record = derive(failed.execution, document) if document else _unrecorded(failed, settings)
    return Attempt(
        settings=settings,
        record=record,
        restorer=request.execution,
        step=step,
        # Why it had failed before it was stopped says more.
        error=(None if document else record.error) or failed.error,
        overtaken=document.turn.reason if document and document.turn else "",
        retries=request.retries,
    )


def _unrecorded(failed: Failed, settings: Settings) -> DeploymentRecord:
    """The record of an execution that does not hold the lease, from its input."""
    from rota.ecr import input_keys, push_event  # noqa: PLC0415  here, because few restores need it

    try:
        image = push_event.parse_image(failed.event, settings.repository, failed.execution)
    except RejectedError:
        return DeploymentRecord(execution=failed.execution)
    origin = input_keys.origin(failed.event, image, failed.execution.name)
    return DeploymentRecord(execution=failed.execution, image=image, origin=origin)


def _end(attempt: Attempt, turn: Turn) -> Entry:
    settings, record = attempt.settings, attempt.record
    # It is there if only what follows it failed: what was deployed stays, what was restored is restored.
    entry = ledger_of(settings, record.execution).find() or restore(attempt, holds_lease=turn.holds_lease)

    def publish(entry: Entry) -> None:
        try:
            notify(settings, record.execution, entry)
        except (*AWS_ERRORS, TransientError, RejectedError):
            if attempt.retries < RETRIES:
                raise
            logger.exception("the outcome could not be published")

    return end_deployment(settings, turn.lease, entry, record, {record.execution.id, attempt.restorer.id}, publish)
