"""YAML to JSON's values, strictly, with the line of each: YAML 1.2's core schema, https://yaml.org/spec/1.2.2/#103-core-schema.

Only true and false are boolean, and nothing is a date. What JSON cannot say is a fault: anchors, aliases, tags, merge
keys, repeated keys, several documents.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from rota.schedule_file.problem import Location, NumberAsWritten

# Python refuses to parse an int of thousands of digits, and no key takes one of more.
_LONGEST_INT = 19
_CORE: tuple[tuple[str, Callable[[str], Any]], ...] = (
    (r"|~|null|Null|NULL", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (rf"[-+]?[0-9]{{1,{_LONGEST_INT}}}", int),
    (r"0o[0-7]+", lambda text: int(text[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda text: int(text, 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", NumberAsWritten),
    (r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN", lambda text: NumberAsWritten(text.replace(".", ""))),
)
_MERGE = "<<"
# Of objects and lists in each other; a task needs six.
_DEEPEST = 30
Event = Any


class Position(NamedTuple):
    """A place in the file; both count from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """What is wrong at a place of a YAML file."""

    position: Position
    message: str


@dataclass(frozen=True)
class Document:
    """What a YAML file says. `positions`: of each value, that of its key; `plain`: where a value has no quotes."""

    value: Any
    positions: dict[Location, Position]
    plain: set[Location]
    faults: tuple[Fault, ...]


def plain_value(text: str) -> Any:
    """What a text without quotes means: null, true, false, a number, or itself."""
    return next((made(text) for pattern, made in _CORE if re.fullmatch(pattern, text)), text)


def parse(text: str) -> Document:
    """The document in `text`, with everything in it that JSON cannot say. Raises yaml.YAMLError if it is no YAML."""
    builder = _Builder()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        builder.take(event)
        if builder.is_too_deep:
            break
    return Document(builder.value, builder.positions, builder.plain, tuple(builder.faults))


class _Open(NamedTuple):
    """A list or an object whose end has not come yet."""

    value: Any
    location: Location
    is_key: bool = False


class _Builder:
    """Takes PyYAML's events. What is nested is in a list, not on Python's stack."""

    def __init__(self) -> None:
        self.value: Any = None
        self.positions: dict[Location, Position] = {}
        self.plain: set[Location] = set()
        self.faults: list[Fault] = []
        self._open: list[_Open] = []
        self._key: str | None = None
        self._key_at = Position(1, 1)
        self._documents = 0

    @property
    def is_too_deep(self) -> bool:
        return len(self._open) > _DEEPEST

    def take(self, event: Event) -> None:
        at = Position(event.start_mark.line + 1, event.start_mark.column + 1)
        self.faults += [Fault(at, message) for message in self._foreign(event)]
        match event:
            case yaml.AliasEvent():
                self._add(None, at)
            case yaml.ScalarEvent():
                self._scalar(event, at)
            case yaml.SequenceStartEvent():
                self._begin([], at)
            case yaml.MappingStartEvent():
                self._begin({}, at)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                if self._open.pop().is_key:
                    self._key = "?"
        if self.is_too_deep:
            self.faults.append(Fault(at, "is nested too deeply; a task is an object in the list of tasks, no deeper"))

    def _foreign(self, event: Event) -> Iterator[str]:
        """What of an event JSON cannot say."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                yield "a second document begins; a schedule file is one, without --- inside"
        elif isinstance(event, yaml.AliasEvent):
            yield (
                f"*{event.anchor} is an alias, not allowed here; write the value itself, or put a text "
                "that begins with * in quotes"
            )
        elif getattr(event, "anchor", None):
            yield f"&{event.anchor} is an anchor, not allowed here; remove it, and write each value out"
        elif getattr(event, "tag", None):
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            yield f"{shown} is a tag, not allowed here; remove it"

    def _scalar(self, event: Event, at: Position) -> None:
        if self._wants_a_key():
            self._set_key(event.value, at, quoted=not event.implicit[0])
        else:
            is_plain = event.implicit[0]
            location = self._add(plain_value(event.value) if is_plain else event.value, at)
            if is_plain:
                self.plain.add(location)

    def _begin(self, value: Any, at: Position) -> None:
        if self._wants_a_key():
            self.faults.append(Fault(at, "a key is a list or an object; write a text"))
            self._open.append(_Open(value, (*self._open[-1].location, "?"), is_key=True))
            return
        self._open.append(_Open(value, self._add(value, at)))

    def _wants_a_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._key is None

    def _set_key(self, key: str, at: Position, *, quoted: bool) -> None:
        owner = self._open[-1]
        if key == _MERGE and not quoted:
            self.faults.append(Fault(at, "<< merges an object, not allowed here; write its keys instead"))
        if key in owner.value:
            before = self.positions[(*owner.location, key)].line
            self.faults.append(Fault(at, f"the key {key} is repeated, it is in line {before} too; keep one of them"))
        self._key, self._key_at = key, at

    def _add(self, value: Any, at: Position) -> Location:
        """Put a value where it belongs. Returns its location."""
        location: Location = ()
        if not self._open:
            self.value = value
        else:
            owner = self._open[-1]
            if isinstance(owner.value, list):
                location = (*owner.location, len(owner.value))
                owner.value.append(value)
            else:
                key, at = str(self._key), self._key_at
                location = (*owner.location, key)
                owner.value[key] = value
                self._key = None
        self.positions[location] = at
        return location
