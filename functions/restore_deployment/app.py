"""RestoreDeployment: restores the snapshot, records why, releases the lease, publishes the outcome."""

from typing import Any

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract.deployment import Kind, Outcome, Standing, is_dry_run
from rota.contract.step_io import CaughtError, FailedDeployment, RestoreDeploymentInput, RestoreDeploymentOutput
from rota.contract.steps import failed_step, is_complete
from rota.deployment.failure_message import stored_error
from rota.deployment.finish import end_deployment
from rota.deployment.ledger import Entry, LedgerItem, ledger_of
from rota.deployment.notify import notify
from rota.deployment.record import DeploymentRecord, derive
from rota.deployment.releases import releases_of
from rota.errors import RejectedError, TransientError
from rota.handlers.step import EnterLease, LeaseSession, restoring_step
from rota.log import logger
from rota.restore.attempt import Attempt, restore_or_finish
from rota.restore.context import RETRIES
from rota.settings import Settings
from rota.stepfunctions.failed import Failed, NothingToRestore, find_failed


@restoring_step
def handler(request: RestoreDeploymentInput, settings: Settings, enter_lease: EnterLease) -> RestoreDeploymentOutput:
    failed = find_failed(clients.stepfunctions(), request)
    if isinstance(failed, NothingToRestore):
        error = "RejectedError" if failed.outcome == Outcome.FAILED else ""
        return RestoreDeploymentOutput(outcome=failed.outcome, error=error, cause=failed.reason)
    logger.append_keys(execution=failed.execution.name)
    if is_dry_run(failed.event):  # it is no deployment: it holds no lease and is not recorded
        entry = _attempt(request, settings, failed, None, LedgerItem(), 0).entry("Nothing had to be restored.")
    else:
        entry = _restore(request, settings, enter_lease, failed)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _restore(request: RestoreDeploymentInput, settings: Settings, enter_lease: EnterLease, failed: Failed) -> Entry:
    """Restore the deployment in the lease, record how it ended, and publish that."""
    document = failed.document
    with enter_lease(failed.execution, _facts(failed), recreate=bool(document and document.has_begun)) as session:
        if document or session.record or session.standing == Standing.LOST:
            in_ledger = ledger_of(settings, session.record.execution if session.record else failed.execution).read()
            retries = _retries(request, session, in_ledger)
            record = session.record or (in_ledger.deployment if in_ledger.is_restoring else None)
            if session.record:
                record = session.record.model_copy(update={"idle_retries": request.retries - retries})
            attempt = _attempt(request, settings, failed, record, in_ledger, retries)
            live = releases_of(settings).read()
            if session.standing == Standing.OVERTAKEN and attempt.record.asks and not attempt.error:
                attempt = attempt._replace(error=CaughtError(Error="OvertakenError", Cause="a newer push has arrived"))
            return _end(attempt._replace(live=live), session)
    # The lease was deleted, or a version of Rota took it that makes no record.
    return _restore(request, settings, enter_lease, _from_history(failed))


def _retries(request: RestoreDeploymentInput, session: LeaseSession, in_ledger: LedgerItem) -> int:
    """How often this execution has tried to restore the deployment before, which an earlier one may have tried too. The
    state's retries are more: they also count each wait for an invocation, and each call that Lambda refused.
    """
    if session.record and session.record.restore_attempts:
        return min(request.retries, session.record.restore_attempts - 1)
    idle = in_ledger.deployment.idle_retries if in_ledger.deployment else None  # the lease was released, or deleted
    return max(0, request.retries - (idle or 0))


def _facts(failed: Failed) -> dict[str, object]:
    """What goes into the record as RestoreDeployment enters. What is there of it already stays: the first reason, and
    that a deployment is complete if FinishDeployment has entered, or is not if a restore has.
    """
    document = failed.document
    why = {"error": stored_error(failed.error).model_dump()} if failed.error else {}
    where = {"failed_step": failed_step(document)} if document else {}
    plan = document.plan if document and not failed.error else None
    asks = {"asks": plan.asks.model_dump(mode="json"), "summary": plan.summary} if plan and plan.asks else {}
    if document is None or not is_complete(document):
        return {**why, **where, **asks, "complete": False}
    # Where FinishDeployment is the only step that writes, and could not enter, the record has no plan yet.
    planned = [each.facts() for each in (document.config, document.plan) if each]
    return {**why, **where, "complete": True, **{name: fact for facts in planned for name, fact in facts.items()}}


