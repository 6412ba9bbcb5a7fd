"""ClearRules: removes our rules whose task has left the file, and revisions that an aborted deployment left."""

import time
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract import ClearRulesInput, ClearRulesOutput
from rota.deployment import artifacts
from rota.ecs import arns, task_definitions
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.schedules.eventbridge_rules import api
from rota.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# For deregistering, of the function's 10 minutes. ECS does one a second, so many take several rounds of this step.
_SECONDS = 480


@writing_step
def handler(request: ClearRulesInput, settings: Settings) -> ClearRulesOutput:
    give_up_at = time.monotonic() + _SECONDS
    decided = artifacts.read(clients.s3(), settings.bucket, request.plan, Plan)
    events, ecs = clients.events(), clients.ecs()

    def remove(name: str) -> bool:
        return api.remove_if_owned(events, decided.rule_arn(name), settings.app)

    removed = in_parallel(remove, decided.remove)
    remaining = _deregister(ecs, settings, decided.leftovers, give_up_at) if decided.leftovers else 0
    return ClearRulesOutput(
        finished=not remaining,
        removed=sum(removed),
        deregistered=len(decided.leftovers) - remaining,
        remaining=remaining,
    )


def _deregister(ecs: "ECSClient", settings: Settings, leftovers: tuple[str, ...], give_up_at: float) -> int:
    """Deregister what an earlier round has not; how many there was no time for."""
    lowest = min(map(arns.revision_number, leftovers))
    active = set(task_definitions.list_newer(ecs, settings.family, lowest - 1))

    def deregister_in_time(arn: str) -> bool:
        if time.monotonic() >= give_up_at:
            return False
        task_definitions.deregister_revision(ecs, arn)
        return True

    return in_parallel(deregister_in_time, [arn for arn in leftovers if arn in active]).count(False)
