"""When two contents of task definitions are alike, however ECS has ordered and completed what it was given. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Content = dict[str, Any]


def fingerprint(content: Content, tags: Mapping[str, str]) -> str:
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


def holds(found: Content, wanted: Content) -> bool:
    """Whether what ECS describes has all that was wanted; it completes what it is given, and keeps no order of lists of
    objects.
    """
    return _holds(_canonical(found), _canonical(wanted))


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(key), inner) for key, inner in wanted.items())
    if isinstance(wanted, list) and all(isinstance(item, dict) for item in wanted):
        same_length = isinstance(found, list) and len(found) == len(wanted)
        return same_length and all(any(_holds(other, item) for other in found) for item in wanted)
    return bool(found == wanted)
