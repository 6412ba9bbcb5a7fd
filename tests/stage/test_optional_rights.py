"""Statements that are there only with a parameter: with them everything that it asks for is allowed."""

import json

import pytest

from examples.guestbook.client import Client
from stage import process
from stage.client import wait_for
from tests.processes import FORKS
from tests.stage import audit
from tests.stage.account import schedules
from tests.stage.test_reporting import EVERY_MINUTE, heard, listen, reported_within
from tests.stage.with_actions.played import BECOMES, LATE, STUCK, played
from tests.stage.with_parameters.scenario import CHAT

pytestmark = pytest.mark.permissions


def test_a_named_chat_is_notified_and_a_named_log_read() -> None:
    with process.running("--scenario", "tests.stage.with_parameters", *FORKS) as served:
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


ON_REQUEST = {"ecs:StopTask", "ecs:RunTask", "ecs:TagResource", "ecs:ListTasks", "ecs:DescribeTasks", "iam:PassRole"}


@pytest.mark.parametrize("parameter", BECOMES)
def test_runs_are_stopped_and_started_with_just_these_rights(parameter: str) -> None:
    with played(parameter) as stage:
        records, granted = stage.permissions(), audit.statements(stage)
    assert [record for record in records if not record["allowed"]] == []
    unused = audit.unused(granted, audit.asked(records))
    assert [each for each in unused if each.action in ON_REQUEST and _is_a_watchers(each.role)] == []
    actions = {
        action
        for role, statements in granted.items()
        for statement in statements
        for action in statement.actions
        if _is_a_watchers(role)
    }
    assert ("ecs:StopTask" in actions, "ecs:RunTask" in actions) == (parameter != "start", parameter != "stop")


def test_a_key_that_acts_is_refused_by_a_stack_that_does_not_let_it(stage: Client) -> None:
    before = schedules(stage)
    stage.upload_schedule({"tasks": [STUCK, LATE]})
    ended = stage.deploy("v1")
    assert (ended["status"], ended["error"]) == ("FAILED", "ConfigError")
    assert 'tasks[0].overlap: "skip" has Rota stop runs, and the parameter RunActions is none;' in ended["cause"]
    assert 'tasks[1].catch_up: "missed" has Rota start runs, and the parameter RunActions is none;' in ended["cause"]
    assert schedules(stage) == before


def _is_a_watchers(role: str) -> bool:
    return "-RecordRunFunction" in role or "-SweepFunction" in role
