"""CheckService: asks ECS how far the rollout is that RollService started."""

from typing import TYPE_CHECKING, NamedTuple

from rota.aws import clients
from rota.contract.step_io import CheckServiceInput, CheckServiceOutput
from rota.ecs import service_deployments
from rota.ecs.service import has_stages, judge_rollout, read_service
from rota.handlers.step import writing_step
from rota.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceDeploymentTypeDef, ServiceTypeDef


class _Seen(NamedTuple):
    """The service, and the rollout's service deployment if it goes through stages and ECS shows it."""

    description: "ServiceTypeDef"
    deployment: "ServiceDeploymentTypeDef | None"


def _read(request: CheckServiceInput, settings: Settings) -> _Seen:
    ecs = clients.ecs()
    rollout, description = request.rollout, read_service(ecs, settings)
    if not has_stages(description):
        return _Seen(description, None)
    found = service_deployments.find(ecs, description, rollout.task_definition, rollout.staged)
    return _Seen(description, found)


@writing_step(_read)
def handler(request: CheckServiceInput, settings: Settings, seen: _Seen) -> CheckServiceOutput:
    if has_stages(seen.description):
        return service_deployments.judge(seen.deployment, seen.description, request.rollout, settings)
    return judge_rollout(seen.description, request.rollout, settings)
