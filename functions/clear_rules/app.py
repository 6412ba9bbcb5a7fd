"""ClearRules: disables the app's rules whose task has left the file; FinishDeployment deletes them."""

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract import ClearRulesInput, ClearRulesOutput
from rota.deployment import artifacts
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


@writing_step
def handler(request: ClearRulesInput, settings: Settings) -> ClearRulesOutput:
    plan = artifacts.read(clients.s3(), settings.bucket, request.plan.document, Plan)
    schedules = backend.connect(settings)
    disabled = in_parallel(schedules.disable, [change for change in plan.of_kind("remove") if change.disable])
    return ClearRulesOutput(disabled=sum(disabled))
