"""Restoring the service: rolled back to the revision that it ran, unless someone else has rolled it since."""

import time
from typing import TYPE_CHECKING, NamedTuple

from rota.aws import clients
from rota.ecs import arns, service, service_deployments, task_definitions
from rota.ecs.fingerprint import fingerprint_of
from rota.errors import RejectedError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

    from rota.restore.context import RestoreContext
    from rota.settings import Settings


class ServiceRestored(NamedTuple):
    """`rolling_to`: the revision to which ECS is rolling the service back, in words, if it is; `remark`: why the
    service is not as it was, where no later attempt will change that.
    """

    rolling_to: str = ""
    remark: str = ""


def restore_service(context: "RestoreContext") -> ServiceRestored:
    """Roll the service back if it has to be."""
    ecs, settings, before = clients.ecs(), context.settings, context.snapshot.service
    own_revision = context.revisions[context.plan.api]
    description = described(ecs, settings)
    if _rolled_just_now(context) and description and description["taskDefinition"] != own_revision:
        time.sleep(service.ROLLOUT_VISIBLE_AFTER)  # ECS may not show the update yet
        description = described(ecs, settings)
    if description is None:
        return ServiceRestored(remark=f"the service {settings.service} was deleted meanwhile")
    runs_now, ran_before = description["taskDefinition"], arns.short_name(before.task_definition)
    if runs_now == before.task_definition:
        now = service.state_of_service(description)
        return ServiceRestored("" if now.steady or now.deployment_id == before.deployment_id else ran_before)
    # After Rota's rollout ECS itself may have gone back to what was steady before. Any other revision is a rollout of
    # someone else.
    by_ecs = not before.steady and _was_rolled(context, description, own_revision)
    if not by_ecs and not _is_own(ecs, context, runs_now, own_revision):
        return ServiceRestored(
            remark=f"someone has rolled the service {settings.service} to {arns.short_name(runs_now)} meanwhile; "
            "it was left unchanged"
        )
    definition = task_definitions.read_revision(ecs, before.task_definition)
    if definition.active and _rolled_back_by_ecs(ecs, context, description, own_revision):
        return ServiceRestored(ran_before)
    if definition.active:
        service.start_rollout(ecs, settings, definition.arn, description)
        return ServiceRestored(ran_before)
    # Infrastructure code deregisters a revision once it has a newer one, and ECS moves no service to it any more.
    again = _registered_again(ecs, context, definition)
    service.start_rollout(ecs, settings, again, description)
    return ServiceRestored(f"{arns.short_name(again)}, which has the content of {ran_before}; that is INACTIVE")


def described(ecs: "ECSClient", settings: "Settings") -> "ServiceTypeDef | None":
    """The service as ECS describes it; None if it was deleted."""
    try:
        description = service.read_service(ecs, settings)
    except RejectedError:
        return None
    return None if description["status"] == "INACTIVE" else description


def _rolled_just_now(context: "RestoreContext") -> bool:
    rollout = context.record.rollout
    return rollout is None or rollout.waited_seconds <= service.ROLLOUT_VISIBLE_AFTER


def _rolled_back_by_ecs(
    ecs: "ECSClient", context: "RestoreContext", description: "ServiceTypeDef", own_revision: str
) -> bool:
    """Have ECS itself roll back, if the deployment's rollout is in progress and what ran before was complete. If Rota
    rolled the former revision out, ECS would bake it and wait at each hook, while the failed one keeps serving.
    """
    if not (context.snapshot.service.steady and service.has_stages(description)):
        return False
    rollout = context.record.rollout
    deployment = service_deployments.find(ecs, description, own_revision, rollout.staged if rollout else None)
    return deployment is not None and service_deployments.roll_back(ecs, deployment)


def _was_rolled(context: "RestoreContext", description: "ServiceTypeDef", own_revision: str) -> bool:
    """Whether the deployment is known to have rolled the service: RollService may have refused to."""
    deployed = {each["taskDefinition"] for each in description["deployments"]}
    return context.record.rollout is not None or own_revision in deployed


def _is_own(ecs: "ECSClient", context: "RestoreContext", arn: str, own_revision: str) -> bool:
    """Whether the deployment rolled the service to this revision, or a restore to one in place of what it had run."""
    if arn == own_revision:
        return True
    found = task_definitions.read_revision(ecs, arn)
    # A person's copy of the deployment's own has its tags, too, but replaces none.
    return bool(found.replaces) and found.registered_by(context.settings.app, context.execution.name)


def _registered_again(ecs: "ECSClient", context: "RestoreContext", gone: task_definitions.Revision) -> str:
    """An ACTIVE revision with the content and the tags of one that is INACTIVE: its ARN."""
    settings, fingerprint = context.settings, fingerprint_of(gone.content, task_definitions.inherited_tags(gone))
    newer = task_definitions.list_newer(ecs, settings.family, context.plan.newest_revision)
    # An interrupted attempt has registered it already; copies that a person made of that are newer.
    own = [
        each.arn
        for each in (task_definitions.read_revision(ecs, arn) for arn in newer)
        if each.active
        and each.replaces == (gone.replaces or gone.arn)
        and each.registered_by(settings.app, context.execution.name)
    ]
    if own:
        return own[-1]
    tags = task_definitions.replacement_tags(gone, settings.app, context.execution.name, fingerprint)
    return task_definitions.register_revision(clients.ecs(attempts=1), gone.content, tags)
