"""The digest of a plan's changes as a person sees them: what an approval is for. Pure."""

import hashlib
import json
from typing import Any

from rota.plan.model import Plan, Snapshot
from rota.schedules.revision import to_be_registered

# How a plan comes to its changes, and what is said beside them. Contents of revisions are in their fingerprints.
_NOT_SEEN = {
    "base",
    "newest_revision",
    "kept",
    "registers",
    "reused",
    "service_runs",
    "algorithm",
    "own_numbers",
    "retry_policy_set_by_rota",
    "remarks",
}
# 128 bits: of two versions of a file with one digest, which take too long to find, one could be approved for the other.
_LENGTH = 32


def digest_of_changes(plan: Plan, snapshot: Snapshot) -> str:
    """The same for plans that change the same in the same way, whenever they are made: a revision counts by its
    content, and not by whether it has a number yet.
    """
    said = plan.model_dump(mode="json", exclude=_NOT_SEEN, by_alias=False)
    changed = {change["name"] for change in said["changes"]}
    said["changes"] = [_without_start_of_rate(change) for change in said["changes"]]
    there = {name: found for name, found in snapshot.schedules.items() if name in changed}
    said["there"] = {name: found.model_dump(mode="json", exclude={"read_at"}) for name, found in there.items()}
    text = json.dumps(said, sort_keys=True)
    for fingerprint, arn in plan.reused.items():
        text = text.replace(json.dumps(arn), json.dumps(to_be_registered(fingerprint)))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def _without_start_of_rate(change: dict[str, Any]) -> dict[str, Any]:
    """A rate's StartDate is moved on by whole periods as time passes, which changes nothing of when it is due."""
    members = change.get("members") or {}
    if not str(members.get("ScheduleExpression")).startswith("rate("):
        return change
    return change | {"members": {key: value for key, value in members.items() if key != "StartDate"}}
