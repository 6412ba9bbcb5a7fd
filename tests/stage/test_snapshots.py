"""What `reset` restores: the account before the first push, or a snapshot that was kept since."""

from collections.abc import Callable
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import StageError, wait_for
from tests.stage.account import PREFIX, account, service, states, without
from tests.stage.conftest import as_new
from tests.stage.test_runs import ended


@pytest.mark.exhaustive(first=0)
def test_reset_undoes_a_whole_deployment(stage: Client) -> None:
    before = everything(stage)
    pushed = stage.push("v1")
    (execution,) = wait_for(stage.executions, 5)
    ended = stage.wait(execution)
    assert ended["status"] == "SUCCEEDED"
    assert ended["input"]["detail"]["image-digest"] == pushed
    assert everything(stage) != before

    stage.reset()

    assert everything(stage) == before
    assert stage.calls() != []  # the calls of `everything`
    assert stage.settings()["time_scale"] == 1


def test_reset_stops_a_running_deployment(stage: Client) -> None:
    before = everything(stage)
    stage.settings(rollout="hangs")
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)

    stage.reset()

    assert everything(stage) == before
    assert stage.executions() == []


def test_reset_restores_the_configuration_of_functions(stage: Client) -> None:
    functions = stage.client("lambda")
    name = functions.list_functions()["Functions"][0]["FunctionName"]

    def configured() -> dict[str, Any]:
        found = functions.get_function_configuration(FunctionName=name)
        return {member: found[member] for member in ("Environment", "Timeout", "MemorySize")}

    before = configured()
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"OTHER": "b"}}, Timeout=7)
    assert configured() != before
    stage.reset()
    assert configured() == before


def test_reset_restores_groups_of_schedules(stage: Client) -> None:
    scheduler = stage.client("scheduler")

    def there() -> list[tuple[str, list[Any]]]:
        groups = scheduler.list_schedule_groups()["ScheduleGroups"]
        return [(g["Name"], scheduler.list_tags_for_resource(ResourceArn=g["Arn"])["Tags"]) for g in groups]

    before = there()
    scheduler.create_schedule_group(Name="made-since", Tags=[{"Key": "of", "Value": "a person"}])
    assert there() != before
    stage.reset()
    assert there() == before


