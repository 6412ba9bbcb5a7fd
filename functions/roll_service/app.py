"""RollService: updates the service to the API's revision."""

from rota.aws import clients
from rota.contract import RollServiceInput, RollServiceOutput
from rota.deployment import artifacts
from rota.ecs import service
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.settings import Settings


@writing_step
def handler(request: RollServiceInput, settings: Settings) -> RollServiceOutput:
    s3, ecs = clients.s3(), clients.ecs()
    plan = artifacts.read(s3, settings.bucket, request.plan.document, Plan)
    revisions = plan.reused | artifacts.read_registered(s3, settings.bucket, request.revisions)
    revision = revisions[plan.api]
    description = service.read_as_planned(ecs, settings, plan.service_runs, revision)
    return service.start_rollout(ecs, settings, revision, description)
