"""Services, their rollouts and task definitions, over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from stage.direct import REGION
from tests.stage.worlds import Small, aws, small_world


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with small_world(tmp_path) as small:
        yield small


def raw(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call ECS with a body that no SDK has looked at. Returns the reply as it came."""
    request = AWSRequest(
        "POST",
        aws("ecs").meta.endpoint_url,
        data=json.dumps(body),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        },
    )
    SigV4Auth(Credentials("user", "user"), "ecs", REGION).add_auth(request)
    reply = URLLib3Session().send(request.prepare())
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = json.loads(reply.content)
    return answer


def revisions(service: Any) -> list[tuple[str, str, str, int]]:
    return [
        (each["taskDefinition"], each["status"], each["rolloutState"], each["runningCount"])
        for each in service["deployments"]
    ]


def deployment_events(small: Small) -> Callable[[], list[Any]]:
    return small.listen({"source": ["aws.ecs"], "resources": [{"suffix": f"/{small.name}"}]})


def test_a_new_service_runs_at_once(small: Small) -> None:
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


def test_a_new_revision_rolls_out(small: Small) -> None:
    first, second = small.register(), small.register("two")
    before = small.service(first)
    small.settings.change({"rollout_seconds": 60})  # the rollout will not end by itself
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


def test_a_rollout_completes_and_says_so(small: Small) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    heard = deployment_events(small)
    [new, _] = small.update(taskDefinition=second)["deployments"]
    assert small.world.steady()
    after = small.described()
    assert revisions(after) == [(second, "PRIMARY", "COMPLETED", 2)]
    assert (after["runningCount"], after["pendingCount"]) == (2, 0)
    assert after["events"][0]["message"] == f"(service {small.name}) has reached a steady state."
    told = heard()
    assert [(each["detail-type"], each["detail"]["eventName"]) for each in told] == [
        ("ECS Deployment State Change", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        ("ECS Deployment State Change", "SERVICE_DEPLOYMENT_COMPLETED"),
        ("ECS Service Action", "SERVICE_STEADY_STATE"),
    ]
    assert told[1]["resources"] == [after["serviceArn"]]
    assert told[1]["detail"] | {"updatedAt": ""} == {
        "eventType": "INFO",
        "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
        "deploymentId": new["id"],
        "updatedAt": "",
        "reason": f"ECS deployment {new['id']} completed.",
    }


def test_a_rollout_that_fails_is_rolled_back(small: Small) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": "fails"})
    heard = deployment_events(small)
    [new, _] = small.update(taskDefinition=second)["deployments"]
    assert small.world.steady()
    after = small.described()
    assert after["taskDefinition"] == first
    assert revisions(after) == [(first, "PRIMARY", "COMPLETED", 2)]
    assert after["deployments"][0]["id"] != new["id"]
    told = [each["detail"] for each in heard() if each["detail-type"] == "ECS Deployment State Change"]
    assert [(each["eventType"], each["eventName"], each["deploymentId"] == new["id"]) for each in told] == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", True),
        ("ERROR", "SERVICE_DEPLOYMENT_FAILED", True),
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", False),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", False),
    ]
    assert told[2]["reason"].startswith("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/")


@pytest.mark.parametrize(
    ("on_the_service", "settings"),
    [(False, {}), (True, {"circuit_breaker": False})],
    ids=["service-without", "stage-without"],
)
def test_without_a_circuit_breaker_it_goes_on_failing(
    small: Small, on_the_service: bool, settings: dict[str, bool]
) -> None:
    first, second = small.register(), small.register("two")
    small.service(first, breaker=on_the_service)
    small.settings.change({"rollout": "fails", **settings})
    small.update(taskDefinition=second)
    assert small.world.agenda.wait_for(lambda: small.described()["deployments"][0]["failedTasks"] >= 3)
    assert revisions(small.described()) == [(second, "PRIMARY", "IN_PROGRESS", 0), (first, "ACTIVE", "COMPLETED", 2)]


