"""ClearRules: disables the app's rules whose task has left the file; FinishDeployment deletes them."""

from rota.aws.parallel import in_parallel
from rota.contract import ClearRulesInput, ClearRulesOutput
from rota.handlers.planned import read_plan
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


@writing_step(read_plan)
def handler(request: ClearRulesInput, settings: Settings, plan: Plan) -> ClearRulesOutput:
    schedules = backend.connect(settings)
    disabled = in_parallel(schedules.disable, [change for change in plan.of_kind("remove") if change.disable])
    return ClearRulesOutput(disabled=sum(disabled))
