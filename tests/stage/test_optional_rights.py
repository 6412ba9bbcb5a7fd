"""Statements that are there only with a parameter: with them everything that it asks for is allowed."""

import json
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage import process
from stage.client import wait_for
from tests.stage import audit
from tests.stage.account import PREFIX, schedules
from tests.stage.scenarios import runs
from tests.stage.test_reporting import EVERY_MINUTE, heard, listen, reported_within
from tests.stage.test_runs import a_minute
from tests.stage.with_actions.scenario import VALUE
from tests.stage.with_parameters.scenario import CHAT

pytestmark = pytest.mark.permissions


def test_a_named_chat_is_notified_and_a_named_log_read() -> None:
    with process.running("--scenario", "tests.stage.with_parameters") as served:
        stage = Client(served.endpoint)
        chat = stage.client("sqs").create_queue(QueueName="chat")["QueueUrl"]
        stage.client("sns").create_topic(Name="chat")
        behind = stage.client("sqs").get_queue_attributes(QueueUrl=chat, AttributeNames=["QueueArn"])["Attributes"]
        stage.client("sns").subscribe(TopicArn=CHAT, Protocol="sqs", Endpoint=behind["QueueArn"])
        mails = listen(stage)
        stage.upload_schedule(EVERY_MINUTE)
        stage.deploy("v1")
        stage.settings(tasks="scripted", script={"seconds": 5, "fails": 1, "exit_code": 3}, fire_schedules=True)
        stage.advance(60)  # to the first minute of Sweep's rule
        (mail,) = reported_within(stage, mails, 8)
        sent = wait_for(lambda: heard(stage, chat), 10)
        asked = [each for each in stage.permissions() if each["action"] in ("sns:Publish", "logs:GetLogEvents")]
        denied = [each for each in stage.permissions() if not each["allowed"]]
    titles = [json.loads(each["Message"])["content"]["title"] for each in sent]
    assert [title.partition(" (")[0].split()[-1] for title in titles] == ["live", "3"]
    assert "It logged nothing." in mail["Message"], "its log may be read, and a scripted task has none"
    assert {(each["action"], each["caller"].split("/")[1].split("Function")[0]) for each in asked} == {
        ("sns:Publish", "rota-FinishDeployment"),
        ("sns:Publish", "rota-Sweep"),
        ("logs:GetLogEvents", "rota-Sweep"),
    }
    assert denied == []


STUCK = {"name": "Stuck", "task": "spam_task", "cron": "* * * * ? *", "overlap": "skip", "watch": {"max_runtime": 60}}
LATE = {"name": "Late", "task": "spam_task", "rate": "1 hour", "catch_up": "missed"}
ON_REQUEST = {"ecs:StopTask", "ecs:RunTask", "ecs:TagResource", "ecs:ListTasks", "ecs:DescribeTasks", "iam:PassRole"}


def statuses(stage: Client) -> set[tuple[str, str]]:
    """What became of runs: the job and how it is judged, or that it was started once more."""
    found = {(run["task"]["S"], run["status"]["S"]) for run in runs(stage)}
    return found | {(run["task"]["S"], "caught up") for run in runs(stage) if run.get("trigger") == {"S": "catch_up"}}


def give_up_a_start(stage: Client) -> None:
    """ECS refuses the hourly job once; its target has a tag, as a script may have given it."""
    (target,) = schedules(stage)["Late"]["Targets"]
    target["EcsParameters"]["Tags"] = [{"Key": "cost-centre", "Value": "12"}]
    stage.client("events").put_targets(Rule=PREFIX + "Late", Targets=[target])
    stage.settings(run_task="refused")
    stage.fire(PREFIX + "Late")
    stage.settings(run_task="ok")
    wait_for(lambda: ("Late", "missed") in statuses(stage), 20)


@pytest.mark.parametrize("parameter", ["stop", "start", "both"])
def test_runs_are_stopped_and_started_with_just_these_rights(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VALUE, parameter)
    jobs = {"stop": [STUCK], "start": [LATE], "both": [STUCK, LATE]}[parameter]
    expected = {"stop": {("Stuck", "skipped"), ("Stuck", "failed")}, "start": {("Late", "caught up")}}
    expected["both"] = expected["stop"] | expected["start"]
    with process.running("--scenario", "tests.stage.with_actions") as served:
        stage = Client(served.endpoint)
        stage.upload_schedule({"tasks": jobs})
        assert stage.deploy("v1")["status"] == "SUCCEEDED"
        stage.settings(tasks="scripted", script={"seconds": 600}, start_seconds=25, fire_schedules=True)
        stage.advance(60)  # to the first minute of Sweep's rule
        if LATE in jobs:
            a_minute(stage)
            give_up_a_start(stage)
        for _ in range(8):
            a_minute(stage)
            if expected[parameter] <= statuses(stage):
                break
        assert expected[parameter] <= statuses(stage)
        records, granted = stage.permissions(), audit.statements(stage)
    assert [record for record in records if not record["allowed"]] == []
    unused = audit.unused(granted, audit.asked(records))
    assert [each for each in unused if each.action in ON_REQUEST and _of_a_watcher(each)] == []
    assert not _granted(granted, "ecs:RunTask") if parameter == "stop" else _granted(granted, "ecs:RunTask")
    assert not _granted(granted, "ecs:StopTask") if parameter == "start" else _granted(granted, "ecs:StopTask")


def test_a_key_that_acts_is_refused_by_a_stack_that_does_not_let_it(stage: Client) -> None:
    before = schedules(stage)
    stage.upload_schedule({"tasks": [STUCK, LATE]})
    ended = stage.deploy("v1")
    assert (ended["status"], ended["error"]) == ("FAILED", "ConfigError")
    assert 'tasks[0].overlap: "skip" has Rota stop runs, and the parameter RunActions is none;' in ended["cause"]
    assert 'tasks[1].catch_up: "missed" has Rota start runs, and the parameter RunActions is none;' in ended["cause"]
    assert schedules(stage) == before


def _of_a_watcher(each: audit.Unused) -> bool:
    return "-RecordRunFunction" in each.role or "-SweepFunction" in each.role


def _granted(granted: dict[str, list[Any]], action: str) -> bool:
    return any(
        action in statement.actions
        for role, statements in granted.items()
        for statement in statements
        if "-RecordRunFunction" in role or "-SweepFunction" in role
    )
