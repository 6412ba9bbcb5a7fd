"""The base of new revisions: what the service runs or what infrastructure code registered, never one of Rota's."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.stage.account import (
    ANSWERED_ONLY,
    Described,
    app_container,
    infrastructure_registers,
    ran_by,
    register,
    revision,
    revisions,
    schedules,
    service,
    states,
    without,
)
from tests.task_definitions import MODEL, definition

pytestmark = pytest.mark.exhaustive(first=0)

HEAVY = {
    "name": "Heavy",
    "task": "data_ingestion_task",
    "cron": "0 6 * * ? *",
    "cpu": 1024,
    "memory": 4096,
    "environment": {"SEASON": "winter"},
}


def made_live(stage: Client) -> list[Described]:
    """The revisions that the tasks and the service run."""
    arns = [ran_by(rule) for rule in schedules(stage).values()] + [service(stage)["taskDefinition"]]
    return [revision(stage, arn) for arn in arns]


def test_a_newer_base_reaches_every_revision(deployed: Client, v1: Described) -> None:
    """Also its members that no SDK knows."""
    described = app_container(revision(deployed, service(deployed)["taskDefinition"]))
    sidecar = {"name": "metrics", "image": "public.ecr.aws/example/metrics:4", "essential": False}
    base = infrastructure_registers(
        deployed,
        containerDefinitions=[{**described, "flavour": {"sprinkles": [1, 2]}}, sidecar],
        season="winter",
        volumes=[{"name": "scratch"}],
        tags=[{"key": "team", "value": "pier"}, {"key": "cost-centre", "value": "12"}],
    )

    again = deployed.wait(deployed.start(v1["input"]))

    assert states(deployed, again)[-1] == "Deployed"
    assert again["output"]["config"]["base"] == base
    assert len(made_live(deployed)) == 4
    for new in made_live(deployed):
        assert new["containerDefinitions"][1]["image"] == "public.ecr.aws/example/metrics:4"
        assert app_container(new)["flavour"] == {"sprinkles": [1, 2]}
        assert (new["season"], new["volumes"]) == ("winter", [{"name": "scratch"}])
        assert new["tags"]["team"] == "pier"
        assert new["tags"]["cost-centre"] == "12"


def test_every_member_of_awss_model_is_kept(stage: Client) -> None:
    """Also by the functions' own SDK, and over HTTP."""
    request = definition(-1)
    app_container(request)["portMappings"][0] |= {"containerPort": 8000, "hostPort": 8000}  # the parameter's
    base = register(stage, request)
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    sent = {member for member in revision(stage, base) if member in MODEL.members} - {"containerDefinitions", "tags"}
    assert len(made_live(stage)) == 4
    for new in made_live(stage):
        assert {member: new[member] for member in sent} == {member: revision(stage, base)[member] for member in sent}
    api = revision(stage, service(stage)["taskDefinition"])
    for had, has in zip(revision(stage, base)["containerDefinitions"], api["containerDefinitions"], strict=True):
        changed = {"image", *(["command"] if had["name"] == "app" else [])}
        assert {m: v for m, v in has.items() if m not in changed} == {m: v for m, v in had.items() if m not in changed}


def test_a_killed_deployments_revision_is_never_the_base(stage: Client) -> None:
    stage.upload_schedule({"tasks": [HEAVY]})
    stage.deploy("v1")
    served = service(stage)["taskDefinition"]
    leave_behind(stage)
    ended = stage.deploy("v2")
    assert ended["output"]["config"]["base"] == served
    assert_lean(stage)

    base = infrastructure_registers(stage, season="winter")
    leave_behind(stage)
    ended = stage.deploy("v3")
    assert ended["output"]["config"]["base"] == base
    assert {new["season"] for new in made_live(stage)} == {"winter"}
    assert_lean(stage)


def leave_behind(stage: Client) -> None:
    """Register the task's revision again, as the family's newest: a killed deployment leaves such a revision."""
    left = without(revision(stage, ran_by(schedules(stage)["Heavy"])), *ANSWERED_ONLY)
    tags = [{"key": key, "value": value} for key, value in left["tags"].items()]
    arn = register(stage, {**left, "tags": tags})
    assert arn == max(revisions(stage), key=number)


def assert_lean(stage: Client) -> None:
    """The API has none of the heavy task's settings."""
    api: dict[str, Any] = revision(stage, service(stage)["taskDefinition"])
    assert (api["cpu"], api["memory"]) == ("256", "512")
    assert app_container(api)["environment"] == [{"name": "LOG_LEVEL", "value": "info"}]
    assert app_container(api)["command"] == ["./bin/start"]
    assert "rota:task" not in api["tags"]


def number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
