"""PlanDeployment: compares what is with what should be; stores the snapshot and the plan, and writes nothing else."""

from rota import aws, bus, plan, preflight, revisions, rules, schedule, service, source, store
from rota.models import PlanDeploymentInput, PlanDeploymentOutput
from rota.settings import Settings
from rota.step import step


@step
def handler(request: PlanDeploymentInput, settings: Settings) -> PlanDeploymentOutput:
    config = request.config
    raw = source.reread(aws.s3(), settings.bucket, config.schedule)
    tasks = schedule.read(raw, rule_prefix=settings.rule_prefix, max_tasks=settings.rule_quota)
    found = bus.read(aws.events(), settings.rule_prefix).values()
    before = plan.Snapshot(
        rules={rule.name: rule for rule in found if rule.belongs_to(settings.app)},
        service=service.state(service.read(aws.ecs(), settings)),
    )
    faults = preflight.Faults()
    faults.blame_operator(preflight.of_roles(before.rules.values(), settings))
    if faults:
        faults.complain()
    snapshot = store.write(aws.s3(), settings.bucket, request.execution, "snapshot", before)
    decided = plan.make(
        settings,
        image_uri=config.image_uri,
        cluster_arn=config.cluster_arn,
        base=revisions.read(aws.ecs(), config.base),
        newest_revision=revisions.newest(aws.ecs(), settings.family),
        tasks=tasks,
        before=before,
        snapshot=snapshot,
        ours=_ours(settings, before),
    )
    document = store.write(aws.s3(), settings.bucket, request.execution, "plan", decided)
    return plan.describe(decided, document)


def _ours(settings: Settings, before: plan.Snapshot) -> list[revisions.Definition]:
    """Our revisions that are in use, and those above the service's, which a deployment that was aborted left behind."""
    ecs, runs = aws.ecs(), before.service.task_definition
    arns = rules.runs(before.rules.values()) | {runs}
    arns.update(revisions.newer_than(ecs, settings.family, revisions.revision_number(runs)))
    found = aws.in_parallel(lambda arn: revisions.read(ecs, arn), sorted(arns))
    return [each for each in found if each.belongs_to(settings.app)]
