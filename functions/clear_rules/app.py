"""ClearRules: removes our rules whose task has left the schedule file."""

from rota import aws, plan, rules, store
from rota.models import ClearRulesInput, ClearRulesOutput
from rota.settings import Settings
from rota.step import writing_step


@writing_step
def handler(request: ClearRulesInput, settings: Settings) -> ClearRulesOutput:
    decided = store.read(aws.s3(), settings.bucket, request.plan, plan.Plan)
    events = aws.events()
    aws.in_parallel(lambda name: rules.remove(events, name), decided.remove)
    return ClearRulesOutput(removed=len(decided.remove))
