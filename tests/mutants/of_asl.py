"""Small changes to the state machine: to its transitions, conditions, retries, timeouts and paths."""

import copy
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from tests.mutants.mutant import Mutant

Path = tuple[str | int, ...]
_DROPPED = object()
_UNCHANGED = {"Comment", "Type", "Resource", "Result"}


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every change to a definition in Amazon States Language."""
    definition = json.loads(text)
    for place, value, operator in _changes(definition):
        yield Mutant(
            area="asl",
            path=path,
            line=_line(text, place),
            operator=operator,
            change=f"{_name(definition, place)} {'dropped' if value is _DROPPED else f'-> {json.dumps(value)}'}",
            make=partial(_changed, definition, place, value),
            # Ten lists of retriers are most of the file.
            weight=0.3 if "Retry" in place else 1.0,
        )


def _changes(definition: dict[str, Any]) -> Iterator[tuple[Path, object, str]]:
    names = list(definition["States"])
    for place, value in _values(definition, ()):
        key = place[-1]
        if key in {"Next", "Default", "StartAt"}:
            # The states before and after it in the file: a different one for each, and always the same.
            at = names.index(value)
            yield from ((place, names[(at + step) % len(names)], "transition") for step in (-1, 1))
        elif isinstance(value, bool):
            yield place, not value, "const-bool"
        elif isinstance(value, int | float):
            yield place, value * 2 or 1, "number"
            yield place, value - 1, "number"
        elif isinstance(value, str) and isinstance(key, str):
            yield place, f"{value}X", "const-str"
        if isinstance(key, int) or key in _OPTIONAL or key.endswith(".$"):
            yield place, _DROPPED, "drop"


_OPTIONAL = {
    *("Retry", "Catch", "TimeoutSeconds", "Default", "ResultPath"),
    *("IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"),
}


def _values(value: Any, place: Path) -> Iterator[tuple[Path, Any]]:
    if place:
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        if key not in _UNCHANGED:
            yield from _values(each, (*place, key))


def _changed(definition: dict[str, Any], place: Path, value: object) -> str:
    changed = copy.deepcopy(definition)
    *parents, key = place
    owner: Any = changed
    for each in parents:
        owner = owner[each]
    if value is _DROPPED:
        del owner[key]
    else:
        owner[key] = value
    return json.dumps(changed, indent=2) + "\n"


def _name(definition: dict[str, Any], place: Path) -> str:
    """A place in words: retriers by the errors they are for, choices by what they compare with."""
    words: list[str] = []
    value: Any = definition
    for key in place:
        value = value[key]
        if key == "States":
            continue
        if isinstance(key, int):
            which = value
            if isinstance(value, dict):
                which = value.get("ErrorEquals", [value.get("StringEquals", value.get("BooleanEquals"))])[0]
            words[-1] += f"[{which}]"
        else:
            words.append(key)
    return ".".join(words)


def _line(text: str, place: Sequence[str | int]) -> int:
    """The line of the state, or of the machine's own field."""
    name = place[1] if place[0] == "States" else place[0]
    found = re.search(rf'^\s*"{name}":', text, re.MULTILINE)
    return text.count("\n", 0, found.start() + 1) + 1 if found else 1
