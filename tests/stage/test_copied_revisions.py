"""Changed copies of Rota's revisions, as consoles and pipelines register them, and a base registered meanwhile."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import (
    ANSWERED_ONLY,
    PREFIX,
    app_container,
    images,
    infrastructure_registers,
    ran_by,
    register,
    revision,
    schedules,
    service,
    states,
    without,
)

pytestmark = pytest.mark.exhaustive(first=0)

DEBUG = {"image": "guestbook:debug"}


def copied(stage: Client, arn: str, container: dict[str, Any]) -> str:
    """Register a copy of a revision, with its tags and with changes of its app container. Returns the new ARN."""
    described = without(revision(stage, arn), *ANSWERED_ONLY)
    app_container(described)  # there is one
    for each in described["containerDefinitions"]:
        if each["name"] == "app":
            each.update(container)
    return register(stage, {**described, "tags": [{"key": k, "value": v} for k, v in described["tags"].items()]})


def variables(stage: Client) -> set[str]:
    """The names of the environment variables of the service's revision."""
    running = app_container(revision(stage, service(stage)["taskDefinition"]))
    return {each["name"] for each in running["environment"]}


def test_a_changed_copy_that_the_service_runs_becomes_the_base(deployed: Client) -> None:
    copy = copied(deployed, service(deployed)["taskDefinition"], {"environment": [{"name": "NEW", "value": "1"}]})

    ended = deployed.deploy("v2")

    assert ended["output"]["config"]["base"] == copy
    assert variables(deployed) == {"NEW"}
    assert revision(deployed, copy)["status"] == "ACTIVE"


def test_a_target_with_a_changed_copy_is_corrected(deployed: Client, v1: dict[str, Any]) -> None:
    rule = schedules(deployed)["IngestData"]
    copy = copied(deployed, ran_by(rule), DEBUG)
    (target,) = rule["Targets"]
    target["EcsParameters"]["TaskDefinitionArn"] = copy
    deployed.client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[target])

    again = deployed.wait(deployed.start(v1["input"]))

    assert states(deployed, again)[-1] == "Deployed"
    assert images(deployed) == {v1["input"]["detail"]["image-digest"]}
    assert ran_by(schedules(deployed)["IngestData"]) != copy
    assert revision(deployed, copy)["status"] == "ACTIVE"
    assert states(deployed, deployed.wait(deployed.start(v1["input"])))[-1] == "NothingToDo"


def test_a_service_with_a_changed_copy_is_corrected(deployed: Client, v1: dict[str, Any]) -> None:
    copy = copied(deployed, service(deployed)["taskDefinition"], DEBUG)
    names = {name: deployed.names[name] for name in ("cluster", "service")}
    deployed.client("ecs").update_service(**names, taskDefinition=copy)

    again = deployed.wait(deployed.start(v1["input"]))

    assert states(deployed, again)[-1] == "Deployed"
    assert images(deployed) == {v1["input"]["detail"]["image-digest"]}


def test_a_base_registered_during_a_deployment_is_used_next(deployed: Client) -> None:
    deployed.settings(time_scale=0.2)
    registering = {"service": "ecs", "operation": "RegisterTaskDefinition", "caller": "RegisterRevisions"}
    deployed.faults([{**registering, "skip": 2, "count": 8, "fault": "throttle"}])
    deployed.push("v2")
    wait_for(lambda: deployed.faults_so_far()[0]["hit"], 30)
    new = infrastructure_registers(deployed, {"environment": [{"name": "FROM_TERRAFORM", "value": "1"}]})
    deployed.faults([])
    during = deployed.wait(deployed.executions()[0])
    assert states(deployed, during)[-1] == "Deployed"
    assert during["output"]["config"]["base"] != new
    assert int(service(deployed)["taskDefinition"].rpartition(":")[2]) > int(new.rpartition(":")[2])

    for tag in ("v3", "v4"):
        assert deployed.deploy(tag)["status"] == "SUCCEEDED"
        assert variables(deployed) == {"FROM_TERRAFORM"}
