"""Services and their rollouts, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.small_stage import SmallStage, aws


def revisions(service: Any) -> list[tuple[str, str, str, int]]:
    return [
        (each["taskDefinition"], each["status"], each["rolloutState"], each["runningCount"])
        for each in service["deployments"]
    ]


def deployment_events(small: SmallStage) -> Callable[[], list[Any]]:
    return small.listen({"source": ["aws.ecs"], "resources": [{"suffix": f"/{small.name}"}]})


def test_a_new_service_runs_at_once(small: SmallStage) -> None:
    revision = small.register()
    small.settings.change({"rollout": "fails"})
    heard = deployment_events(small)
    small.service(revision)
    assert revisions(small.described()) == [(revision, "PRIMARY", "COMPLETED", 2)]
    assert [each["detail"]["eventName"] for each in heard()] == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]


def test_a_service_needs_no_security_groups(small: SmallStage) -> None:
    small.network = {"subnets": small.network["subnets"]}
    assert small.service(small.register())["runningCount"] == 2


def test_a_new_revision_rolls_out(small: SmallStage) -> None:
    first, second = small.register(), small.register("two")
    before = small.service(first)
    small.settings.change({"rollout_seconds": 60})  # the rollout does not end during the test
    heard = deployment_events(small)
    answered = small.update(taskDefinition=second)
    assert answered["taskDefinition"] == second
    assert revisions(answered) == [(second, "PRIMARY", "IN_PROGRESS", 0), (first, "ACTIVE", "COMPLETED", 2)]
    [new, old] = answered["deployments"]
    assert old["id"] == before["deployments"][0]["id"] != new["id"]
    assert new["rolloutStateReason"] == f"ECS deployment {new['id']} in progress."
    assert new.keys() >= {"createdAt", "updatedAt", "desiredCount", "pendingCount", "failedTasks"}
    assert (new["launchType"], new["platformVersion"]) == ("FARGATE", "1.4.0")
    assert new["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == small.network["subnets"]
    assert [each["detail"]["eventName"] for each in heard()] == ["SERVICE_DEPLOYMENT_IN_PROGRESS"]


def test_a_completed_rollout_publishes_events(small: SmallStage) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    heard = deployment_events(small)
    [new, _] = small.update(taskDefinition=second)["deployments"]
    assert small.background.wait_until_steady()
    after = small.described()
    assert revisions(after) == [(second, "PRIMARY", "COMPLETED", 2)]
    assert (after["runningCount"], after["pendingCount"]) == (2, 0)
    assert after["events"][0]["message"] == f"(service {small.name}) has reached a steady state."
    published = heard()
    assert [(each["detail-type"], each["detail"]["eventName"]) for each in published] == [
        ("ECS Deployment State Change", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        ("ECS Deployment State Change", "SERVICE_DEPLOYMENT_COMPLETED"),
        ("ECS Service Action", "SERVICE_STEADY_STATE"),
    ]
    assert published[1]["resources"] == [after["serviceArn"]]
    assert published[1]["detail"] | {"updatedAt": ""} == {
        "eventType": "INFO",
        "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
        "deploymentId": new["id"],
        "updatedAt": "",
        "reason": f"ECS deployment {new['id']} completed.",
    }


def test_a_rollout_that_fails_is_rolled_back(small: SmallStage) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": "fails"})
    heard = deployment_events(small)
    [new, _] = small.update(taskDefinition=second)["deployments"]
    assert small.background.wait_until_steady()
    after = small.described()
    assert after["taskDefinition"] == first
    assert revisions(after) == [(first, "PRIMARY", "COMPLETED", 2)]
    assert after["deployments"][0]["id"] != new["id"]
    published = [each["detail"] for each in heard() if each["detail-type"] == "ECS Deployment State Change"]
    assert [(each["eventType"], each["eventName"], each["deploymentId"] == new["id"]) for each in published] == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", True),
        ("ERROR", "SERVICE_DEPLOYMENT_FAILED", True),
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", False),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", False),
    ]
    assert published[2]["reason"].startswith("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/")


@pytest.mark.parametrize(
    ("on_the_service", "settings"),
    [(False, {}), (True, {"circuit_breaker": False})],
    ids=["service-without", "stage-without"],
)
def test_without_a_circuit_breaker_tasks_keep_failing(
    small: SmallStage, on_the_service: bool, settings: dict[str, bool]
) -> None:
    first, second = small.register(), small.register("two")
    small.service(first, breaker=on_the_service)
    small.settings.change({"rollout": "fails", **settings})
    small.update(taskDefinition=second)
    assert small.background.timer.wait_for(lambda: small.described()["deployments"][0]["failedTasks"] >= 3)
    assert revisions(small.described()) == [(second, "PRIMARY", "IN_PROGRESS", 0), (first, "ACTIVE", "COMPLETED", 2)]


def test_a_hanging_rollout_is_superseded_by_the_next(small: SmallStage) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": "hangs"})
    small.update(taskDefinition=second)
    assert small.background.wait_until_steady()
    assert revisions(small.described()) == [(second, "PRIMARY", "IN_PROGRESS", 0), (first, "ACTIVE", "COMPLETED", 2)]
    small.update(taskDefinition=first)
    assert small.background.wait_until_steady()
    assert revisions(small.described()) == [(first, "PRIMARY", "COMPLETED", 2)]


def test_a_superseded_rollout_takes_no_more_steps(small: SmallStage) -> None:
    first, second, third = small.register(), small.register("two"), small.register("three")
    small.service(first)
    small.settings.change({"rollout_seconds": 0.2})
    small.update(taskDefinition=second)
    small.settings.change({"rollout": "hangs"})
    hanging = small.update(taskDefinition=third)
    past: list[bool] = []
    small.background.timer.after(0.2, lambda: past.append(True))  # the first rollout's step would have been due by then
    assert small.background.timer.wait_for(lambda: bool(past))
    assert revisions(small.described()) == revisions(hanging)


@pytest.mark.parametrize(
    ("change", "deploys"),
    [
        ({}, False),
        ({"taskDefinition": "same"}, False),
        ({"desiredCount": 3}, False),
        ({"deploymentConfiguration": {"maximumPercent": 150}}, False),
        ({"forceNewDeployment": True}, True),
        ({"taskDefinition": "other"}, True),
        ({"platformVersion": "1.3.0"}, True),
        ({"enableExecuteCommand": True}, True),
    ],
    ids=lambda value: "-".join(value) or "nothing" if isinstance(value, dict) else "",
)
def test_only_changes_of_tasks_start_a_deployment(small: SmallStage, change: dict[str, Any], deploys: bool) -> None:
    revision = {"same": small.register(), "other": small.register("two")}
    [before] = small.service(revision["same"])["deployments"]
    named = {"taskDefinition": revision[change["taskDefinition"]]} if "taskDefinition" in change else {}
    small.update(**{**change, **named})
    assert small.background.wait_until_steady()
    after = small.described()
    assert (after["deployments"][0]["id"] != before["id"]) == deploys
    assert after["runningCount"] == change.get("desiredCount", 2)


def test_a_family_means_its_latest_active_revision(small: SmallStage) -> None:
    small.service(small.register())
    second, third = small.register("two"), small.register("three")
    aws("ecs").deregister_task_definition(taskDefinition=third)
    assert small.update(taskDefinition=small.name)["taskDefinition"] == second


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"cluster": "nowhere"}, r"\(ClusterNotFoundException\).*Cluster not found."),
        ({"service": "nowhere"}, r"\(ServiceNotFoundException\).*Service not found."),
        ({"taskDefinition": "inactive"}, r"\(ClientException\).*TaskDefinition is inactive"),
        ({"taskDefinition": "nothing:1"}, r"\(ClientException\).*TaskDefinition not found."),
    ],
    ids=["no-cluster", "no-service", "inactive-revision", "no-revision"],
)
def test_an_invalid_update_is_refused_and_changes_nothing(
    small: SmallStage, change: dict[str, str], error: str
) -> None:
    inactive, active = small.register("old"), small.register()
    aws("ecs").deregister_task_definition(taskDefinition=inactive)
    before = small.service(active)
    request = {"cluster": small.name, "service": small.name, "desiredCount": 5, **change}
    if request.get("taskDefinition") == "inactive":
        request["taskDefinition"] = inactive
    with pytest.raises(ClientError, match=error):
        aws("ecs").update_service(**request)
    assert small.described() == before


def test_a_deleted_service_is_not_active(small: SmallStage) -> None:
    small.service(small.register())
    with pytest.raises(ClientError, match="scaled above 0"):
        aws("ecs").delete_service(cluster=small.name, service=small.name)
    deleted = aws("ecs").delete_service(cluster=small.name, service=small.name, force=True)
    assert deleted["service"]["status"] == "DRAINING"
    with pytest.raises(ClientError, match=r"\(ServiceNotActiveException\).*Service was not ACTIVE."):
        small.update(forceNewDeployment=True)
    assert small.background.timer.wait_for(lambda: small.described()["status"] == "INACTIVE", 5)
    assert small.described()["runningCount"] == 0


def test_a_reset_ends_rollouts(small: SmallStage) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    heard = deployment_events(small)
    small.settings.change({"rollout_seconds": 0.2})
    small.update(taskDefinition=second)
    small.background.reset()
    assert not small.background.timer.wait_for(lambda: len(heard()) > 1, timeout=0.4)
