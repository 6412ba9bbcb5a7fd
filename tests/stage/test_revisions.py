"""Task definitions and their revisions."""

import json
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.core.request import normalize_request

from stage.moto.clients import ACCOUNT, REGION
from tests.in_process import ENDPOINT, gateway
from tests.stage.small_stage import SmallStage, aws


def raw(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call ECS with a body that no SDK has checked. Returns the raw reply."""
    request = AWSRequest(
        "POST",
        ENDPOINT,
        data=json.dumps(body),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        },
    )
    SigV4Auth(Credentials("user", "user"), "ecs", REGION).add_auth(request)
    reply = gateway().answer(normalize_request(request.prepare()))
    assert reply
    assert reply.status == 200, reply.body
    return reply.data


def test_a_definition_keeps_members_unknown_to_the_sdk(small: SmallStage) -> None:
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
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
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


def test_a_definition_has_the_documented_defaults(small: SmallStage) -> None:
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


def test_a_deregistered_revision_can_still_be_described(small: SmallStage) -> None:
    arn = small.register()
    deregistered = aws("ecs").deregister_task_definition(taskDefinition=arn)["taskDefinition"]
    assert (deregistered["status"], "deregisteredAt" in deregistered) == ("INACTIVE", True)
    assert aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "INACTIVE"
    with pytest.raises(ClientError, match=r"\(ClientException\).*Unable to describe task definition."):
        aws("ecs").describe_task_definition(taskDefinition=small.name)
    assert small.register().endswith(":2")  # the number is not used again


@pytest.mark.parametrize(
    ("sort", "status", "numbers"),
    [
        ("ASC", "ACTIVE", [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("DESC", "ACTIVE", [11, 10, 9, 8, 7, 6, 5, 4, 3, 1]),
        ("DESC", "INACTIVE", [12, 2]),
    ],
    ids=["ascending", "descending", "inactive"],
)
def test_revisions_are_listed_in_order_and_in_pages(
    small: SmallStage, sort: str, status: str, numbers: list[int]
) -> None:
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
