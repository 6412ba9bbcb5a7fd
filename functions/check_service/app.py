"""CheckService: asks ECS how our own deployment of the service stands."""

from rota import aws, service
from rota.models import CheckServiceInput, CheckServiceOutput
from rota.settings import Settings
from rota.step import writing_step


@writing_step
def handler(request: CheckServiceInput, settings: Settings) -> CheckServiceOutput:
    return service.judge(service.read(aws.ecs(), settings), request.rollout, settings)
