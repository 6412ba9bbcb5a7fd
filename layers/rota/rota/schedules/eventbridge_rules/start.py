"""What EventBridge asks of ECS for a rule's target, so that Rota can ask it once more. Pure.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EcsParameters.html
"""

import json
from datetime import UTC, datetime
from typing import Any

from rota.schedules import run_task
from rota.schedules.eventbridge_rules import watching
from rota.schedules.eventbridge_rules.rule import Rule


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
    tags = target["EcsParameters"].get("Tags") or []
    return run_task.request(target, overrides, [(tag["Key"], tag["Value"]) for tag in tags])


def _json(text: str | None) -> Any:
    """What a person wrote may be no JSON: a template with variables that only EventBridge knows."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
