"""CreateTargets: puts each task's rule and its one target in place, only where they differ."""

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract import CreateTargetsInput, CreateTargetsOutput, Registered
from rota.deployment import artifacts
from rota.handlers.step import writing_step
from rota.plan.model import Plan, Snapshot
from rota.schedules.eventbridge_rules import api
from rota.schedules.eventbridge_rules.rule import Rule
from rota.settings import Settings


@writing_step
def handler(request: CreateTargetsInput, settings: Settings) -> CreateTargetsOutput:
    decided = artifacts.read(clients.s3(), settings.bucket, request.plan, Plan)
    before = artifacts.read(clients.s3(), settings.bucket, decided.snapshot, Snapshot)
    revisions = artifacts.read(clients.s3(), settings.bucket, request.revisions, Registered)

    events = clients.events()
    wanted = decided.wanted_rules(settings, revisions)

    def put(rule: Rule) -> bool:
        current = before.rules.get(rule.name)
        if current is None:  # nobody's when the deployment was planned
            api.reject_foreign_rule(events, decided.rule_arn(rule.name), settings.app)
        return api.apply(events, current, rule)

    written = sum(in_parallel(put, wanted.values()))
    return CreateTargetsOutput(written=written, unchanged=len(wanted) - written)
