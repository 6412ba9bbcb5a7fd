"""RollService: updates the service to the API's revision."""

from rota.aws import clients
from rota.contract.step_io import RollServiceInput, RollServiceOutput
from rota.ecs import service, service_deployments
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.settings import Settings


@writing_step(read_plan_and_revisions)
def handler(request: RollServiceInput, settings: Settings, planned: tuple[Plan, dict[str, str]]) -> RollServiceOutput:
    (plan, registered), ecs = planned, clients.ecs()
    revision = (plan.reused | registered)[plan.api]
    description = service.read_as_planned(ecs, settings, plan.service_runs, revision)
    again = service_deployments.has_failed_before(ecs, description)
    return service.start_rollout(ecs, settings, revision, description, again=again)
