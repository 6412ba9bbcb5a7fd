"""CheckService: asks ECS how far the rollout is that RollService started."""

from typing import TYPE_CHECKING

from rota.aws import clients
from rota.contract import CheckServiceInput, CheckServiceOutput
from rota.ecs.service import judge_rollout, read_service
from rota.handlers.step import writing_step
from rota.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef


def _read(_request: CheckServiceInput, settings: Settings) -> "ServiceTypeDef":
    return read_service(clients.ecs(), settings)


@writing_step(_read)
def handler(request: CheckServiceInput, settings: Settings, description: "ServiceTypeDef") -> CheckServiceOutput:
    return judge_rollout(description, request.rollout, settings)
