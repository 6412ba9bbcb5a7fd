"""IAM's evaluation on the stage: statements, wildcards, conditions, and what it cannot evaluate."""

from typing import Any

import pytest

from stage.iam.conditions import Context, UnknownConditionError, holds, matches
from stage.iam.evaluation import Permission, Statement, decide
from stage.iam.policies import UnknownElementError, read

RULE = "arn:aws:events:us-east-1:123456789012:rule/shop-IngestData"
CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/production"
OTHER = "arn:aws:ecs:us-east-1:123456789012:cluster/other"


def statement(effect: str = "Allow", action: str = "events:PutRule", resource: str = "*", **more: Any) -> Statement:
    return Statement("role", "policy", 0, effect, (action,), (resource,), **more)


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action="events:DeleteRule")], False),
        ([statement(action="Events:putrule")], True),
        ([statement(action="events:Put*")], True),
        ([statement(action="events:PutRul?")], True),
        ([statement(action="events:Put")], False),
        ([statement(resource="arn:aws:events:us-east-1:123456789012:rule/shop-*")], True),
        ([statement(resource="arn:aws:events:us-east-1:123456789012:rule/shop")], False),
        ([statement(resource="arn:aws:events:*:*:rule/shop-IngestData")], True),
        ([statement(resource="arn:aws:events:us-east-1:123456789012:rule/SHOP-*")], False),
        ([statement(), statement("Deny", resource=RULE)], False),
        ([statement("Deny", resource=RULE), statement()], False),
        ([statement(), statement("Deny", resource=RULE + "2")], True),
        ([statement("Deny", "events:DeleteRule"), statement()], True),
    ],
    ids=[
        "nothing allows",
        "one allow",
        "another action",
        "actions know no case",
        "many characters",
        "one character",
        "no wildcard",
        "resource by prefix",
        "resource is no prefix",
        "wildcards in parts",
        "resources know case",
        "deny wins",
        "deny wins, whatever comes first",
        "deny of another resource",
        "deny of another action",
    ],
)
def test_decisions(statements: list[Statement], allowed: bool) -> None:
    assert decide(statements, Permission("events:PutRule", RULE)).allowed is allowed


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({}, {}, True),
        ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEquals": {"k": "a"}}, {"K": "a"}, True),
        ({"StringEquals": {"k": ["b", "a"]}}, {"k": "a"}, True),
        ({"StringEquals": {"k": "A"}}, {"k": "a"}, False),
        ({"StringEqualsIgnoreCase": {"k": "A"}}, {"k": "a"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": "a"}}, {"k": None}, True),
        ({"StringEquals": {"k": "a"}}, {"k": None}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": None}, True),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "c"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"s": "true"}}, {"k": "a", "s": "true"}, True),
        ({"Bool": {"s": False}}, {"s": "true"}, False),
        ({"Null": {"k": "true"}}, {"k": None}, True),
        ({"Null": {"k": "false"}}, {"k": None}, False),
        ({"ArnEquals": {"k": CLUSTER}}, {"k": CLUSTER}, True),
        ({"ArnEquals": {"k": "arn:aws:ecs:*:*:cluster/prod*"}}, {"k": CLUSTER}, True),
        ({"ArnLike": {"k": "arn:aws:ecs:*:cluster/production"}}, {"k": CLUSTER}, False),
        ({"ArnNotEquals": {"k": CLUSTER}}, {"k": OTHER}, True),
        ({"ForAllValues:ArnEquals": {"k": CLUSTER}}, {"k": (CLUSTER, CLUSTER)}, True),
        ({"ForAllValues:ArnEquals": {"k": CLUSTER}}, {"k": (CLUSTER, OTHER)}, False),
        ({"ForAllValues:ArnEquals": {"k": CLUSTER}}, {"k": ()}, True),
        ({"ForAllValues:ArnEquals": {"k": CLUSTER}}, {"k": None}, True),
        ({"ForAnyValue:ArnEquals": {"k": CLUSTER}}, {"k": (OTHER, CLUSTER)}, True),
        ({"ForAnyValue:ArnEquals": {"k": CLUSTER}}, {"k": None}, False),
    ],
    ids=str,
)
def test_conditions(condition: dict[str, Any], context: Context, met: bool) -> None:
    assert holds(condition, context) is met


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"IpAddress": {"k": "10.0.0.0/8"}}, "no condition operator IpAddress"),
        ({"ForEachValue:StringEquals": {"k": "a"}}, "no condition operator ForEachValue:StringEquals"),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "the condition key aws:SourceVpc"),
        ({"StringEquals": {"k": "${aws:username}"}}, "no policy variables"),
        ({"StringEquals": {"many": "a"}}, "many has many values"),
    ],
    ids=["operator", "quantifier", "key", "variable", "many-valued key without a quantifier"],
)
def test_an_unknown_condition_is_an_error(condition: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownConditionError, match=says.replace("$", r"\$")):
        holds(condition, {"k": "a", "many": ("a", "b")})


def test_an_unknown_element_is_an_error() -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}
    with pytest.raises(UnknownElementError, match="NotAction in policy of role"):
        list(read("role", "policy", document))


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "anything:at/all", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("task-definition/shop:*", "task-definition/shop:12", True),
        ("task-definition/shop:*", "task-definition/shop-two:12", False),
    ],
)
def test_wildcards_are_star_and_question_mark(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_a_statement_is_split_into_single_grants() -> None:
    both = Statement("role", "policy", 0, "Allow", ("a:A", "a:B"), ("r1", "r2"))
    assert [(each.actions, each.resources) for each in both.grants()] == [
        (("a:A",), ("r1",)),
        (("a:A",), ("r2",)),
        (("a:B",), ("r1",)),
        (("a:B",), ("r2",)),
    ]
