"""ClearRules: removes our rules whose task has left the file, and revisions that an aborted deployment left."""

from rota import aws, bus, plan, revisions, store
from rota.models import ClearRulesInput, ClearRulesOutput
from rota.settings import Settings
from rota.step import writing_step


@writing_step
def handler(request: ClearRulesInput, settings: Settings) -> ClearRulesOutput:
    decided = store.read(aws.s3(), settings.bucket, request.plan, plan.Plan)
    events, ecs = aws.events(), aws.ecs()
    removed = aws.in_parallel(lambda name: bus.clear(events, decided.rule_arn(name), settings.app), decided.remove)
    leftovers = decided.leftovers[: revisions.MOST_LEFTOVERS]
    aws.in_parallel(lambda arn: revisions.deregister(ecs, arn), leftovers)
    return ClearRulesOutput(removed=sum(removed), deregistered=len(leftovers))
