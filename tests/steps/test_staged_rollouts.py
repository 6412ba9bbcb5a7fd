"""Rollouts that shift traffic, bake or wait for a person: each step, on a service that is configured so."""

from typing import Any

import pytest

from rota.errors import RejectedError, StillRunningError
from tests.guestbook import ACCOUNT, CONTENT, IMAGE_URI, REPOSITORY_URI
from tests.in_process import client
from tests.steps.calls import number
from tests.steps.deployments import THIRD, Deployment, Deployments
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.world import World

STRATEGIES = {
    "blue-green": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 20},
    "linear": {
        "strategy": "LINEAR",
        "linearConfiguration": {"stepPercent": 50.0, "stepBakeTimeInMinutes": 0},
        "bakeTimeInMinutes": 20,
    },
    "canary": {
        "strategy": "CANARY",
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 0},
        "bakeTimeInMinutes": 20,
    },
}
PAUSE = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"], "timeoutConfiguration": {"timeoutInMinutes": 90}}


def configure(configuration: dict[str, Any]) -> None:
    client("ecs").update_service(cluster="production", service="guestbook-api", deploymentConfiguration=configuration)


def service_deployment(world: World) -> str:
    return str(world.service()["currentServiceDeployment"])


@once
def rolled(deployment: Deployment, configuration: dict[str, Any]) -> None:
    """The deployment has begun the rollout of a service that is configured so."""
    configure(configuration)
    deployment.until("CheckService")


@pytest.fixture(params=STRATEGIES)
def baking(request: pytest.FixtureRequest, changing: Deployment) -> Deployment:
    """The second deployment, whose rollout bakes."""
    rolled(deployment=changing, configuration=STRATEGIES[request.param])
    return changing


@pytest.mark.exhaustive(first=1)
def test_a_bake_is_waited_for(world: World, baking: Deployment) -> None:
    for waited in (5, 10):
        answer = baking.step("CheckService")
        assert (answer["status"], answer["waited_seconds"]) == ("IN_PROGRESS", waited)
        assert answer["progress"] == "BAKE_TIME, 2 of 2 tasks run, production traffic has shifted"
    world.go_on()
    assert baking.run() == "Deployed"


@pytest.mark.exhaustive(first=1)
def test_a_rollback_in_the_bake_is_a_failed_rollout(world: World, baking: Deployment) -> None:
    baking.step("CheckService")
    client("ecs").stop_service_deployment(serviceDeploymentArn=service_deployment(world))
    with pytest.raises(RejectedError, match=r"was rolled back by ECS in BAKE_TIME: Service deployment rolled back"):
        baking.step("CheckService")


def test_the_rollout_before_is_not_taken_for_it(world: World, changing: Deployment) -> None:
    configure(STRATEGIES["blue-green"])
    changing.until("RollService")
    former = service_deployment(world)
    changing.until("CheckService")
    with world.calls.showing_service([world.service() | {"currentServiceDeployment": former}]):
        answer = changing.step("CheckService")
    assert (answer["status"], answer["progress"]) == ("IN_PROGRESS", "ECS does not show it yet")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("looked", [False, True], ids=["before the first look", "after it"])
def test_a_restore_in_the_bake_lets_ecs_go_back(looked: bool, world: World, changing: Deployment) -> None:
    before = world.everything()
    rolled(deployment=changing, configuration=STRATEGIES["blue-green"])
    if looked:
        changing.step("CheckService")
    world.calls.made.clear()
    changing.fail("RejectedError", "what happened")
    cause = changing.step("RestoreDeployment")["cause"]
    assert world.everything() == before
    assert [call for call in world.calls.writes() if "Service" in call] == ["ecs.StopServiceDeployment"]
    assert "ECS is rolling the service back to guestbook:" in cause


def test_a_restore_after_ecs_went_back_writes_nothing(world: World, changing: Deployment) -> None:
    before = world.everything()
    rolled(deployment=changing, configuration=STRATEGIES["blue-green"])
    client("ecs").stop_service_deployment(serviceDeploymentArn=service_deployment(world))
    world.calls.made.clear()
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert [call for call in world.calls.writes() if "Service" in call] == []


def test_one_whose_revision_was_deregistered_is_rolled_back_by_an_update(world: World, changing: Deployment) -> None:
    """Infrastructure code did that, and ECS moves no service to what is INACTIVE."""
    gone = world.service()["taskDefinition"]
    rolled(deployment=changing, configuration=STRATEGIES["blue-green"])
    client("ecs").deregister_task_definition(taskDefinition=gone)
    world.calls.made.clear()
    changing.fail("RejectedError", "what happened")
    cause = changing.step("RestoreDeployment")["cause"]
    assert f"which has the content of guestbook:{number(gone)}; that is INACTIVE" in cause
    assert [call for call in world.calls.writes() if "Service" in call] == ["ecs.UpdateService"]


def test_a_service_that_baked_before_is_rolled_back_by_an_update(world: World, changing: Deployment) -> None:
    configure(STRATEGIES["blue-green"])
    by_hand = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
    client("ecs").update_service(cluster="production", service="guestbook-api", taskDefinition=by_hand)
    changing.until("CheckService").fail("RejectedError", "what happened")
    world.calls.made.clear()
    changing.step("RestoreDeployment")
    assert world.service()["taskDefinition"] == by_hand
    assert [call for call in world.calls.writes() if "Service" in call] == ["ecs.UpdateService"]


