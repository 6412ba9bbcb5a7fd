"""Away with the revisions that a deployment registered and that nothing runs any more."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.ecs import arns, task_definitions
from rota.restore import service
from rota.schedules.eventbridge_rules import api
from rota.schedules.eventbridge_rules.rule import task_definitions_used_by

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.restore.context import RestoreContext

# EventBridge may fire a rule for "a short period of time" as it was before a change, and nothing runs what is INACTIVE:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
_UNTIL_NOTHING_FIRES = 20
# After so many retries, ten minutes or so, nobody waits for revisions to be deregistered that nothing runs.
_RETRIES_FOR_LEFTOVERS = 8
# Of the function's 15 minutes, until no more revisions are deregistered: ECS does one a second.
_SECONDS = 600
# Revisions that a message names; the cause of a failure has no room for hundreds.
_MOST_NAMED = 10


def deregister(
    events: "EventBridgeClient", ecs: "ECSClient", undo: "RestoreContext", begun: float, retries: int
) -> Iterable[str]:
    """Deregister what the deployment registered, but nothing that a target or the service still names.

    Returns what there is to say of it. What AWS refuses is raised, and after so many `retries` told; so is what there
    is no time for, counted from when the function had `begun`, by `time.monotonic`.
    """
    settings, execution, give_up_at = undo.settings, undo.execution, begun + _SECONDS
    newer = task_definitions.list_newer(ecs, settings.family, undo.plan.newest_revision)
    found = in_parallel(lambda arn: task_definitions.read_revision(ecs, arn), newer)
    # What stands for one that is gone the service was rolled back to just now, and ECS may not show that yet.
    ours = [each.arn for each in found if each.registered_by(settings.app, execution.name) and not each.replaces]
    if not ours:
        return ()
    # The rules of before have just been put back, which EventBridge may not show yet: what it shows it may still run.
    had_tags = {name: rule.tags for name, rule in undo.before.rules.items()}
    shown = api.read_rules(events, api.list_rules(events, settings.rule_prefix), had_tags)
    in_use, completed = task_definitions_used_by([*undo.before.rules.values(), *shown.values()]), set[str]()
    if description := service.described(ecs, settings):
        in_use.add(description["taskDefinition"])
        # ECS itself goes back to what was completed last, should the way back fail.
        completed = {d["taskDefinition"] for d in description["deployments"] if d.get("rolloutState") == "COMPLETED"}
    unused = [arn for arn in ours if arn not in in_use | completed]
    back_to = [arns.short_name(arn) for arn in ours if arn in completed - in_use]
    kept = [f"{name} stays ACTIVE until the next deployment, since ECS may go back to it" for name in back_to]

    if unused and undo.registered:  # CreateTargets may have begun, and rules may have run what is unused by now
        time.sleep(_UNTIL_NOTHING_FIRES)

    def refused_by(arn: str) -> Exception | None:
        if time.monotonic() >= give_up_at:
            return TimeoutError("it takes one a second; the next deployment deregisters the rest")
        try:
            task_definitions.deregister_revision(ecs, arn)
        except AWS_ERRORS as refusal:
            if retries < _RETRIES_FOR_LEFTOVERS:
                raise
            return translate(refusal)
        return None

    refusals = in_parallel(refused_by, unused)
    refused = {arn: refusal for arn, refusal in zip(unused, refusals, strict=True) if refusal}
    if not refused:
        return kept
    named, more = ", ".join(map(arns.short_name, list(refused)[:_MOST_NAMED])), len(refused) - _MOST_NAMED
    left = f"{named} and {more} more" if more > 0 else named
    return [*kept, f"{left} stay ACTIVE, because ECS did not deregister them ({next(iter(refused.values()))})"]
