"""What keys of the schedule file say of a target. Pure."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.settings import Settings


def of_ecs(task: "Task") -> dict[str, Any]:
    """The members of EcsParameters that the task's keys set where they are written, and else leave alone."""
    members: dict[str, Any] = {}
    if task.capacity_provider:
        # Each with its base, as EventBridge shows them.
        members["CapacityProviderStrategy"] = [
            {"capacityProvider": name, "weight": weight, "base": 0} for name, weight in task.capacity_provider.items()
        ]
    return members


def public_ip(task: "Task", settings: "Settings") -> str:
    """AssignPublicIp, as the task says it, else the stack."""
    if task.assign_public_ip is None:
        return settings.assign_public_ip
    return "ENABLED" if task.assign_public_ip else "DISABLED"
