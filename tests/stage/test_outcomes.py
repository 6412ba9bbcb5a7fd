"""The outcome of a deployment: in the ledger, on the bus, in the mail and in the functions' logs."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.contract.steps import STEPS
from stage.client import wait_for
from stage.ecr.manifest import digest
from tests import asl
from tests.stage import scenarios
from tests.stage.account import APP, Described, history, states

WRONG = {"tasks": [{"name": "IngestData", "task": "data_ingestion_task"}]}
# The durations in the ledger: the steps that take or hold the lease, except the one that writes it; and those before
# them, together where there is no plan.
TIMED = {step.name for step in STEPS[:-3]} - {"ReadConfig", "PlanDeployment", *asl.ONE_OFFS}


Heard = Callable[[], list[Any]]


@contextmanager
def queue(stage: Client) -> Iterator[tuple[str, Heard]]:
    """A queue: its ARN and its messages so far, in order."""
    sqs = stage.client("sqs")
    url = sqs.create_queue(QueueName=f"a-listener-{uuid.uuid4()}")["QueueUrl"]
    heard: list[Any] = []

    def answer() -> list[Any]:
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                heard.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return heard

    yield sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"], answer
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def mails(stage: Client) -> Iterator[Heard]:
    """The messages of the notifications' topic so far, in order."""
    sns = stage.client("sns")
    with queue(stage) as (arn, heard):
        topic = stage.names["outputs"]["NotificationsTopicArn"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
        yield lambda: [each["Message"] for each in heard()]
        sns.unsubscribe(SubscriptionArn=subscription)


@pytest.fixture
def events(stage: Client) -> Iterator[Heard]:
    """The events about deployments on the bus so far, in order."""
    events = stage.client("events")
    with queue(stage) as (arn, heard):
        events.put_rule(Name="a-listener", EventPattern=json.dumps({"source": ["rota"]}))
        events.put_targets(Rule="a-listener", Targets=[{"Id": "queue", "Arn": arn, "InputPath": "$.detail"}])
        yield heard
        events.remove_targets(Rule="a-listener", Ids=["queue"])
        events.delete_rule(Name="a-listener")


def test_a_failure_is_a_mail_of_sentences_and_an_event(stage: Client, events: Heard, mails: Heard) -> None:
    version = stage.upload_schedule({"tasks": [*WRONG["tasks"], {"name": 'Say "\\"', "task": "a", "rate": "1 day"}]})
    failed = stage.deploy("v1")
    (mail,) = wait_for(mails, 10)
    assert [json.loads(line) for line in mail.splitlines()] == [
        f"The deployment of {APP} has ended: failed.",
        f"ReadConfig: s3://{stage.names['bucket']}/scheduled_tasks.json (version {version}) has 2 problems: | "
        "tasks[0]: does not say when to run; add 'cron': '0 6 * * ? *', 'rate': '5 minutes', 'schedule': 'cron(...)' "
        "or 'at': '2027-...' | tasks[1].name: 'Say '//'' cannot be part of a rule's name; "
        "write a string of letters, digits, dots, hyphens and underscores | Nothing had to be restored. For the "
        "author of the schedule file: correct it, upload it, then deploy again.",
        f"Image: v1 {digest('v1')}",
        "Started: push",
        f"Every step of it: {failed['executionArn']}",
    ]
    (event,) = wait_for(events, 10)
    named = (event["app"], event["execution"], event["outcome"], event["image"]["digest"])
    assert named == (APP, failed["executionArn"], "failed", digest("v1"))
    (entry,) = history(stage)
    assert (entry["outcome"], entry["cause"]) == ("failed", failed["cause"])


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("overtaking", [False, True], ids=["three", "and one that is overtaken"])
def test_every_outcome_is_recorded_and_notified_once(
    stage: Client, events: Heard, mails: Heard, overtaking: bool
) -> None:
    version = stage.client("s3").head_object(Bucket=stage.names["bucket"], Key="scheduled_tasks.json")["VersionId"]
    first = stage.deploy("v1")
    again = stage.wait(stage.start(first["input"]))
    executions, outcomes, tags = [first, again], ["deployed", "nothing to do"], ["v1", "v1"]
    if overtaking:
        executions += overtake(stage)
        outcomes += ["overtaken", "deployed"]
        tags += ["v2", "v3"]
    stage.upload_schedule(WRONG)
    failed = stage.deploy("v4")
    executions, outcomes, tags = [*executions, failed], [*outcomes, "failed"], [*tags, "v4"]

    kept = sorted(history(stage), key=lambda entry: str(entry["started_at"]))

    assert [entry["record"] for entry in history(stage)] == [entry["record"] for entry in reversed(kept)]
    assert [entry["execution"] for entry in kept] == [each["executionArn"] for each in executions]
    assert [entry["outcome"] for entry in kept] == outcomes
    assert [entry["digest"] for entry in kept] == [digest(tag) for tag in tags]
    assert [entry["tag"] for entry in kept] == tags
    assert [entry["event_id"] for entry in kept] == [each["input"]["id"] for each in executions]
    assert {entry["schedule_version"] for entry in kept if entry["outcome"] == "deployed"} == {version}
    assert kept[-1]["cause"] == failed["cause"]
    assert "tasks[0]: does not say when to run" in failed["cause"]
    assert [entry["started_by"] for entry in kept] == ["by hand" if each is again else "push" for each in executions]
    for entry, each in zip(kept, executions, strict=True):
        timed = {step.split()[0] for step in str(entry["durations"]).split(", ")}
        entered = set(states(stage, each))
        planning = {"ReadConfig", "PlanDeployment"} if "PlanDeployment" in entered else {"planning"}
        assert timed == (TIMED & entered) | planning

    published = wait_for(lambda: events() if len(events()) >= len(executions) else None, 10)
    assert {each["execution"]: each["outcome"] for each in published} == {
        entry["execution"]: entry["outcome"] for entry in kept
    }
    assert len(published) == len(executions)
    assert {each["app"] for each in published} == {APP}
    assert published[0]["image"]["digest"] == digest("v1")
    assert published[0]["seconds"] > 0
    sent = wait_for(lambda: mails() if len(mails()) >= len(executions) else None, 10)
    assert [mail.partition(".")[0].rpartition(" has ended: ")[2] for mail in sent] == [
        each["outcome"] for each in published
    ]


def overtake(stage: Client) -> list[Described]:
    """How a deployment and one that overtakes it ended."""
    scenarios.push_while_rolling(stage)
    return [stage.wait(execution) for execution in reversed(stage.executions()[:2])]


def test_every_step_logs_the_executions_name(deployed: Client, v1: Described) -> None:
    name = v1["executionArn"].rpartition(":")[2]
    logs = deployed.client("logs")
    group = f"/rota/{v1['stateMachineArn'].rpartition(':')[2].removesuffix('-deploy')}/steps"
    messages = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    lines = [json.loads(line) for line in messages if line.startswith("{")]
    done = [line for line in lines if line.get("message") == "done"]
    steps = {step.name for step in STEPS}
    assert len(done) == len([state for state in states(deployed, v1) if state in steps])
    assert {line["execution"] for line in done} == {name}
