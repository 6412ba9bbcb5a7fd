"""Deregistering the revisions that a failed deployment registered and that nothing runs."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.ecs import arns, service_deployments, task_definitions
from rota.errors import listed
from rota.restore import service
from rota.restore.context import RETRIES
from rota.schedules import backend

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.ecs.task_definitions import Revision
    from rota.restore.context import RestoreContext

# EventBridge may fire a rule for "a short period of time" as it was before a change, and nothing runs what is INACTIVE:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
# Less than SETTLES_WITHIN: each restore after CreateTargets waits for it, and a run that comes later is one that fails.
_UNTIL_NOTHING_FIRES = 20
# Of the function's 15 minutes, until no more revisions are deregistered: ECS does one a second.
_SECONDS = 600


def deregister(context: "RestoreContext", begun: float) -> Iterable[str]:
    """Deregister what the deployment registered, but nothing that a schedule or the service still names.

    Returns a remark for what stays ACTIVE. What AWS refuses is raised, and after so many retries remarked; so is what
    there is no time for, counted from when the function had `begun`, by `time.monotonic`.
    """
    ecs, settings, give_up_at = clients.ecs(), context.settings, begun + _SECONDS
    newer = task_definitions.list_newer(ecs, settings.family, context.plan.newest_revision)
    found = in_parallel(lambda arn: task_definitions.read_revision(ecs, arn), newer)
    # What replaces an INACTIVE one stays: the service was rolled back to it just now, which ECS may not show yet.
    registered = (each for each in found if each.registered_by(settings.app, context.execution.name))
    own = [each.arn for each in registered if not each.replaces and not _is_copy(ecs, context, each)]
    if not own:
        return ()
    if context.targets_begun:  # rules may have run what is unused now, and may be shown as they were
        time.sleep(_UNTIL_NOTHING_FIRES)
    backends = {each.backend for each in (*context.plan.changes, *context.snapshot.schedules.values())}
    shown = backend.connect(settings).revisions_in_use(backends)
    in_use, completed = shown | backend.revisions_of(context.snapshot.schedules.values()), set[str]()
    if description := service.described(ecs, settings):
        in_use.add(description["taskDefinition"])
        # ECS itself goes back to what was completed last, should the rollback fail.
        completed = {d["taskDefinition"] for d in description["deployments"] if d.get("rolloutState") == "COMPLETED"}
        if service_deployments.may_go_back(ecs, description):  # such a service has no rolloutState
            completed = {d["taskDefinition"] for d in description["deployments"]}
    unused = [arn for arn in own if arn not in in_use | completed]
    kept = [
        f"{arns.short_name(arn)} stays ACTIVE, since ECS may go back to it" for arn in own if arn in completed - in_use
    ]

    def refused_by(arn: str) -> Exception | None:
        if time.monotonic() >= give_up_at:
            return TimeoutError("it takes one a second, and there was no time for more")
        try:
            task_definitions.deregister_revision(ecs, arn)
        except AWS_ERRORS as refusal:
            if context.retries < RETRIES:
                raise
            return translate(refusal)
        return None

    refusals = in_parallel(refused_by, unused)
    refused = {arn: refusal for arn, refusal in zip(unused, refusals, strict=True) if refusal}
    if not refused:
        return kept
    left = listed([arns.short_name(arn) for arn in refused])
    return [*kept, f"{left} stay ACTIVE, because ECS did not deregister them ({next(iter(refused.values()))})"]


def _is_copy(ecs: "ECSClient", context: "RestoreContext", revision: "Revision") -> bool:
    """Whether a person made it of one that the deployment registered, whose tags it has."""
    original = context.revisions.get(revision.fingerprint or "")
    if original is None or original == revision.arn:
        return False
    found = task_definitions.find_revision(ecs, original)
    return found is not None and task_definitions.is_changed_copy(revision, found)
