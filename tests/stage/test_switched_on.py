"""A stack that takes every key, deploys what is uploaded, asks for approvals and reads the jobs' logs: with the rights
that these parameters add, and no other call is denied.
"""

from collections.abc import Callable, Iterator

import pytest

from examples.guestbook.client import Client
from examples.guestbook.demo.scenario import parameters
from rota.cli.check.probes_of_schedules import notify_eventbridge
from tests.stage import scenarios
from tests.stage.account import account, history, states
from tests.stage.conftest import Kept, Rota, as_new
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.test_cli_rights import READER, VIEWER, acting, assert_an_approver_approves, assert_only_an_approver_may
from tests.stage.test_every_key import (
    BARE,
    PLAIN,
    ZONED,
    assert_it_runs_as_the_file_says,
    assert_rights_of_keys_are_just_enough,
)
from tests.stage.test_one_offs import FILE, one_offs
from tests.stage.test_uploads import KEY, begun
from tests.stage.updated import updated
from tests.stage.with_every_key.keys import keys_of
from tests.stage.with_every_key.rights import RIGHTS

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
    assert_an_approver_approves(switched, rota, changes, "the schedule file")

    assert_it_runs_as_the_file_says(switched, keys)
    assert_rights_are_just_enough(switched)
    bucket = switched.names["outputs"]["BucketName"]
    switched.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    acting([*READER, "DoctorPolicy"])
    (found,) = [each for each in rota("check", "--json").json["checks"] if "uploaded" in each["message"]]
    assert (found["status"], notify_eventbridge(bucket) in found["message"]) == ("fail", True)


def assert_rights_are_just_enough(stage: Client) -> None:
    """None is missing, but to a person; those for keys and for uploads are not there in vain."""
    records = [record for record in stage.permissions() if "/person/" not in record["caller"]]
    assert {each["action"] for each in records if "UploadRuleRole" in each["caller"]} == {"states:StartExecution"}
    assert_rights_of_keys_are_just_enough(stage, records)


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
