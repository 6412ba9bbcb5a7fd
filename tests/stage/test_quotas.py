"""AWS's quotas on the stage: too many calls, and too many rules."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client


def test_callers_share_a_bucket_that_the_setting_fills(stage: Client) -> None:
    ecs = stage.client("ecs")
    stage.settings(quotas=True)

    def delete() -> None:
        ecs.delete_task_definitions(taskDefinitions=["no-such:1"])

    for _ in range(5):
        delete()

    with pytest.raises(ClientError, match="Rate exceeded") as throttled:
        for _ in range(20):  # one token a second is gained
            delete()
    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert stage.calls("ecs", "DeleteTaskDefinitions")[-1]["error"] == "ThrottlingException"

    stage.settings(quotas=True)
    delete()


def test_a_throttled_call_is_not_matched_by_faults(stage: Client) -> None:
    fault = {"service": "ecs", "operation": "DeleteTaskDefinitions", "count": 0, "fault": "internal"}
    stage.settings(quotas=True)
    stage.faults([fault])
    codes = []
    for _ in range(20):
        with pytest.raises(ClientError) as refused:
            stage.client("ecs").delete_task_definitions(taskDefinitions=["no-such:1"])
        codes.append(refused.value.response["Error"]["Code"])
    assert set(codes) == {"ServerException", "ThrottlingException"}
    assert stage.faults_so_far()[0]["matched"] == codes.count("ServerException")


def test_buckets_are_shown(stage: Client) -> None:
    stage.settings(quotas=True)
    assert tokens(stage, "DeleteTaskDefinitions") == 5
    for _ in range(5):
        stage.client("ecs").delete_task_definitions(taskDefinitions=["no-such:1"])
    assert tokens(stage, "DeleteTaskDefinitions") < 5


@pytest.mark.exhaustive(first=0)
def test_a_deployment_succeeds_under_the_quotas(stage: Client) -> None:
    # Buckets fill in real time, so the functions' sleeps must not be too short.
    stage.settings(quotas=True, time_scale=0.2)
    tasks = [{"name": f"Task{n}", "task": f"task_{n}", "cron": "0 6 * * ? *"} for n in range(21)]
    stage.upload_schedule({"tasks": tasks})
    ended = stage.deploy("v1", timeout=120)
    assert ended["status"] == "SUCCEEDED", ended
    registers = stage.calls("ecs", "RegisterTaskDefinition")
    assert len([each for each in registers if each["error"] is None]) == 22


def test_the_quota_of_rules_can_be_raised(stage: Client) -> None:
    events = stage.client("events")
    there = len(events.list_rules()["Rules"])
    stage.settings(rules_per_bus=there)
    rule: dict[str, Any] = {"Name": "one-more", "ScheduleExpression": "rate(1 day)"}
    with pytest.raises(ClientError) as refused:
        events.put_rule(**rule)
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"

    stage.settings(rules_per_bus=there + 1)
    events.put_rule(**rule)
    stage.settings(rules_per_bus=there)
    events.put_rule(**rule, Description="a change is no new rule")


def tokens(stage: Client, operation: str) -> float:
    (left,) = [bucket["tokens"] for bucket in stage.quotas() if operation in bucket["operations"]]
    return float(left)
