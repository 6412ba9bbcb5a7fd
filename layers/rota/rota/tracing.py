"""What identifies a run's task and the minute for which it was due: environment variables in the overrides with which
ECS starts it. Pure.
"""

import json
from collections.abc import Mapping
from typing import Any

TASK = "ROTA_TASK"
SCHEDULED_AT = "ROTA_SCHEDULED_AT"
VARIABLES = (TASK, SCHEDULED_AT)
COMMAND_OF = "ROTA_COMMAND_OF"
"""Names the job with another command of which a person has started a task, which is no run of the job."""
# As long as every time of an event.
A_TIME = "2026-11-29T06:00:00Z"


def with_variables(overrides: str | None, container: str, variables: Mapping[str, str]) -> str:
    """ECS's overrides of a task, JSON, which also set these variables in that container; `overrides`: None for none."""
    whole: dict[str, Any] = json.loads(overrides) if overrides else {"containerOverrides": [{"name": container}]}
    (own,) = (each for each in whole["containerOverrides"] if each["name"] == container)
    if variables:
        own["environment"] = [*own.get("environment", []), *({"name": k, "value": v} for k, v in variables.items())]
    return json.dumps(whole, separators=(",", ":"))
