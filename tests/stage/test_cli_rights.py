"""What people may do with the stack's managed policies: just enough for their commands."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.cli.aws_errors import POLICIES
from stage.client import wait_for
from stage.moto.clients import ACCOUNT
from tests.stage.conftest import Rota
from tests.stage.updated import updated

TRUST = f'{{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "{ACCOUNT}"}}, "Action": "sts:AssumeRole"}}]}}'
VIEWER = ["ViewerPolicy"]
READER = [*VIEWER, "PlanReaderPolicy"]
# On AWS these are needed where the stage has nothing of the kind, or answers before it looks.
ON_AWS_ALONE = {"s3:ListBucket", "s3:ListBucketVersions", "ssm:DescribeParameters"}


@pytest.fixture
def acting(one_stage: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[list[str]], None]]:
    """Has the commands that follow act with a role to which these of the stack's policies are attached alone."""
    iam, sts = one_stage.client("iam"), one_stage.client("sts")
    iam.create_role(RoleName="person", AssumeRolePolicyDocument=TRUST)

    def detach() -> None:
        for attached in iam.list_attached_role_policies(RoleName="person")["AttachedPolicies"]:
            iam.detach_role_policy(RoleName="person", PolicyArn=attached["PolicyArn"])

    def act(policies: list[str]) -> None:
        detach()
        for policy in policies:
            arn = one_stage.names["outputs"][f"{policy}Arn"]
            iam.attach_role_policy(RoleName="person", PolicyArn=arn)
        role = f"arn:aws:iam::{ACCOUNT}:role/person"
        given = sts.assume_role(RoleArn=role, RoleSessionName="ana")["Credentials"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])

    yield act
    detach()
    iam.delete_role(RoleName="person")


def asked(stage: Client) -> list[dict[str, Any]]:
    """What was asked of the person's rights."""
    return [each for each in stage.permissions() if "/person/" in each["caller"]]


def denied(stage: Client) -> set[str]:
    return {each["action"] for each in asked(stage) if not each["allowed"]}


COMMANDS: dict[str, tuple[list[str], list[list[str]], set[str]]] = {
    "viewer": (
        VIEWER,
        [
            ["status"],
            ["status", "--all"],
            ["next"],
            ["history"],
            ["history", "--task", "IngestData"],
            ["explain", "v1"],
        ],
        set(),
    ),
    "viewer, of the board": (
        VIEWER,
        [["board", "--out", "/dev/null"]],
        {"sqs:GetQueueAttributes", "cloudwatch:DescribeAlarms"},
    ),
    "viewer, of what is stored": (VIEWER, [["explain", "IngestData"], ["import"]], {"s3:GetObjectVersion"}),
    "reader, of a task": (READER, [["explain", "IngestData"]], set()),
    "deployer": (
        [*READER, "DeployerPolicy"],
        [
            ["plan"],
            ["plan", "--image", "v1", "--file", "examples/app/scheduled_tasks.json"],
            ["deploy", "--image", "initial", "--yes"],
            ["deploy", "--again", "--yes"],
        ],
        set(),
    ),
    "viewer, of a deployment's lines": (VIEWER, [["logs", "--deployment"]], set()),
    # The stack's JobLogGroups names no group: the job runs, and its log is not shown.
    "runner": (
        [*VIEWER, "RunnerPolicy"],
        [["run", "IngestData", "--yes"], ["run", "--failed", "--yes"]],
        {"logs:GetLogEvents"},
    ),
    "runner, of a release": (
        [*READER, "RunnerPolicy"],
        [["run", "IngestData", "--release", "v1", "--yes"]],
        {"logs:GetLogEvents"},
    ),
    "doctor": ([*READER, "DoctorPolicy"], [["check"]], set()),
}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(("policies", "commands", "unseen"), COMMANDS.values(), ids=COMMANDS)
def test_the_policies_are_enough(
    deployed: Client,
    rota: Rota,
    acting: Callable[[list[str]], None],
    policies: list[str],
    commands: list[list[str]],
    unseen: set[str],
) -> None:
    acting(policies)
    for command in commands:
        done = rota(*command)
        assert (done.exit, done.err.startswith("rota:")) == (0, False), (command, done.err)
    assert denied(deployed) == unseen


