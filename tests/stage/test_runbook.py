"""The command blocks of docs/operations.md, run in a shell, in the situation that they are for."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.printed import RUNBOOK, RUNS, blocks, signed_in, typed, with_the_aws_cli
from tests.stage.account import PREFIX, rules, schedules
from tests.stage.conftest import Rota
from tests.stage.scenarios import NEXT, events_lost, sweep
from tests.stage.test_runs import ended

pytestmark = with_the_aws_cli
# Version 1 of the CLI reads the endpoint of every service but this one from the environment.
SQS = ("aws sqs", "aws --endpoint-url $AWS_ENDPOINT_URL sqs")
JOB = re.compile(r"^JOB=.*$", re.MULTILINE)
NAMES = re.compile(r"^RULES=.*$", re.MULTILINE)

Shell = Callable[..., str]


@cache
def variables(endpoint: str) -> str:
    """The runbook's first block with the values of this stage's stack, which the AWS CLI takes seconds to look up."""
    (block,) = re.findall(r"^```\n(STACK=.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    set_here = re.findall(r"^[A-Z]+=.*$", block, re.MULTILINE)
    names = [name for line in set_here for name in re.findall(r"(?:^| )([A-Z]+)=", line)]
    looked_up = typed(block, *(f'echo "{name}=${name}"' for name in names), **signed_in(Client(endpoint)))
    assert looked_up.returncode == 0, looked_up.stderr
    functions = re.sub(r"^[A-Z]+=.*\n", "", block, flags=re.MULTILINE)
    return looked_up.stdout + functions


@pytest.fixture
def shell(one_stage: Client, tmp_path: Path) -> Shell:
    """Runs lines of the runbook, after those that set the variables. Returns their output."""

    def run(*lines: str, **more: str) -> str:
        ran = typed(variables(one_stage.endpoint), *lines, cwd=tmp_path, **signed_in(one_stage), **more)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def started(stage: Client, before: list[str]) -> str:
    """The one execution that is new."""
    (new,) = set(stage.executions()) - set(before)
    return new


def outcome(stage: Client, printed: str) -> str:
    """How the execution whose ARN was printed has ended."""
    return str(stage.wait(printed.strip())["output"]["outcome"]["outcome"])


def upload() -> str:
    """The line that uploads the schedule file."""
    return blocks(RUNBOOK, "Change the schedule")[1].splitlines()[0]


def test_the_variables_come_from_the_stack(stage: Client, shell: Shell) -> None:
    printed = shell("echo $MACHINE $BUCKET $APP $REPOSITORY $FAMILY $PREFIX").split()
    names = stage.names
    expected = [names[each] for each in ("state_machine_arn", "bucket")]
    expected += [f"{names['cluster']}/{names['service']}", names["repository"], names["family"], PREFIX]
    assert printed == expected


def test_first_deployment(stage: Client, shell: Shell, tmp_path: Path) -> None:
    dry_run, look, *_ = blocks(RUNBOOK, "First deployment")
    tmp_path.joinpath("scheduled_tasks.json").write_text(json.dumps(NEXT))
    shell(upload())
    stage.deploy("v1")
    execution = shell(dry_run, "echo $EXECUTION", TAG="v1").strip()
    assert stage.wait(execution)["status"] == "SUCCEEDED"
    seen = shell(look, EXECUTION=execution)
    assert "unchanged" in seen
    assert '"tasks"' in seen


def test_a_push_of_your_own_app_on_the_stage(stage: Client, shell: Shell) -> None:
    push = blocks(RUNBOOK, "First deployment")[-1]
    stage.client("ecr").create_repository(repositoryName="shop")
    shell("REPOSITORY=shop", push)
    assert stage.client("ecr").describe_images(repositoryName="shop", imageIds=[{"imageTag": "release-1"}])


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
    dry_run, look = blocks(RUNBOOK, "First deployment")[:2]
    execution = shell(dry_run, "echo $EXECUTION", TAG="v1").strip()
    assert stage.wait(execution)["status"] == "SUCCEEDED"
    seen = shell(look, EXECUTION=execution)
    assert "2 new, 1 changed" in seen
    assert '"tasks"' in seen
    assert stage.deploy("v2")["status"] == "SUCCEEDED"


def test_the_last_executions_and_how_one_ended(deployed: Client, shell: Shell) -> None:
    deployed.settings(rollout="fails")
    failed = deployed.deploy("v2")
    latest, newest, ended = blocks(RUNBOOK, "Something is wrong")
    assert [line.split("\t")[1] for line in shell(latest).splitlines()] == ["FAILED", "SUCCEEDED"]
    assert failed["cause"].splitlines()[0] in shell(newest, ended)


def test_running_again_deploys_what_is_live(deployed: Client, shell: Shell) -> None:
    """Also after a push that failed, and after a dry run."""
    live, meant, dry_run, look = blocks(RUNBOOK, "Run it again")
    deployed.settings(rollout="fails")
    failed = deployed.deploy("v2")["executionArn"]
    deployed.settings(rollout="completes")
    planned = shell(dry_run, "echo $EXECUTION").strip()
    assert "outcome" not in deployed.wait(planned)["output"]
    assert "3 unchanged" in shell(look, EXECUTION=planned)
    assert outcome(deployed, shell(live)) == "nothing to do"
    assert outcome(deployed, shell(meant, EXECUTION=failed)) == "deployed"


def test_rolling_back_by_tag(deployed: Client, shell: Shell) -> None:
    deployed.deploy("v2")
    history, _, _, _, by_ledger, by_ecr, *_ = blocks(RUNBOOK, "Roll back")
    assert re.findall(r"\bv\d\b", shell(history)) == ["v2", "v1"]
    assert "b81d07e" in by_ledger
    assert outcome(deployed, shell(by_ledger.replace("b81d07e", "v1"))) == "deployed"
    assert outcome(deployed, shell(by_ecr.replace("b81d07e", "v2"))) == "deployed"


def test_rolling_back_to_a_release_that_stays(deployed: Client, shell: Shell) -> None:
    bad = deployed.deploy("v2")
    _, back, lift, look, *_ = blocks(RUNBOOK, "Roll back")
    assert outcome(deployed, shell(back)) == "deployed"
    again = deployed.wait(deployed.start(bad["input"]))
    assert restored(again) == "barred"
    _, _, bars = json.loads(shell(look))
    assert [(bar["release"]["S"], bar["by"]["S"]) for bar in bars] == [("v2", "ann")]
    assert restored(deployed.wait(shell(lift.replace("b81d07e", "v2")).strip())) == "done"
    assert json.loads(shell(look)) in (None, [None, None, None])
    again = deployed.wait(deployed.start(bad["input"]))
    assert again["output"]["outcome"]["outcome"] == "deployed"


def restored(execution: dict[str, Any]) -> str:
    """What RestoreDeployment recorded of an execution that was no failure."""
    assert execution["status"] == "SUCCEEDED"
    return str(execution["output"]["restored"]["outcome"])


def test_going_back_to_an_older_schedule_file(stage: Client, shell: Shell, tmp_path: Path) -> None:
    tmp_path.joinpath("scheduled_tasks.json").write_text(json.dumps(NEXT))
    *_, versions, copy = blocks(RUNBOOK, "Roll back")
    shell(upload())
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    assert "PrintDigest" in schedules(stage)
    listed = [line.split()[1] for line in shell(versions).splitlines()]
    assert len(listed) == 2, "the newest first"
    shell(copy, VERSION=listed[1])
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    assert "PrintDigest" not in schedules(stage)


def test_changing_the_schedule(deployed: Client, shell: Shell, tmp_path: Path) -> None:
    fetch, dry_run, deploy, *_ = blocks(RUNBOOK, "Change the schedule")
    shell(fetch)
    file = tmp_path / "scheduled_tasks.json"
    schedule = json.loads(file.read_text())
    schedule["tasks"][0]["enabled"] = False
    paused = schedule["tasks"][0]["name"]
    file.write_text(json.dumps(schedule))
    planned = shell(dry_run, "echo $EXECUTION").splitlines()[-1]
    assert "1 changed, 2 unchanged" in deployed.wait(planned)["output"]["plan"]["summary"]
    assert outcome(deployed, shell(deploy)) == "deployed"
    assert {name: rule["State"] for name, rule in schedules(deployed).items()}[paused] == "DISABLED"


def test_pausing_and_resuming_a_job(deployed: Client, shell: Shell) -> None:
    *_, pause, resume, which, enable = blocks(RUNBOOK, "Change the schedule")
    paused = deployed.wait(shell(pause.replace("SendMail", "RemoveSpam")).strip())
    assert paused["output"]["changed"] == {
        "outcome": "done",
        "summary": "RemoveSpam is paused by ann until 2030-01-07 06:00 UTC: the supplier is down",
    }
    assert schedules(deployed)["RemoveSpam"]["State"] == "DISABLED"
    assert shell(which).split("\t")[::2] == ["RemoveSpam", "2030-01-07T06:00:00Z", "the supplier is down\n"]
    resumed = deployed.wait(shell(resume.replace("SendMail", "RemoveSpam")).strip())
    assert resumed["output"]["changed"]["summary"] == "RemoveSpam is not paused any more"
    assert schedules(deployed)["RemoveSpam"]["State"] == "ENABLED"
    assert shell(which) == ""

    shell("aws events disable-rule --name ${PREFIX}RemoveSpam", enable.replace("SendMail", "RemoveSpam"))
    assert schedules(deployed)["RemoveSpam"]["State"] == "ENABLED"


def test_a_pause_ends_without_a_person(deployed: Client) -> None:
    """With the rights that Sweep has: it reads and writes the pause, and enables the rule."""
    until = (datetime.now(UTC) + timedelta(seconds=6)).isoformat()
    paused = deployed.start({"kind": "pause", "pause": {"tasks": ["RemoveSpam"], "until": until}})
    assert deployed.wait(paused)["output"]["changed"]["outcome"] == "done"
    assert schedules(deployed)["RemoveSpam"]["State"] == "DISABLED"

    def is_enabled() -> bool:
        sweep(deployed)
        return bool(schedules(deployed)["RemoveSpam"]["State"] == "ENABLED")

    wait_for(is_enabled, timeout=30, every=1)


SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
SPAM = {"containerOverrides": [{"name": "app", "command": ["bin/start", "spam_task"]}]}
TIMED = '{"containerOverrides":[{"name":"app","environment":[{"name":"ROTA_SCHEDULED_AT","value":<time>}]}]}'


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="as deployed"),
        pytest.param({}, id="without run watching"),
        pytest.param({"Input": json.dumps(SPAM)}, id="with RevisionMode shared"),
        pytest.param(
            {"InputTransformer": {"InputPathsMap": {"time": "$.time"}, "InputTemplate": TIMED}},
            id="with TraceScheduledTime",
        ),
    ],
)
def test_running_a_job_now(deployed: Client, shell: Shell, given: dict[str, object] | None) -> None:
    events, rule = deployed.client("events"), f"{PREFIX}IngestData"
    if given is not None:
        (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
        bare: Any = {member: value for member, value in target.items() if member != "Input"}
        events.put_targets(Rule=rule, Targets=[{**bare, **given}])
    (run,) = blocks(RUNBOOK, "Run a job now")
    task = shell(JOB.sub("JOB=IngestData", run)).split()[0]
    ecs = deployed.client("ecs")

    def stopped() -> dict[str, object] | None:
        (described,) = ecs.describe_tasks(cluster="production", tasks=[task])["tasks"]
        return described if described["lastStatus"] == "STOPPED" else None

    described = wait_for(stopped, 30)
    if given and "InputTransformer" in given:
        (variable,) = described["overrides"]["containerOverrides"][0]["environment"]  # type: ignore[index]
        assert variable["name"] == "ROTA_SCHEDULED_AT"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", variable["value"])
    assert described["startedBy"] == "by-hand"
    assert described["containers"][0]["exitCode"] == 0  # type: ignore[index]


def test_running_a_job_now_that_runs_on_spot(deployed: Client, shell: Shell) -> None:
    """A target that was taken over keeps its capacity providers, and has no launch type then."""
    events, rule = deployed.client("events"), f"{PREFIX}IngestData"
    deployed.client("ecs").put_cluster_capacity_providers(
        cluster="production", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
    of_ecs = {member: value for member, value in target["EcsParameters"].items() if member != "LaunchType"}
    events.put_targets(Rule=rule, Targets=[{**target, "EcsParameters": {**of_ecs, "CapacityProviderStrategy": SPOT}}])
    (run,) = blocks(RUNBOOK, "Run a job now")
    task = shell(JOB.sub("JOB=IngestData", run)).split()[0]
    (described,) = deployed.client("ecs").describe_tasks(cluster="production", tasks=[task])["tasks"]
    assert described["capacityProviderName"] == "FARGATE_SPOT"


def test_why_a_job_did_not_run(deployed: Client, shell: Shell) -> None:
    (run,) = blocks(RUNBOOK, "Run a job now")
    last, look, stopped, alert = blocks(RUNBOOK, "A job did not run")
    assert shell(look, JOB="IngestData").startswith("ENABLED\tcron(0 6 * * ? *)\n")
    task = shell(JOB.sub("JOB=IngestData", run)).split()[0]
    seen = wait_for(lambda: [line for line in shell(stopped).splitlines() if task in line], 30)
    assert seen[0].split("\t")[0] == "by-hand"
    assert "Essential container in task exited" in seen[0]
    shell(alert)
    events = deployed.client("events")
    assert events.describe_rule(Name="rota-failed-jobs")["State"] == "ENABLED"
    (target,) = events.list_targets_by_rule(Rule="rota-failed-jobs")["Targets"]
    assert target["Arn"] == deployed.names["outputs"]["NotificationsTopicArn"]

    deployed.settings(tasks="scripted", script={"does_not_start": 1})
    deployed.fire(f"{PREFIX}RemoveSpam")
    ended(deployed, 2)
    (line,) = shell(JOB.sub("JOB=RemoveSpam", last)).splitlines()
    assert line.split("\t")[1] == "not_started"
    assert "check the subnets' route to AWS" in line


def test_following_a_job_that_failed_to_its_log(deployed: Client, shell: Shell) -> None:
    wrong = {"name": "IngestData", "task": "no_such_task", "cron": "0 6 * * ? *"}
    deployed.upload_schedule({"tasks": [wrong]})
    deployed.deploy("v2")
    deployed.fire(f"{PREFIX}IngestData")
    ended(deployed, 1)
    last, log = blocks(RUNBOOK, "A job failed")
    (line,) = shell(JOB.sub("JOB=IngestData", last)).splitlines()
    assert line.split("\t")[1:3] == ["failed", "64"]
    assert "not a task: 'no_such_task'" in shell(log, JOB="IngestData")
    (look,) = blocks(RUNS, "Look at a job's runs")
    assert shell(look).split("\t")[1:3] == ["failed", "64"]


def test_stopping_a_job_that_runs_too_long(deployed: Client, shell: Shell) -> None:
    deployed.settings(tasks="scripted", script={"seconds": 3600})
    deployed.fire(f"{PREFIX}IngestData")
    running, stop = blocks(RUNBOOK, "A job runs too long")
    (line,) = shell(running).splitlines()
    job, _, task = line.split("\t")
    assert job == "IngestData"
    assert shell(stop, TASK=task) == "STOPPED\n"
    (run,) = ended(deployed, 1)
    assert (run["status"], run["stop_code"]) == ("failed", "UserInitiated")


def test_the_errors_of_the_watcher(deployed: Client, shell: Shell) -> None:
    (errors,) = blocks(RUNBOOK, "The watcher itself")
    deployed.faults([{"service": "dynamodb", "operation": "*", "caller": "Sweep", "fault": "denied", "count": 0}])
    sweep(deployed)
    assert "AccessDenied" in shell(errors)


def test_who_deployed_what(deployed: Client, shell: Shell) -> None:
    history, who, one = blocks(RUNBOOK, "Who deployed what")
    assert re.search(r"deployed +\| +push +\| +v1 ", shell(history))
    assert re.search(r"deployed +\| +push +\| +None +\| +None ", shell(who))
    ((started_at, ended, digest, summary, cause, durations, execution),) = json.loads(
        shell(one.replace("b81d07e", "v1"))
    )
    assert (ended, cause, execution) == ("deployed", None, deployed.executions()[0])
    assert started_at.startswith("20")
    assert summary.startswith("schedules: 3 new")
    assert "ReadConfig" in durations
    assert f'"image-digest": "{digest}"' in shell(f"deployed {digest}")


def test_the_lists_are_complete_over_several_pages(deployed: Client, shell: Shell) -> None:
    """AWS returns 100 executions or 1 MB of a table in a page."""
    states, dynamodb = deployed.client("stepfunctions"), deployed.client("dynamodb")
    machine = states.create_state_machine(
        name="many",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/r",
    )["stateMachineArn"]
    for _ in range(101):
        states.start_execution(stateMachineArn=machine)
    latest, newest, _ = blocks(RUNBOOK, "Something is wrong")
    assert len(shell(f"MACHINE={machine}", latest).splitlines()) == 5
    assert len(shell(f"MACHINE={machine}", newest, "echo $EXECUTION").splitlines()) == 1

    for number in range(30):  # failed later than what is live, and longer than a page
        item = {
            "app": "production/guestbook-api",
            "record": f"deployment#2999-01-01T00:00:{number:02}",
            "started_at": f"2999-01-01T00:00:{number:02}",
            **{"outcome": "failed", "tag": "v9", "digest": "sha256:" + "9" * 64, "cause": "x" * 40_000},
        }
        dynamodb.put_item(
            TableName=deployed.names["outputs"]["LedgerTableName"],
            Item={key: {"S": text} for key, text in item.items()},
        )
    history, *_ = blocks(RUNBOOK, "Roll back")
    assert shell(history).count("v9") == 20
    live, *_ = blocks(RUNBOOK, "Run it again")
    assert outcome(deployed, shell(live)) == "nothing to do"
    assert '"image-tag": "v1"' in shell("deployed v1")
    _, in_use = blocks(RUNBOOK, "Images in use")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", shell(f"{in_use.splitlines()[0]}\n", "echo $DIGEST"))


def test_aborting(stage: Client, shell: Shell) -> None:
    stage.settings(time_scale=100)  # it waits for the rollout until the commands abort it
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (execution,) = stage.executions()
    abort, restore = blocks(RUNBOOK, "Aborting")
    with events_lost(stage):
        shell(abort, EXECUTION=execution)
        assert stage.wait(execution)["status"] == "ABORTED"
    stage.settings(time_scale=0.01)
    shell(restore, EXECUTION=execution)
    assert stage.restored_by(execution)["output"]["restored"]["outcome"] == "aborted"
    assert schedules(stage) == {}


def test_holding_deployments(deployed: Client, shell: Shell) -> None:
    hold, look, resume, at_once = blocks(RUNBOOK, "Hold deployments")
    later = re.sub(r"20\d\d-12-28", "2999-12-28", hold)
    assert restored(deployed.wait(shell(later).strip())) == "done"
    held = deployed.deploy("v2")
    assert restored(held) == "held"
    assert "held by ann until 2999-12-28 06:00 UTC: the sale" in held["output"]["restored"]["cause"]
    in_force, pending, _ = json.loads(shell(look))
    assert (in_force["reason"]["S"], pending["image"]["M"]["tag"]["S"]) == ("the sale", "v2")
    assert outcome(deployed, shell(resume)) == "deployed"
    assert restored(deployed.wait(shell(later).strip())) == "done"
    assert restored(deployed.deploy("v3")) == "held"
    assert outcome(deployed, shell(at_once, TAG="v1")) == "deployed"


def test_sweep_deploys_what_is_pending(deployed: Client, shell: Shell) -> None:
    hold, *_ = blocks(RUNBOOK, "Hold deployments")
    soon = datetime.fromisoformat(deployed.clock()) + timedelta(minutes=5)
    deployed.wait(shell(re.sub(r"20\d\d-12-28T06:00:00Z", f"{soon:%FT%TZ}", hold)).strip())
    assert restored(deployed.deploy("v2")) == "held"
    before = deployed.executions()
    deployed.advance(600)
    sweep(deployed)
    ended = deployed.wait(started(deployed, before))
    assert ended["output"]["outcome"]["outcome"] == "deployed"
    assert (ended["input"]["by"], ended["name"][:8]) == ("Sweep", "pending-")


def test_finishing_a_restore_that_failed(deployed: Client, shell: Shell, rota: Rota) -> None:
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
    (holder,) = blocks(RUNBOOK, "A lease that is not released")
    assert ended["executionArn"] in shell(holder)
    finish, snapshot = blocks(RUNBOOK, "Restoring by hand")
    shell(finish, EXECUTION=ended["executionArn"])
    assert "schedules were restored" in deployed.restored_by(ended["executionArn"])["cause"]
    assert json.loads(shell(holder)) == [None, None]
    before = rules(deployed)
    deployed.client("events").put_rule(Name=f"{PREFIX}IngestData", ScheduleExpression="rate(9 days)")
    commands = shell(snapshot, EXECUTION=ended["executionArn"]).splitlines()
    comment, *printed = rota("restore", ended["executionArn"], "--print").out.splitlines()
    assert printed == [f"{command} --region us-east-1" for command in commands if command.startswith("aws ")]
    shell(comment, *printed)
    assert rules(deployed) == before


def test_a_push_that_starts_nothing(deployed: Client, shell: Shell) -> None:
    lost, purge, start = blocks(RUNBOOK, "A push that starts nothing")
    sqs = deployed.client("sqs")
    queue = shell("output PushDeadLetterQueueUrl").strip()
    sqs.send_message(QueueUrl=queue, MessageBody="a lost push")
    assert "a lost push" in shell(lost.replace(*SQS))
    shell(purge.replace(*SQS))
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
    assert outcome(deployed, shell(start, TAG="v1")) == "nothing to do"


def test_runs_that_could_not_be_recorded(deployed: Client, shell: Shell) -> None:
    lost, purge = blocks(RUNBOOK, "Runs that could not be recorded")
    queue, sqs = shell("output UnrecordedRunsQueueUrl").strip(), deployed.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="an event of a run")
    assert "an event of a run" in shell(lost.replace(*SQS))
    shell(purge.replace(*SQS))
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert "RunQueue" in shell("output RunQueueUrl")


def test_promoting_an_image(deployed: Client, shell: Shell) -> None:
    (promote,) = blocks(RUNBOOK, "Two environments, one repository")
    before = deployed.executions()
    shell(promote.replace("staging-4f2a9c1", "v1"))
    wait_for(lambda: len(deployed.executions()) > len(before), 10)
    ended = deployed.wait(started(deployed, before))
    assert ended["output"]["outcome"]["outcome"] == "nothing to do"
    assert ended["input"]["detail"]["image-tag"] == "release-42"


def test_updating_and_removing(deployed: Client, shell: Shell) -> None:
    (wait,) = blocks(RUNBOOK, "Updating Rota")
    shell(wait)
    kept, end = blocks(RUNBOOK, "Removing Rota")
    assert deployed.names["bucket"] in shell(kept)
    events = deployed.client("events")
    others = [f"{PREFIX}two__Night", f"{PREFIX}untagged"]
    for name, tags in zip(others, ([{"Key": "rota:app", "Value": "production/two"}], []), strict=True):
        events.put_rule(Name=name, ScheduleExpression="cron(0 6 * * ? *)", Tags=tags)
    shell(end)
    assert [rule["Name"] for rule in events.list_rules(NamePrefix=PREFIX)["Rules"]] == others
