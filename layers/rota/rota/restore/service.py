"""Putting a snapshot's service back: rolled to the revision that it ran, unless somebody else has rolled it since."""

import time
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.ecs import arns, task_definitions
from rota.ecs.fingerprint import fingerprint_of
from rota.ecs.service import ROLLOUT_VISIBLE_AFTER, read_service, start_rollout, state_of_service
from rota.errors import RejectedError
from rota.restore.context import CannotRestoreError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

    from rota.restore.context import RestoreContext
    from rota.settings import Settings


def put_back(ecs: "ECSClient", undo: "RestoreContext", rolled_to: str, *, just_now: bool) -> str:
    """Roll the service back if it must be; the revision to which ECS is rolling it, in words, or nothing.

    `rolled_to` is the revision to which the deployment rolls it, `just_now` if ECS need not show that yet.
    """
    settings, before = undo.settings, undo.before.service
    description = described(ecs, settings)
    ran = arns.short_name(before.task_definition)
    if just_now and description and description["taskDefinition"] != rolled_to:
        time.sleep(ROLLOUT_VISIBLE_AFTER)
        description = described(ecs, settings)
    if description is None:
        raise CannotRestoreError(f"the service {settings.service} is gone, somebody has deleted it")
    if description["taskDefinition"] == before.task_definition:
        now = state_of_service(description)
        return "" if now.steady or now.deployment_id == before.deployment_id else ran
    # ECS itself rolls back to what was steady last. Anything else but ours is somebody's own rollout.
    if before.steady and not _is_ours(ecs, undo, description["taskDefinition"], rolled_to):
        theirs = arns.short_name(description["taskDefinition"])
        raise CannotRestoreError(
            f"the service {settings.service} runs {theirs}, to which somebody has rolled it meanwhile; that stays"
        )
    definition = task_definitions.read_revision(ecs, before.task_definition)
    if definition.active:
        start_rollout(ecs, settings, definition.arn, description)
        return ran
    # Infrastructure code deregisters a revision once it has a newer one, and ECS moves no service to it any more.
    again = _registered_again(ecs, undo, definition)
    start_rollout(ecs, settings, again, description)
    return f"{arns.short_name(again)}, which has the content of {ran}; that is INACTIVE"


def described(ecs: "ECSClient", settings: "Settings") -> "ServiceTypeDef | None":
    """The service as ECS describes it; None if somebody has deleted it."""
    try:
        description = read_service(ecs, settings)
    except RejectedError:
        return None
    return None if description["status"] == "INACTIVE" else description


def _is_ours(ecs: "ECSClient", undo: "RestoreContext", arn: str, rolled_to: str) -> bool:
    """Whether the deployment rolled the service to this revision, or a restore to one in place of what it had run."""
    return arn == rolled_to or task_definitions.read_revision(ecs, arn).registered_by(
        undo.settings.app, undo.execution.name
    )


def _registered_again(ecs: "ECSClient", undo: "RestoreContext", gone: task_definitions.Revision) -> str:
    """An ACTIVE revision with the content and the tags of one that is gone: its ARN."""
    settings, fingerprint = undo.settings, fingerprint_of(gone.content, task_definitions.inherited_tags(gone))
    newer = task_definitions.list_newer(ecs, settings.family, undo.plan.newest_revision)
    known = task_definitions.reusable_by_fingerprint(
        (task_definitions.read_revision(ecs, arn) for arn in newer), settings.app
    )
    if fingerprint in known:
        return known[fingerprint][0].arn  # an interrupted attempt has registered it already
    tags = task_definitions.replacement_tags(gone, settings.app, undo.execution.name, fingerprint)
    return task_definitions.register_revision(clients.ecs(attempts=1), gone.content, tags)
