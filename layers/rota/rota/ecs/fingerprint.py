"""Whether two contents of revisions are equal, apart from what ECS reorders and completes. No I/O."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]

ALGORITHM = 1
"""The version of `fingerprint_of`, raised whenever it makes another hash of any content: hashes compare within one."""


def fingerprint_of(content: Content, tags: Mapping[str, str]) -> str:
    """64 hex digits; equal for contents that differ only in what ECS reorders or completes."""
    text = json.dumps({"content": _canonical(content), "tags": dict(tags)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Without empty values (ECS adds and drops them), and without the order of lists of objects (ECS changes it)."""
    if isinstance(value, dict):
        canonical = {key: _canonical(inner) for key, inner in value.items()}
        return {key: inner for key, inner in canonical.items() if inner not in (None, "", [], {}) and inner != 0}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, dict) for item in items):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return value


def contains(actual: Content, desired: Content) -> bool:
    """True if `actual`, which ECS has completed and reordered, still is what was `desired`."""
    return _contains(_canonical(actual), _canonical(desired))


# Fields that decide what runs and that ECS does not add on its own, of a definition and of a container.
_NEVER_COMPLETED = {
    *("taskRoleArn", "executionRoleArn", "volumes", "cpu", "memory"),
    *("image", "command", "entryPoint", "workingDirectory", "user", "environment", "environmentFiles", "secrets"),
    *("mountPoints", "dependsOn", "privileged", "readonlyRootFilesystem"),
}


def _contains(actual: Any, desired: Any) -> bool:
    if actual == desired:
        return True
    if isinstance(desired, dict) and isinstance(actual, dict):
        added = actual.keys() - desired.keys()
        return not added & _NEVER_COMPLETED and all(_contains(actual.get(key), desired[key]) for key in desired)
    if isinstance(desired, list) and isinstance(actual, list) and len(actual) == len(desired):
        return all(map(_contains, sorted(actual, key=_name), sorted(desired, key=_name)))
    return False


def _name(item: Any) -> str:
    """The name of a container, a variable, a volume; items without one keep their order."""
    return str(item.get("name", "")) if isinstance(item, dict) else ""
