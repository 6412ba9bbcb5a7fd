"""PlanDeployment: compares what is with what should be; stores the snapshot and the plan, and writes nothing else."""

from rota import aws, plan, revisions, rules, schedule, service, source, store
from rota.models import PlanDeploymentInput, PlanDeploymentOutput
from rota.settings import Settings
from rota.step import step


@step
def handler(request: PlanDeploymentInput, settings: Settings) -> PlanDeploymentOutput:
    config = request.config
    raw = source.reread(aws.s3(), settings.bucket, config.schedule)
    tasks = schedule.read(raw, rule_prefix=settings.rule_prefix, max_tasks=settings.rule_quota)
    found = rules.read(aws.events(), settings.rule_prefix).values()
    before = plan.Snapshot(
        rules={rule.name: rule for rule in found if rule.belongs_to(settings.app)},
        service=service.state(service.read(aws.ecs(), settings)),
    )
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
        known=_known(settings, before),
    )
    document = store.write(aws.s3(), settings.bucket, request.execution, "plan", decided)
    return plan.describe(decided, document)


def _known(settings: Settings, before: plan.Snapshot) -> dict[str, str]:
    """Fingerprint -> ARN of the revisions that are in use now and can be used again."""
    in_use = {arn for rule in before.rules.values() if (arn := rules.runs(rule))} | {before.service.task_definition}
    ecs = aws.ecs()
    found = aws.in_parallel(lambda arn: revisions.read(ecs, arn), sorted(in_use))
    return revisions.by_fingerprint(found, settings.app)
