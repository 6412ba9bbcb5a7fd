"""ClearRules: removes our rules whose task has left the file, and revisions that an aborted deployment left."""

import time
from typing import TYPE_CHECKING

from rota import aws, bus, plan, revisions, store
from rota.models import ClearRulesInput, ClearRulesOutput
from rota.settings import Settings
from rota.step import writing_step

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# Of the function's 10 minutes. ECS deregisters one a second, so many leftovers take several rounds of this step.
_SECONDS = 480


@writing_step
def handler(request: ClearRulesInput, settings: Settings) -> ClearRulesOutput:
    give_up_at = time.monotonic() + _SECONDS
    decided = store.read(aws.s3(), settings.bucket, request.plan, plan.Plan)
    events, ecs = aws.events(), aws.ecs()
    removed = aws.in_parallel(lambda name: bus.clear(events, decided.rule_arn(name), settings.app), decided.remove)
    remaining = _deregister(ecs, settings, decided.leftovers, give_up_at) if decided.leftovers else 0
    return ClearRulesOutput(
        finished=not remaining,
        removed=sum(removed),
        deregistered=len(decided.leftovers) - remaining,
        remaining=remaining,
    )


def _deregister(ecs: "ECSClient", settings: Settings, leftovers: tuple[str, ...], give_up_at: float) -> int:
    """Deregister what an earlier round has not; how many there was no time for."""
    lowest = min(map(revisions.revision_number, leftovers))
    active = set(revisions.newer_than(ecs, settings.family, lowest - 1))

    def is_late(arn: str) -> bool:
        late = time.monotonic() >= give_up_at
        if not late:
            revisions.deregister(ecs, arn)
        return late

    return sum(aws.in_parallel(is_late, [arn for arn in leftovers if arn in active]))
