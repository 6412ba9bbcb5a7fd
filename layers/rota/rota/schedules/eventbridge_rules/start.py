"""What EventBridge asks of ECS for a rule's target, so that Rota can ask it once more. Pure.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EcsParameters.html and
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html.
"""

import json
from datetime import UTC, datetime
from typing import Any

from rota.schedules.eventbridge_rules import watching
from rota.schedules.eventbridge_rules.rule import Rule

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


def request(rule: Rule, due: datetime) -> dict[str, Any] | None:
    """RunTask's request for the rule's task, due then, without `startedBy` and `clientToken`; None if the rule has no
    such target, or Rota did not write its input.
    """
    target = watching.target_of(rule)
    if not target:
        return None
    # Without an input ECS gets the event, which has no overrides.
    has_input = any(member in target for member in ("Input", "InputPath", "InputTransformer"))
    text = watching.overrides_at(target, due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    overrides = _json(text) if has_input else {}
    if not isinstance(overrides, dict):
        return None
    ecs = target["EcsParameters"]
    asked = {
        "cluster": target["Arn"],
        **{there: ecs[here] for here, there in _SAME.items() if here in ecs},
        "networkConfiguration": _network(ecs.get("NetworkConfiguration")),
        "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in ecs.get("Tags") or []],
        "overrides": overrides,
    }
    return {member: value for member, value in asked.items() if value not in (None, [])}


def _json(text: str | None) -> Any:
    """What a person wrote may be no JSON: a template with variables that only EventBridge knows."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _network(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    """ECS's members begin in lower case."""
    if configuration is None:
        return None
    awsvpc = configuration.get("awsvpcConfiguration") or {}
    return {"awsvpcConfiguration": {member[0].lower() + member[1:]: value for member, value in awsvpc.items()}}
