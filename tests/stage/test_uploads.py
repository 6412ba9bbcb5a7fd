"""A schedule file that is uploaded to a stack with DeployOnScheduleChange, from S3's event to the live rules."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.cli.check.probes_of_schedules import notify_eventbridge
from stage.client import wait_for
from tests.stage import scenarios
from tests.stage.account import schedules
from tests.stage.conftest import Rota
from tests.stage.updated import updated

KEY = "scheduled_tasks.json"
FILE = {"tasks": [{"name": "Report", "task": "spam_task", "rate": "3 days"}]}


@pytest.fixture
def uploading(deployed: Client) -> Iterator[Client]:
    with updated(deployed, DeployOnScheduleChange="true"):
        yield deployed


def one_line(text: str) -> str:
    return " ".join(text.split())


def begun(stage: Client, number: int) -> dict[str, Any]:
    """The newest execution, once there are so many and it has ended."""
    newest = wait_for(lambda: stage.executions()[0] if len(stage.executions()) == number else None, 10)
    return stage.wait(newest)


@pytest.mark.exhaustive(first=0)
def test_two_minutes_later_it_is_live(uploading: Client, rota: Rota) -> None:
    before = len(uploading.executions())
    uploading.upload_schedule(FILE)
    upload = begun(uploading, before + 1)
    event = json.loads(upload["input"]) if isinstance(upload["input"], str) else upload["input"]
    assert (event["detail-type"], event["detail"]["object"]["key"]) == ("Object Created", KEY)
    assert upload["status"] == "SUCCEEDED"
    scenarios.sweep(uploading)
    assert len(uploading.executions()) == before + 1
    assert re.search(
        r"schedule file is started at .*, unless an image is deployed before", one_line(rota("status").out)
    )
    uploading.advance(121)
    for _ in range(2):
        scenarios.sweep(uploading)
    assert begun(uploading, before + 2)["status"] == "SUCCEEDED"
    assert schedules(uploading).keys() == {"Report"}
    assert_rights(uploading)
    assert_check_says_so(uploading, rota)


def assert_rights(stage: Client) -> None:
    """None is missing, and the rule's role has none in vain."""
    asked = stage.permissions()
    assert [each for each in asked if not each["allowed"]] == []
    assert {each["action"] for each in asked if "UploadRuleRole" in each["caller"]} == {"states:StartExecution"}


def assert_check_says_so(stage: Client, rota: Rota) -> None:
    """Also where a person has switched the bucket's events off."""
    s3, bucket = stage.client("s3"), stage.names["outputs"]["BucketName"]
    assert "a schedule file that is uploaded is deployed two minutes later" in rota("check").out
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    (found,) = [each for each in rota("check", "--json").json["checks"] if "uploaded" in each["message"]]
    assert (found["status"], notify_eventbridge(bucket) in found["message"]) == ("fail", True)


@pytest.mark.exhaustive(first=0)
def test_where_a_person_has_to_approve_it_no_right_is_missing(uploading: Client) -> None:
    with updated(uploading, Approval="required"):
        uploading.upload_schedule(FILE)
        scenarios.wait_for_all(uploading)
        uploading.advance(121)
        scenarios.sweep(uploading)
        scenarios.wait_for_all(uploading)
        scenarios.approve(uploading, "pending_schedule")
    assert schedules(uploading).keys() == {"Report"}
    assert_rights(uploading)


@pytest.mark.exhaustive(first=0)
def test_rota_deploy_deploys_it_once(uploading: Client, rota: Rota, tmp_path: Any) -> None:
    (tmp_path / "jobs.json").write_text(json.dumps(FILE))
    before = len(uploading.executions())
    assert rota("deploy", "--schedule", str(tmp_path / "jobs.json"), "--yes", "--reason", "fewer").exit == 0
    scenarios.wait_for_all(uploading)
    uploading.advance(300)
    scenarios.sweep(uploading)
    assert (len(uploading.executions()), schedules(uploading).keys()) == (before + 2, {"Report"})
    assert rota("status", "--json").json["pending_schedule"] is None


def test_without_the_parameter_nothing_starts(deployed: Client) -> None:
    before = deployed.executions()
    deployed.upload_schedule(FILE)
    scenarios.wait_for_all(deployed)
    assert deployed.executions() == before


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("keys", "sends"),
    [
        pytest.param("{tag}.json,scheduled_tasks.json", False, id="tag"),
        pytest.param("{digest}.json", False, id="digest"),
        pytest.param("{repository}.json,a.json", True, id="repository"),
    ],
)
def test_the_rule_is_off_where_a_key_follows_from_the_image(keys: str, sends: bool, deployed: Client) -> None:
    bucket = deployed.names["outputs"]["BucketName"]
    with updated(deployed, DeployOnScheduleChange="true", ScheduleKeys=keys):
        found = deployed.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        rules = [each["Name"] for each in deployed.client("events").list_rules()["Rules"]]
    assert ("EventBridgeConfiguration" in found, any("UploadRule" in name for name in rules)) == (sends, sends)
