"""What is kept of deployments, and who is told: the ledger, the event on the bus, the topic, the functions' logs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stage.client import Client, wait_for
from stage.manifest import digest
from tests.stage.account import APP, history, states

WRONG = {"tasks": [{"name": "IngestData", "task": "data_ingestion_task"}]}
# What the ledger tells the duration of: steps and waits, but for the step that writes it.
TIMED = {"TakeTurn", "WaitForTurn", "ReadConfig", "PlanDeployment", "ClearRules", "RegisterRevisions", "CreateTargets"}
TIMED |= {"RollService", "WaitForService", "CheckService"}


@pytest.fixture
def news(stage: Client) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What a subscriber of the notifications' topic has been told so far, in order."""
    sqs, sns = stage.client("sqs"), stage.client("sns")
    queue = sqs.create_queue(QueueName="a-subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = stage.names["outputs"]["NotificationsTopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    told: list[dict[str, Any]] = []

    def answer() -> list[dict[str, Any]]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                told.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return told

    yield answer
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=queue)


def test_every_outcome_is_in_the_ledger_and_told_once(stage: Client, news: Callable[[], list[dict[str, Any]]]) -> None:
    version = stage.client("s3").head_object(Bucket=stage.names["bucket"], Key="scheduled_tasks.json")["VersionId"]
    first = stage.deploy("v1")
    again = stage.wait(stage.start(first["input"]))
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    stage.settings(rollout="completes")
    stage.push("v3")
    overtaken, newest = (stage.wait(execution) for execution in reversed(stage.executions()[:2]))
    stage.upload_schedule(WRONG)
    failed = stage.deploy("v4")
    executions = [first, again, overtaken, newest, failed]

    kept = sorted(history(stage), key=lambda entry: str(entry["started_at"]))

    assert [entry["record"] for entry in history(stage)] == [entry["record"] for entry in reversed(kept)]
    assert [entry["execution"] for entry in kept] == [each["executionArn"] for each in executions]
    assert [entry["outcome"] for entry in kept] == ["deployed", "nothing to do", "overtaken", "deployed", "failed"]
    assert [entry["digest"] for entry in kept] == [digest(tag) for tag in ("v1", "v1", "v2", "v3", "v4")]
    assert [entry["tag"] for entry in kept] == ["v1", "v1", "v2", "v3", "v4"]
    assert [entry["event_id"] for entry in kept] == [each["input"]["id"] for each in executions]
    assert [entry["schedule_version"] for entry in kept if entry["outcome"] == "deployed"] == [version, version]
    assert kept[-1]["cause"] == failed["cause"]
    assert "tasks[0]: does not say when to run" in failed["cause"]
    assert [entry["started_by"] for entry in kept] == ["push", "by hand", "push", "push", "push"]
    for entry, each in zip(kept, executions, strict=True):
        assert {step.split()[0] for step in str(entry["durations"]).split(", ")} == TIMED & set(states(stage, each))

    told = wait_for(lambda: news() if len(news()) >= len(executions) else None, 10)
    assert {each["execution"]: each["outcome"] for each in told} == {
        entry["execution"]: entry["outcome"] for entry in kept
    }
    assert len(told) == len(executions)
    assert {each["app"] for each in told} == {APP}
    assert told[0]["image"]["digest"] == digest("v1")
    assert told[0]["seconds"] > 0


def test_the_log_tells_every_step_by_the_executions_name(stage: Client) -> None:
    ended = stage.deploy("v1")
    name = ended["executionArn"].rpartition(":")[2]
    logs = stage.client("logs")
    (group,) = [
        each["logGroupName"]
        for each in logs.describe_log_groups(logGroupNamePrefix="/rota/")["logGroups"]
        if each["logGroupName"].endswith("/steps")
    ]
    told = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    lines = [json.loads(line) for line in told if line.startswith("{")]
    done = [line for line in lines if line.get("message") == "done"]
    steps = {"TakeTurn", "ReadConfig", "PlanDeployment", "ClearRules", "RegisterRevisions", "CreateTargets"}
    steps |= {"RollService", "CheckService", "FinishDeployment"}
    assert len(done) == len([state for state in states(stage, ended) if state in steps])
    assert {line["execution"] for line in done} == {name}
