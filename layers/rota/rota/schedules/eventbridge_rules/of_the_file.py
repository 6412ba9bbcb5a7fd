"""The members of a target that keys of the schedule file set where they are written, and else leave alone. Pure."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.schedule_file.task import Task


def of_ecs(task: "Task") -> dict[str, Any]:
    """The members of EcsParameters that the task's keys say."""
    members: dict[str, Any] = {}
    if task.capacity_provider:
        # Each with its base, as EventBridge shows them.
        members["CapacityProviderStrategy"] = [
            {"capacityProvider": name, "weight": weight, "base": 0} for name, weight in task.capacity_provider.items()
        ]
    return members
