"""The stack's parameters without which a deployment refuses the tasks that were taken. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rota.ecs import secrets

if TYPE_CHECKING:
    from rota.cli.import_schedules.compare import Place
    from rota.cli.import_schedules.entry import Taken

NAMES = ("TaskNetworks", "EventsRoleAllows", "TaskRoleArns", "SecretsAllowed")
_RIGHTS = ("tags", "exec")


def parameters(taken: "Sequence[Taken]", place: "Place") -> dict[str, str]:
    """Each with the value that it needs, with what it has already; those that will do are left out."""
    settings, tasks = place.settings, [each.task for each in taken]
    rights = {*settings.events_role_allows, *(right for task in tasks for right in task.rights.values())}
    cluster_arn = place.base.arn.replace(":task-definition/", ":cluster/")
    named = sorted({arn for task in tasks for arn in secrets.arns_of(task, cluster_arn).values()})
    refused = [arn for arn in named if not secrets.is_allowed(arn, settings.secrets_allowed)]
    roles = dict.fromkeys([*settings.task_role_arns, *(task.role for task in tasks if task.role)])
    needed: dict[str, Sequence[str]] = {
        "TaskNetworks": ["any"] if settings.task_networks == "stack" and any(task.network for task in tasks) else [],
        "EventsRoleAllows": sorted(rights, key=_RIGHTS.index) if rights - {*settings.events_role_allows} else [],
        "TaskRoleArns": [*roles] if len(roles) > len(settings.task_role_arns) else [],
        "SecretsAllowed": [*settings.secrets_allowed, *refused] if refused else [],
    }
    return {name: ",".join(values) for name, values in needed.items() if values}
