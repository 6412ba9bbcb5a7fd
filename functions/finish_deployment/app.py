"""FinishDeployment: writes the ledger, gives the lease back, publishes the outcome."""

from rota.contract import FinishDeploymentInput, FinishDeploymentOutput, Outcome
from rota.deployment.finish import finish_deployment
from rota.deployment.ledger import Entry
from rota.deployment.notify import notify
from rota.handlers.step import step
from rota.settings import Settings


@step
def handler(request: FinishDeploymentInput, settings: Settings) -> FinishDeploymentOutput:
    entry = Entry(
        outcome=Outcome.NOTHING_TO_DO if request.plan.nothing_to_do else Outcome.DEPLOYED,
        image=request.image,
        schedule=request.config.schedule,
        summary=request.plan.summary,
        tasks=request.config.tasks,
    )
    entry = finish_deployment(settings, request.execution, entry)
    notify(settings, request.execution, entry)
    return FinishDeploymentOutput(outcome=entry.outcome, summary=entry.summary)
