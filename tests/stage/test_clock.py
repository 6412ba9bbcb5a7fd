"""The stage's one clock: what sees it, and the schedules that fall due while it advances."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import StageError, wait_for
from stage.moto.clients import ACCOUNT
from tests.stage.account import PREFIX, history, states
from tests.stage.toys import role_of_toys

YEAR = 365 * 86_400
SHOWS_THE_TIME = """
import datetime, time
from datetime import datetime as imported
def handler(event, context):
    utc = datetime.UTC
    times = [datetime.datetime.now(utc), imported.now(utc), imported.utcnow().replace(tzinfo=utc)]
    assert all(isinstance(each, imported) for each in times)
    return [time.time(), *(each.timestamp() for each in times)]
"""


def age(time: str | datetime) -> float:
    """Days from now, on the real clock, to a time."""
    read = datetime.fromisoformat(time.replace("Z", "+00:00")) if isinstance(time, str) else time
    return (read - datetime.now(UTC)).total_seconds() / 86_400


def test_everything_sees_the_advanced_clock(stage: Client, function: Callable[..., str]) -> None:
    name = function(SHOWS_THE_TIME)
    stage.client("lambda").invoke(FunctionName=name)  # warm, and with the real time
    stage.advance(YEAR)

    assert age(stage.clock()) == pytest.approx(365, abs=0.1)
    shown = json.loads(stage.client("lambda").invoke(FunctionName=name)["Payload"].read())
    assert [(each - datetime.now(UTC).timestamp()) / 86_400 for each in shown] == pytest.approx([365] * 4, abs=0.1)
    stage.upload_schedule(b"")
    ended = stage.deploy("v1")
    assert states(stage, ended)[-1] == "DeploymentFailed"
    service = {"cluster": stage.names["cluster"], "service": stage.names["service"]}
    rolled = stage.client("ecs").update_service(**service, forceNewDeployment=True)["service"]
    [deployment] = [each for each in rolled["deployments"] if each["status"] == "PRIMARY"]
    [image] = stage.client("ecr").describe_images(
        repositoryName=stage.names["repository"], imageIds=[{"imageTag": "v1"}]
    )["imageDetails"]
    seen = {
        "the event of the push": ended["input"]["time"],
        "the execution": ended["startDate"],
        "its history": stage.history(ended["executionArn"])[-1]["timestamp"],
        "ECS": deployment["createdAt"],
        "ECR": image["imagePushedAt"],
        "the function, in the ledger": history(stage)[0]["finished_at"],
    }
    assert {where: age(time) for where, time in seen.items()} == pytest.approx(dict.fromkeys(seen, 365), abs=0.1)

    stage.reset()
    assert age(stage.clock()) == pytest.approx(0, abs=0.1)


def test_what_waits_ends_when_the_clock_advances(stage: Client) -> None:
    stage.settings(time_scale=1, rollout_seconds=3600)
    machines = stage.client("stepfunctions")
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 7200, "End": True}}}
    machine = machines.create_state_machine(name="waits", definition=json.dumps(waits), roleArn=role_of_toys(stage))
    started = machines.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    service = {"cluster": stage.names["cluster"], "service": stage.names["service"]}
    stage.client("ecs").update_service(**service, forceNewDeployment=True)

    def rolling() -> str:
        described = stage.client("ecs").describe_services(cluster=service["cluster"], services=[service["service"]])
        return str(described["services"][0]["deployments"][0]["rolloutState"])

    wait_for(lambda: machines.get_execution_history(executionArn=started)["events"][1:], 5)
    stage.advance(7100)
    wait_for(lambda: rolling() == "COMPLETED", 5)
    assert machines.describe_execution(executionArn=started)["status"] == "RUNNING"
    stage.advance(101)
    assert stage.wait(started)["status"] == "SUCCEEDED"
    machines.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def test_items_expire_by_the_clock(stage: Client) -> None:
    table, dynamodb = stage.names["outputs"]["LedgerTableName"], stage.client("dynamodb")
    for days in (1, 3):
        ends = int((datetime.now(UTC) + timedelta(days=days)).timestamp())
        key = {"app": {"S": "x"}, "record": {"S": str(days)}}
        dynamodb.put_item(TableName=table, Item={**key, "expires_at": {"N": str(ends)}})
    stage.advance(2 * 86_400)
    assert [item["record"]["S"] for item in dynamodb.scan(TableName=table)["Items"]] == ["3"]


def disable_rotas_own(stage: Client) -> None:
    """What fires each minute would only take time."""
    events = stage.client("events")
    for rule in events.list_rules()["Rules"]:
        if rule.get("ScheduleExpression") in {"rate(1 minute)", "rate(10 minutes)"}:
            events.disable_rule(Name=rule["Name"])


def test_schedules_fire_in_order_while_it_advances(deployed: Client) -> None:
    deployed.set_clock("2030-03-01T05:40:00Z")
    assert deployed.advance(60) == [], "fire_schedules is not set"
    disable_rotas_own(deployed)
    deployed.settings(fire_schedules=True)

    fired = deployed.set_clock("2030-03-01T06:05:00Z")

    ran = [each for each in fired if each["rule"].startswith(PREFIX)]
    assert [(each["at"], each["rule"].removeprefix(PREFIX), each["exit_code"]) for each in ran] == [
        ("2030-03-01T05:45:00Z", "RemoveSpam", 0),
        ("2030-03-01T06:00:00Z", "IngestData", 0),
        ("2030-03-01T06:00:00Z", "RemoveSpam", 0),
    ]
    assert deployed.clock().startswith("2030-03-01T06:05:0")


def test_a_rate_counts_from_the_creation_of_its_rule(stage: Client) -> None:
    events, queue = stage.client("events"), stage.client("sqs").create_queue(QueueName="rate")["QueueUrl"]
    stage.set_clock("2030-03-01T05:20:00Z")
    disable_rotas_own(stage)
    stage.settings(fire_schedules=True)
    events.put_rule(Name="rate", ScheduleExpression="rate(30 minutes)")
    events.put_targets(Rule="rate", Targets=[{"Id": "t", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:rate"}])
    fired = [each["at"] for each in stage.set_clock("2030-03-01T06:25:00Z") if each["rule"] == "rate"]
    assert [at[:16] for at in fired] == ["2030-03-01T05:50", "2030-03-01T06:20"]
    [first, *_] = stage.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(first["Body"])["time"][:16] in [at[:16] for at in fired]


@pytest.mark.parametrize("order", [{}, {"advance": -1}, {"advance": "1"}, {"now": "today"}, []])
def test_an_invalid_order_is_refused(stage: Client, order: Any) -> None:
    with pytest.raises(StageError, match="give"):
        stage._ask("PUT", "clock", order)
