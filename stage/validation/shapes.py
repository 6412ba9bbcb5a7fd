"""Validates a request's members against botocore's shape of the request.

The shapes are AWS's own models. botocore itself checks only required members, types and a few minima. Members that the
model does not know pass: AWS's JSON protocols ignore them, and AWS's model may be newer than botocore's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

MODEL_OF_ANYTHING = "document"
CONSTRAINTS = ("min", "max", "enum", "pattern")
STRUCTURED = (StructureShape, MapShape, ListShape)
WHOLE_NUMBERS = {"integer": "an Integer", "long": "a Long"}
NUMBERS = ("float", "double")
JAVA_SPELLINGS = {
    r"\p{Print}": "[[:print:]]",
    r"\p{ASCII}": r"[\x00-\x7F]",
    r"[\w-_]": r"[\w\-_]",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",  # surrogate pairs
}


@dataclass(frozen=True)
class Violation:
    """A value that the model does not allow, and its place."""

    path: str
    """In AWS's notation: `targets.1.member.id`."""
    value: Any
    constraint: str
    """In AWS's words: `Member must have length less than or equal to 64`."""


def type_error(shape: Shape, value: Any) -> str | None:
    """Why a JSON value does not have the shape's types, in the words of AWS's JSON protocols; None if it has."""
    if value is None or shape.metadata.get(MODEL_OF_ANYTHING):
        return None
    if isinstance(shape, STRUCTURED):
        if not isinstance(value, list if isinstance(shape, ListShape) else dict):
            return "Unexpected value type in payload"
        for part, inner, _ in _parts(shape, value):
            if (type(inner) is not str or part.type_name != "string") and (error := type_error(part, inner)):
                return error
        return None
    if isinstance(value, list | dict):
        return f"Start of {'list' if isinstance(value, list) else 'structure or map'} found where not expected."
    return _scalar_type_error(shape.type_name, value)


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[Violation]:
    """Every constraint of the model that a value of the right types violates, the outermost first."""
    if value is None or shape.metadata.get(MODEL_OF_ANYTHING):
        return
    if (words := _broken(shape, value)) is not None:
        yield Violation(path, value, f"Member must {words}")
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield Violation(_join(path, _lower(name)), None, "Member must not be null")
    if isinstance(shape, STRUCTURED):
        for part, inner, step in _parts(shape, value):
            if not _is_constrained(part):
                continue
            if step or not (words := _broken(part, inner)):
                yield from violations(part, inner, _join(path, step))
            else:
                whose = "Member" if isinstance(shape, ListShape) else "Map keys" if inner in value else "Map value"
                yield Violation(path, value, f"{whose} must satisfy constraint: [Member must {words}]")


def _parts(shape: StructureShape | MapShape | ListShape, value: Any) -> Iterator[tuple[Shape, Any, str]]:
    """Shape, value and path of each part of the value. Keys, and scalars in a list, have no path."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in value:
                yield member, value[name], _lower(name)
    elif isinstance(shape, MapShape):
        for key, inner in value.items():
            yield shape.key, key, ""
            yield shape.value, inner, f"{key}.member" * isinstance(shape.value, STRUCTURED)
    else:
        for number, inner in enumerate(value, 1):
            yield shape.member, inner, f"{number}.member" * isinstance(shape.member, STRUCTURED)


def _scalar_type_error(type_name: str, value: object) -> str | None:
    kind = f"{str(value).upper()}_VALUE" if isinstance(value, bool) else "NUMBER_VALUE"
    match type_name:
        case "string" | "blob" | "character" if not isinstance(value, str):
            return f"{kind} can not be converted to a String"
        case "boolean" if not isinstance(value, bool):
            return f"{'STRING_VALUE' if isinstance(value, str) else kind} can not be converted to a Boolean"
        case "integer" | "long" if isinstance(value, bool | str):
            kind = "STRING_VALUE" if isinstance(value, str) else kind
            return f"{kind} can not be converted to {WHOLE_NUMBERS[type_name]}"
        case "float" | "double" if isinstance(value, bool | str):
            return "Unexpected value type in payload"
        case "timestamp" if isinstance(value, bool):
            return f"{kind} can not be converted to a Date"
    return None


@cache
def _is_constrained(shape: Shape) -> bool:
    """Whether the model says anything of such a value but its type; of most strings it does not."""
    return isinstance(shape, STRUCTURED) or not shape.metadata.keys().isdisjoint(CONSTRAINTS)


def _broken(shape: Shape, value: Any) -> str | None:
    """The first constraint of the shape itself that the value violates."""
    if not _is_constrained(shape):
        return None
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    numeric = shape.type_name in (*WHOLE_NUMBERS, *NUMBERS)
    size = value if numeric else len(value) if isinstance(value, str | bytes | list | dict) else None
    what = "value" if numeric else "length"
    if size is not None and least is not None and size < least:
        return f"have {what} greater than or equal to {least}"
    if size is not None and most is not None and size > most:
        return f"have {what} less than or equal to {most}"
    enum: list[str] = shape.metadata.get("enum", [])
    if enum and value not in enum:
        return f"satisfy enum value set: [{', '.join(enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not _compiled(pattern).fullmatch(value):
        return f"satisfy regular expression pattern: {pattern}"
    return None


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    """The models have Java's patterns; `regex` supports their character classes, except for these spellings."""
    for java, python in JAVA_SPELLINGS.items():
        pattern = pattern.replace(java, python)
    return regex.compile(pattern)


def _join(path: str, step: str) -> str:
    return f"{path}.{step}".strip(".")


def _lower(name: str) -> str:
    """The member's name in AWS's messages, where it begins in lower case in all protocols."""
    return name[0].lower() + name[1:]
