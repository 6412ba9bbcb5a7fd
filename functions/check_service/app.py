"""CheckService: asks ECS how our own deployment of the service stands."""

from rota.aws import clients
from rota.contract import CheckServiceInput, CheckServiceOutput
from rota.ecs import service
from rota.handlers.step import writing_step
from rota.settings import Settings


@writing_step
def handler(request: CheckServiceInput, settings: Settings) -> CheckServiceOutput:
    return service.judge(service.read(clients.ecs(), settings), request.rollout, settings)
