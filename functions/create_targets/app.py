"""CreateTargets: puts each task's rule and its one target in place, only where they differ."""

from rota import aws, bus, plan, store
from rota.models import CreateTargetsInput, CreateTargetsOutput, Registered
from rota.rules import Rule
from rota.settings import Settings
from rota.step import writing_step


@writing_step
def handler(request: CreateTargetsInput, settings: Settings) -> CreateTargetsOutput:
    decided = store.read(aws.s3(), settings.bucket, request.plan, plan.Plan)
    before = store.read(aws.s3(), settings.bucket, decided.snapshot, plan.Snapshot)
    revisions = store.read(aws.s3(), settings.bucket, request.revisions, Registered)

    events = aws.events()
    wanted = decided.wanted_rules(settings, revisions)

    def put(rule: Rule) -> bool:
        current = before.rules.get(rule.name)
        if current is None:  # nobody's when the deployment was planned
            bus.refuse_others(events, decided.rule_arn(rule.name), settings.app)
        return bus.apply(events, current, rule)

    written = sum(aws.in_parallel(put, wanted.values()))
    return CreateTargetsOutput(written=written, unchanged=len(wanted) - written)
