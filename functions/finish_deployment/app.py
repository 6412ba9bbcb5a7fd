"""FinishDeployment: writes the ledger, gives the lease back, tells the world."""

from rota.contract import FinishDeploymentInput, FinishDeploymentOutput
from rota.deployment.finish import finish_deployment
from rota.deployment.ledger import Entry
from rota.handlers.step import step
from rota.settings import Settings


@step
def handler(request: FinishDeploymentInput, settings: Settings) -> FinishDeploymentOutput:
    entry = Entry(
        outcome="nothing to do" if request.plan.nothing_to_do else "deployed",
        image=request.image,
        schedule=request.config.schedule,
        summary=request.plan.summary,
        tasks=request.config.tasks,
    )
    entry = finish_deployment(settings, request.execution, entry)
    return FinishDeploymentOutput(outcome=entry.outcome, summary=entry.summary)
