"""One attempt to restore a deployment: what becomes of it, and what the ledger keeps of that."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.aws.parallel import in_parallel
from rota.contract import CaughtError, Execution, Outcome
from rota.deployment import artifacts
from rota.deployment.failure_message import explain, outcome_of
from rota.deployment.finish import ledger_of
from rota.deployment.ledger import Entry
from rota.deployment.record import DeploymentRecord
from rota.errors import RejectedError, TransientError
from rota.plan import earlier
from rota.plan.model import Plan, Snapshot
from rota.restore.context import RestoreContext
from rota.restore.deployment import RestoreResult, restore_deployment
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.settings import Settings

# Retries of the state, some ten minutes, after which the lease is worth more than a notification, or than the deletion
# of rules that are disabled.
RETRIES = 8
_NOT_HELD = (
    "Nothing was restored, because this deployment does not hold the lease: it had changed nothing, or another "
    "deployment has held the lease since. If that one failed, deploy again."
)


class Attempt(NamedTuple):
    """One attempt to restore the deployment of `record`.

    `restorer` is the execution that does it, `step` where the deployment failed, `error` why; None if it was overtaken
    before it took the lease, which `overtaken` explains. `retries`: how often this was tried before.
    """

    settings: "Settings"
    record: DeploymentRecord
    restorer: Execution
    step: str
    error: CaughtError | None
    overtaken: str
    retries: int

    def entry(self, became: str) -> Entry:
        """What the ledger keeps of the deployment; `became` says what became of what it had changed."""
        record = self.record
        return Entry(
            outcome=outcome_of(self.error),
            image=record.image,
            schedule=record.schedule,
            summary=record.summary,
            cause=explain(self.step, self.error, became) if self.error else self.overtaken,
            tasks=record.tasks,
        )


def restore(attempt: Attempt, *, holds_lease: bool) -> Entry:
    """Restore the deployment if it has changed anything, or finish it if it is complete. Returns how it ended."""
    settings, record = attempt.settings, attempt.record
    if not holds_lease:
        too_late = RestoreResult(too_late=True) if record.has_begun else RestoreResult()
        is_anothers = record.execution.id != attempt.restorer.id
        return attempt.entry(_NOT_HELD if is_anothers and not record.has_begun else str(too_late))
    if not record.has_begun:
        return attempt.entry(str(RestoreResult()))
    context = _context(attempt)
    if record.complete:
        return _finish(attempt, context)
    restoring = attempt.entry("It is being restored.")
    ended = ledger_of(settings, record.execution).begin_restoring(restoring, record, datetime.now(UTC))
    return ended or attempt.entry(str(restore_deployment(context)))


def _finish(attempt: Attempt, context: RestoreContext) -> Entry:
    """Finish a deployment that is complete, as FinishDeployment would have. What AWS refuses to delete is disabled,
    and after some retries left to the next deployment.
    """
    left = ""
    try:
        in_parallel(backend.connect(attempt.settings).delete, context.plan.of_kind("remove"))
    except (*AWS_ERRORS, RejectedError, TransientError) as refusal:
        if attempt.retries < RETRIES:
            raise
        left = f"; the rules that were removed are disabled, and AWS refuses to delete them: {refusal}"
    summary = f"{attempt.record.summary}{left}"
    return attempt.entry("").model_copy(update={"outcome": Outcome.DEPLOYED, "cause": "", "summary": summary})


def _context(attempt: Attempt) -> RestoreContext:
    s3, bucket, record = clients.s3(), attempt.settings.bucket, attempt.record
    if record.plan is None or record.snapshot is None:
        raise ValueError("a deployment without a plan has changed nothing")
    stored = json.loads(artifacts.read_bytes(s3, bucket, record.plan))
    before = artifacts.read(s3, bucket, record.snapshot, Snapshot, extra="ignore")
    revisions = json.loads(artifacts.read_bytes(s3, bucket, record.revisions)) if record.revisions else {}
    if earlier.is_earlier(stored):
        plan = earlier.plan_of(stored, before, attempt.settings.rule_prefix)
        revisions = plan.reused | earlier.revisions_of(revisions)
    else:
        plan = Plan.model_validate(stored, extra="ignore")
        revisions = plan.reused | revisions.get("revisions", {})
    retries, is_earlier = attempt.retries, earlier.is_earlier(stored)
    return RestoreContext(attempt.settings, record.execution, record, plan, before, revisions, retries, is_earlier)
