"""CreateTargets: creates or updates the rule and the one target of each task whose schedule changes."""

from rota.aws.parallel import in_parallel
from rota.contract import CreateTargetsInput, CreateTargetsOutput
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


@writing_step(read_plan_and_revisions)
def handler(
    request: CreateTargetsInput, settings: Settings, planned: tuple[Plan, dict[str, str]]
) -> CreateTargetsOutput:
    (plan, revisions), schedules = planned, backend.connect(settings)
    changes = plan.of_kind("create", "update")
    in_parallel(lambda change: schedules.apply(change, revisions), changes)
    return CreateTargetsOutput(written=len(changes))
