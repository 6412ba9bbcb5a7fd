"""Runs on the whole stage: events of tasks and dead letters reach RecordRun and become items of the table."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import PREFIX
from tests.stage.scenarios import sweep

APP = "runs#production/guestbook-api"
TASKS = [{"name": "RemoveSpam", "task": "spam_task", "cron": "0/15 * * * ? *"}]


def items(stage: Client) -> list[dict[str, str]]:
    """The app's runs in the table, their values as text."""
    found = stage.client("dynamodb").query(
        TableName=stage.names["outputs"]["LedgerTableName"],
        KeyConditionExpression="app = :app AND begins_with(#record, :runs)",
        ExpressionAttributeNames={"#record": "record"},
        ExpressionAttributeValues={":app": {"S": APP}, ":runs": {"S": "run#"}},
    )["Items"]
    return [{name: str(next(iter(value.values()))) for name, value in item.items()} for item in found]


def start(stage: Client, task: str, count: int = 1) -> list[str]:
    """Start a job by hand, as its target says. Returns the tasks' ids."""
    described = stage.client("ecs").describe_services(
        cluster=stage.names["cluster"], services=[stage.names["service"]]
    )["services"][0]
    overrides = {"containerOverrides": [{"name": "app", "environment": [{"name": "ROTA_TASK", "value": task}]}]}
    request: dict[str, Any] = {"cluster": stage.names["cluster"], "taskDefinition": described["taskDefinition"]}
    network = described["networkConfiguration"]
    ran = stage.client("ecs").run_task(
        **request, count=count, launchType="FARGATE", overrides=overrides, networkConfiguration=network
    )
    return [task["taskArn"].rpartition("/")[2] for task in ran["tasks"]]


def ended(stage: Client, number: int) -> list[dict[str, str]]:
    """The runs once so many have ended."""

    def found() -> list[dict[str, str]] | None:
        done = [item for item in items(stage) if item["status"] not in ("starting", "running")]
        return done if len(done) >= number else None

    return wait_for(found, 20)


def a_minute(stage: Client) -> None:
    """Advance by a minute, and wait for the end of a sweep after it."""
    stage.advance(60)
    sweep(stage)


def swept(stage: Client) -> Any:
    """What the last sweep has written of itself; None before the first."""
    key = {"app": {"S": APP}, "record": {"S": "sweep"}}
    return stage.client("dynamodb").get_item(TableName=stage.names["outputs"]["LedgerTableName"], Key=key).get("Item")


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("events", [{}, {"repeat": 1, "swap": 1}], ids=["in order", "repeated and swapped"])
def test_a_run_is_recorded_once(stage: Client, events: dict[str, float]) -> None:
    stage.settings(tasks="scripted", script={"fails": 1, "exit_code": 3, "seconds": 60}, events=events)
    (task,) = start(stage, "IngestData")
    wait_for(lambda: [item for item in items(stage) if item["status"] == "starting"], 20)
    stage.advance(120)
    (run,) = ended(stage, 1)
    assert (run["task_id"], run["status"], run["exit_code"]) == (task, "failed", "3")
    assert stage.client("sqs").get_queue_attributes(
        QueueUrl=stage.names["outputs"]["UnrecordedRunsQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"] == {"ApproximateNumberOfMessages": "0"}
    denied = [asked for asked in stage.permissions() if not asked["allowed"]]
    assert denied == []


def test_recordrun_writes_nothing_but_runs(stage: Client) -> None:
    stage.settings(tasks="scripted")
    start(stage, "IngestData")
    stage.advance(120)
    ended(stage, 1)
    asked = [each for each in stage.permissions() if "RecordRun" in each["caller"] and "dynamodb:" in each["action"]]
    assert asked
    assert {tuple(each["context"]["dynamodb:LeadingKeys"]) for each in asked} == {(APP,)}


@pytest.mark.exhaustive(first=0)
def test_a_burst_of_starts_is_recorded(stage: Client) -> None:
    stage.settings(tasks="scripted")
    for _ in range(6):
        start(stage, "IngestData", count=10)
    stage.advance(120)
    assert len(ended(stage, 60)) == 60


def test_a_person_is_notified_of_a_job_that_fails(deployed: Client) -> None:
    """By its schedule: EventBridge starts it, RecordRun records it, and Sweep reports it."""
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    mails = sqs.create_queue(QueueName="mails")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=mails, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=deployed.names["outputs"]["NotificationsTopicArn"], Protocol="sqs", Endpoint=arn)
    script = {"fails": 1, "exit_code": 3, "seconds": 60}
    deployed.set_clock("2030-03-01T05:57:00Z")
    deployed.settings(tasks="scripted", script=script, fire_schedules=True)
    deployed.advance(60)  # to the first minute of Sweep's rule
    deployed.advance(60)
    wait_for(lambda: swept(deployed), 20)
    for _ in range(3):
        a_minute(deployed)

    def failed() -> list[dict[str, str]]:
        return [item for item in items(deployed) if item["task"] == "IngestData" and item["status"] == "failed"]

    (run,) = wait_for(failed, 20)
    assert (run["exit_code"], run["scheduled_at"]) == ("3", "2030-03-01T06:00:00Z")
    a_minute(deployed)

    received = sqs.receive_message(QueueUrl=mails, MaxNumberOfMessages=10)["Messages"]
    (body,) = [each["Body"] for each in received if '"Value": "IngestData"' in each["Body"]]
    assert "exit code 3" in body
    assert [asked for asked in deployed.permissions() if not asked["allowed"]] == []


