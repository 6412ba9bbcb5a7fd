"""What is published of an outcome beside the ledger: the event on the bus, metrics in the log, and the chat."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.guestbook import APP
from tests.in_process import client
from tests.steps.deployments import Deployment, Deployments
from tests.steps.snapshots import once
from tests.steps.world import World

Chat = Callable[[], list[dict[str, Any]]]


@pytest.fixture
@once
def overdue(world: World, deployments: Deployments) -> Deployment:
    """A deployment that has reached CheckService; nothing was published yet."""
    return deployments.start().until("CheckService")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("message", "text"),
    [
        pytest.param('a "b" c:\\d\te', "a 'b' c:/d e. All", id="what JSON escapes"),
        pytest.param('says "\\"x\\""', "says ''x''. All", id="quotes in quotes"),
        pytest.param("two problems:\n\none\ntwo", "two problems: | one | two | All", id="lines"),
    ],
)
def test_a_mails_text_has_nothing_that_json_escapes(message: str, text: str, world: World, overdue: Deployment) -> None:
    overdue.fail("RejectedError", message)
    overdue.step("RestoreDeployment")
    (event,) = world.calls.notifications
    assert event["news"].startswith(f"CheckService: {text} ")
    assert event["news"].endswith(" For the operator: fix this, then deploy again.")
    assert message in event["cause"]


@pytest.mark.parametrize("character", ["\u00fc", "\U0001f6a2"], ids=["a letter", "an emoji"])
def test_the_longest_cause_fits_an_event(character: str, world: World, overdue: Deployment) -> None:
    overdue.fail("RejectedError", character * 32_000)
    overdue.step("RestoreDeployment")
    (event,) = world.calls.notifications  # the stage refuses one of more than 256 KB
    assert event["news"].endswith(f"{character}... The execution's cause has the rest.")


def test_no_cause_has_a_secret_that_an_error_quotes(world: World, overdue: Deployment) -> None:
    overdue.fail("RejectedError", "cannot reach postgres://shop:hunter2@db")
    answer = overdue.step("RestoreDeployment")
    (event,) = world.calls.notifications
    for cause in (event["cause"], event["news"], world.entry(overdue.arn)["cause"], answer["cause"]):
        assert "cannot reach postgres://shop:***@db. All" in cause


def test_what_is_published_again_has_the_executions_id(world: World, overdue: Deployment) -> None:
    overdue.until("FinishDeployment")
    assert overdue.step("FinishDeployment") == overdue.step("FinishDeployment")
    assert [event["id"] for event in world.calls.notifications] == [overdue.arn] * 2


def test_what_another_execution_restores_has_its_own_id(world: World, overdue: Deployment) -> None:
    overdue.stop()
    assert overdue.restorer().run() == "Restored"
    assert [event["id"] for event in world.calls.notifications] == [overdue.arn]


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The printed log lines that CloudWatch turns into metrics."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [each for each in lines if "_aws" in each]


def test_deployments_durations_and_tasks_are_counted(
    world: World, overdue: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    overdue.run()
    (line,) = metrics(capsys)
    assert (line["app"], line["outcome"]) == (APP, "deployed")
    assert (line["Deployments"], line["Tasks"]) == ([1], [2])
    assert line["Duration"][0] > 0
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == {
        "Deployments": "Count",
        "Duration": "Seconds",
        "Tasks": "Count",
    }
    assert world.calls.notifications[0]["tasks"] == 2


def test_tasks_of_an_unreadable_file_are_not_counted(
    world: World, deployments: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    world.upload(b"broken")
    deployments.start().run()
    (line,) = metrics(capsys)
    assert line["outcome"] == "failed"
    assert "Tasks" not in line


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Chat:
    """The messages so far on the topic of a chat, which the functions know."""
    name = f"chat-{uuid.uuid4().hex}"  # topics and queues stay for later tests, with their messages
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    monkeypatch.setenv("CHAT_TOPIC_ARN", topic)

    def heard() -> list[dict[str, Any]]:
        messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return heard


def test_the_chat_is_notified_of_what_went_live(overdue: Deployment, chat: Chat) -> None:
    assert overdue.run() == "Deployed"
    (message,) = chat()
    assert message["content"]["title"] == f"\u2705 {APP}: v1 is live (5d0c6a1)"


def test_the_chat_is_notified_why_a_deployment_failed(overdue: Deployment, chat: Chat) -> None:
    overdue.fail("RejectedError", "the rollout failed")
    overdue.step("RestoreDeployment")
    (message,) = chat()
    assert message["content"]["description"].startswith("CheckService: the rollout failed")


@pytest.mark.parametrize("code", ["AuthorizationError", "Throttling"])
def test_no_deployment_waits_for_a_chat(world: World, overdue: Deployment, chat: Chat, code: str) -> None:
    overdue.until("FinishDeployment")
    with world.calls.refusing("sns.Publish", code, count=0):
        assert overdue.step("FinishDeployment")["outcome"] == "deployed"
    assert (len(world.calls.notifications), chat()) == (1, [])