@pytest.mark.exhaustive(first=0)
def test_a_runner_tries_a_migration(
    deployed: Client, rota: Rota, acting: Callable[[list[str]], None], tmp_path: Path
) -> None:
    """Also while one runs, status and board say what the deployment waits for."""
    file = {
        "before": {"command": ["sleep", "12"]},
        "tasks": [{"name": "RemoveSpam", "task": "spam_task", "rate": "1 day"}],
    }
    deployed.upload_schedule(file)
    written = tmp_path / "file.json"
    written.write_text(json.dumps(file))
    deployed.push("v2")
    wait_for(lambda: ": migrating" in rota("status").out, 20)
    page = tmp_path / "board.html"
    assert rota("board", "--out", str(page)).exit == 0
    assert "RunBefore" in page.read_text()
    assert deployed.wait(deployed.executions()[0])["status"] == "SUCCEEDED"
    acting([*READER, "RunnerPolicy"])
    for how in ([], ["--schedule", str(written)], ["--schedule", str(written), "--release", "v1"]):
        done = rota("run", "before", *how, "--yes", "--", "true")  # the clock of this test does not wait 12 s
        assert (done.exit, done.err.startswith("rota:")) == (0, False), done.err
    assert denied(deployed) == {"logs:GetLogEvents"}


