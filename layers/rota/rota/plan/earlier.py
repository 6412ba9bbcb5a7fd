"""Plans that the previous version of Rota stored, read for a restore alone. Pure.

A stack may be updated while it deploys.
"""

from typing import Any

from rota.plan.model import Plan, Snapshot
from rota.schedules import backend

_API = "api"


def is_earlier(stored: dict[str, Any]) -> bool:
    """Whether a stored plan has the shape of the previous version of Rota: it lists every task."""
    return "tasks" in stored


def plan_of(stored: dict[str, Any], snapshot: Snapshot, rule_prefix: str) -> Plan:
    """The plan, as far as a restore needs it: every rule that it may have changed is restored whole.

    The previous version of Rota deleted what this one disables, so a rule that was to be removed is put again.
    """
    cluster_arn = stored["cluster_arn"]
    names = [rule_prefix + each["task"]["name"] for each in stored["tasks"] if each["change"] != "keep"]
    names += stored["remove"]
    changes = (backend.restored_whole(name, snapshot.schedules.get(name), cluster_arn) for name in names)
    return Plan.model_validate(
        {
            **{key: stored[key] for key in ("image_uri", "base", "newest_revision", "roll")},
            "changes": [change.model_dump() for change in changes],
            "kept": 0,
            "registers": [],
            "reused": {_API: stored["api_revision"]} if stored["api_revision"] else {},
            "api": _API,
            "service_runs": snapshot.service.task_definition,
            "algorithm": 0,
        },
        extra="ignore",
    )


def revisions_of(registered: dict[str, Any]) -> dict[str, str]:
    """What the previous version of Rota registered, by fingerprint: the API's revision alone."""
    return {_API: registered["api"]} if registered else {}