def test_a_rollout_that_hangs_stays_until_another_takes_its_place(small: Small) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": "hangs"})
    small.update(taskDefinition=second)
    assert small.world.steady()
    assert revisions(small.described()) == [(second, "PRIMARY", "IN_PROGRESS", 0), (first, "ACTIVE", "COMPLETED", 2)]
    small.update(taskDefinition=first)
    assert small.world.steady()
    assert revisions(small.described()) == [(first, "PRIMARY", "COMPLETED", 2)]


def test_a_superseded_rollout_moves_nothing_any_more(small: Small) -> None:
    first, second, third = small.register(), small.register("two"), small.register("three")
    small.service(first)
    small.settings.change({"rollout_seconds": 0.2})
    small.update(taskDefinition=second)
    small.settings.change({"rollout": "hangs"})
    hanging = small.update(taskDefinition=third)
    past: list[bool] = []
    small.world.agenda.after(0.2, lambda: past.append(True))  # the first rollout's step would have been due by then
    assert small.world.agenda.wait_for(lambda: bool(past))
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
def test_only_what_makes_a_task_begins_a_deployment(small: Small, change: dict[str, Any], deploys: bool) -> None:
    revision = {"same": small.register(), "other": small.register("two")}
    [before] = small.service(revision["same"])["deployments"]
    named = {"taskDefinition": revision[change["taskDefinition"]]} if "taskDefinition" in change else {}
    small.update(**{**change, **named})
    assert small.world.steady()
    after = small.described()
    assert (after["deployments"][0]["id"] != before["id"]) == deploys
    assert after["runningCount"] == change.get("desiredCount", 2)


