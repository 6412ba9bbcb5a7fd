"""RestoreDeployment: puts the snapshot back, records why, tells the world, gives the turn back."""

from rota import aws, ledger, store
from rota.closing import close
from rota.failure import explain
from rota.models import Registered, RestoreDeploymentInput, RestoreDeploymentOutput, Stored
from rota.plan import Plan, Snapshot
from rota.restore import Restored, restore
from rota.settings import Settings
from rota.step import LastTurn, restoring_step


@restoring_step
def handler(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn) -> RestoreDeploymentOutput:
    # An entry is there if only the farewell failed: what was deployed stays, what was restored is restored.
    entry = ledger.find(aws.dynamodb(), settings, request.execution) or _undo(request, settings, turn)
    failed = request.document
    if not (failed.turn and failed.turn.dry_run):  # a dry run is no deployment: it holds no lease and is not recorded
        close(settings, request.execution, entry, farewell_may_fail=True)
    error = failed.error.Error if failed.error else entry.outcome
    return RestoreDeploymentOutput(outcome=entry.outcome, error=error, cause=entry.cause)


def _undo(request: RestoreDeploymentInput, settings: Settings, turn: LastTurn) -> ledger.Entry:
    failed = request.document
    done = Restored()
    if failed.plan and failed.has_begun:
        with turn() as ours:
            done = _restore(request, failed.plan.document, settings) if ours else Restored(too_late=True)
    overtaken = failed.error is None or failed.error.Error == "OvertakenError"
    return ledger.Entry(
        outcome="overtaken" if overtaken else "failed",
        image=failed.turn.image if failed.turn else None,
        schedule=failed.config.schedule if failed.config else None,
        summary=failed.plan.summary if failed.plan else "",
        cause=explain(failed, done),
        tasks=failed.config.tasks if failed.config else None,
    )


def _restore(request: RestoreDeploymentInput, stored: Stored, settings: Settings) -> Restored:
    failed = request.document
    plan = store.read(aws.s3(), settings.bucket, stored, Plan, extra="ignore")
    before = store.read(aws.s3(), settings.bucket, plan.snapshot, Snapshot, extra="ignore")
    registered = None
    if failed.revisions and failed.revisions.document:  # CreateTargets may have begun
        registered = store.read(aws.s3(), settings.bucket, failed.revisions.document, Registered, extra="ignore")
    return restore(aws.events(), aws.ecs(), settings, request, plan, before, registered)
