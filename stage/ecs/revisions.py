"""Task definitions with all their members, also those that are newer than the SDK.

moto parses requests and writes replies by botocore's model, and so loses members that the model does not know. Here the
request's JSON is kept with moto's object and answered with ECS's documented defaults
(docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html, …/API_ContainerDefinition.html).
"""

from collections.abc import Mapping
from typing import Any

from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import TaskDefinition

from stage import clock
from stage.ecs.api import Operation, backend, usable_revision
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT
from stage.validation.task_definitions import check, fits_fargate, with_numbers

CONTAINER_DEFAULTS: Mapping[str, Any] = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
# The members that moto itself needs, for RunTask and for tags.
KNOWN_TO_MOTO = {
    "networkMode": "network_mode",
    "tags": "tags",
    "volumes": "volumes",
    "requiresCompatibilities": "requires_compatibilities",
    "cpu": "cpu",
    "memory": "memory",
    "taskRoleArn": "task_role_arn",
    "executionRoleArn": "execution_role_arn",
    "pidMode": "pid_mode",
}

_REQUEST = "request"
"""The attribute of moto's object that holds the request."""


def operations() -> dict[str, Operation]:
    """The operations on task definitions that the stage answers instead of moto."""
    return {
        "RegisterTaskDefinition": register,
        "DescribeTaskDefinition": describe,
        "DeregisterTaskDefinition": deregister,
        "DeleteTaskDefinitions": delete,
        "ListTaskDefinitions": list_revisions,
    }


def register(call: Call) -> Reply:
    """RegisterTaskDefinition: the family's next revision, with all members of the request."""
    definition = add(call.params)
    return Reply.as_sent({"taskDefinition": document(definition), "tags": definition.tags})


def add(request: Mapping[str, Any]) -> TaskDefinition:
    """Register the revision of a RegisterTaskDefinition request."""
    request = with_numbers(dict(request))
    check(request)
    known = {name: request[member] for member, name in KNOWN_TO_MOTO.items() if member in request}
    definition = backend().register_task_definition(
        str(request.get("family", "")), request.get("containerDefinitions", []), **known
    )
    now = clock.now()
    sent = {member: value for member, value in request.items() if member != "tags"}
    registered = {
        "registeredAt": now,
        "registeredBy": f"arn:aws:iam::{ACCOUNT}:root",
        "compatibilities": ["EC2", *(["FARGATE"] if fits_fargate(request) else [])],
    }
    vars(definition)[_REQUEST] = {**sent, **registered}
    return definition


def describe(call: Call) -> Reply:
    """DescribeTaskDefinition: a revision in any state, or a family's latest ACTIVE one."""
    name = str(call.params.get("taskDefinition", ""))
    if ":" in name.rpartition("/")[2]:
        definition = backend().describe_task_definition(name)
    else:
        try:
            definition = usable_revision(name, EcsClientException)
        except EcsClientException:
            raise EcsClientException("Unable to describe task definition.") from None
    tags = {"tags": definition.tags} if "TAGS" in call.params.get("include", []) else {}
    return Reply.as_sent({"taskDefinition": document(definition), **tags})


def deregister(call: Call) -> Reply:
    """DeregisterTaskDefinition: the revision becomes INACTIVE and can still be described."""
    definition = backend().deregister_task_definition(str(call.params.get("taskDefinition", "")))
    _kept(definition).setdefault("deregisteredAt", clock.now())
    return Reply.as_sent({"taskDefinition": document(definition)})


def delete(call: Call) -> Reply:
    """DeleteTaskDefinitions: INACTIVE revisions are DELETE_IN_PROGRESS from now on."""
    deleted, failures = backend().delete_task_definitions(call.params.get("taskDefinitions", []))
    failed = [{"arn": failure.arn, "reason": failure.reason} for failure in failures]
    return Reply.as_sent({"taskDefinitions": [document(definition) for definition in deleted], "failures": failed})


def list_revisions(call: Call) -> Reply:
    """ListTaskDefinitions: by family and revision, ascending or descending."""
    request = call.params
    status = request.get("status", "ACTIVE")
    descending = request.get("sort") == "DESC"
    families = backend().task_definitions
    wanted = request.get("familyPrefix")  # despite its name, "the full family name"
    found = sorted(
        (
            (family, number, definition.arn)
            for family, revisions in families.items()
            if wanted in (None, family)
            for number, definition in revisions.items()
            if definition.status == status
        ),
        reverse=descending,
    )
    return Reply.as_sent({"taskDefinitionArns": [arn for *_, arn in found]})


def document(definition: TaskDefinition) -> dict[str, Any]:
    """The task definition as ECS describes it, with defaults."""
    kept = _kept(definition)
    awsvpc = kept.get("networkMode") == "awsvpc"
    return {
        "volumes": [],
        "placementConstraints": [],
        "enableFaultInjection": False,
        "compatibilities": definition.compatibilities,
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
        **kept,
        "containerDefinitions": [_container(given, awsvpc=awsvpc) for given in kept["containerDefinitions"]],
        "taskDefinitionArn": definition.arn,
        "revision": definition.revision,
        "status": definition.status,
    }


def _kept(definition: TaskDefinition) -> dict[str, Any]:
    """The request that registered the revision; for one by CloudFormation, the members that moto kept."""
    kept_by_moto = {
        "family": definition.family,
        "containerDefinitions": definition.container_definitions,
        "memory": definition.memory,
        "volumes": definition.volumes,
        "registeredAt": clock.now(),
    }
    kept: dict[str, Any] = vars(definition).setdefault(_REQUEST, kept_by_moto)
    return kept


def _container(given: dict[str, Any], *, awsvpc: bool) -> dict[str, Any]:
    ports = [
        {**({"hostPort": port.get("containerPort")} if awsvpc else {}), "protocol": "tcp", **port}
        for port in given.get("portMappings", [])
    ]
    return {**CONTAINER_DEFAULTS, **given, "portMappings": ports}
