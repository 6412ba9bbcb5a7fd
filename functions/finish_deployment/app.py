"""FinishDeployment: writes the ledger, tells the world, gives the turn back."""

from datetime import UTC, datetime

from rota import aws, ledger
from rota.announce import announce
from rota.models import FinishDeploymentInput, FinishDeploymentOutput
from rota.settings import Settings
from rota.step import step


@step
def handler(request: FinishDeploymentInput, settings: Settings) -> FinishDeploymentOutput:
    execution, image, now = request.execution, request.image, datetime.now(UTC)
    answer = FinishDeploymentOutput(
        outcome="nothing to do" if request.plan.nothing_to_do else "deployed", summary=request.plan.summary
    )
    entry = ledger.Entry(
        outcome=answer.outcome, image=image, schedule=request.config.schedule, summary=request.plan.summary
    )
    ledger.write(aws.dynamodb(), settings, execution, entry, now)
    seconds = (now - execution.started_at).total_seconds()
    announce(settings, execution, answer.outcome, image, request.plan.summary, seconds)
    ledger.give_back(aws.dynamodb(), settings, execution)
    return answer