def test_a_family_means_its_latest_active_revision(small: Small) -> None:
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
def test_an_update_that_cannot_be_is_refused_and_changes_nothing(
    small: Small, change: dict[str, str], error: str
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


def test_a_deleted_service_is_not_active(small: Small) -> None:
    small.service(small.register())
    with pytest.raises(ClientError, match="scaled above 0"):
        aws("ecs").delete_service(cluster=small.name, service=small.name)
    aws("ecs").delete_service(cluster=small.name, service=small.name, force=True)
    with pytest.raises(ClientError, match=r"\(ServiceNotActiveException\).*Service was not ACTIVE."):
        small.update(forceNewDeployment=True)
    assert (small.described()["status"], small.described()["runningCount"]) == ("INACTIVE", 0)


def test_a_reset_ends_what_rolls(small: Small) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    heard = deployment_events(small)
    small.settings.change({"rollout_seconds": 0.2})
    small.update(taskDefinition=second)
    small.world.reset()
    assert not small.world.agenda.wait_for(lambda: len(heard()) > 1, timeout=0.4)


@pytest.mark.parametrize(
    ("rollout", "status"),
    [("completes", "SUCCESSFUL"), ("fails", "ROLLBACK_SUCCESSFUL"), ("hangs", "IN_PROGRESS")],
    ids=str,
)
def test_a_rollout_is_a_service_deployment(small: Small, rollout: str, status: str) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": rollout})
    current = small.update(taskDefinition=second)["currentServiceDeployment"]
    assert small.world.steady()
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


def test_a_service_deployment_that_is_superseded_is_stopped(small: Small) -> None:
    first, second, third = small.register(), small.register("two"), small.register("three")
    small.service(first)
    small.settings.change({"rollout": "hangs"})
    small.update(taskDefinition=second)
    small.update(taskDefinition=third)
    listed = aws("ecs").list_service_deployments(cluster=small.name, service=small.name, status=["STOPPED"])
    assert len(listed["serviceDeployments"]) == 1


def test_a_definition_survives_whole_with_members_of_tomorrow(small: Small) -> None:
    container = {
        "name": "app",
        "image": f"{small.image}:initial",
        "command": ["./bin/start"],
        "cpu": 64,
        "essential": True,
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp", "futureField": 1}],
        "environment": [{"name": "A", "value": "b"}],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        "secrets": [{"name": "TOKEN", "valueFrom": "token"}],
        "restartPolicy": {"enabled": True, "ignoredExitCodes": [0]},
        "versionConsistency": "disabled",
        "futureField": {"deep": ["er"]},
    }
    definition = {
        "family": small.name,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "enableFaultInjection": True,
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "ephemeralStorage": {"sizeInGiB": 30},
        "volumes": [{"name": "scratch", "host": {}}],
        "placementConstraints": [],
        "containerDefinitions": [container],
        "futureField": "kept",
    }
    tags = [{"key": "team", "value": "guestbook"}]
    registered = raw("RegisterTaskDefinition", {**definition, "tags": tags})
    described = raw("DescribeTaskDefinition", {"taskDefinition": small.name, "include": ["TAGS"]})
    assert described == registered
    assert described["tags"] == tags
    got = described["taskDefinition"]
    assert {member: got[member] for member in definition} == definition
    assert got.keys() - definition.keys() == {
        "taskDefinitionArn",
        "revision",
        "status",
        "compatibilities",
        "requiresAttributes",
        "registeredAt",
        "registeredBy",
    }
    assert "tags" not in raw("DescribeTaskDefinition", {"taskDefinition": small.name})


def test_a_definition_is_given_the_documented_defaults(small: Small) -> None:
    arn = small.register(portMappings=[{"containerPort": 8000}])
    got = aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    assert got["containerDefinitions"][1] == {
        "name": "app",
        "image": f"{small.image}:initial",
        "command": ["./bin/start"],
        "cpu": 0,
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
    }
    assert (got["volumes"], got["placementConstraints"], got["status"]) == ([], [], "ACTIVE")


def test_a_deregistered_revision_is_inactive_and_can_still_be_read(small: Small) -> None:
    arn = small.register()
    deregistered = aws("ecs").deregister_task_definition(taskDefinition=arn)["taskDefinition"]
    assert (deregistered["status"], "deregisteredAt" in deregistered) == ("INACTIVE", True)
    assert aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "INACTIVE"
    with pytest.raises(ClientError, match=r"\(ClientException\).*Unable to describe task definition."):
        aws("ecs").describe_task_definition(taskDefinition=small.name)
    assert small.register().endswith(":2")  # the counter goes on


@pytest.mark.parametrize(
    ("sort", "status", "numbers"),
    [
        ("ASC", "ACTIVE", [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("DESC", "ACTIVE", [11, 10, 9, 8, 7, 6, 5, 4, 3, 1]),
        ("DESC", "INACTIVE", [12, 2]),
    ],
    ids=["ascending", "descending", "inactive"],
)
def test_revisions_are_listed_in_order_and_in_pages(small: Small, sort: str, status: str, numbers: list[int]) -> None:
    arns = [small.register() for _ in range(12)]
    for gone in (arns[1], arns[11]):
        aws("ecs").deregister_task_definition(taskDefinition=gone)
    pages = list(
        aws("ecs")
        .get_paginator("list_task_definitions")
        .paginate(familyPrefix=small.name, sort=sort, status=status, PaginationConfig={"PageSize": 4})
    )
    listed = [arn for page in pages for arn in page["taskDefinitionArns"]]
    assert [int(arn.rpartition(":")[2]) for arn in listed] == numbers
    assert len(pages) == -(-len(numbers) // 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cpu": "256", "memory": "4096"}, "No Fargate configuration exists for given values: 256 CPU, 4096 memory"),
        (
            {"containerDefinitions": [{"name": "a", "image": "i", "essential": False}]},
            "at least one essential container",
        ),
        ({"containerDefinitions": [{"name": "a", "image": "i", "command": ["x" * 70_000]}]}, "Max allowed length"),
    ],
    ids=["cpu-and-memory", "nothing-essential", "too-large"],
)
def test_a_wrong_definition_is_refused(small: Small, changes: dict[str, Any], message: str) -> None:
    good = {
        "family": small.name,
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "a", "image": "i"}],
    }
    with pytest.raises(ClientError, match=rf"\(ClientException\).*{message}"):
        aws("ecs").register_task_definition(**{**good, **changes})