@pytest.mark.exhaustive(first=0)
def test_a_deployer_stops_a_deployment(deployed: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    acting([*READER, "DeployerPolicy"])
    deployed.settings(rollout="hangs")
    assert rota("deploy", "--image", "initial", "--yes", "--no-wait").exit == 0
    wait_for(lambda: rota("status", "--json").json["deploying"], 30)
    assert rota("restore", "--yes").exit == 0
    assert denied(deployed) == set()


def test_a_viewer_changes_nothing(deployed: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    acting(READER)
    done = rota("deploy", "--again", "--yes")
    assert done.exit == 4
    assert "you may not states:StartExecution on arn:aws:states" in done.err
    assert "the stack's DeployerPolicy allows it" in done.err


def test_a_deployer_uploads_no_schedule_file(deployed: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    acting([*READER, "DeployerPolicy"])
    done = rota("deploy", "--schedule", "examples/app/scheduled_tasks.next.json", "--yes")
    assert (done.exit, done.out) == (4, "")
    assert "none of the stack's policies for people uploads a schedule file" in done.err
    assert "may be uploaded" not in done.err
    assert rota("plan", "--exit-code").exit == 0, "nothing was uploaded"


def test_who_may_not_run_learns_who_allows_it(
    deployed: Client, rota: Rota, acting: Callable[[list[str]], None]
) -> None:
    acting(VIEWER)
    done = rota("run", "IngestData", "--yes")
    assert (done.exit, done.out) == (125, "")
    assert "you may not ecs:RunTask on arn:aws:ecs" in done.err
    assert "the stack's RunnerPolicy allows it" in done.err
    logs = rota("logs", "IngestData")
    assert (logs.exit, "there is no run of IngestData" in logs.err) == (4, True)


@pytest.fixture
def allowing_everything(deployed: Client) -> Iterator[None]:
    with updated(deployed, EventsRoleAllows="tags,exec", DeployOnScheduleChange="true"):
        yield


@pytest.mark.exhaustive(first=0)
@pytest.mark.usefixtures("allowing_everything")
def test_no_action_is_granted_in_vain(deployed: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    acting([*POLICIES])
    events, name = deployed.client("events"), f"{deployed.names['rule_prefix']}IngestData"
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    tagged = {**target["EcsParameters"], "Tags": [{"Key": "cost", "Value": "1"}]}
    events.put_targets(Rule=name, Targets=[{**target, "EcsParameters": tagged}])
    rota("run", "IngestData", "--yes")
    events.put_targets(Rule=name, Targets=[target])
    deployed.settings(rollout="hangs", start_seconds=600)
    rota("run", "IngestData", "--yes", "--no-wait")
    rota("deploy", "--image", "initial", "--yes", "--no-wait")
    wait_for(lambda: rota("status", "--json").json["deploying"], 30)
    for command in ("stop IngestData --yes", "status", "explain IngestData", "logs --deployment", "restore --yes"):
        rota(*command.split())
    with updated(deployed, Approval="required"):
        deployed.deploy("v2")
        rota("reject", "--yes", "--reason", "not on a Friday")
    spot = {"name": "Report", "task": "spam_task", "rate": "1 day", "capacity_provider": "FARGATE_SPOT"}
    deployed.upload_schedule({"tasks": [spot]})
    rota("check")
    rota("plan", "--file", "examples/app/scheduled_tasks.json")
    used = {each["action"] for each in asked(deployed)}
    assert {action for actions in POLICIES.values() for action in actions} - used <= ON_AWS_ALONE


@pytest.fixture
def asking(deployed: Client) -> Iterator[Client]:
    """A stage whose stack asks for approvals, where a push waits for one."""
    with updated(deployed, Approval="required"):
        deployed.deploy("v2")
        yield deployed


def live_tag(rota: Rota) -> str:
    tag: str = rota("status", "--json").json["release"]["tag"]
    return tag


def assert_only_an_approver_may(rota: Rota, command: str) -> None:
    refused = rota(command, "--yes", "--reason", "I say so")
    assert refused.exit == 4
    assert "you may not lambda:InvokeFunction on arn:aws:lambda" in refused.err
    assert "the stack's ApproverPolicy allows it" in refused.err


def assert_an_approver_approves(stage: Client, rota: Rota, changes: str, named: str = "v2") -> None:
    """Once, with a reason, and does nothing else; what is approved, which is `named`, becomes v2."""
    assert rota("deploy", "--image", "v1", "--yes").exit == 4
    assert rota("approve", "0" * 32, "--yes", "--reason", "x").exit == 4
    assert rota("approve", "--yes").exit == 2, "an approval needs a reason"
    for command in ("approve", "reject"):
        asked = rota(command, changes, "--reason", "I say so")
        question = f"it would ask: {command.capitalize()} {named} for production/guestbook-api"
        assert (asked.exit, question in asked.err) == (2, True), asked.err
    missing = denied(stage)
    done = rota("approve", changes, "--yes", "--reason", "the new prices")
    assert (done.exit, denied(stage)) == (0, missing), done.err
    assert "assumed-role/person/ana approved it: the new prices" in rota("explain", "v2").words
    again = rota("approve", changes, "--yes", "--reason", "x")
    assert (again.exit, "nothing waits for an approval" in again.err) == (4, True)


@pytest.mark.exhaustive(first=0)
def test_who_may_deploy_may_not_approve(asking: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    waits = rota("status", "--json").json["pending"]
    acting([*READER, "DeployerPolicy"])
    for command in ("approve", "reject"):
        assert_only_an_approver_may(rota, command)
    for tried in (["resume", "--deployments"], ["deploy", "--image", "v2", "--now"]):
        rota(*tried, "--yes", "--reason", "I say so")
    for given in ({"kind": "resume", "approve": True}, {"kind": "resume", "by": "ann", "reason": "approved"}):
        asking.wait(asking.start(given))
    assert (live_tag(rota), rota("status", "--json").json["pending"]["digest"]) == ("v1", waits["digest"])


@pytest.mark.exhaustive(first=0)
def test_an_approver_approves_and_does_nothing_else(
    asking: Client, rota: Rota, acting: Callable[[list[str]], None]
) -> None:
    acting([*READER, "DeployerPolicy"])
    assert_only_an_approver_may(rota, "approve")
    acting([*VIEWER, "ApproverPolicy"])
    shown = rota("status").words
    assert "the push of v2 waits for an approval until " in shown
    changes = rota("status", "--json").json["pending"]["changes"]
    assert f"Look at it: rota plan --image v2. Then rota approve {changes} --reason ..., or rota reject" in shown
    assert_an_approver_approves(asking, rota, changes)
    assert live_tag(rota) == "v2"


@pytest.mark.exhaustive(first=0)
def test_an_approver_rejects(asking: Client, rota: Rota, acting: Callable[[list[str]], None]) -> None:
    acting([*VIEWER, "ApproverPolicy"])
    done = rota("reject", "--yes", "--reason", "not on a Friday")
    assert (done.exit, live_tag(rota)) == (0, "v1"), done.err
    assert rota("status", "--json").json["pending"] is None
    assert "not on a Friday" in rota("history", "--all").words