def everything(stage: Client) -> dict[str, Any]:
    """All that a deployment may change, without AWS's times and IDs."""
    names, ecs, s3 = stage.names, stage.client("ecs"), stage.client("s3")
    (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    versions = s3.list_object_versions(Bucket=names["bucket"])
    groups = stage.client("logs").describe_log_groups()["logGroups"]
    return {
        "rules": sorted(rule["Name"] for rule in stage.client("events").list_rules()["Rules"]),
        "revisions": ecs.list_task_definitions()["taskDefinitionArns"],
        "inactive": ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"],
        "service": (service["taskDefinition"], [each["rolloutState"] for each in service["deployments"]]),
        "images": [image["imageTags"] for image in stage.client("ecr").describe_images(
            repositoryName=names["repository"])["imageDetails"]],
        "objects": [version["Key"] for version in versions["Versions"]],
        "ledger": stage.client("dynamodb").scan(TableName=names["outputs"]["LedgerTableName"])["Items"],
        "executions": stage.executions(),
        "logs": [
            stream["logStreamName"]
            for group in groups
            for stream in stage.client("logs").describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        ],
    }  # fmt: skip


def test_reset_restores_the_rules_of_the_stack(stage: Client) -> None:
    events = stage.client("events")

    def rules() -> list[Any]:
        found = events.list_rules()["Rules"]
        return [
            (each["Name"], each["State"], events.list_targets_by_rule(Rule=each["Name"])["Targets"]) for each in found
        ]

    before = rules()
    for name, _, targets in before:
        events.disable_rule(Name=name)
        if targets:
            events.put_targets(Rule=name, Targets=[{**target, "Id": f"{target['Id']}-2"} for target in targets])
    assert rules() != before
    stage.reset()
    assert rules() == before


@pytest.mark.exhaustive(first=0)
def test_a_kept_snapshot_is_restored_as_often_as_asked(stage: Client) -> None:
    first = stage.deploy("v1")
    stage.fire(PREFIX + "IngestData")
    ended(stage, 1)  # RecordRun has written the run
    wait_for(lambda: not stage.invocations(), 5)
    before, seen = everything(stage), account(stage)
    stage.keep("v1 and a run of IngestData")
    stage.upload_schedule({"tasks": []})
    stage.client("events").delete_rule(Name="billing-nightly-export")
    assert stage.deploy("v2")["status"] == "SUCCEEDED"

    for _ in range(2):
        as_new(stage, "v1 and a run of IngestData")

        assert (everything(stage), account(stage)) == (before, seen)
        again = stage.wait(stage.start(first["input"]))
        assert states(stage, again)[-1] == "NothingToDo"
        assert stage.deploy("v2")["status"] == "SUCCEEDED"

    stage.reset()
    assert stage.executions() == []


def test_a_bucket_and_a_table_created_since_are_emptied(stage: Client) -> None:
    s3, dynamodb = stage.client("s3"), stage.client("dynamodb")
    s3.create_bucket(Bucket="since")
    key = {"AttributeName": "id", "AttributeType": "S"}
    dynamodb.create_table(
        TableName="since",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[key],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        for _ in range(2):
            s3.put_object(Bucket="since", Key="key", Body=b"content")
            dynamodb.put_item(TableName="since", Item={"id": {"S": "1"}})
            stage.reset()
            assert s3.list_objects_v2(Bucket="since")["KeyCount"] == 0
            assert dynamodb.scan(TableName="since")["Count"] == 0
    finally:
        s3.delete_bucket(Bucket="since")
        dynamodb.delete_table(TableName="since")


@pytest.mark.exhaustive(first=0)
def test_restore_undoes_a_redrive(stage: Client) -> None:
    stage.faults([{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}])
    failed = stage.deploy("v1")
    ended = stage.history(failed["executionArn"])
    stage.keep("v1 has failed")
    stage.client("stepfunctions").redrive_execution(executionArn=failed["executionArn"])
    assert stage.wait(failed["executionArn"])["stopDate"] > failed["stopDate"]

    stage.reset("v1 has failed")

    again = stage.wait(failed["executionArn"])
    assert without(again, "ResponseMetadata") == without(failed, "ResponseMetadata")
    assert stage.history(failed["executionArn"]) == ended


def an_execution(stage: Client) -> str:
    stage.settings(rollout="hangs")
    stage.push("v1")
    return stage.executions()[0].rpartition(":")[2]


def a_rollout(stage: Client) -> str:
    stage.settings(rollout_seconds=60)
    names = {name: stage.names[name] for name in ("cluster", "service")}
    return str(stage.client("ecs").update_service(**names, forceNewDeployment=True)["service"]["serviceName"])


def a_task(stage: Client) -> str:
    sleeping = {"name": stage.names["container"], "command": ["python", "-c", "import time; time.sleep(60)"]}
    (task,) = stage.client("ecs").run_task(
        cluster=stage.names["cluster"],
        taskDefinition=stage.names["family"],
        launchType="FARGATE",
        networkConfiguration=service(stage)["networkConfiguration"],
        overrides={"containerOverrides": [sleeping]},
    )["tasks"]
    return str(task["taskArn"])


@pytest.mark.parametrize("begin", [an_execution, a_rollout, a_task])
def test_no_snapshot_is_kept_while_something_changes(stage: Client, begin: Callable[[Client], str]) -> None:
    who = begin(stage)
    with pytest.raises(StageError, match="A snapshot needs an account in which nothing changes") as refused:
        stage.keep("too early")
    assert who in str(refused.value)


def test_an_unknown_snapshot_is_refused_and_changes_nothing(deployed: Client) -> None:
    before = everything(deployed)
    with pytest.raises(StageError, match=r"^There is no snapshot nonsense; there are start, .*v1"):
        deployed.reset("nonsense")
    assert everything(deployed) == before


@pytest.mark.parametrize(
    "name", ["start", "a/b", "x" * 65, "\u00e4"], ids=["the start's", "slash", "too long", "umlaut"]
)
def test_an_invalid_snapshot_name_is_refused(stage: Client, name: str) -> None:
    with pytest.raises(StageError, match=r"^a snapshot's name has letters"):
        stage.keep(name)
