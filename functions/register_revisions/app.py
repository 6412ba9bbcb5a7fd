"""RegisterRevisions: one revision per task, then one for the API, all of the pushed digest."""

import time
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract.step_io import Registered, RegisterRevisionsInput, RegisterRevisionsOutput
from rota.deployment import artifacts
from rota.ecs import arns, task_definitions
from rota.ecs.derive import derive_content
from rota.ecs.fingerprint import fingerprint_of
from rota.errors import RejectedError
from rota.handlers.planned import read_plan
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ecs import ECSClient

# For registering, of the function's 15 minutes. ECS does one a second, so many take several rounds of this step.
_SECONDS = 780


@writing_step(read_plan)
def handler(request: RegisterRevisionsInput, settings: Settings, plan: Plan) -> RegisterRevisionsOutput:
    give_up_at = time.monotonic() + _SECONDS
    ecs, once = clients.ecs(), clients.ecs(attempts=1)
    active = _active(ecs, settings, plan)
    newer = [arn for arn in active if arns.revision_number(arn) > plan.newest_revision]
    found = in_parallel(lambda arn: task_definitions.read_revision(ecs, arn), newer)
    # An earlier round, or an attempt that was interrupted, has registered some already. Copies that a person made of
    # these are newer.
    own = (each for each in found if each.registered_by(settings.app, request.execution.name))
    known = {key: first.arn for key, (first, *_) in task_definitions.reusable_by_fingerprint(own, settings.app).items()}

    # One after the other, in the file's order: ECS's quota of one a second is slower than its answers.
    for revision in plan.registers:
        if revision.fingerprint not in known and time.monotonic() < give_up_at:
            content = derive_content(plan.base, settings, plan.image_uri, revision.runs)
            if fingerprint_of(content, task_definitions.inherited_tags(plan.base)) != revision.fingerprint:
                raise RejectedError("the stack's parameters changed since the deployment was planned; start it again")
            newer_base = None if revision.runs else _newest_foreign(ecs, settings, plan, known.values(), active)
            tags = task_definitions.revision_tags(
                plan.base, settings.app, request.execution.name, revision.fingerprint, revision.runs, newer_base
            )
            known[revision.fingerprint] = task_definitions.register_revision(once, content, tags)

    registered = {each.fingerprint: known[each.fingerprint] for each in plan.registers if each.fingerprint in known}
    remaining = len(plan.registers) - len(registered)
    document = None
    if not remaining:
        artifact = Registered(revisions=registered)
        document = artifacts.write(clients.s3(), settings.bucket, request.execution, "revisions", artifact)
    return RegisterRevisionsOutput(
        finished=not remaining, document=document, registered=len(registered), remaining=remaining
    )


def _active(ecs: "ECSClient", settings: Settings, plan: Plan) -> set[str]:
    """The family's ACTIVE revisions that matter. RejectedError if one that is to be used again is not among them."""
    lowest = min(map(arns.revision_number, plan.reused.values()), default=plan.newest_revision + 1)
    active = set(task_definitions.list_newer(ecs, settings.family, min(lowest - 1, plan.newest_revision)))
    if gone := sorted({*plan.reused.values()} - active):
        names = ", ".join(map(arns.short_name, gone))
        raise RejectedError(f"{names} was deregistered since the deployment was planned; start it again")
    return active


def _newest_foreign(
    ecs: "ECSClient", settings: Settings, plan: Plan, own: "Iterable[str]", active: set[str]
) -> str | None:
    """What infrastructure code has registered since the base was chosen: the API's will have a higher number.

    `active` was listed when this step began, which serves where the API's is the only one to register.
    """
    base, registered = plan.base, {*own}
    if len(plan.registers) > 1:
        active = {*task_definitions.list_newer(ecs, settings.family, arns.revision_number(base.arn))}
    unknown = (arn for arn in active - registered if not arns.is_among(arn, plan.own_numbers))
    newer = sorted((arn for arn in unknown if _is_newer(arn, base)), key=arns.revision_number, reverse=True)
    served = task_definitions.find_revision(ecs, plan.service_runs) if newer and plan.service_runs != base.arn else None
    others = (task_definitions.read_revision(ecs, arn) for arn in newer)
    return next((each.arn for each in others if task_definitions.is_foreign(each, base, served)), None)


def _is_newer(arn: str, base: task_definitions.Revision) -> bool:
    return arns.revision_number(arn) > arns.revision_number(base.arn)
