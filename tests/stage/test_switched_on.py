"""A stack that takes every key, deploys what is uploaded, asks for approvals and reads the jobs' logs: with the rights
that these parameters add, and no other call is denied.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from examples.guestbook.demo.scenario import parameters
from rota.cli.check.probes_of_schedules import notify_eventbridge
from tests.stage import audit, scenarios
from tests.stage.account import account, history, states
from tests.stage.conftest import Kept, Rota, as_new
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.test_cli_rights import READER, VIEWER, acting, assert_only_an_approver_may, denied
from tests.stage.test_every_key import BARE, OF_KEYS, PLAIN, ZONED, in_scheduler, run, target_of
from tests.stage.test_one_offs import FILE, one_offs
from tests.stage.test_uploads import KEY, begun
from tests.stage.updated import updated
from tests.stage.with_every_key.keys import keys_of
from tests.stage.with_every_key.rights import RIGHTS, ROLE

Acting = Callable[[list[str]], None]
__all__ = ["acting"]
SWITCHES = RIGHTS | {
    "Approval": "required",
    "DeployOnScheduleChange": "true",
    "JobLogGroups": parameters()["JobLogGroups"],
    "RevisionMode": "shared",
}
REFUSED = {"command": ["sh", "-c", "echo The guests wait outside; exit 3"]}


@pytest.fixture(scope="module")
def _switched_kept(one_stage: Client, v1_kept: Kept) -> Iterator[str]:
    """A snapshot of a stack with these parameters, from before the next deployment, while there is such a stack."""
    stage = as_new(one_stage, v1_kept.snapshot)
    with updated(stage, **SWITCHES):
        stage.keep("switched")
        yield "switched"
        as_new(stage, v1_kept.snapshot)


@pytest.fixture
def switched(one_stage: Client, _switched_kept: str) -> Client:
    """A stage with that stack, on which v1 was deployed."""
    return as_new(one_stage, _switched_kept)


def test_an_uploaded_file_with_every_key_is_approved_and_runs(switched: Client, rota: Rota, acting: Acting) -> None:
    keys, before = keys_of(switched), len(switched.executions())
    switched.upload_schedule({"tasks": [PLAIN, BARE | keys, ZONED | keys]})
    upload = begun(switched, before + 1)
    event = upload["input"]
    assert (event["detail-type"], event["detail"]["object"]["key"]) == ("Object Created", KEY)
    assert upload["status"] == "SUCCEEDED"
    scenarios.sweep(switched)
    assert len(switched.executions()) == before + 1, "an image may come that is deployed with it"
    switched.advance(121)
    for _ in range(2):
        scenarios.sweep(switched)
    asks = begun(switched, before + 2)
    assert "2 tasks need their own revision: 2 s" in asks["output"]["plan"]["summary"]

    acting([*READER, "DeployerPolicy"])
    assert_only_an_approver_may(rota, "approve")
    acting([*VIEWER, "ApproverPolicy"])
    shown, changes = rota("status").words, rota("status", "--json").json["pending_schedule"]["changes"]
    assert "the change of the schedule file waits for an approval until " in shown
    assert f"Look at it: rota plan. Then rota approve {changes} --reason ..., or rota reject likewise" in shown
    assert rota("deploy", "--image", "v1", "--yes").exit == 4
    assert rota("approve", "0" * 32, "--yes", "--reason", "x").exit == 4
    assert rota("approve", "--yes").exit == 2, "an approval needs a reason"
    missing = denied(switched)
    done = rota("approve", changes, "--yes", "--reason", "the new prices")
    assert (done.exit, denied(switched)) == (0, missing), done.err
    assert "assumed-role/person/ana approved it: the new prices" in rota("explain", "v2").words
    again = rota("approve", changes, "--yes", "--reason", "x")
    assert (again.exit, "nothing waits for an approval" in again.err) == (4, True)

    assert_it_runs_as_the_file_says(switched, keys)
    assert_rights_are_just_enough(switched)
    bucket = switched.names["outputs"]["BucketName"]
    switched.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    acting([*READER, "DoctorPolicy"])
    (found,) = [each for each in rota("check", "--json").json["checks"] if "uploaded" in each["message"]]
    assert (found["status"], notify_eventbridge(bucket) in found["message"]) == ("fail", True)


def assert_it_runs_as_the_file_says(stage: Client, keys: dict[str, Any]) -> None:
    for name in ("Report", "Zoned"):
        task, revision, printed = run(stage, name)
        assert (task["capacityProviderName"], task["launchType"]) == ("FARGATE_SPOT", "FARGATE")
        assert (task["enableExecuteCommand"], task["ephemeralStorage"]) == (True, {"sizeInGiB": 50})
        tags = {each["key"]: each["value"] for each in task["tags"]}
        assert (tags["team"], tags["cost-centre"], tags["rota:app"]) == ("data", "12", "production/guestbook-api")
        details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
        assert details["subnetId"] == keys["subnets"][0]
        assert (revision["taskRoleArn"], printed) == (ROLE, "let-me-in of-ssm\n")
    network = target_of(stage, "Report")["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
    assert network == {
        "Subnets": keys["subnets"],
        "SecurityGroups": keys["security_groups"],
        "AssignPublicIp": "ENABLED",
    }
    assert in_scheduler(stage)["Target"]["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"] == network
    task, revision, _ = run(stage, "Plain")
    assert (task.get("capacityProviderName"), task["enableExecuteCommand"], task["tags"]) == (None, False, [])
    assert "/guestbook/key" not in str(revision["containerDefinitions"])


def assert_rights_are_just_enough(stage: Client) -> None:
    """None is missing, but to a person; those for keys and for uploads are not there in vain."""
    records = [record for record in stage.permissions() if "/person/" not in record["caller"]]
    assert [record for record in records if not record["allowed"]] == []
    assert {each["action"] for each in records if "UploadRuleRole" in each["caller"]} == {"states:StartExecution"}
    idle = [
        each
        for each in audit.unused(audit.statements(stage), audit.asked(records))
        if each.action in OF_KEYS and ("ReadConfig" in each.role or "EventsRole" in each.role)
    ]
    # IAM takes each action of a statement with each of its resources.
    assert {(each.action.partition(":")[0], each.resource.split(":")[2]) for each in idle} <= {
        ("secretsmanager", "ssm"),
        ("ssm", "secretsmanager"),
    }


def test_a_smoke_test_that_fails_restores_what_a_migration_preceded(switched: Client, rota: Rota) -> None:
    switched.upload_schedule(FILE | {"after": REFUSED})
    scenarios.wait_for_all(switched)
    before = account(switched)
    switched.push("v2")
    scenarios.wait_for_all(switched)
    scenarios.approve(switched, "pending")
    failed = switched.wait(switched.executions()[0])
    assert (failed["status"], failed["error"]) == ("FAILED", "TaskFailedError")
    assert failed["cause"].startswith(
        "The migration ran and stays. RunAfter: the smoke test ended with exit code 3 after "
    )
    assert "  The guests wait outside\n" in failed["cause"]
    way = [state for state in states(switched, failed) if state in ("RunBefore", "CreateTargets", "RunAfter")]
    assert list(dict.fromkeys(way)) == ["RunBefore", "CreateTargets", "RunAfter"]
    assert_all_is_as_it_was(switched, before)
    assert history(switched)[0]["outcome"] == "failed"
    assert [len(one_offs(switched, kind)) for kind in ("before", "after")] == [1, 1]
    assert "Migrated: rooms." in rota("logs", "before").out
    assert [each for each in switched.permissions() if not each["allowed"]] == []
