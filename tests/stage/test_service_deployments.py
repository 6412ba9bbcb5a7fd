"""Rollouts as service deployments, over HTTP."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.small_stage import SmallStage, aws


@pytest.mark.parametrize(
    ("rollout", "status"),
    [("completes", "SUCCESSFUL"), ("fails", "ROLLBACK_SUCCESSFUL"), ("hangs", "IN_PROGRESS")],
    ids=str,
)
def test_a_rollout_is_a_service_deployment(small: SmallStage, rollout: str, status: str) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": rollout})
    current = small.update(taskDefinition=second)["currentServiceDeployment"]
    assert small.background.wait_until_steady()
    listed = aws("ecs").list_service_deployments(cluster=small.name, service=small.name)["serviceDeployments"]
    assert [(each["serviceDeploymentArn"] == current, each["status"]) for each in listed] == [
        (True, status),
        (False, "SUCCESSFUL"),
    ]
    [described] = aws("ecs").describe_service_deployments(serviceDeploymentArns=[current])["serviceDeployments"]
    assert described["status"] == status
    assert ("rollback" in described, "finishedAt" in described) == (rollout == "fails", rollout != "hangs")
    [revision] = aws("ecs").describe_service_revisions(serviceRevisionArns=[listed[0]["targetServiceRevisionArn"]])[
        "serviceRevisions"
    ]
    assert revision["taskDefinition"] == second
    if rollout == "fails":
        assert described["rollback"]["serviceRevisionArn"] == listed[1]["targetServiceRevisionArn"]
        assert described["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}


def test_a_superseded_service_deployment_is_stopped(small: SmallStage) -> None:
    first, second, third = small.register(), small.register("two"), small.register("three")
    small.service(first)
    small.settings.change({"rollout": "hangs"})
    small.update(taskDefinition=second)
    small.update(taskDefinition=third)
    listed = aws("ecs").list_service_deployments(cluster=small.name, service=small.name, status=["STOPPED"])
    assert len(listed["serviceDeployments"]) == 1


def shifting(small: SmallStage, **configuration: Any) -> str:
    """A service whose rollout has gone as far as it does by itself. Returns the service deployment's ARN."""
    first, second = small.register(), small.register("two")
    small.service(first)
    update = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 60, **configuration}
    return str(small.update(taskDefinition=second, deploymentConfiguration=update)["currentServiceDeployment"])


def described(arn: str) -> Any:
    [found] = aws("ecs").describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    return found


def wait_for_stage(small: SmallStage, arn: str, stage: str) -> Any:
    assert small.background.timer.wait_for(lambda: described(arn)["lifecycleStage"] == stage, 5)
    return described(arn)


def test_during_the_bake_all_traffic_has_shifted(small: SmallStage) -> None:
    arn = shifting(small)
    baking = wait_for_stage(small, arn, "BAKE_TIME")
    weights = [
        each["requestedProductionTrafficWeight"]
        for each in (*baking["sourceServiceRevisions"], baking["targetServiceRevision"])
    ]
    assert (baking["status"], weights) == ("IN_PROGRESS", [0, 100])
    assert all("rolloutState" not in each for each in small.described()["deployments"])


def test_it_is_stopped_by_rolling_it_back(small: SmallStage) -> None:
    arn = shifting(small)
    before = small.described()["deployments"][1]["taskDefinition"]
    wait_for_stage(small, arn, "BAKE_TIME")
    aws("ecs").stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert small.background.wait_until_steady()
    assert (described(arn)["status"], small.described()["taskDefinition"]) == ("ROLLBACK_SUCCESSFUL", before)
    with pytest.raises(ClientError, match="ConflictException"):
        aws("ecs").stop_service_deployment(serviceDeploymentArn=arn)


def test_an_alarm_in_the_bake_rolls_it_back(small: SmallStage) -> None:
    alarm: dict[str, Any] = {"alarmNames": [f"{small.name}-errors"], "enable": True, "rollback": True}
    arn = shifting(small, alarms=alarm)
    wait_for_stage(small, arn, "BAKE_TIME")
    watched = {"AlarmName": alarm["alarmNames"][0], "StateReason": "a test"}
    how = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0}
    what = {"MetricName": "Errors", "Namespace": "App", "Statistic": "Sum", "Period": 60}
    aws("cloudwatch").put_metric_alarm(AlarmName=watched["AlarmName"], **how, **what)
    aws("cloudwatch").set_alarm_state(**watched, StateValue="ALARM")
    assert small.background.wait_until_steady()
    ended = described(arn)
    assert (ended["status"], ended["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_SUCCESSFUL", alarm["alarmNames"])


def test_a_person_continues_at_a_hook(small: SmallStage) -> None:
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    arn = shifting(small, lifecycleHooks=[hook], bakeTimeInMinutes=0)
    [waits] = wait_for_stage(small, arn, "POST_SCALE_UP")["lifecycleHookDetails"]
    assert (waits["status"], waits["timeoutAction"]) == ("AWAITING_ACTION", "ROLLBACK")
    aws("ecs").continue_service_deployment(serviceDeploymentArn=arn, hookId=waits["hookId"])
    assert small.background.wait_until_steady()
    assert described(arn)["status"] == "SUCCESSFUL"


def test_an_express_service_is_a_service_with_a_canary(small: SmallStage) -> None:
    roles = {each: f"arn:aws:iam::123456789012:role/{each}" for each in ("infrastructure", "execution")}
    made = aws("ecs").create_express_gateway_service(
        cluster=small.name,
        serviceName=small.name,
        infrastructureRoleArn=roles["infrastructure"],
        executionRoleArn=roles["execution"],
        primaryContainer={"image": f"{small.image}:initial", "containerPort": 8000},
        networkConfiguration={name: small.network[name] for name in ("subnets", "securityGroups")},
    )["service"]
    described = small.described()
    assert (described["resourceManagementType"], described["deploymentConfiguration"]["strategy"]) == ("ECS", "CANARY")
    aws("ecs").update_express_gateway_service(
        serviceArn=made["serviceArn"],
        primaryContainer={"image": f"{small.image}:next"},
        executionRoleArn=roles["execution"],
    )
    updated = aws("ecs").describe_task_definition(taskDefinition=small.described()["taskDefinition"])["taskDefinition"]
    [container] = updated["containerDefinitions"]
    assert (container["name"], container["image"], updated["revision"]) == ("Main", f"{small.image}:next", 2)
