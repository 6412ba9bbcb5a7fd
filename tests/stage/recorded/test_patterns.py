"""Event patterns: which ones EventBridge refuses, and which events they match."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from stage.eventbridge.bus import Bus
from stage.eventbridge.patterns import PatternError, parse
from stage.eventbridge.wildcards import Wildcard, complexity
from tests.in_process import client as aws
from tests.in_process import gateway
from tests.stage.recorded.rows import ANSWERS, Row, compare, each, rows

REASON = "Event pattern is not valid. Reason: "
COMPLEX = json.loads((ANSWERS / "matcher.json").read_text())["complexity"]
REFUSED = [row for row in rows("patterns") if isinstance(row.answer, str)]


@pytest.fixture(autouse=True)
def _bus() -> None:
    gateway().hooks[:] = [Bus(lambda *_: None)]


def matches(pattern: Any, event: Any) -> Any:
    """Whether the pattern matches the event, or why it is refused."""
    try:
        return parse(json.dumps(pattern)).matches(event)
    except PatternError as invalid:
        return str(invalid)


@pytest.mark.exhaustive(every=3)
@each("patterns")
def test_a_pattern_is_refused_or_matches_as_recorded(row: Row) -> None:
    pattern, event = json.dumps(row.asked["pattern"]), json.dumps(row.asked.get("event", {}))
    try:
        answer = aws("events").test_event_pattern(EventPattern=pattern, Event=event)["Result"]
    except ClientError as refused:
        answer = refused.response["Error"]["Message"].removeprefix(REASON)
    compare(row, answer)


@pytest.mark.exhaustive(every=2)
@pytest.mark.parametrize("row", REFUSED, ids=[row.case for row in REFUSED])
def test_put_rule_refuses_a_pattern_in_the_same_words(row: Row) -> None:
    with pytest.raises(ClientError) as refused:
        aws("events").put_rule(Name="recorded", EventPattern=json.dumps(row.asked["pattern"]))
    assert refused.value.response["Error"] == {
        "Code": "InvalidEventPatternException",
        "Message": REASON + row.answer,
    }


@pytest.mark.exhaustive(every=4)
@each("matcher")
def test_a_pattern_matches_as_by_the_published_matcher(row: Row) -> None:
    compare(row, matches(row.asked["pattern"], row.asked.get("event", {})))


@pytest.mark.exhaustive(every=3)
@pytest.mark.parametrize(("wildcards", "answer"), COMPLEX, ids=["  ".join(wildcards) for wildcards, _ in COMPLEX])
def test_wildcards_are_as_complex_as_for_the_matcher(wildcards: list[str], answer: int) -> None:
    assert complexity([Wildcard(each) for each in wildcards]) == answer


texts = st.text("aAb*-", max_size=5)
words = st.text("aAb", min_size=1, max_size=3)
scalars = st.one_of(texts, st.integers(-3, 3), st.floats(-3, 3, allow_nan=False), st.booleans(), st.none())
events = st.recursive(
    st.dictionaries(st.sampled_from("abc"), scalars, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | scalars | st.lists(inner | scalars, max_size=3)),
    max_leaves=8,
)
wildcards = (
    st.lists(st.sampled_from(["*", "a", "A", "b"]), max_size=5).map("".join).filter(lambda text: "**" not in text)
)
operators = st.one_of(
    words.map(lambda text: {"prefix": text}),
    words.map(lambda text: {"suffix": text}),
    words.map(lambda text: {"equals-ignore-case": text}),
    wildcards.map(lambda text: {"wildcard": text}),
)
fields = st.one_of(
    operators,
    scalars,
    operators.map(lambda inner: {"anything-but": inner}),
    st.integers(-3, 3).map(lambda limit: {"numeric": [">", limit]}),
    st.booleans().map(lambda there: {"exists": there}),
)


@given(scalars, operators)
def test_anything_but_is_the_opposite_for_a_value(value: Any, operator: Any) -> None:
    assert matches({"a": [{"anything-but": operator}]}, {"a": value}) != matches({"a": [operator]}, {"a": value})


@given(events, fields, fields)
def test_a_list_means_or(event: Any, one: Any, other: Any) -> None:
    either = matches({"a": {"b": [one]}}, event) or matches({"a": {"b": [other]}}, event)
    assert matches({"a": {"b": [one, other]}}, event) == either
    assert matches({"a": {"$or": [{"b": [one]}, {"b": [other]}]}}, event) == either


@given(events, fields, fields)
def test_two_fields_mean_and(event: Any, one: Any, other: Any) -> None:
    both = matches({"a": [one]}, event) and matches({"b": [other]}, event)
    assert matches({"a": [one], "b": [other]}, event) == both, "different arrays do not bind each other"


@given(events, fields)
def test_a_dot_joins_names(event: Any, field: Any) -> None:
    assert matches({"a.b": [field]}, event) == matches({"a": {"b": [field]}}, event)


@given(st.text("ab", max_size=8), wildcards)
def test_a_wildcard_matches_the_whole_text(text: str, wildcard: str) -> None:
    def fits(pattern: str, rest: str) -> bool:
        if not pattern:
            return not rest
        if pattern[0] == "*":
            return any(fits(pattern[1:], rest[skipped:]) for skipped in range(len(rest) + 1))
        return rest[:1] == pattern[0] and fits(pattern[1:], rest[1:])

    assert Wildcard(wildcard).matches(text) == fits(wildcard, text)


def test_fields_of_one_array_are_met_by_one_element() -> None:
    pattern = {"a": {"b": ["x"], "c": ["y"]}}
    assert matches(pattern, {"a": [{"b": "x", "c": "y"}, {"b": "z"}]})
    assert not matches(pattern, {"a": [{"b": "x"}, {"c": "y"}]})
