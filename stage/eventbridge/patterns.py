"""Event patterns: which ones EventBridge refuses, and which events they match.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html. The reasons of a refusal are in
AWS's words. An event is seen as its leaves: a path of names joined by dots, a value, and the element of
each array that it is in; a pattern must match leaves of the same elements.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from stage.eventbridge.wildcards import TOO_COMPLEX, Wildcard, WildcardError, complexity

MOST_COMPLEX = 10
"""AWS does not document the limit. A pattern of complexity 11 was refused, one of 7 was accepted."""
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": float.__eq__,
    ">": float.__gt__,
    ">=": float.__ge__,
    "<": float.__lt__,
    "<=": float.__le__,
}
# The operators, and words that AWS reserves for more of them.
NOT_IN_OR = {
    *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"),
    *(*COMPARISONS, "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after"),
    *("date-before", "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
}

Test = Callable[[Any], bool]
"""Whether a leaf's value, which is no object and no array, fits."""
Membership = Mapping[int, int]
"""By array, the element that a leaf is in."""


class PatternError(ValueError):
    """EventBridge refuses the pattern; the message is AWS's reason."""


@dataclass(frozen=True)
class Match:
    """A match expression, such as `{"prefix": "a"}`."""

    test: Test
    wildcards: tuple[Wildcard, ...] = ()
    absent: bool = False
    """Whether it also holds for a path without a leaf: `{"exists": false}`, whose test no leaf passes."""


@dataclass(frozen=True)
class Field:
    """What a pattern says of one path: one of the tests holds for a leaf, or it has none and `absent` is True."""

    tests: tuple[Test, ...]
    absent: bool
    wildcards: tuple[Wildcard, ...]


Alternative = dict[str, Field]
"""Fields by path, which must all match."""


@dataclass(frozen=True)
class Pattern:
    """A valid pattern: it matches an event if one of its alternatives does."""

    alternatives: Sequence[Alternative]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge sends this event to the rule's targets."""
        leaves: dict[str, list[tuple[Any, Membership]]] = {}
        for path, value, membership in _leaves(event, "", {}, iter(range(1 << 30))):
            leaves.setdefault(path, []).append((value, membership))
        return any(_all_match(list(fields.items()), leaves, {}) for fields in self.alternatives)


@lru_cache(maxsize=1024)
def parse(text: str) -> Pattern:
    """A pattern from its JSON. Raises PatternError."""
    try:
        read = json.loads(text, object_pairs_hook=_Pairs)
    except ValueError as invalid:
        raise PatternError(str(invalid)) from invalid
    if not isinstance(read, _Pairs):
        raise PatternError("Filter is not an object")
    alternatives = _object(read, "", [], in_or=False)
    for fields in alternatives:
        for field in fields.values():
            if complexity(field.wildcards) > MOST_COMPLEX:
                raise PatternError(TOO_COMPLEX)
    return Pattern(alternatives)


class _Pairs(list[tuple[str, Any]]):
    """An object's members in their order; a name may come twice."""