def _from_history(failed: Failed) -> Failed:
    from rota.stepfunctions import recover  # noqa: PLC0415  here, because next to no restore needs it

    document = recover.read_document(clients.stepfunctions(), failed.execution.id)
    return failed._replace(document=document, error=document.error or failed.error)


def _attempt(
    request: RestoreDeploymentInput,
    settings: Settings,
    failed: Failed,
    record: DeploymentRecord | None,
    in_ledger: LedgerItem,
    retries: int,
) -> Attempt:
    document = failed.document
    if record is None:
        record = _unrecorded(failed, settings)
        if document:
            record = _derive(failed, document, record)
    return Attempt(
        settings=settings,
        record=record,
        restorer=request.execution,
        step=record.failed_step or record.last_step,
        error=_first_error(record, failed),
        verdict=document.turn if document else None,
        retries=retries,
        in_ledger=in_ledger,
        tasks=_resumed(failed.event, record),
    )


def _resumed(event: Any, record: DeploymentRecord) -> tuple[str, ...]:
    """The tasks that a resume names."""
    if not (record.origin and record.origin.kind == Kind.RESUME and record.may_have_begun("ChangePauses")):
        return ()
    from rota import execution_input  # noqa: PLC0415  here, because few restores need it

    asked = execution_input.keys(event).pause
    return asked.tasks if asked else ()


def _first_error(record: DeploymentRecord, failed: Failed) -> CaughtError | None:
    """Why the deployment failed at first: before it was stopped, or before a restore of it was given up."""
    if record.error is None or (failed.error and stored_error(failed.error) == record.error):
        return failed.error  # whole, where the record has it cut
    return record.error


def _derive(failed: Failed, document: FailedDeployment, from_input: DeploymentRecord) -> DeploymentRecord:
    """The record from the machine's document; what TakeTurn would have read in the input, if it failed."""
    known = {} if document.turn else {"image": from_input.image, "origin": from_input.origin}
    error = failed.error and stored_error(failed.error)
    added = {"error": error, "failed_step": failed_step(document), **known}
    return derive(failed.execution, document).model_copy(update=added)


def _unrecorded(failed: Failed, settings: Settings) -> DeploymentRecord:
    """The record of an execution that does not hold the lease, from its input."""
    from rota import execution_input  # noqa: PLC0415  here, because few restores need it
    from rota.deployment import upload_event  # noqa: PLC0415
    from rota.ecr import push_event  # noqa: PLC0415

    image = None
    if upload_event.is_of_s3(failed.event):
        return DeploymentRecord(execution=failed.execution, origin=upload_event.ORIGIN, failed_step="TakeTurn")
    try:
        if execution_input.names_no_image(failed.event):
            execution_input.parse(failed.event)
        else:
            image = push_event.parse_image(failed.event, settings.repository, failed.execution)
    except RejectedError:
        said = execution_input.origin_of_refused(failed.event, failed.execution.name)
        return DeploymentRecord(execution=failed.execution, origin=said, failed_step="TakeTurn")
    origin = execution_input.origin(failed.event, image, failed.execution.name)
    return DeploymentRecord(execution=failed.execution, image=image, origin=origin, failed_step="TakeTurn")


def _end(attempt: Attempt, session: LeaseSession) -> Entry:
    settings, record = attempt.settings, attempt.record
    # It is there if only what follows it failed: what was deployed stays, what was restored is restored.
    entry = attempt.in_ledger.ended() or restore_or_finish(attempt, holds_lease=session.holds_lease)

    def publish(entry: Entry) -> None:
        if _is_published_later(settings, record, entry, session):
            return
        try:
            notify(settings, record.execution, entry)
        except (*AWS_ERRORS, TransientError, RejectedError):
            if attempt.retries < RETRIES:
                raise
            logger.exception("the outcome could not be published")

    return end_deployment(settings, session.lease, entry, record, {record.execution.id, attempt.restorer.id}, publish)


def _is_published_later(settings: Settings, record: DeploymentRecord, entry: Entry, session: LeaseSession) -> bool:
    """Whether it is an upload that waits two minutes for its image, and that nothing else stops: how it is deployed is
    news, and that it waits is none.
    """
    is_of_a_file = entry.origin and entry.origin.kind == Kind.SCHEDULE
    if entry.outcome != Outcome.HELD or record.asks or settings.deploy_window or not is_of_a_file:
        return False
    gates = session.lease.table.read().gate
    pending = gates.pending_schedule
    is_its_own = pending and pending.due and pending.execution == record.execution.id
    return bool(is_its_own) and gates.hold_at(record.execution.started_at) is None
