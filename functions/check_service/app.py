"""CheckService: asks ECS how far the rollout is that RollService started."""

from rota.aws import clients
from rota.contract import CheckServiceInput, CheckServiceOutput
from rota.ecs.service import judge_rollout, read_service
from rota.handlers.step import writing_step
from rota.settings import Settings


@writing_step
def handler(request: CheckServiceInput, settings: Settings) -> CheckServiceOutput:
    return judge_rollout(read_service(clients.ecs(), settings), request.rollout, settings)
