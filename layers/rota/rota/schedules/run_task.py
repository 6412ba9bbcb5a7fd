"""RunTask's request for what a target starts, whichever service it is a target of. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html.
"""

from collections.abc import Iterable, Mapping
from typing import Any

# By the member of EcsParameters, that of RunTask, where the values are the same.
_SAME = {
    "TaskDefinitionArn": "taskDefinition",
    "TaskCount": "count",
    "LaunchType": "launchType",
    "CapacityProviderStrategy": "capacityProviderStrategy",
    "PlatformVersion": "platformVersion",
    "Group": "group",
    "EnableECSManagedTags": "enableECSManagedTags",
    "EnableExecuteCommand": "enableExecuteCommand",
    "PropagateTags": "propagateTags",
    "ReferenceId": "referenceId",
}


def request(target: Mapping[str, Any], overrides: Mapping[str, Any], tags: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """RunTask's request without `startedBy` and `clientToken`."""
    ecs = target["EcsParameters"]
    asked = {
        "cluster": target["Arn"],
        **{there: ecs[here] for here, there in _SAME.items() if here in ecs},
        "networkConfiguration": _network(ecs.get("NetworkConfiguration")),
        "tags": [{"key": key, "value": value} for key, value in tags],
        "overrides": overrides,
    }
    return {member: value for member, value in asked.items() if value not in (None, [])}


def _network(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    """ECS's members begin in lower case."""
    if configuration is None:
        return None
    awsvpc = configuration.get("awsvpcConfiguration") or {}
    return {"awsvpcConfiguration": {member[0].lower() + member[1:]: value for member, value in awsvpc.items()}}
