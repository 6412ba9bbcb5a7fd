"""When two contents of task definitions are alike, however ECS has ordered and completed what it was given. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]


def fingerprint_of(content: Content, tags: Mapping[str, str]) -> str:
    """The same for two definitions that ECS would run alike, however it ordered or completed them. 64 hex digits."""
    text = json.dumps({"content": _canonical(content), "tags": dict(tags)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Without what is empty (ECS fills it in), and without the order of lists of objects (ECS does not keep it)."""
    if isinstance(value, dict):
        bare = {key: _canonical(inner) for key, inner in value.items()}
        return {key: inner for key, inner in bare.items() if inner not in (None, "", [], {}) and inner != 0}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, dict) for item in items):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return value


def contains(found: Content, wanted: Content) -> bool:
    """Whether what ECS describes is what was wanted; it completes what it is given, and keeps no order of lists of
    objects.
    """
    return _holds(_canonical(found), _canonical(wanted))


# What ECS does not complete by itself, and what decides what runs: of the whole, and of a container.
_AS_GIVEN = {
    *("taskRoleArn", "executionRoleArn", "volumes", "cpu", "memory"),
    *("image", "command", "entryPoint", "workingDirectory", "user", "environment", "environmentFiles", "secrets"),
    *("mountPoints", "dependsOn", "privileged", "readonlyRootFilesystem"),
}


def _holds(found: Any, wanted: Any) -> bool:
    if found == wanted:
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        added = found.keys() - wanted.keys()
        return not added & _AS_GIVEN and all(_holds(found.get(key), inner) for key, inner in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return all(map(_holds, sorted(found, key=_name), sorted(wanted, key=_name)))
    return False


def _name(item: Any) -> str:
    """Of a container, a variable, a volume ...; what has none keeps its order."""
    return str(item.get("name", "")) if isinstance(item, dict) else ""
