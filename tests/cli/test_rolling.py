"""What ECS says while the service rolls."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.rolling import Rolling, why_stopped
from rota.cli.stack import Stack

START = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
STACK = Stack("rota", "arn", "", {"ClusterName": "production", "ServiceName": "shop-api"}, {})


@pytest.fixture
def ecs() -> Iterator[Stubber]:
    with Stubber(boto3.client("ecs", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")) as stub:
        yield stub


@pytest.fixture
def rolling(ecs: Stubber) -> Rolling:
    account = Account(Output())
    account.__dict__["stack"], account._clients["ecs"] = STACK, ecs.client
    found = Rolling(account)
    found.began = START.replace(minute=1)
    return found


def service(*messages: str, failed: int = 0) -> dict[str, Any]:
    """DescribeServices's answer; the first message is from before the rollout."""
    events = [
        {"id": words, "createdAt": START.replace(minute=number), "message": words}
        for number, words in enumerate(messages)
    ]
    deployment = {"id": "ecs-svc/2", "status": "PRIMARY", "createdAt": START.replace(minute=1), "failedTasks": failed}
    return {"services": [{"events": events[::-1], "deployments": [deployment]}]}


def task(number: int, deployment: str = "ecs-svc/2") -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:111122223333:task/production/{number}234567890",
        "startedBy": deployment,
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "app", "exitCode": 1}, {"name": "log", "exitCode": 0}],
    }


def test_what_is_new_since_the_rollout_began(ecs: Stubber, rolling: Rolling) -> None:
    ecs.add_response("describe_services", service("a steady state", "(service shop-api) has started 1 tasks"))
    later = service("a steady state", "(service shop-api) has started 1 tasks", "deployment completed")
    ecs.add_response("describe_services", later)
    assert rolling.news() == ["has started 1 tasks"]
    assert rolling.news() == [], "a few seconds later"
    assert rolling.news(now=True) == ["deployment completed"]


def test_what_was_said_before_ecs_rolled_back_is_shown(ecs: Stubber, rolling: Rolling) -> None:
    rolled_back = service("-", "has started 1 tasks", "deployment failed", "rolling back")
    rolled_back["services"][0]["deployments"][0]["createdAt"] = START.replace(minute=3)
    ecs.add_response("describe_services", rolled_back)
    assert rolling.news() == ["has started 1 tasks", "deployment failed", "rolling back"]


def test_why_tasks_of_the_new_revision_stopped(ecs: Stubber, rolling: Rolling) -> None:
    """An old task is stopped by the rollout itself."""
    for number in (1, 2):
        ecs.add_response("describe_services", service(failed=number))
        ecs.add_response("list_tasks", {"taskArns": ["1", "2", "3"]})
        ecs.add_response("describe_tasks", {"tasks": [task(1), task(2, "ecs-svc/1")] + [task(3)] * (number - 1)})
    ecs.add_response("describe_services", service(failed=2))
    assert rolling.news() == ["task 12345678 stopped: Essential container in task exited; app: exit code 1"]
    assert rolling.news(now=True) == ["task 32345678 stopped: Essential container in task exited; app: exit code 1"]
    assert rolling.news(now=True) == [], "it asks for tasks only when more have failed"


def test_who_may_not_see_tasks_sees_the_messages(ecs: Stubber, rolling: Rolling) -> None:
    ecs.add_response("describe_services", service("-", "is unable to start tasks", failed=3))
    ecs.add_client_error("list_tasks", "AccessDeniedException", http_status_code=400)
    ecs.add_client_error("describe_services", "AccessDeniedException", http_status_code=400)
    assert rolling.news() == ["is unable to start tasks"]
    assert rolling.news(now=True) == [], "the work is watched all the same"


def test_a_task_that_could_not_start_says_why() -> None:
    pull = {**task(4), "stoppedReason": "Task failed to start", "containers": [{"name": "app", "reason": "no image"}]}
    assert why_stopped(pull) == "task 42345678 stopped: Task failed to start; app: no image"
