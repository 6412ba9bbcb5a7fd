"""RegisterRevisions: one revision per task, then one for the API, all of the pushed digest."""

import time
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract import RegisterRevisionsInput, RegisterRevisionsOutput
from rota.deployment import artifacts
from rota.ecs import arns, task_definitions
from rota.ecs.derive import derive_content
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# For registering, of the function's 15 minutes. ECS does one a second, so many take several rounds of this step.
_SECONDS = 780


@writing_step
def handler(request: RegisterRevisionsInput, settings: Settings) -> RegisterRevisionsOutput:
    give_up_at = time.monotonic() + _SECONDS
    ecs, once = clients.ecs(), clients.ecs(attempts=1)
    decided = artifacts.read(clients.s3(), settings.bucket, request.plan, Plan)
    lowest = min(map(arns.revision_number, decided.used_again()), default=decided.newest_revision + 1)
    active = set(task_definitions.list_newer(ecs, settings.family, min(lowest - 1, decided.newest_revision)))
    # Somebody may have deregistered what was to be used again.
    decided = decided.without(decided.used_again() - active)
    missing = decided.missing()
    # An earlier round, or an attempt that was interrupted, has registered some already.
    newer = [arn for arn in active if arns.revision_number(arn) > decided.newest_revision]
    found = in_parallel(lambda arn: task_definitions.read_revision(ecs, arn), newer)
    known = {
        fingerprint: first.arn
        for fingerprint, (first, *_) in task_definitions.reusable_by_fingerprint(found, settings.app).items()
    }

    # One after the other, in the file's order: ECS's quota of one a second is slower than its answers.
    for fingerprint, task in missing.items():
        if fingerprint not in known and time.monotonic() < give_up_at:
            content = derive_content(decided.base, settings, decided.image_uri, task)
            next_base = None if task else _newest_of_others(ecs, settings, decided.base, set(known.values()))
            tags = task_definitions.revision_tags(
                decided.base, settings.app, request.execution.name, fingerprint, task, next_base
            )
            known[fingerprint] = task_definitions.register_revision(once, content, tags)

    remaining = len(missing.keys() - known.keys())
    done = None if remaining else decided.registered(known)
    return RegisterRevisionsOutput(
        finished=done is not None,
        document=done and artifacts.write(clients.s3(), settings.bucket, request.execution, "revisions", done),
        registered=len(missing) - remaining,
        remaining=remaining,
    )


def _newest_of_others(
    ecs: "ECSClient", settings: Settings, base: task_definitions.Revision, ours: set[str]
) -> str | None:
    """What infrastructure code has registered since the base was chosen: the API's will have a higher number."""
    newer = task_definitions.list_newer(ecs, settings.family, arns.revision_number(base.arn))
    others = (task_definitions.read_revision(ecs, arn) for arn in newer if arn not in ours)
    return next(
        (each.arn for each in others if each.owner is None or task_definitions.is_changed_copy(each, base)), None
    )
