"""Every list comes in pages, whose size is a setting."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.validation.requests import Validation
from tests.in_process import client as aws
from tests.stage.small_stage import SmallStage, small_stage

MADE = 3
PATTERN = json.dumps({"source": ["x"]})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStage]:
    with small_stage(tmp_path_factory.mktemp("app"), Validation()) as small:
        for number in range(MADE):
            make(small, number)
        yield small


def make(small: SmallStage, number: int) -> None:
    """One more of everything that is listed below."""
    name = f"{small.name}-{number}"
    queue = small.queue("target")
    rule = small.rule(f"rule-{number}", *({"Arn": queue} for _ in range(MADE)), EventPattern=PATTERN)
    arn = aws("events").describe_rule(Name=rule)["Arn"]
    aws("events").tag_resource(ResourceARN=arn, Tags=[{"Key": "app", "Value": small.name}])
    small.push(f"tag-{number}", f"image {number}")
    small.register(f"command-{number}")
    aws("ecr").create_repository(repositoryName=name)
    aws("logs").create_log_group(logGroupName=name)
    aws("logs").create_log_stream(logGroupName=f"{small.name}-0", logStreamName=f"stream-{number}")
    event = {"timestamp": int(time.time() * 1000), "message": f"line {number}"}
    aws("logs").put_log_events(logGroupName=f"{small.name}-0", logStreamName=f"stream-{number}", logEvents=[event])
    aws("sqs").create_queue(QueueName=name)
    aws("sns").create_topic(Name=name)
    role = json.dumps({"Version": "2012-10-17", "Statement": []})
    aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=role, Path=f"/{small.name}/")
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=f"{small.name}-0", Key=f"key-{number}", Body=b"")


Ask = Callable[[SmallStage], dict[str, Any]]
LISTS: dict[tuple[str, str], tuple[Ask, str]] = {
    ("events", "list_rules"): (lambda small: {"NamePrefix": f"{small.name}-rule"}, "Rules"),
    ("events", "list_targets_by_rule"): (lambda small: {"Rule": f"{small.name}-rule-0"}, "Targets"),
    ("events", "list_rule_names_by_target"): (lambda small: {"TargetArn": small.queue("target")}, "RuleNames"),
    ("resourcegroupstaggingapi", "get_resources"): (
        lambda small: {"ResourceTypeFilters": ["events:rule"], "TagFilters": [{"Key": "app", "Values": [small.name]}]},
        "ResourceTagMappingList",
    ),
    ("ecs", "list_task_definitions"): (lambda small: {"familyPrefix": small.name}, "taskDefinitionArns"),
    ("ecr", "describe_images"): (lambda small: {"repositoryName": small.name}, "imageDetails"),
    ("ecr", "list_images"): (lambda small: {"repositoryName": small.name}, "imageIds"),
    ("logs", "describe_log_groups"): (lambda small: {"logGroupNamePrefix": small.name}, "logGroups"),
    ("logs", "describe_log_streams"): (lambda small: {"logGroupName": f"{small.name}-0"}, "logStreams"),
    ("logs", "filter_log_events"): (lambda small: {"logGroupName": f"{small.name}-0", "interleaved": True}, "events"),
    ("sqs", "list_queues"): (lambda small: {"QueueNamePrefix": small.name, "MaxResults": 1000}, "QueueUrls"),
    ("iam", "list_roles"): (lambda small: {"PathPrefix": f"/{small.name}/"}, "Roles"),
    ("s3", "list_objects_v2"): (lambda small: {"Bucket": f"{small.name}-0"}, "Contents"),
}
IDS = [operation for _, operation in LISTS]


@pytest.mark.parametrize("listed", LISTS, ids=IDS)
def test_the_pages_of_a_list_hold_each_entry_once(listed: tuple[str, str], small: SmallStage) -> None:
    service, operation = listed
    request, entries = LISTS[listed]
    whole = getattr(aws(service), operation)(**request(small))[entries]
    assert len(whole) >= MADE
    small.settings.change({"page_size": 2})
    try:
        pages = list(aws(service).get_paginator(operation).paginate(**request(small)))
    finally:
        small.settings.change({"page_size": None})
    assert [entry for page in pages for entry in page[entries]] == whole
    assert max(len(page[entries]) for page in pages) == 2


@pytest.mark.parametrize(
    ("service", "operation", "member", "code"),
    [
        ("events", "list_rules", "NextToken", "ValidationException"),
        ("ecs", "list_clusters", "nextToken", "InvalidParameterException"),
        ("logs", "describe_log_groups", "nextToken", "InvalidParameterException"),
        ("resourcegroupstaggingapi", "get_resources", "PaginationToken", "PaginationTokenExpiredException"),
    ],
)
def test_a_token_of_another_request_is_refused(
    service: str, operation: str, member: str, code: str, small: SmallStage
) -> None:
    first = aws("events").list_rule_names_by_target(TargetArn=small.queue("target"), Limit=1)
    request = {"ResourceTypeFilters": ["events:rule"]} if operation == "get_resources" else {}
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), operation)(**request, **{member: first["NextToken"]})
    assert refused.value.response["Error"]["Code"] == code


def test_the_next_page_begins_after_the_last_entry(small: SmallStage) -> None:
    """Also when entries before it are gone by then."""
    for name in ("a", "b", "c", "d"):
        small.rule(f"gone-{name}", EventPattern=PATTERN)
    first = aws("events").list_rules(NamePrefix=f"{small.name}-gone", Limit=2)
    aws("events").delete_rule(Name=f"{small.name}-gone-a")
    second = aws("events").list_rules(NamePrefix=f"{small.name}-gone", Limit=2, NextToken=first["NextToken"])
    assert [rule["Name"][-1] for page in (first, second) for rule in page["Rules"]] == ["a", "b", "c", "d"]


def test_a_page_is_no_larger_than_asked_for(small: SmallStage) -> None:
    small.settings.change({"page_size": 2})
    try:
        assert len(aws("events").list_rules(NamePrefix=small.name, Limit=1)["Rules"]) == 1
        assert len(aws("events").list_rules(NamePrefix=small.name, Limit=5)["Rules"]) == 2
    finally:
        small.settings.change({"page_size": None})


def test_the_page_after_a_logs_last_event_is_empty(small: SmallStage) -> None:
    log = {"logGroupName": small.name, "logStreamName": "app"}
    aws("logs").create_log_group(logGroupName=small.name)
    aws("logs").create_log_stream(**log)
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    aws("logs").put_log_events(**log, logEvents=[event])
    first = aws("logs").get_log_events(**log, startFromHead=False)
    assert [each["message"] for each in first["events"]] == ["a line"]
    before = aws("logs").get_log_events(**log, startFromHead=False, nextToken=first["nextBackwardToken"])
    again = aws("logs").get_log_events(**log, startFromHead=False, nextToken=before["nextBackwardToken"])
    assert (before["events"], again["events"]) == ([], [])
    assert before["nextBackwardToken"] == again["nextBackwardToken"]
