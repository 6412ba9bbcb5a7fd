"""The Resource Groups Tagging API's index of rules, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.stage.small_stage import SmallStage, aws, small_stage

RULES: dict[str, Any] = {"ResourceTypeFilters": ["events:rule"]}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallStage]:
    with small_stage(tmp_path, Validation(), DocumentedRules()) as small:
        yield small


def make(small: SmallStage, name: str, **tags: str) -> str:
    """A rule with these tags; its ARN."""
    given = [{"Key": key, "Value": value} for key, value in {"world": small.name, **tags}.items()]
    rule = f"{small.name}-{name}"
    return str(aws("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)", Tags=given)["RuleArn"])


def listed(small: SmallStage, *filters: dict[str, Any], page: int = 100) -> list[dict[str, Any]]:
    """All pages of the rules of this small stage."""
    asked = [{"Key": "world", "Values": [small.name]}, *filters]
    paginator = aws("resourcegroupstaggingapi").get_paginator("get_resources")
    pages = list(paginator.paginate(**RULES, TagFilters=asked, PaginationConfig={"PageSize": page}))
    assert all(len(each["ResourceTagMappingList"]) <= page for each in pages)
    return [found for each in pages for found in each["ResourceTagMappingList"]]


def test_rules_are_found_by_their_tags(small: SmallStage) -> None:
    a, b, c = make(small, "a", app="one"), make(small, "b", app="two", team="x"), make(small, "c")
    aws("events").put_rule(Name=f"{small.name}-untagged", ScheduleExpression="rate(1 day)")

    def arns(*filters: dict[str, Any]) -> list[str]:
        return [each["ResourceARN"] for each in listed(small, *filters)]

    assert arns() == [a, b, c]
    assert arns({"Key": "app"}) == [a, b]
    assert arns({"Key": "app", "Values": ["one", "two"]}, {"Key": "team"}) == [b]
    assert arns({"Key": "app", "Values": ["three"]}) == []
    (found,) = listed(small, {"Key": "team"})
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"world": small.name, "app": "two", "team": "x"}


def test_every_rule_is_on_exactly_one_page(small: SmallStage) -> None:
    made = [make(small, f"rule-{number}") for number in range(7)]
    for page in (1, 3, 7):
        assert [each["ResourceARN"] for each in listed(small, page=page)] == made


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ResourcesPerPage": 101}, "InvalidParameterException"),
        ({"ResourcesPerPage": 0}, "InvalidParameterException"),
        ({"TagFilters": [{"Key": "k", "Values": [str(n) for n in range(21)]}]}, "InvalidParameterException"),
        ({"TagFilters": [{"Key": "k" * 129}]}, "InvalidParameterException"),
        ({"ResourceARNList": ["arn:aws:events:us-east-1:1:rule/x"]}, "InvalidParameterException"),
        ({"PaginationToken": "of last week"}, "PaginationTokenExpiredException"),
    ],
    ids=["page-too-large", "page-too-small", "values", "key", "both-filters", "token"],
)
def test_invalid_requests_are_refused(small: SmallStage, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws("resourcegroupstaggingapi").get_resources(**RULES, **request_)
    assert refused.value.response["Error"]["Code"] == code
