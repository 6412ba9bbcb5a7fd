"""What cannot be deployed: the execution reports all problems at once and writes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.ecr.manifest import digest
from tests.stage.account import (
    PREFIX,
    Described,
    account,
    allowed,
    environment,
    history,
    infrastructure_registers,
    push_of,
    service,
    writes,
)

ONE_TASK = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
OPERATOR = "For the operator: fix this, then deploy again."
AUTHOR = "For the author of the schedule file: correct it, upload it, then deploy again."


def refused(stage: Client, error: str, *says: str) -> Described:
    """Push an image, which must be refused with all of `says` and change nothing."""
    before = account(stage)
    stage.clear_calls()
    ended = stage.deploy("v1")
    assert (ended["status"], ended.get("error")) == ("FAILED", error)
    assert [each for each in says if each not in ended["cause"]] == []
    assert ended["cause"].startswith("ReadConfig: ")
    assert ended["cause"].endswith("Nothing had to be restored. " + (AUTHOR if error == "ConfigError" else OPERATOR))
    assert not writes(stage)
    assert {**account(stage), "images": None} == {**before, "images": None}
    assert_recorded(stage, ended)
    return ended


def assert_recorded(stage: Client, ended: Described) -> None:
    """The ledger and the one notification have the execution's error and cause."""
    entry = history(stage)[0]
    assert (entry["outcome"], entry["cause"]) == ("failed", ended["cause"])
    assert entry["execution"] == ended["executionArn"]
    assert [call["caller"] for call in stage.calls("events", "PutEvents")] == ["RestoreDeployment"]


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("file", "says"),
    [
        pytest.param(
            {
                "tasks": [
                    {**ONE_TASK, "cron": "0 6 * * * *"},
                    {**ONE_TASK, "cronn": "0 6 * * ? *"},
                    {"name": "No time", "task": "spam_task"},
                    {**ONE_TASK, "name": "x" * 60, "cpu": 300},
                ]
            },
            [
                "tasks[0].cron: ",
                "tasks[1].name: ",
                'tasks[1].cronn: is not a known key; did you mean "cron"?',
                "tasks[2].name: ",
                "tasks[2]: does not say when to run",
                "tasks[3].name: the name has 60 characters and its prefix production__guestbook__ 23",
                "tasks[3].cpu: 300 is not allowed",
            ],
            id="several faults",
        ),
        pytest.param(b'{"tasks": [,]}', ["line 1, column 12: "], id="no JSON"),
        pytest.param(b"", ["is empty"], id="empty"),
        pytest.param({"tasks": [{**ONE_TASK, "name": f"T{n}"} for n in range(301)]}, ["has 301 tasks"], id="too many"),
        pytest.param(
            {"tasks": [{**ONE_TASK, "cpu": 4096}]},
            ["tasks[0]: with the base task definition this makes cpu 4096 and memory 512"],
            id="a size that only the base makes wrong",
        ),
    ],
)
def test_an_invalid_schedule_file(stage: Client, file: Any, says: list[str]) -> None:
    stage.upload_schedule(file)
    refused(stage, "ConfigError", *says)


@pytest.mark.exhaustive(first=0)
def test_a_missing_schedule_file(stage: Client) -> None:
    bucket = stage.names["bucket"]
    stage.client("s3").delete_object(Bucket=bucket, Key="scheduled_tasks.json")
    refused(
        stage,
        "ConfigError",
        f"there is no schedule file; tried s3://{bucket}/scheduled_tasks.json",
        "Upload it, then push",
    )


@pytest.mark.exhaustive(first=0)
def test_an_invalid_file_changes_nothing_that_is_deployed(stage: Client) -> None:
    stage.deploy("v0")
    stage.upload_schedule({"tasks": [{**ONE_TASK, "cron": "every day"}]})
    refused(stage, "ConfigError", "tasks[0].cron: ")


