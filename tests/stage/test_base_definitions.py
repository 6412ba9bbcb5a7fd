"""What revisions are derived from: what the service runs or infrastructure code registered, never one of ours."""

from typing import Any

import pytest

from stage.client import Client
from tests.stage.account import (
    ANSWERED_ONLY,
    Described,
    app_container,
    infrastructure_registers,
    ran_by,
    register,
    revision,
    schedules,
    service,
    states,
    without,
)

HEAVY = {
    "name": "Heavy",
    "task": "data_ingestion_task",
    "cron": "0 6 * * ? *",
    "cpu": 1024,
    "memory": 4096,
    "environment": {"SEASON": "winter"},
}


def deployed(stage: Client) -> list[Described]:
    """The revisions that the tasks and the service run."""
    arns = [ran_by(rule) for rule in schedules(stage).values()] + [service(stage)["taskDefinition"]]
    return [revision(stage, arn) for arn in arns]


def test_what_infrastructure_code_registers_arrives_in_every_revision(stage: Client) -> None:
    first = stage.deploy("v1")
    sidecar = {"name": "metrics", "image": "public.ecr.aws/example/metrics:4", "essential": False}
    described = revision(stage, service(stage)["taskDefinition"])
    base = infrastructure_registers(
        stage,
        containerDefinitions=[app_container(described), sidecar],
        tags=[{"key": "team", "value": "pier"}, {"key": "cost-centre", "value": "12"}],
    )

    again = stage.wait(stage.start(first["input"]))

    assert states(stage, again)[-1] == "Deployed"
    assert again["output"]["config"]["base"] == base
    assert len(deployed(stage)) == 4
    for new in deployed(stage):
        assert new["containerDefinitions"][1]["image"] == "public.ecr.aws/example/metrics:4"
        assert new["tags"]["team"] == "pier"
        assert new["tags"]["cost-centre"] == "12"


def test_fields_that_no_sdk_knows_survive(stage: Client) -> None:
    infrastructure_registers(stage, {"flavour": {"sprinkles": [1, 2]}}, season="winter", volumes=[{"name": "scratch"}])
    stage.deploy("v1")
    assert len(deployed(stage)) == 4
    for new in deployed(stage):
        assert new["season"] == "winter"
        assert new["volumes"] == [{"name": "scratch"}]
        assert app_container(new)["flavour"] == {"sprinkles": [1, 2]}


@pytest.fixture
def leftover(stage: Client) -> str:
    """After a first deployment: a task's revision above that of the service, as one that died half way leaves it."""
    stage.upload_schedule({"tasks": [HEAVY]})
    stage.deploy("v1")
    tasks = without(revision(stage, ran_by(schedules(stage)["Heavy"])), *ANSWERED_ONLY)
    return register(stage, {**tasks, "tags": listed(tasks["tags"])})


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def test_what_a_dead_deployment_left_is_never_the_base(stage: Client, leftover: str) -> None:
    served = service(stage)["taskDefinition"]
    assert number(leftover) > number(served)
    ended = stage.deploy("v2")
    assert ended["output"]["config"]["base"] == served
    assert_lean(stage)


def test_what_infrastructure_code_registered_is_found_below_what_a_dead_deployment_left(
    stage: Client, leftover: str
) -> None:
    base = infrastructure_registers(stage, season="winter")
    left = without(revision(stage, leftover), *ANSWERED_ONLY)
    register(stage, {**left, "tags": listed(left["tags"])})
    ended = stage.deploy("v2")
    assert ended["output"]["config"]["base"] == base
    assert {new["season"] for new in deployed(stage)} == {"winter"}
    assert_lean(stage)


def assert_lean(stage: Client) -> None:
    """Nothing of the heavy task has come into the API."""
    api: dict[str, Any] = revision(stage, service(stage)["taskDefinition"])
    assert (api["cpu"], api["memory"]) == ("256", "512")
    assert app_container(api)["environment"] == [{"name": "LOG_LEVEL", "value": "info"}]
    assert app_container(api)["command"] == ["./bin/start"]
    assert "rota:task" not in api["tags"]


def number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
