"""FinishDeployment: writes the ledger, gives the lease back, tells the world."""

from rota.closing import close
from rota.ledger import Entry
from rota.models import FinishDeploymentInput, FinishDeploymentOutput
from rota.settings import Settings
from rota.step import step


@step
def handler(request: FinishDeploymentInput, settings: Settings) -> FinishDeploymentOutput:
    entry = Entry(
        outcome="nothing to do" if request.plan.nothing_to_do else "deployed",
        image=request.image,
        schedule=request.config.schedule,
        summary=request.plan.summary,
        tasks=request.config.tasks,
    )
    entry = close(settings, request.execution, entry)
    return FinishDeploymentOutput(outcome=entry.outcome, summary=entry.summary)