def test_a_missing_image(stage: Client) -> None:
    before = account(stage)
    ended = stage.wait(stage.start(push_of(digest("never pushed"))))
    assert (ended["status"], ended["error"]) == ("FAILED", "RejectedError")
    assert f"the image guestbook@{digest('never pushed')} is not in ECR; push it again" in ended["cause"]
    assert not writes(stage)
    assert account(stage) == before
    assert_recorded(stage, ended)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"CLUSTER": "nowhere"}, ["there is no ECS cluster nowhere in this account and Region"]),
        ({"SERVICE": "nobody"}, ["there is no service nobody on the ECS cluster production"]),
        (
            {"FAMILY": "visitors", "CONTAINER": "web"},
            [
                "runs the task-definition family guestbook, but the parameter TaskDefinitionFamily says visitors",
                "has no container web, which the parameter ContainerName names; it has app, metrics",
            ],
        ),
    ],
    ids=["no cluster", "no service", "another family, no container"],
)
def test_parameters_with_missing_resources(stage: Client, settings: dict[str, str], says: list[str]) -> None:
    with environment(stage, "ReadConfig", **settings), allowed(stage, "ReadConfig", "ecs:DescribeServices"):
        refused(stage, "RejectedError", *says)


def remake_service(stage: Client, **changes: Any) -> None:
    """Delete the service and create it again with `changes`."""
    ecs, was = stage.client("ecs"), service(stage)
    ecs.delete_service(cluster="production", service="guestbook-api", force=True)
    ecs.create_service(
        cluster="production",
        serviceName="guestbook-api",
        taskDefinition=was["taskDefinition"],
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=was["networkConfiguration"],
        **changes,
    )


def delete_service(stage: Client) -> None:
    stage.client("ecs").delete_service(cluster="production", service="guestbook-api", force=True)


def code_deploy(stage: Client) -> None:
    remake_service(stage, deploymentController={"type": "CODE_DEPLOY"})


def rename_container(stage: Client) -> None:
    infrastructure_registers(stage, {"name": "web"})


def another_role(stage: Client) -> None:
    infrastructure_registers(stage, {}, taskRoleArn="arn:aws:iam::123456789012:role/another")


def rule_of_another_team(stage: Client) -> None:
    stage.client("events").put_rule(Name=PREFIX + "IngestData", ScheduleExpression="rate(1 day)")


def rule_of_another_app(stage: Client) -> None:
    tags = [{"Key": "rota:app", "Value": "production/forum"}]
    stage.client("events").put_rule(Name=PREFIX + "IngestData", ScheduleExpression="rate(1 day)", Tags=tags)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("arrange", "says"),
    [
        (delete_service, "the service guestbook-api is INACTIVE, so it was deleted; create it again"),
        (code_deploy, "the service guestbook-api is deployed by CODE_DEPLOY"),
        (rename_container, "guestbook:2 has no container app, which the parameter ContainerName names; it has web"),
        (another_role, "names the role arn:aws:iam::123456789012:role/another, which the parameter TaskRoleArns"),
        (
            rule_of_another_team,
            "the rule production__guestbook__IngestData exists and Rota does not own it: it has no tag rota:app",
        ),
        (rule_of_another_app, "its tag rota:app is 'production/forum', not 'production/guestbook-api'"),
    ],
    ids=["deleted service", "CodeDeploy", "renamed container", "unlisted role", "foreign rule", "another app's rule"],
)
def test_problems_of_the_account(stage: Client, arrange: Callable[[Client], None], says: str) -> None:
    arrange(stage)
    refused(stage, "RejectedError", says)


def test_problems_of_author_and_operator_are_reported_together(stage: Client) -> None:
    rule_of_another_team(stage)
    code_deploy(stage)
    another_role(stage)
    stage.upload_schedule({"tasks": [ONE_TASK, {**ONE_TASK, "name": "Large", "memory": 777}]})
    cause = refused(stage, "ConfigError", "tasks[1].memory: ", "CODE_DEPLOY", "role/another")["cause"]
    assert cause.index("tasks[1].memory: ") < cause.index("\nFor the operator:\n") < cause.index("CODE_DEPLOY")
    assert "Traceback" not in cause
