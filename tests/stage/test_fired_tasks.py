"""Tasks of deployed rules that EventBridge fires: the app's own code, its output and its events."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import StageError, wait_for
from tests.stage.account import PREFIX, Described, ran_by, schedules

Listen = Callable[[dict[str, Any]], Callable[[], list[dict[str, Any]]]]


@pytest.fixture
def listen(deployed: Client) -> Iterator[Listen]:
    """Receives events of a pattern from now on: `listen(pattern)` returns a function that returns all so far."""
    sqs = deployed.client("sqs")
    queue = sqs.create_queue(QueueName="a-listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    received: list[dict[str, Any]] = []

    def begin(pattern: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
        deployed.client("events").put_rule(Name="a-listener", EventPattern=json.dumps(pattern))
        deployed.client("events").put_targets(Rule="a-listener", Targets=[{"Id": "queue", "Arn": arn}])
        return all_so_far

    def all_so_far() -> list[dict[str, Any]]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                received.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(received, key=lambda event: int(event["detail"]["version"]))

    yield begin
    sqs.delete_queue(QueueUrl=queue)


def test_a_deployed_rule_runs_its_task_with_the_pushed_image(deployed: Client, v1: Described, listen: Listen) -> None:
    digest = v1["input"]["detail"]["image-digest"]
    heard = listen({"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]})

    ran = deployed.fire(PREFIX + "IngestData")

    assert ran["exit_code"] == 0
    assert ran["command"] == ["./bin/start", "data_ingestion_task"]
    assert ran["image"].endswith(f"/guestbook@{digest}")
    assert ran["task_definition"] == ran_by(schedules(deployed)["IngestData"])
    assert "Ingested 4 postcards; the guestbook holds 4 entries." in ran["output"]
    assert logged(deployed, ran) == ran["output"].splitlines()
    assert ran["log_group"] == "/ecs/guestbook"

    changes = wait_for(lambda: ended(heard()), 10)
    assert {change["detail"]["taskArn"] for change in changes} == {ran["task_arn"]}
    assert {change["detail"]["startedBy"] for change in changes} == {f"events-rule/{PREFIX}IngestData"[:36]}
    statuses = [change["detail"]["lastStatus"] for change in changes]
    assert statuses == ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]
    containers = changes[-1]["detail"]["containers"]
    assert next(each["exitCode"] for each in containers if each["name"] == "app") == 0


def ended(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return changes if changes and changes[-1]["detail"]["lastStatus"] == "STOPPED" else []


def logged(stage: Client, ran: dict[str, Any]) -> list[str]:
    found = stage.client("logs").get_log_events(
        logGroupName=ran["log_group"], logStreamName=ran["log_stream"], startFromHead=True
    )
    return [event["message"] for event in found["events"]]


def test_tasks_share_their_data(deployed: Client) -> None:
    deployed.fire(PREFIX + "IngestData")
    ran = deployed.fire(PREFIX + "RemoveSpam")
    assert ran["exit_code"] == 0
    assert "Read 4 entries, removed" in ran["output"]


@pytest.mark.exhaustive(first=0)
def test_an_unknown_task_name_fails_with_a_clear_message(stage: Client) -> None:
    task = {"name": "Wrong", "task": "no_such_task", "rate": "1 hour", "count": 2}
    stage.upload_schedule({"tasks": [task]})
    stage.deploy("v1")
    runs = stage.fire(PREFIX + "Wrong")["tasks"]
    assert [run["exit_code"] for run in runs] == [64, 64]
    assert all("bin/start: not a task: 'no_such_task'" in run["output"] for run in runs)


def test_a_disabled_task_is_not_fired(deployed: Client) -> None:
    deployed.client("events").disable_rule(Name=PREFIX + "RemoveSpam")
    with pytest.raises(StageError, match="is DISABLED"):
        deployed.fire(PREFIX + "RemoveSpam")
