"""A job on the whole stage that turns with a release: one message when it fails, one when the next release mends it."""

import json
from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.stage.test_runs import a_minute

APP = "production/guestbook-api"
EVERY_MINUTE = {"tasks": [{"name": "Tick", "task": "spam_task", "cron": "* * * * ? *", "owner": "data-team"}]}


def listen(stage: Client) -> str:
    """The URL of a queue behind the topic of mails, for one team's jobs."""
    sqs, sns = stage.client("sqs"), stage.client("sns")
    url: str = sqs.create_queue(QueueName="team")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = stage.names["outputs"]["NotificationsTopicArn"]
    its_own = {"FilterPolicy": json.dumps({"owner": ["data-team"]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=its_own)
    return url


def heard(stage: Client, url: str) -> list[dict[str, Any]]:
    """What came since the last time."""
    sqs = stage.client("sqs")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [json.loads(each["Body"]) for each in messages]


def reported_within(stage: Client, url: str, minutes: int) -> list[dict[str, Any]]:
    """The first messages that come; none after so many minutes."""
    for _ in range(minutes):
        a_minute(stage)
        if messages := heard(stage, url):
            return messages
    return []


@pytest.mark.exhaustive(first=0)
def test_a_failure_and_its_recovery_are_reported_once_each(deployed: Client) -> None:
    stage = deployed
    url = listen(stage)
    stage.upload_schedule(EVERY_MINUTE)
    stage.deploy("v2")
    stage.settings(tasks="scripted", script={"seconds": 5}, fire_schedules=True)
    stage.advance(60)  # to the first minute of Sweep's rule
    assert reported_within(stage, url, 3) == []

    stage.deploy("v3")
    stage.settings(script={"fails": 1, "exit_code": 3, "seconds": 5})
    (failed,) = reported_within(stage, url, 8)
    assert failed["Subject"] == f"Tick failed: exit code 3 ({APP})"
    assert failed["MessageAttributes"]["kind"]["Value"] == "failed"
    assert "First failure since v3 (v3)" in failed["Message"]
    assert "good runs on v2 (v2)." in failed["Message"]
    assert "roll back to v2 (v2)" in failed["Message"]

    stage.deploy("v4")
    stage.settings(script={"seconds": 5})
    (recovered,) = reported_within(stage, url, 5)
    assert recovered["Subject"].startswith("Tick recovered after ")
    assert "It succeeds since v4 (v4); it failed on v3 (v3)." in recovered["Message"]
    incidents = {line for each in (failed, recovered) for line in each["Message"].splitlines() if "Incident" in line}
    assert len(incidents) == 1
    assert [asked for asked in stage.permissions() if not asked["allowed"]] == []
