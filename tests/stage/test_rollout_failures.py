"""Failed rollouts: the execution fails, and everything is as before the push."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.stage.account import (
    PREFIX,
    Described,
    account,
    app_container,
    environment,
    history,
    images,
    infrastructure_registers,
    revision,
    revisions,
    schedules,
    service,
    states,
)
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.scenarios import NEXT


@pytest.fixture
def impatient(deployed: Client) -> Iterator[Client]:
    """A stack whose rollouts may take a minute, of shortened waits."""
    with environment(deployed, "CheckService", ROLLOUT_TIMEOUT_MINUTES="1"):
        yield deployed


def as_people_left_it(stage: Client) -> Described:
    """Add tags, a target and an input by hand. Returns the account."""
    events, topic = stage.client("events"), stage.names["outputs"]["NotificationsTopicArn"]
    for rule in schedules(stage).values():
        events.tag_resource(ResourceARN=rule["Arn"], Tags=[{"Key": "owner", "Value": "pier"}])
    # CountTeaspoons leaves the file with NEXT: its rule is removed and must be restored completely.
    (target,) = schedules(stage)["CountTeaspoons"]["Targets"]
    with_input = {**target, "Input": json.dumps({"containerOverrides": []})}
    events.put_targets(Rule=PREFIX + "CountTeaspoons", Targets=[with_input, {"Id": "to-people", "Arn": topic}])
    return account(stage)


def test_a_rollout_that_the_circuit_breaker_rolls_back(deployed: Client) -> None:
    before = as_people_left_it(deployed)
    version = deployed.upload_schedule(NEXT)
    before["objects"] = account(deployed)["objects"]
    deployed.settings(rollout="fails")

    ended = deployed.deploy("v2")

    assert (ended["status"], ended["error"]) == ("FAILED", "RejectedError")
    assert ended["cause"].startswith("CheckService: the rollout of guestbook:9 was replaced: ECS now deploys guestbook")
    assert "deployment failed: tasks failed to start." in ended["cause"]
    assert " restored" in ended["cause"]
    assert ended["cause"].endswith("For the operator: fix this, then deploy again.")
    assert states(deployed, ended)[-3:] == ["RestoreDeployment", "HowDidItEnd", "DeploymentFailed"]
    assert_all_is_as_it_was(deployed, before)
    entry = history(deployed)[0]
    assert (entry["outcome"], entry["cause"], entry["schedule_version"]) == ("failed", ended["cause"], version)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("settings", "breaker", "says"),
    [
        pytest.param({"rollout": "hangs"}, True, "is not complete after 1 minutes", id="hangs"),
        pytest.param(
            {"rollout": "fails", "circuit_breaker": False}, True, "is not complete after 1 minutes", id="fails on"
        ),
        pytest.param({"rollout": "fails"}, False, "failed: ECS deployment circuit breaker", id="fails and stays"),
    ],
)
def test_a_rollout_that_never_ends_is_ended_by_rota(
    impatient: Client, settings: dict[str, Any], breaker: bool, says: str
) -> None:
    impatient.client("ecs").update_service(
        cluster="production",
        service="guestbook-api",
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": breaker}},
    )
    before = as_people_left_it(impatient)
    impatient.upload_schedule(NEXT)
    before["objects"] = account(impatient)["objects"]
    impatient.settings(**settings)

    ended = impatient.deploy("v2")

    assert (ended["status"], ended["error"]) == ("FAILED", "RejectedError")
    assert says in ended["cause"]
    assert_all_is_as_it_was(impatient, before)


@pytest.mark.exhaustive(first=0)
def test_a_deregistered_former_revision_is_registered_again(stage: Client) -> None:
    former = service(stage)["taskDefinition"]
    newer = infrastructure_registers(stage, {"environment": [{"name": "LOG_LEVEL", "value": "debug"}]})
    stage.client("ecs").deregister_task_definition(taskDefinition=former)
    stage.settings(rollout="fails", circuit_breaker=False)
    stage.faults(
        [{"service": "ecs", "operation": "UpdateService", "skip": 1, "caller": "RestoreDeployment", "fault": "kill"}]
    )

    with environment(stage, "CheckService", ROLLOUT_TIMEOUT_MINUTES="1"):
        failed = stage.deploy("v1")

    assert failed["status"] == "FAILED"
    again = service(stage)["taskDefinition"]
    assert again not in (former, newer)
    assert app_container(revision(stage, again)) == app_container(revision(stage, former))
    assert f"which has the content of {former.rpartition('/')[2]}; that is INACTIVE. For" in failed["cause"]
    assert [arn for arn, each in revisions(stage).items() if each["status"] == "ACTIVE"] == [newer, again]

    stage.settings(rollout="completes")
    ended = stage.deploy("v2")
    assert states(stage, ended)[-1] == "Deployed"
    assert ended["output"]["config"]["base"] == newer


@pytest.mark.exhaustive(first=0)
def test_a_first_deployment_that_fails_leaves_no_rule(stage: Client) -> None:
    before = account(stage)
    stage.settings(rollout="fails")
    assert stage.deploy("v1")["status"] == "FAILED"
    assert_all_is_as_it_was(stage, before)
    assert schedules(stage) == {}


@pytest.mark.exhaustive(first=0)
def test_after_a_failure_the_next_push_deploys(stage: Client) -> None:
    stage.settings(rollout="fails")
    failed = stage.deploy("v1")
    stage.settings(rollout="completes")

    again = stage.wait(stage.start(failed["input"]))

    assert states(stage, again)[-1] == "Deployed"
    assert images(stage) == {failed["input"]["detail"]["image-digest"]}
    assert len(schedules(stage)) == 3
    assert states(stage, stage.deploy("v2"))[-1] == "Deployed"