def _object(read: _Pairs, path: str, alternatives: list[Alternative], *, in_or: bool) -> list[Alternative]:
    """The alternatives so far, each with the fields of this object; each object of an `$or` makes its own."""
    if not read:
        raise PatternError("Empty objects are not allowed")
    for name, value in read:
        inner = f"{path}.{name}" if path else name
        if name == "$or":
            alternatives = _or(value, path, alternatives)
        elif in_or and name in NOT_IN_OR:
            raise PatternError(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
        elif isinstance(value, _Pairs):
            alternatives = _object(value, inner, alternatives, in_or=in_or)
        elif isinstance(value, list):
            field = _field(value)
            alternatives = [{**fields, inner: field} for fields in alternatives or [{}]]
        else:
            raise PatternError(f'"{name}" must be an object or an array')
    return alternatives


def _or(value: Any, path: str, alternatives: list[Alternative]) -> list[Alternative]:
    if not isinstance(value, list) or isinstance(value, _Pairs):
        raise PatternError("It must be an Array followed with $or.")
    found: list[Alternative] = []
    for each in value:
        if not isinstance(each, _Pairs):
            raise PatternError("Only JSON object is allowed in array of $or relationship.")
        found += _object(each, path, alternatives or [{}], in_or=True)
    if len(value) < 2:  # noqa: PLR2004 - as AWS's words say
        raise PatternError("There must have at least 2 Objects in $or relationship.")
    return found


def _field(values: list[Any]) -> Field:
    if not values:
        raise PatternError("Empty arrays are not allowed")
    tests: list[Test] = []
    wildcards: tuple[Wildcard, ...] = ()
    absent = False
    for value in values:
        if isinstance(value, _Pairs):
            match = _operator(value)
            tests.append(match.test)
            wildcards += match.wildcards
            absent = absent or match.absent
        elif isinstance(value, list):
            raise PatternError("Match value must be String, number, true, false, or null")
        else:
            tests.append(_equal_to(value))
    return Field(tuple(tests), absent, wildcards)


def _operator(read: _Pairs) -> Match:
    """A match expression: an object with one member."""
    if not read:
        raise PatternError("Match expression name not found")
    (name, value), *more = read
    if name not in OPERATORS:
        raise PatternError(f"Unrecognized match type {name}")
    match = OPERATORS[name](value)
    if more:
        words = "Too many elements in numeric expression" if name in ("numeric", "anything-but") else ONE_KEY
        raise PatternError(words)
    return match


ONE_KEY = "Only one key allowed in match expression"


def _string(operator: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PatternError(f"{operator} match pattern must be a string")
    return value


def _of_text(operator: str, test: Callable[[str, str], bool]) -> Callable[[Any], Match]:
    """An operator with a text, and for prefix and suffix also `{"equals-ignore-case": text}`."""

    def match(value: Any) -> Match:
        if operator in ("prefix", "suffix") and isinstance(value, _Pairs):
            if not value:
                raise PatternError(f"{operator.title()} expression name not found")
            (name, inner), *more = value
            if name != "equals-ignore-case":
                raise PatternError(f"Unsupported {operator} pattern: {name}")
            lower = _string(name, inner).lower()
            if more:
                raise PatternError(ONE_KEY)
            return Match(_if_text(lambda given: test(given.lower(), lower)))
        text = _string(operator, value)
        return Match(_if_text(lambda given: test(given, text)))

    return match


def _wildcard(value: Any) -> Match:
    wildcard = _parsed(_string("wildcard", value))
    return Match(_if_text(wildcard.matches), (wildcard,))


def _numeric(value: Any) -> Match:
    if not isinstance(value, list) or isinstance(value, _Pairs):
        raise PatternError("Value of numeric must be an array.")
    operator, *terms = value or [None]
    if not isinstance(operator, str):
        raise PatternError(f"Invalid member in numeric match: {json.dumps(operator) if value else ']'}")
    if operator not in COMPARISONS:
        raise PatternError(f"Unrecognized numeric range operator: {operator}")
    tests = [_compared(operator, terms[:1])]
    further = terms[1:]
    if further and operator not in (">", ">="):
        raise PatternError("Too many elements in numeric expression")
    if further:
        second, *rest = further
        if not isinstance(second, str):
            raise PatternError(f"Bad value in numeric range: {json.dumps(second)}")
        if second not in ("<", "<="):
            raise PatternError(f"Bad numeric range operator: {second}")
        tests.append(_compared(second, rest[:1]))
        if rest[1:]:
            raise PatternError("Too many terms in numeric range expression")
        if not value[1] < value[3]:
            raise PatternError("Bottom must be less than top")
    return Match(lambda given: _is_number(given) and all(test(given) for test in tests))


def _compared(operator: str, terms: list[Any]) -> Test:
    if not terms or not _is_number(terms[0]):
        raise PatternError(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    limit = float(terms[0])
    return lambda given: COMPARISONS[operator](float(given), limit)


def _anything_but(value: Any) -> Match:
    if isinstance(value, _Pairs):
        return _anything_but_operator(value)
    if isinstance(value, list):
        kinds = {str if isinstance(each, str) else float if _is_number(each) else None for each in value}
        if None in kinds:
            raise PatternError("Inside anything but list, start|null|boolean is not supported.")
        if len(kinds) != 1:
            raise PatternError(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
    elif not (isinstance(value, str) or _is_number(value)):
        raise PatternError("Value of anything-but must be an array or single string/number value.")
    excluded = value if isinstance(value, list) else [value]
    return Match(lambda given: isinstance(given, bool) or given not in excluded)


def _anything_but_operator(read: _Pairs) -> Match:
    if not read:
        raise PatternError("Anything-But expression name not found")
    (name, value), *more = read
    if name not in ("equals-ignore-case", "prefix", "suffix", "wildcard"):
        raise PatternError(f"Unsupported anything-but pattern: {name}")
    if isinstance(value, _Pairs) or not (isinstance(value, str | list) or _is_number(value)):
        raise PatternError("Value of anything-but must be an array or single string/number value.")
    tests: list[Test] = []
    wildcards: tuple[Wildcard, ...] = ()
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            raise PatternError(NOT_TEXT_IN_ANYTHING_BUT[name])
        if not each and name in ("prefix", "suffix"):
            raise PatternError("Null prefix/suffix not allowed")
        match = OPERATORS[name](each)
        tests.append(match.test)
        wildcards += match.wildcards
    if more:
        raise PatternError("Too many elements in numeric expression")
    return Match(lambda given: not any(test(given) for test in tests), wildcards)


NOT_TEXT_IN_ANYTHING_BUT = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}


def _exists(value: Any) -> Match:
    if not isinstance(value, bool):
        raise PatternError("exists match pattern must be either true or false.")
    return Match(lambda _: value, absent=not value)


def _cidr(value: Any) -> Match:
    text = _string("prefix", value)  # AWS says prefix here
    ip, slash, mask = text.partition("/")
    if not slash or "/" in mask or not mask:
        raise PatternError("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"[+-]?\d+", mask):
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    if int(mask) < 0:
        raise PatternError("Malformed CIDR, mask bits must not be negative")
    address = _address(ip)
    if address is None:
        raise PatternError(f"{'Invalid' if _looks_like_ip(ip) else 'Nonstandard'} IP address: {ip}")
    if int(mask) > address.max_prefixlen - 1:
        raise PatternError(f"IPv{address.version} mask bits must be < {address.max_prefixlen}")
    network = ip_network(f"{ip}/{int(mask)}", strict=False)
    return Match(_if_text(lambda given: (found := _address(given)) is not None and found in network))


OPERATORS: Mapping[str, Callable[[Any], Match]] = {
    "exactly": _of_text("exact", str.__eq__),
    "equals-ignore-case": _of_text("equals-ignore-case", lambda given, text: given.lower() == text.lower()),
    "prefix": _of_text("prefix", str.startswith),
    "suffix": _of_text("suffix", str.endswith),
    "wildcard": _wildcard,
    "numeric": _numeric,
    "anything-but": _anything_but,
    "exists": _exists,
    "cidr": _cidr,
}


def _parsed(text: str) -> Wildcard:
    try:
        return Wildcard(text)
    except WildcardError as invalid:
        raise PatternError(str(invalid)) from invalid


def _equal_to(value: Any) -> Test:
    """A literal. Numbers are compared as numbers, and IP addresses as addresses."""
    if isinstance(value, str) and (address := _address(value)) is not None:
        return _if_text(lambda given: _address(given) == address)
    if _is_number(value):
        return lambda given: _is_number(given) and given == value
    return lambda given: type(given) is type(value) and given == value


def _if_text(test: Callable[[str], bool]) -> Test:
    return lambda given: isinstance(given, str) and test(given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _looks_like_ip(text: str) -> bool:
    return bool(re.fullmatch(r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]*:[0-9a-fA-F:]*", text))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if not _looks_like_ip(text):
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _leaves(
    value: Mapping[str, Any], path: str, membership: Membership, arrays: Iterator[int]
) -> Iterator[tuple[str, Any, Membership]]:
    for name, inner in value.items():
        yield from _leaves_at(inner, f"{path}.{name}" if path else name, membership, arrays)


def _leaves_at(
    value: Any, path: str, membership: Membership, arrays: Iterator[int]
) -> Iterator[tuple[str, Any, Membership]]:
    if isinstance(value, Mapping):
        yield from _leaves(value, path, membership, arrays)
    elif isinstance(value, list):
        array = next(arrays)
        for number, element in enumerate(value):
            # A scalar does not bind the array to its element: two fields may be met by two elements.
            inner = {**membership, array: number} if isinstance(element, Mapping | list) else membership
            yield from _leaves_at(element, path, inner, arrays)
    else:
        yield path, value, membership


def _all_match(
    fields: list[tuple[str, Field]], leaves: Mapping[str, list[tuple[Any, Membership]]], chosen: Membership
) -> bool:
    """Whether each field matches a leaf, all in the elements of arrays that are chosen already."""
    if not fields:
        return True
    (path, field), *rest = fields
    if field.absent and path not in leaves and _all_match(rest, leaves, chosen):
        return True
    return any(
        _all_match(rest, leaves, {**chosen, **membership})
        for value, membership in leaves.get(path, [])
        if all(chosen.get(array, element) == element for array, element in membership.items())
        and any(test(value) for test in field.tests)
    )