@pytest.mark.exhaustive(first=0)
def test_with_rotas_functions_off_jobs_start_and_the_gap_is_known(deployed: Client) -> None:
    """Not even the events are kept. What ECS remembers of the gap is recorded later, the rest of it is unknown."""
    functions = deployed.client("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    deployed.set_clock("2030-03-01T05:56:00Z")
    deployed.settings(tasks="scripted", fire_schedules=True)
    deployed.advance(60)
    a_minute(deployed)
    # One that has not looked at its clock would find itself hours later.
    wait_for(lambda: not deployed.invocations(), 20)
    for name in names:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    deployed.settings(events={"lose": 1})
    fired = [each for each in deployed.advance(128 * 60) if each["rule"].startswith("production__guestbook__")]
    due = [f"2030-03-01T0{hour}:{minute:02}:00Z" for hour in (6, 7) for minute in (0, 15, 30, 45)]
    assert [each["at"] for each in fired if each["rule"].endswith("IngestData")] == due[:1]
    assert [each["at"] for each in fired if each["rule"].endswith("RemoveSpam")] == [*due, "2030-03-01T08:00:00Z"]
    assert all("task_arn" in each for each in fired)
    assert items(deployed) == []

    for name in names:
        functions.delete_function_concurrency(FunctionName=name)
    a_minute(deployed)  # back at 08:07
    deployed.settings(fire_schedules=False)
    deployed.advance(14 * 60)
    deployed.settings(fire_schedules=True)
    a_minute(deployed)
    a_minute(deployed)
    runs = {item["scheduled_at"]: item["status"] for item in items(deployed) if item["task"] == "RemoveSpam"}
    known = {at: status for at, status in runs.items() if status == "ok"}
    assert [*known] == ["2030-03-01T07:15:00Z", "2030-03-01T07:30:00Z", "2030-03-01T07:45:00Z", "2030-03-01T08:00:00Z"]
    assert {at: status for at, status in runs.items() if at not in known} == dict.fromkeys(due[:5], "unknown")


@pytest.mark.exhaustive(first=0)
def test_what_is_due_while_a_migration_runs_is_skipped(deployed: Client) -> None:
    """By the schedules: it runs from two minutes before six until two after."""
    deployed.set_clock("2030-03-01T05:56:00Z")
    deployed.settings(tasks="scripted", script={"seconds": 240, "spread": 0}, fire_schedules=True)
    deployed.upload_schedule({"before": {"task": "migrate", "pause_tasks": True}, "tasks": TASKS})
    deployed.advance(60)
    a_minute(deployed)
    deployed.push("v2")
    rules = deployed.client("events")
    wait_for(lambda: rules.describe_rule(Name=f"{PREFIX}RemoveSpam")["State"] == "DISABLED", 20)
    for _ in range(7):
        a_minute(deployed)
    execution = deployed.executions()[0]
    assert deployed.wait(execution)["status"] == "SUCCEEDED"
    assert rules.describe_rule(Name=f"{PREFIX}RemoveSpam")["State"] == "ENABLED"
    for _ in range(12):
        a_minute(deployed)
    runs = {item["scheduled_at"][11:16]: item["status"] for item in items(deployed) if item["task"] == "RemoveSpam"}
    assert runs == {"06:00": "skipped", "06:15": "starting"}
    assert [asked for asked in deployed.permissions() if not asked["allowed"]] == []
