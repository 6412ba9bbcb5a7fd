"""The lines of docs/operations.md, typed into a shell as they are printed there, when one would need them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stage.client import Client, wait_for
from tests.printed import RUNBOOK, blocks, signed_in, typed, with_the_aws_cli
from tests.stage.account import PREFIX, rules, schedules
from tests.stage.scenarios import NEXT, deaf_to_the_end

pytestmark = with_the_aws_cli
NAMES = re.compile(r"^RULES=.*$", re.MULTILINE)
SET = re.compile(r"^STACK=.*\n", re.MULTILINE)
OURS = f"STACK=rota APP=production/guestbook-api REPOSITORY=guestbook PREFIX={PREFIX}\n"

Shell = Callable[..., str]


@pytest.fixture
def shell(one_stage: Client, tmp_path: Path) -> Shell:
    """Runs lines of the runbook, after those that set the variables. Returns what they print."""
    (variables,) = re.findall(r"^```\n(STACK=.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)

    def run(*lines: str, **more: str) -> str:
        ran = typed(SET.sub(OURS, variables), *lines, cwd=tmp_path, **signed_in(one_stage), **more)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def started(stage: Client, before: list[str]) -> str:
    """The one execution that is new."""
    (new,) = set(stage.executions()) - set(before)
    return new


def test_handing_over_the_rules_of_a_script(stage: Client, shell: Shell) -> None:
    events = stage.client("events")
    events.put_rule(Name=f"{PREFIX}IngestData", ScheduleExpression="cron(0 6 * * ? *)")
    other = events.put_rule(Name=f"{PREFIX}two__Night", ScheduleExpression="cron(0 6 * * ? *)")["RuleArn"]
    refused = stage.deploy("v1")
    assert refused["error"] == "RejectedError"
    see, tag = blocks(RUNBOOK, "Moving from a script")
    assert f"{PREFIX}IngestData" in shell(see)
    shell(NAMES.sub(f"RULES={PREFIX}IngestData", tag))
    assert events.list_tags_for_resource(ResourceARN=other)["Tags"] == []
    dry_run, look = blocks(RUNBOOK, "First deployment")[1:]
    execution = shell(dry_run, "echo $EXECUTION", TAG="v1").strip()
    assert stage.wait(execution)["status"] == "SUCCEEDED"
    seen = shell(look, EXECUTION=execution)
    assert "2 new, 1 changed" in seen
    assert '"tasks"' in seen
    assert stage.deploy("v2")["status"] == "SUCCEEDED"


def test_looking_running_again_and_rolling_back(deployed: Client, shell: Shell) -> None:
    good = deployed.executions()[0]
    deployed.deploy("v2")
    (which, *_) = blocks(RUNBOOK, "Something is wrong")
    assert good in shell(which)
    again, dry_run = blocks(RUNBOOK, "Running an execution again")
    before = deployed.executions()
    shell(again, dry_run, EXECUTION=before[0])
    ends = [deployed.wait(each)["output"] for each in set(deployed.executions()) - set(before)]
    assert sorted("outcome" in output for output in ends) == [False, True], "one deployment, one dry run"
    history, roll_back, *_ = blocks(RUNBOOK, "Roll back")
    assert good in shell(history)
    before = deployed.executions()
    shell(roll_back, EXECUTION=good)
    assert deployed.wait(started(deployed, before))["output"]["outcome"]["outcome"] == "deployed"


def test_aborting(stage: Client, shell: Shell) -> None:
    stage.settings(time_scale=100)  # it waits for the rollout until it is aborted, however long the typing takes
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (execution,) = stage.executions()
    abort, restore = blocks(RUNBOOK, "Aborting")
    with deaf_to_the_end(stage):
        shell(abort, EXECUTION=execution)
        assert stage.wait(execution)["status"] == "ABORTED"
    stage.settings(time_scale=0.01)
    shell(restore, EXECUTION=execution)
    assert stage.restored_by(execution)["output"]["restored"]["outcome"] == "aborted"
    assert schedules(stage) == {}


def test_uploading_a_schedule_file_and_going_back_to_an_older_version(
    stage: Client, shell: Shell, tmp_path: Path
) -> None:
    tmp_path.joinpath("scheduled_tasks.json").write_text(json.dumps(NEXT))
    upload, *_ = blocks(RUNBOOK, "First deployment")
    *_, versions, copy = blocks(RUNBOOK, "Roll back")
    shell(upload)
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    assert "PrintDigest" in schedules(stage)
    listed = [line.split()[1] for line in shell(versions).splitlines()]
    assert len(listed) == 2, "the newest first"
    shell(copy, VERSION=listed[1])
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    assert "PrintDigest" not in schedules(stage)


def test_finishing_a_restore_that_gave_up(deployed: Client, shell: Shell) -> None:
    deployed.settings(time_scale=0.001)
    denied = {"count": 0, "fault": "denied"}
    deployed.faults(
        [
            {"service": "ecs", "operation": "UpdateService", "caller": "RollService", **denied},
            {"service": "events", "operation": "PutTargets", "caller": "RestoreDeployment", **denied},
        ]
    )
    ended = deployed.deploy("v2", timeout=120)
    assert ended["error"] == "RestoreFailed"
    deployed.faults([])
    (holder,) = blocks(RUNBOOK, "A lease that nobody gives back")
    assert ended["executionArn"] in shell(holder)
    finish, snapshot = blocks(RUNBOOK, "Restoring by hand")
    shell(finish, EXECUTION=ended["executionArn"])
    assert "rules had to be put back" in deployed.restored_by(ended["executionArn"])["cause"]
    assert json.loads(shell(holder)) == [None, None]
    before = rules(deployed)
    deployed.client("events").put_rule(Name=f"{PREFIX}IngestData", ScheduleExpression="rate(9 days)")
    commands = shell(snapshot, EXECUTION=ended["executionArn"])
    shell(*[line for line in commands.splitlines() if line.startswith("aws ")])
    assert rules(deployed) == before


def test_starting_by_hand_and_ending_the_schedules(stage: Client, shell: Shell) -> None:
    stage.push("v1")
    stage.wait(stage.executions()[0])
    before = stage.executions()
    lost, purge, start = blocks(RUNBOOK, "A push that starts nothing")
    sqs = stage.client("sqs")
    queue = shell("output PushDeadLetterQueueUrl").strip()
    sqs.send_message(QueueUrl=queue, MessageBody="a lost push")
    # The CLI's first generation asks the environment for the endpoint of every service but this one.
    with_endpoint = ("aws sqs", "aws --endpoint-url $AWS_ENDPOINT_URL sqs")
    assert "a lost push" in shell(lost.replace(*with_endpoint))
    shell(purge.replace(*with_endpoint))
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
    shell(start, TAG="v1")
    assert stage.wait(started(stage, before))["output"]["outcome"]["outcome"] == "nothing to do"
    (wait,) = blocks(RUNBOOK, "Updating Rota")
    shell(wait)
    _, end = blocks(RUNBOOK, "Removing Rota")
    events = stage.client("events")
    others = [f"{PREFIX}two__Night", f"{PREFIX}untagged"]
    for name, tags in zip(others, ([{"Key": "rota:app", "Value": "production/two"}], []), strict=True):
        events.put_rule(Name=name, ScheduleExpression="cron(0 6 * * ? *)", Tags=tags)
    shell(end)
    assert [rule["Name"] for rule in events.list_rules(NamePrefix=PREFIX)["Rules"]] == others
