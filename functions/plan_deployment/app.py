"""PlanDeployment: compares what is with what should be; stores the snapshot and the plan, and writes nothing else."""

from rota import aws, plan, planner, preflight, revisions, rules, schedule, service, source, store
from rota.faults import Faults
from rota.models import PlanDeploymentInput, PlanDeploymentOutput
from rota.settings import Settings
from rota.step import step
from rota.survey import survey


@step
def handler(request: PlanDeploymentInput, settings: Settings) -> PlanDeploymentOutput:
    config = request.config
    with aws.threads() as pool:
        file = pool.submit(source.reread, aws.s3(), settings.bucket, config.schedule)
        description = pool.submit(service.read, aws.ecs(), settings)
    tasks = schedule.read(file.result(), rule_prefix=settings.rule_prefix, max_tasks=settings.rule_quota)
    wanted = [settings.rule_prefix + task.name for task in tasks]
    state = service.state(description.result())
    surveyed = survey(aws.events(), aws.tagging(), aws.ecs(), settings, wanted, state.task_definition)
    ours = {name: rule for name, rule in surveyed.rules.items() if rule.belongs_to(settings.app)}
    before = plan.Snapshot(rules=ours, service=state)
    faults = Faults()
    owners = {name: rule.owner for name, rule in surveyed.rules.items()}
    managers = {name: rule.managed_by for name, rule in surveyed.rules.items() if rule.managed_by}
    faults.blame_operator(preflight.of_names(wanted, owners, managers, settings.app))
    faults.blame_operator(preflight.of_roles(before.rules.values(), settings))
    if faults:
        faults.complain()
    snapshot = store.write(aws.s3(), settings.bucket, request.execution, "snapshot", before)
    found = planner.Found(
        base=revisions.read(aws.ecs(), config.base),
        newest_revision=revisions.newest(aws.ecs(), settings.family),
        before=before,
        snapshot=snapshot,
        ours=surveyed.ours,
        run_by_rules=rules.runs(surveyed.rules.values()),
    )
    decided = planner.make(settings, config, tasks, found)
    document = store.write(aws.s3(), settings.bucket, request.execution, "plan", decided)
    return planner.describe(decided, document)
