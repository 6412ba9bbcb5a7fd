"""Every function on the stage in Lambda's runtime, in Docker, as `sam local invoke` runs it."""

import json
from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.examples import EVENTS, EXECUTION, IMAGE, snake
from tests.guestbook import IMAGE_URI
from tests.local_invoke.conftest import Invoke

pytestmark = pytest.mark.docker

PREFIX = "production__guestbook__"
TASKS = {"IngestData", "RemoveSpam", "CountTeaspoons"}


def rules(stage: Client) -> set[str]:
    """The app's rules, by the names of their tasks."""
    found = stage.client("events").list_rules(NamePrefix=PREFIX)["Rules"]
    return {rule["Name"].removeprefix(PREFIX) for rule in found}


def service(stage: Client) -> dict[str, Any]:
    described = stage.client("ecs").describe_services(cluster="production", services=["guestbook-api"])
    (found,) = described["services"]
    return dict(found)


def records(stage: Client) -> str:
    """The ledger, as text."""
    return json.dumps(stage.client("dynamodb").scan(TableName=stage.names["outputs"]["LedgerTableName"])["Items"])


def revision(stage: Client, number: int) -> dict[str, Any]:
    described = stage.client("ecs").describe_task_definition(taskDefinition=f"guestbook:{number}")
    return dict(described["taskDefinition"])


def test_take_turn_takes_the_lease(stage: Client, invoke: Invoke) -> None:
    answer = invoke("TakeTurn")
    assert (answer["decision"], answer["image"]) == ("go", IMAGE.model_dump(mode="json"))
    assert EXECUTION in records(stage)


def test_read_config_reads_the_schedule_without_problems(stage: Client, invoke: Invoke) -> None:
    answer = invoke("ReadConfig")
    assert (answer["tasks"], answer["image_uri"]) == (3, IMAGE_URI)
    assert answer["schedule"]["version_id"] == "ExampleVersionOfTheSchedule00000"
    assert stage.calls("s3", "GetObject")


def test_plan_deployment_stores_a_plan(stage: Client, invoke: Invoke) -> None:
    answer = invoke("PlanDeployment")
    assert (answer["created"], answer["removed"], answer["nothing_to_do"]) == (3, 0, False)
    where = answer["document"]
    stored = stage.client("s3").get_object(
        Bucket=stage.names["bucket"], Key=where["key"], VersionId=where["version_id"]
    )
    changes = json.loads(stored["Body"].read())["changes"]
    assert {(each["name"].removeprefix(PREFIX), each["kind"]) for each in changes} == {
        (task, "create") for task in TASKS
    }


def test_clear_rules_disables_the_rule_of_a_removed_task(stage: Client, invoke: Invoke) -> None:
    events, old = stage.client("events"), f"{PREFIX}OldTask"

    def with_a_removed_task(event: dict[str, Any]) -> None:
        tags = [{"Key": "rota:app", "Value": "production/guestbook-api"}]
        events.put_rule(Name=old, ScheduleExpression="rate(1 hour)", Tags=tags)
        event["plan"] |= {"document": plan_again(stage)}

    assert invoke("ClearRules", with_a_removed_task) == {"disabled": 1}
    assert rules(stage) == {"OldTask"}
    assert events.describe_rule(Name=old)["State"] == "DISABLED"


def plan_again(stage: Client) -> dict[str, str]:
    """Let the stage's own functions read the account and plan again. Returns where the plan is."""
    planning = example("PlanDeployment")
    config = invoke_on_the_stage(stage, "ReadConfig", example("ReadConfig"))
    plan: dict[str, str] = invoke_on_the_stage(stage, "PlanDeployment", planning | {"config": config})["document"]
    return plan


def example(step: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{snake(step)}.json").read_text())
    return event


def invoke_on_the_stage(stage: Client, step: str, event: dict[str, Any]) -> dict[str, Any]:
    """The answer of the step's function in a process of the stage."""
    functions = stage.client("lambda").list_functions()["Functions"]
    (name,) = (each["FunctionName"] for each in functions if f"{step}Function" in each["FunctionName"])
    answer = stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    return result


def test_register_revisions_registers_one_per_task_and_one_api(stage: Client, invoke: Invoke) -> None:
    answer = invoke("RegisterRevisions")
    assert (answer["registered"], answer["remaining"], answer["finished"]) == (4, 0, True)
    images = {revision(stage, number)["containerDefinitions"][0]["image"] for number in (2, 3, 4, 5)}
    assert images == {IMAGE_URI}


def test_create_targets_makes_every_schedule(stage: Client, invoke: Invoke) -> None:
    assert invoke("CreateTargets")["written"] == 3
    assert rules(stage) == TASKS
    for task in TASKS:
        (target,) = stage.client("events").list_targets_by_rule(Rule=f"{PREFIX}{task}")["Targets"]
        assert ":task-definition/guestbook:" in target["EcsParameters"]["TaskDefinitionArn"]


def test_roll_service_updates_the_service_to_the_apis_revision(stage: Client, invoke: Invoke) -> None:
    answer = invoke("RollService")
    assert answer["task_definition"] == service(stage)["taskDefinition"]
    assert answer["task_definition"].endswith("guestbook:5")


def test_check_service_reads_the_rollout(stage: Client, invoke: Invoke) -> None:
    answer = invoke("CheckService")
    assert (answer["status"], answer["progress"]) == ("COMPLETED", "2 of 2 tasks run")


def test_finish_deployment_records_it(stage: Client, invoke: Invoke) -> None:
    assert invoke("FinishDeployment")["outcome"] == "deployed"
    assert "schedules: 3 new, 1 removed; 4 revisions to register; the service rolls" in records(stage)


def test_restore_deployment_restores_everything(stage: Client, invoke: Invoke) -> None:
    answer = invoke("RestoreDeployment")
    assert (answer["outcome"], answer["error"]) == ("failed", "RejectedError")
    assert rules(stage) == set()
    assert service(stage)["taskDefinition"].endswith("guestbook:1")