def test_one_that_is_complete_is_rolled_back_by_an_update(world: World, changing: Deployment) -> None:
    before = world.everything()
    configure(STRATEGIES["blue-green"] | {"bakeTimeInMinutes": 0})
    changing.until("FinishDeployment").document.pop("rollout")  # it was stopped before it knew
    configure(STRATEGIES["blue-green"])
    complete = world.service()["taskDefinition"]
    world.calls.made.clear()
    changing.fail("ExecutionAborted", "a person stopped it")
    cause = changing.step("RestoreDeployment")["cause"]
    assert f"guestbook:{number(complete)} stays ACTIVE, since ECS may go back to it" in cause
    assert number(complete) in world.active_revisions()
    assert world.everything()[:2] == before[:2]
    assert [call for call in world.calls.writes() if "Service" in call] == ["ecs.UpdateService"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN"])
def test_the_wait_for_a_person_does_not_count(
    strategy: str, world: World, changing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_TIMEOUT_MINUTES", "1")
    rolled(deployment=changing, configuration={"strategy": strategy, "lifecycleHooks": [PAUSE]})
    for _ in range(11):
        answer = changing.step("CheckService")
    assert (answer["waited_seconds"], answer["staged"]["paused_seconds"] > 60) == (0, True)
    assert "POST_SCALE_UP, 2 of 2 tasks run, ECS waits for a person, hook " in answer["progress"]
    assert answer["progress"].endswith(" UTC, then it rolls back")
    [described] = client("ecs").describe_service_deployments(serviceDeploymentArns=[service_deployment(world)])[
        "serviceDeployments"
    ]
    [hook] = described["lifecycleHookDetails"]
    client("ecs").continue_service_deployment(serviceDeploymentArn=service_deployment(world), hookId=hook["hookId"])
    assert changing.run() == "Deployed"


@pytest.mark.exhaustive(first=0)
def test_a_person_who_does_not_come_fails_the_rollout(world: World, changing: Deployment) -> None:
    rolled(deployment=changing, configuration={"strategy": "ROLLING", "lifecycleHooks": [PAUSE]})
    changing.step("CheckService")
    world.go_on()
    with pytest.raises(RejectedError, match=r"rolled back by ECS in POST_SCALE_UP: .* a lifecycle hook timed out"):
        changing.step("CheckService")


def test_the_next_one_waits_while_ecs_goes_back(world: World, changing: Deployment, deployments: Deployments) -> None:
    rolled(deployment=changing, configuration=STRATEGIES["blue-green"])
    world.rollouts.primary.seconds = 200  # so the rollback does not end by itself
    changing.fail("RejectedError", "what happened")
    next_ = deployments.start(THIRD)
    changing.step("RestoreDeployment")
    with pytest.raises(StillRunningError, match="ECS is still rolling the service back"):
        next_.until("CheckService")
    world.roll("COMPLETED", revision=world.service()["taskDefinition"])
    assert next_.until("CheckService").step("CheckService")["status"] == "IN_PROGRESS"


@pytest.mark.exhaustive(first=0)
def test_one_that_was_stopped_half_way_is_forced(world: World, changing: Deployment) -> None:
    alarm = {"alarmNames": ["errors"], "enable": True, "rollback": False}
    configure(STRATEGIES["blue-green"] | {"alarms": alarm})
    changing.until("CheckService")
    local_stage().background.services.alarm("errors")
    with pytest.raises(RejectedError, match=r"was stopped in BAKE_TIME: "):
        changing.step("CheckService")
    stopped, revision = service_deployment(world), world.service()["taskDefinition"]
    assert changing.step("RollService")["staged"]["replaces"] == stopped
    assert (world.service()["taskDefinition"], service_deployment(world) != stopped) == (revision, True)
    with world.calls.showing_service([world.service() | {"currentServiceDeployment": stopped}]):
        assert changing.step("CheckService")["progress"] == "ECS does not show it yet"
    assert changing.step("CheckService")["staged"]["service_deployment"] == service_deployment(world)


def test_a_rolling_update_asks_for_no_service_deployment(world: World, finishing: Deployment) -> None:
    assert not [call for call in world.calls.made if "ServiceDeployment" in call or "ServiceRevision" in call]


def test_a_service_of_express_mode(world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/guestbook-execution"
    client("ecs").create_express_gateway_service(
        cluster="production",
        serviceName="express",
        infrastructureRoleArn=role,
        executionRoleArn=role,
        primaryContainer={"image": f"{REPOSITORY_URI}:initial", "containerPort": 8080},
    )
    for name, value in {"SERVICE": "express", "FAMILY": "express", "CONTAINER": "Main", "API_PORT": "base"}.items():
        monkeypatch.setenv(name, value)
    local_stage().settings.change({"time_scale": 0})  # so the canary bakes for no time
    assert deployments.start().run() == "Deployed"
    [express] = client("ecs").describe_services(cluster="production", services=["express"])["services"]
    served = client("ecs").describe_task_definition(taskDefinition=express["taskDefinition"])["taskDefinition"]
    [container] = served["containerDefinitions"]
    assert (express["resourceManagementType"], container["image"]) == ("ECS", IMAGE_URI)
    [mapping] = container["portMappings"]
    assert (mapping["name"], mapping["containerPort"]) == ("http", 8080)
