"""PlanDeployment: compares what there is with what there should be, and stores the snapshot and the plan."""

from datetime import UTC, datetime, timedelta

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Asks
from rota.contract.step_io import PlanDeploymentInput, PlanDeploymentOutput
from rota.deployment import artifacts
from rota.errors import updated_meanwhile
from rota.handlers.step import step
from rota.plan.build import build_plan, describe_plan
from rota.plan.current_state import CurrentState
from rota.plan.model import Snapshot
from rota.settings import Settings


@step
def handler(request: PlanDeploymentInput, settings: Settings) -> PlanDeploymentOutput:
    begun = datetime.now(UTC)
    if request.config.state is None:
        raise updated_meanwhile("the answer of ReadConfig")
    if settings.approval != "none" and "approval" not in request.model_fields_set:
        # A machine that knows no approvals began it: null says that none is needed.
        raise updated_meanwhile("the answer of TakeTurn")
    s3, bucket, execution = clients.s3(), settings.bucket, request.execution
    state = artifacts.read(s3, bucket, request.config.state, CurrentState)
    plan, before = build_plan(settings, state), Snapshot(schedules=state.schedules, service=state.service)
    with thread_pool() as pool:
        snapshot = pool.submit(artifacts.write, s3, bucket, execution, "snapshot", before)
        document = pool.submit(artifacts.write, s3, bucket, execution, "plan", plan)
    described = describe_plan(plan, document.result(), snapshot.result()).model_copy(update={"begun_at": begun})
    if request.approval is None or plan.nothing_to_do:
        return described
    from rota.plan.seen import digest_of_changes  # noqa: PLC0415  here, because most apps need no approval

    changes = digest_of_changes(plan, before)
    until = datetime.now(UTC) + timedelta(days=settings.approval_days)
    waits = changes != request.approval.given
    return described.model_copy(update={"waits": waits, "asks": Asks(changes=changes, until=until) if waits else None})
