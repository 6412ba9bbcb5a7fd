"""Condition blocks of IAM policies.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
reference_policies_condition-single-vs-multi-valued-context-keys.html. An operator or a key that is not known here is
an error: ignoring it could allow or deny too much.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Value = str | tuple[str, ...] | None
Context = Mapping[str, Value]
"""The values of the condition keys that AWS defines for the action, as far as the stage knows them: None for a key that
the request does not have, a tuple for a multi-valued key."""


OTHER_TAGS = "aws:ResourceTag/*"
"""In a context: which tags the resource has is known, so it has no others."""


class UnknownConditionError(Exception):
    """A policy has a condition that the stage cannot evaluate."""


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether all of a statement's conditions are met. Raises UnknownConditionError."""
    return all(
        _holds(operator, key, _listed(wanted), context)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: * for any number of characters, ? for one. They also match colons and slashes."""
    return _compiled(pattern).fullmatch(text) is not None


def _holds(operator: str, key: str, wanted: tuple[str, ...], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    if any("${" in value for value in wanted):
        raise UnknownConditionError(f"the stage knows no policy variables: {key} {wanted}")
    value = _value(key, context)
    if name == "Null":
        return (value is None) == (wanted[0].lower() == "true")
    if name not in OPERATORS or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownConditionError(f"the stage knows no condition operator {operator}")
    negated, test = OPERATORS[name]
    if value is None:
        return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
    if isinstance(value, tuple) and not quantifier:
        raise UnknownConditionError(f"{key} has many values: {operator} needs ForAllValues or ForAnyValue")

    def fits(one: str) -> bool:
        found = any(test(each, one) for each in wanted)
        return not found if negated else found

    given = value if isinstance(value, tuple) else (value,)
    return any(map(fits, given)) if quantifier == "ForAnyValue" else all(map(fits, given))


def _value(key: str, context: Context) -> Value:
    for name, value in context.items():
        if name.lower() == key.lower():
            return value
    if OTHER_TAGS in context and matches(OTHER_TAGS.lower(), key.lower()):
        return None
    raise UnknownConditionError(f"the stage does not know the condition key {key} for this action")


def _arn_matches(pattern: str, arn: str) -> bool:
    """Match each of an ARN's six parts separately; ArnEquals and ArnLike are the same."""
    parts, given = pattern.split(":", 5), arn.split(":", 5)
    return len(parts) == len(given) and all(map(matches, parts, given))


def _same_ignoring_case(wanted: str, given: str) -> bool:
    return wanted.lower() == given.lower()


# Whether it is a negation, and what it negates.
OPERATORS: Mapping[str, tuple[bool, Callable[[str, str], bool]]] = {
    "StringEquals": (False, str.__eq__),
    "StringNotEquals": (True, str.__eq__),
    "StringEqualsIgnoreCase": (False, _same_ignoring_case),
    "StringNotEqualsIgnoreCase": (True, _same_ignoring_case),
    "StringLike": (False, matches),
    "StringNotLike": (True, matches),
    "ArnEquals": (False, _arn_matches),
    "ArnLike": (False, _arn_matches),
    "ArnNotEquals": (True, _arn_matches),
    "ArnNotLike": (True, _arn_matches),
    "Bool": (False, _same_ignoring_case),
}


def _listed(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)
