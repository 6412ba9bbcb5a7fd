"""What keys of the schedule file say of a target. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.settings import Settings


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
_NEEDS = {
    **dict.fromkeys(("Tags", "PropagateTags", "EnableECSManagedTags"), "tags"),
    "EnableExecuteCommand": "exec",
}


def ecs_members(task: "Task") -> dict[str, Any]:
    """The members of EcsParameters that the task's keys set where they are written, and else leave alone."""
    members: dict[str, Any] = {}
    if task.capacity_provider:
        # Each with its base, as EventBridge shows them.
        members["CapacityProviderStrategy"] = [
            {"capacityProvider": name, "weight": weight, "base": 0} for name, weight in task.capacity_provider.items()
        ]
    if task.tags is not None:
        members["Tags"] = [{"Key": key, "Value": value} for key, value in task.tags.items()]
    if task.propagate_tags is not None:
        members["PropagateTags"] = "TASK_DEFINITION" if task.propagate_tags else None
    if task.enable_execute_command is not None:
        members["EnableExecuteCommand"] = task.enable_execute_command
    return members


def ecs_parameters(members: Mapping[str, Any], task: "Task", settings: "Settings", revision: str) -> dict[str, Any]:
    """EcsParameters of the target that runs the `revision`, an ARN, with those of the `members` that have a value."""
    # ECS takes one of the two: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    launch = {} if members.get("CapacityProviderStrategy") else {"LaunchType": "FARGATE"}
    return {
        **{member: value for member, value in members.items() if value not in (None, [])},
        "TaskDefinitionArn": revision,
        "TaskCount": task.count,
        **launch,
        "NetworkConfiguration": {
            "awsvpcConfiguration": {
                "Subnets": list(task.subnets or settings.subnets),
                "SecurityGroups": list(task.security_groups or settings.security_groups),
                "AssignPublicIp": public_ip(task, settings),
            }
        },
        "PlatformVersion": task.platform_version or settings.platform_version,
    }


def needs(ecs: Mapping[str, Any]) -> dict[str, str]:
    """Which of EcsParameters the role that starts the task needs more rights for: EventsRoleAllows by the member."""
    return {member: right for member, right in _NEEDS.items() if ecs.get(member)}


def public_ip(task: "Task", settings: "Settings") -> str:
    """AssignPublicIp, as the task says it, else the stack."""
    if task.assign_public_ip is None:
        return settings.assign_public_ip
    return "ENABLED" if task.assign_public_ip else "DISABLED"
