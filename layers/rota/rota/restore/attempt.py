"""One attempt to restore a deployment: what becomes of it, and what the ledger keeps of that."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.contract.deployment import Execution, Kind, Outcome, Verdict
from rota.contract.step_io import CaughtError
from rota.deployment.failure_message import asks_for, explain, outcome_of
from rota.deployment.ledger import Entry, LedgerItem, ledger_of
from rota.deployment.record import DeploymentRecord, with_late
from rota.deployment.releases import Live
from rota.errors import RejectedError, TransientError, UnreadableError, listed
from rota.restore import context
from rota.restore.everything import RestoreResult, restore_everything
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.settings import Settings

_NOT_HELD = (
    "Nothing was restored, because this deployment does not hold the lease: it had changed nothing, or another "
    "deployment has held the lease since. If that one failed, deploy again."
)
_UNREADABLE = (
    ", so nothing was restored, and trying again does not help. For the operator: if Rota was updated during that "
    "deployment, deploy the version of Rota that began it, then let Rota restore; else restore by hand. "
    'docs/operations.md has both under "Restoring by hand".'
)
_STAY_DISABLED = "; the schedules that were removed stay disabled until the next deployment deletes them, because "


class Attempt(NamedTuple):
    """One attempt to restore the deployment of `record`.

    `restorer` is the execution that does it, `step` where the deployment failed, `error` why; None if it ended before
    it took the lease, by TakeTurn's `verdict`. `retries`: how often this execution has tried it before.
    `in_ledger` is what the ledger has of the deployment: an attempt before this one may have written that it is being
    restored. `live` is the release that is live; None if that is not known.
    """

    settings: "Settings"
    record: DeploymentRecord
    restorer: Execution
    step: str
    error: CaughtError | None
    verdict: Verdict | None
    retries: int
    in_ledger: LedgerItem = LedgerItem()
    live: Live | None = None
    tasks: tuple[str, ...] = ()
    """Which a resume names; none are all."""

    def entry(self, became: str) -> Entry:
        """What the ledger keeps of the deployment; `became` says what became of what it had changed."""
        from rota.sanitise import mask  # noqa: PLC0415  here, because it costs a cold start

        record, became = self.record, f"{became}{self._half_migrated()}{self._lost_tag()}"
        summary, cause = record.summary, self.verdict.reason if self.verdict else ""
        outcome, refused = outcome_of(self.error, self.verdict), self._is_refused
        if self.error:
            ran = "The migration ran and stays. " if record.before and record.before.is_good else ""
            cause = ran + explain(self.step, self.error, became, refused=refused)
        elif record.asks:
            outcome, cause = Outcome.HELD, asks_for(record.asks, summary, record.answer, record.execution.id)
        elif outcome == Outcome.DONE:
            summary, cause = cause, ""
        return Entry(
            outcome=Outcome.REFUSED if refused else outcome,
            image=record.image,
            schedule=record.schedule,
            summary=summary,
            cause=mask(cause),  # an error quotes what others wrote
            tasks=record.tasks,
            origin=record.origin,
        )

    @property
    def _is_refused(self) -> bool:
        """Whether a request was refused before there was an image to deploy. Of a resume that came as far as
        ChangePauses the pauses are over.
        """
        if self.record.image or not self.error or self.error.Error != "RejectedError":
            return False
        kind = self.record.origin.kind if self.record.origin else None
        return self.step == "TakeTurn" or (self.step == "ChangePauses" and kind != Kind.RESUME)

    def _half_migrated(self) -> str:
        """That nothing undoes what a migration did that has not ended well."""
        run = self.record.before
        has_begun = run and run.task_arn and not run.is_good and not (run.finished and run.seconds is None)
        return " What the migration did before it ended stays." if has_begun else ""

    def _lost_tag(self) -> str:
        """What the push did to the image that is live: ECR gives a tag to one image."""
        image, live = self.record.image, self.live
        if not (image and live and image.tag and image.tag == live.live_tag and image.digest != live.live_digest):
            return ""
        return (
            f" The image that is live, {live.live_digest}, has lost its tag {image.tag} to this push, so a lifecycle "
            'policy of the repository may delete it: give it a tag, as docs/operations.md says under "Images in use".'
        )


def restore_or_finish(attempt: Attempt, *, holds_lease: bool) -> Entry:
    """Restore the deployment if it has changed anything, or finish it if it is complete. Returns how it ended.

    UnreadableError if its plan or snapshot cannot be read. The ledger says by then that it is being restored, and why.
    """
    settings, record = attempt.settings, attempt.record
    if not holds_lease:
        return _not_held(attempt)
    if record.may_have_begun("ChangePauses"):
        return _restore_pauses(attempt)
    if not record.has_begun:
        return attempt.entry(str(RestoreResult()))
    # Once begun, a restore is not replaced by finishing, whatever the record or the document says.
    if record.complete and not attempt.in_ledger.is_restoring:
        return _finish(attempt)
    restoring = attempt.entry("It is being restored.")
    ended = ledger_of(settings, record.execution).begin_restoring(restoring, record, datetime.now(UTC))
    if ended:
        return ended
    try:
        given = context.read(settings, record, attempt.retries)
    except UnreadableError as error:
        raise UnreadableError(f"{error}{_UNREADABLE}") from error
    return attempt.entry(str(restore_everything(given)))


def _restore_pauses(attempt: Attempt) -> Entry:
    """A pause that could not be carried out is withdrawn. A pause that is over stays over: Sweep keeps trying to switch
    on what a resume could not.
    """
    from rota.pauses import change  # noqa: PLC0415  here, because few restores need it

    settings, record = attempt.settings, attempt.record
    now = datetime.now(UTC)
    restoring = attempt.entry("It is being restored.")
    if ended := ledger_of(settings, record.execution).begin_restoring(restoring, record, now):
        return ended
    if record.origin and record.origin.kind == Kind.RESUME:
        if change.finish_resume(settings, attempt.tasks, record.origin, record.execution.started_at, now):
            return attempt.entry("The pauses are over all the same: Sweep keeps trying to switch the schedules on.")
        return attempt.entry(str(RestoreResult()))
    withdrawn = change.withdraw(settings, record.execution.id, now)
    became = f"The pause of {listed(withdrawn)} is withdrawn." if withdrawn else str(RestoreResult())
    return attempt.entry(became)


def _not_held(attempt: Attempt) -> Entry:
    """How a deployment ends that does not hold the lease. What an attempt before has written of it stays."""
    record, begun = attempt.record, attempt.in_ledger.so_far() if attempt.in_ledger.is_restoring else None
    too_late = RestoreResult(too_late=True) if record.has_begun or begun else RestoreResult()
    if (
        begun and attempt.in_ledger.deployment is None
    ):  # by a version of Rota that keeps its cause in this sentence alone
        return begun.model_copy(update={"cause": f"{begun.cause} {too_late}"})
    is_anothers = record.execution.id != attempt.restorer.id
    return attempt.entry(_NOT_HELD if is_anothers and not record.has_begun else str(too_late))


def _finish(attempt: Attempt) -> Entry:
    """Finish a deployment that is complete, as FinishDeployment would have. What AWS refuses to delete is disabled,
    and after some retries left to the next deployment; so is everything if its plan is gone, or denied that long.
    """
    settings, left = attempt.settings, ""
    schedules = backend.connect(settings)

    def refused_by(change: backend.Change) -> Exception | None:
        try:
            schedules.delete(change)
        except AWS_ERRORS as refusal:
            return translate(refusal)
        except (RejectedError, TransientError) as refusal:
            return refusal
        return None

    try:
        removed = context.read(settings, attempt.record, attempt.retries).plan.changes_of_kind("remove")
    except UnreadableError as error:
        left = f"{_STAY_DISABLED}{error}"
    except AWS_ERRORS as error:
        if attempt.retries < context.RETRIES:
            raise
        left = f"{_STAY_DISABLED}{translate(error)}"
    else:
        refusals = dict(zip((each.name for each in removed), in_parallel(refused_by, removed), strict=True))
        refused = {name: refusal for name, refusal in refusals.items() if refusal}
        if refused and attempt.retries < context.RETRIES:
            raise next(iter(refused.values()))
        if refused:
            why = next(iter(refused.values()))
            left = f"; AWS refuses to delete {listed(refused)}, disabled until the next deployment deletes them: {why}"
    record = attempt.record
    summary = f"{with_late(record.summary, record.late, record.late_more)}{left}"
    return attempt.entry("").model_copy(update={"outcome": Outcome.DEPLOYED, "cause": "", "summary": summary})
