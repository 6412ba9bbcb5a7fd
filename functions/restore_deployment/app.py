"""RestoreDeployment: puts the snapshot back, records why, tells the world, gives the turn back."""

from datetime import UTC, datetime

from rota import aws, ledger, store
from rota.announce import announce
from rota.failure import explain
from rota.models import PlanDeploymentOutput, RestoreDeploymentInput, RestoreDeploymentOutput
from rota.plan import Plan, Snapshot
from rota.restore import Restored, restore
from rota.settings import Settings
from rota.step import step


@step
def handler(request: RestoreDeploymentInput, settings: Settings) -> RestoreDeploymentOutput:
    execution, failed, now = request.execution, request.document, datetime.now(UTC)
    done = _restore(request, failed.plan, settings) if failed.plan else Restored(rules=0, service=False, deregistered=0)
    overtaken = failed.error.Error == "OvertakenError"
    answer = RestoreDeploymentOutput(
        outcome="overtaken" if overtaken else "failed",
        error=failed.error.Error,
        cause=explain(failed, done),
        **done.model_dump(),
    )
    image = failed.turn.image if failed.turn else None
    entry = ledger.Entry(
        outcome=answer.outcome,
        image=image,
        schedule=failed.config.schedule if failed.config else None,
        summary=failed.plan.summary if failed.plan else "",
        cause=answer.cause,
    )
    ledger.write(aws.dynamodb(), settings, execution, entry, now)
    announce(settings, execution, answer.outcome, image, answer.cause, (now - execution.started_at).total_seconds())
    ledger.give_back(aws.dynamodb(), settings, execution)
    return answer


def _restore(request: RestoreDeploymentInput, planned: PlanDeploymentOutput, settings: Settings) -> Restored:
    plan = store.read(aws.s3(), settings.bucket, planned.document, Plan)
    before = store.read(aws.s3(), settings.bucket, plan.snapshot, Snapshot)
    return restore(aws.events(), aws.ecs(), settings, request.execution, plan, before)
