"""PlanDeployment: compares what is with what should be; stores the snapshot and the plan, and writes nothing else."""

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract import PlanDeploymentInput, PlanDeploymentOutput
from rota.deployment import artifacts
from rota.ecs import task_definitions
from rota.ecs.service import read_service, state_of_service
from rota.handlers.step import step
from rota.plan import checks
from rota.plan.build import CurrentState, build_plan, describe_plan
from rota.plan.current_state import read_current_state
from rota.plan.model import Snapshot
from rota.plan.problems import Problems
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.s3 import read_version
from rota.schedules.eventbridge_rules.rule import task_definitions_used_by
from rota.settings import Settings


@step
def handler(request: PlanDeploymentInput, settings: Settings) -> PlanDeploymentOutput:
    config = request.config
    with thread_pool() as pool:
        file = pool.submit(read_version, clients.s3(), settings.bucket, config.schedule)
        description = pool.submit(read_service, clients.ecs(), settings)
    tasks = parse_schedule_file(file.result(), rule_prefix=settings.rule_prefix, max_tasks=settings.rule_quota)
    wanted = [settings.rule_prefix + task.name for task in tasks]
    state = state_of_service(description.result())
    surveyed = read_current_state(
        clients.events(), clients.tagging(), clients.ecs(), settings, wanted, state.task_definition
    )
    ours = {name: rule for name, rule in surveyed.rules.items() if rule.belongs_to(settings.app)}
    before = Snapshot(rules=ours, service=state)
    faults = Problems()
    owners = {name: rule.owner for name, rule in surveyed.rules.items()}
    managers = {name: rule.managed_by for name, rule in surveyed.rules.items() if rule.managed_by}
    faults.blame_operator(checks.of_names(wanted, owners, managers, settings.app))
    faults.blame_operator(checks.of_roles(before.rules.values(), settings))
    if faults:
        faults.complain()
    snapshot = artifacts.write(clients.s3(), settings.bucket, request.execution, "snapshot", before)
    found = CurrentState(
        base=task_definitions.read_revision(clients.ecs(), config.base),
        newest_revision=task_definitions.newest_number(clients.ecs(), settings.family),
        before=before,
        snapshot=snapshot,
        ours=surveyed.ours,
        run_by_rules=task_definitions_used_by(surveyed.rules.values()),
    )
    decided = build_plan(settings, config, tasks, found)
    document = artifacts.write(clients.s3(), settings.bucket, request.execution, "plan", decided)
    return describe_plan(decided, document)
