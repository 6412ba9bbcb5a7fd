"""RollService: updates the service to the API's revision."""

from rota.aws import clients
from rota.contract import Registered, RollServiceInput, RollServiceOutput
from rota.deployment import artifacts
from rota.ecs.service import start_rollout
from rota.handlers.step import writing_step
from rota.settings import Settings


@writing_step
def handler(request: RollServiceInput, settings: Settings) -> RollServiceOutput:
    revisions = artifacts.read(clients.s3(), settings.bucket, request.revisions, Registered)
    return start_rollout(clients.ecs(), settings, revisions.api)
