"""Deployments of a service that shifts traffic, bakes or waits for a person, from push to end."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import account, service, states
from tests.stage.restored import assert_all_is_as_it_was

pytestmark = pytest.mark.exhaustive(first=0)

BAKES = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 20}


def configure(stage: Client, **configuration: Any) -> None:
    names = stage.names
    stage.client("ecs").update_service(
        cluster=names["cluster"], service=names["service"], deploymentConfiguration=configuration
    )


def rollout(stage: Client) -> Any:
    """The newest service deployment."""
    arn = service(stage)["currentServiceDeployment"]
    [found] = stage.client("ecs").describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    return found


def wait_for_stage(stage: Client, name: str, former: str) -> Any:
    """The next service deployment after the `former`, once it has come to that lifecycle stage."""
    wait_for(lambda: service(stage)["currentServiceDeployment"] != former, 10)
    wait_for(lambda: rollout(stage).get("lifecycleStage") == name, 10)
    return rollout(stage)


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(BAKES | {"bakeTimeInMinutes": 5}, id="blue-green"),
        pytest.param({"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": 3}}, id="canary"),
        pytest.param({"strategy": "LINEAR", "linearConfiguration": {"stepBakeTimeInMinutes": 1}}, id="linear"),
    ],
)
def test_it_is_deployed_when_the_bake_is_over(configuration: dict[str, Any], deployed: Client) -> None:
    configure(deployed, **configuration)
    ended = deployed.deploy("v2")
    assert states(deployed, ended)[-1] == "Deployed"
    assert rollout(deployed)["status"] == "SUCCESSFUL"
    assert ended["output"]["rollout"]["progress"].startswith("CLEAN_UP, 2 of 2 tasks run")


def test_an_alarm_in_the_bake_restores_everything(deployed: Client) -> None:
    alarm = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    configure(deployed, **BAKES, alarms=alarm)
    before, former = account(deployed), service(deployed)["currentServiceDeployment"]
    deployed.push("v2")
    wait_for_stage(deployed, "BAKE_TIME", former)
    how = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0}
    what = {"MetricName": "Errors", "Namespace": "App", "Statistic": "Sum", "Period": 60}
    deployed.client("cloudwatch").put_metric_alarm(AlarmName="errors", **how, **what)
    deployed.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    ended = deployed.wait(deployed.executions()[0])
    assert ended["cause"].startswith("CheckService: the rollout of guestbook:")
    assert "was rolled back by ECS in BAKE_TIME: " in ended["cause"]
    assert " (errors). " in ended["cause"]
    assert_all_is_as_it_was(deployed, before)


def test_a_newer_push_in_the_bake_rolls_it_back(deployed: Client) -> None:
    configure(deployed, **BAKES)
    former = service(deployed)["currentServiceDeployment"]
    deployed.push("v2")
    wait_for_stage(deployed, "BAKE_TIME", former)
    ended = deployed.deploy("v3")
    overtaken = deployed.wait(deployed.executions()[1])
    assert [states(deployed, each)[-1] for each in (overtaken, ended)] == ["Overtaken", "Deployed"]
    calls = [call["operation"] for call in deployed.calls("ecs") if call["caller"] == "RestoreDeployment"]
    assert ("StopServiceDeployment" in calls, "UpdateService" in calls) == (True, False)


def test_a_person_for_whom_ecs_waits_continues(deployed: Client) -> None:
    configure(deployed, lifecycleHooks=[{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}])
    former = service(deployed)["currentServiceDeployment"]
    deployed.push("v2")
    waiting = wait_for_stage(deployed, "POST_SCALE_UP", former)
    [hook] = waiting["lifecycleHookDetails"]
    deployed.client("ecs").continue_service_deployment(
        serviceDeploymentArn=waiting["serviceDeploymentArn"], hookId=hook["hookId"]
    )
    ended = deployed.wait(deployed.executions()[0])
    assert states(deployed, ended)[-1] == "Deployed"
