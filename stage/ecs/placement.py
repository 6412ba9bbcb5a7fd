"""Places the tasks of a RunTask request, or refuses it."""

import uuid
from typing import Any

from botocore import xform_name
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import Task, TaskDefinition

from stage import clock
from stage.ecr.archive import find_image
from stage.ecs.api import LATEST_FARGATE, backend
from stage.moto.clients import REGION, client

NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
NOT_ASSOCIATED = (
    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
    "cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."
)
"""As RunTask was seen to answer: github.com/dask/dask-cloudprovider/issues/328."""
NO_TASK_ROLE = (
    "The execute command failed because a valid task role is not being used. Specify a valid task role in your task "
    "definition or as a task override and try again."
)
"""As RunTask was seen to answer: github.com/boto/boto3/issues/3173."""
REFUSALS = {
    "refused": ("AccessDeniedException", "You are not authorized to perform: ecs:RunTask"),
    "throttled": ("ThrottlingException", "Rate exceeded"),
}
"""RunTask's errors, by the setting `run_task`."""
RUN_TASK_COUNT = 10  # docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html: count


def place(definition: TaskDefinition, request: dict[str, Any]) -> list[Task]:
    """Create moto's tasks. moto's own RunTask fails for a container without memory, which Fargate allows.

    Raises ClusterNotFoundException, and InvalidParameterException for a request that cannot be placed.
    """
    count = request.get("count", 1)
    if not 1 <= count <= RUN_TASK_COUNT:
        raise InvalidParameterException(f"Count must be between 1 and {RUN_TASK_COUNT}.")
    cluster = backend()._get_cluster(request.get("cluster", "default"))
    providers = _providers(request, cluster.capacity_providers or [], count)
    if request.get("enableExecuteCommand") and not _task_role(definition, request):
        raise InvalidParameterException(NO_TASK_ROLE)
    names = {container["name"] for container in definition.container_definitions}
    overrides = {"containerOverrides": [], **(request.get("overrides") or {})}
    for override in overrides["containerOverrides"]:
        if override.get("name") not in names:
            raise InvalidParameterException(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )
    network = request.get("networkConfiguration")
    if network:
        network["awsvpcConfiguration"].setdefault("securityGroups", [])
    try:
        tasks = [
            Task(
                cluster=cluster,
                task_definition=definition,
                container_instance_arn=None,
                resource_requirements=None,
                backend=backend(),
                group=request.get("group") or f"family:{definition.family}",
                launch_type="FARGATE",
                overrides=overrides,
                started_by=request.get("startedBy", ""),
                tags=_tags(definition, request),
                networking_configuration=network,
                platform_version=request.get("platformVersion"),
                capacity_provider_name=provider,
            )
            for provider in providers
        ]
    except InvalidSubnetIdError as missing:
        raise InvalidParameterException(
            f"Error retrieving subnet information: {missing.message} (ErrorCode: InvalidSubnetID.NotFound)"
        ) from missing
    for task in tasks:
        task.id = task.id.replace("-", "")  # 32 hexadecimal digits, as in ECS
    backend().tasks.setdefault(cluster.name, {}).update({task.task_arn: task for task in tasks})
    return tasks


def _providers(request: dict[str, Any], of_cluster: list[str], count: int) -> list[str] | list[None]:
    """The capacity provider of each task, if it has one: a provider's base first, the rest by weight.

    docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """
    strategy = {item["capacityProvider"]: item for item in request.get("capacityProviderStrategy", [])}
    if not strategy and request.get("launchType") == "FARGATE":
        return [None] * count
    if not strategy:
        raise InvalidParameterException("No Container Instances were found in your cluster.")
    if not strategy.keys() <= {*of_cluster}:
        raise InvalidParameterException(NOT_ASSOCIATED)
    weights = {name: item["weight"] for name, item in strategy.items() if item.get("weight", 0)}
    if not weights:
        raise InvalidParameterException("No capacity provider of the strategy has a weight.")
    placed = [name for name, item in strategy.items() for _ in range(item.get("base", 0))][:count]
    while len(placed) < count:
        placed.append(min(weights, key=lambda name: (placed.count(name) + 1) / weights[name]))
    return placed


def _task_role(definition: TaskDefinition, request: dict[str, Any]) -> str | None:
    role: str | None = (request.get("overrides") or {}).get("taskRoleArn") or vars(definition).get("task_role_arn")
    return role


def _tags(definition: TaskDefinition, request: dict[str, Any]) -> list[dict[str, str]]:
    """Those of the request, which win, and with propagateTags those of the revision."""
    propagated = definition.tags or [] if request.get("propagateTags") == "TASK_DEFINITION" else []
    tags = {tag["key"]: tag["value"] for tag in [*propagated, *(request.get("tags") or [])]}
    return [{"key": key, "value": value} for key, value in tags.items()]


def complete(task: Task, definition: dict[str, Any], request: dict[str, Any]) -> list[dict[str, Any]]:
    """Set the members of a newly placed Fargate task that moto lacks. Returns its containers."""
    containers = [
        {
            "containerArn": f"{task.task_arn.replace(':task/', ':container/')}/{uuid.uuid4()}",
            "taskArn": task.task_arn,
            "name": container["name"],
            "image": container["image"],
            "lastStatus": "PENDING",
            **_digest(str(container["image"])),
            "runtimeId": f"{task.id}-{number}",
            "networkInterfaces": [],
            "cpu": str(container.get("cpu", 0)),
        }
        for number, container in enumerate(definition["containerDefinitions"])
    ]
    task.last_status = "PROVISIONING"
    task.started_by = task.started_by or None  # type: ignore[assignment] # moto takes None for no member
    update(
        task,
        version=1,
        containers=containers,
        stoppedReason=None,
        createdAt=clock.now(),
        attributes=[{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        availabilityZone=f"{REGION}a",
        enableExecuteCommand=bool(request.get("enableExecuteCommand")),
        ephemeralStorage=(request.get("overrides") or {}).get("ephemeralStorage")
        or definition.get("ephemeralStorage", {"sizeInGiB": 20}),
        inferenceAccelerators=[],
        cpu=task.overrides.get("cpu", definition.get("cpu")),
        memory=task.overrides.get("memory", definition.get("memory")),
        platformFamily="Linux",
        platformVersion=LATEST_FARGATE if task.platform_version in (None, "LATEST") else task.platform_version,
    )
    return containers


def run_task_answer(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What RunTask answers: the tasks, or that there is no capacity for any."""
    return {"tasks": tasks, "failures": [] if tasks else [{"reason": NO_CAPACITY}]}


def attach(task: Task) -> None:
    """The task's network interface is there now."""
    for attachment in task.attachments:
        attachment["status"] = "ATTACHED"


def as_created(described: dict[str, Any]) -> dict[str, Any]:
    """A task as RunTask returns it: its network interface has only a subnet."""
    attachments = [
        {**each, "status": "PRECREATED", "details": [each["details"][0]]} for each in described.get("attachments", [])
    ]
    containers = [
        {name: value for name, value in container.items() if name not in ("imageDigest", "runtimeId")}
        for container in described["containers"]
    ]
    return {**described, "attachments": attachments, "containers": containers}


def _digest(image: str) -> dict[str, str]:
    """The digest that ECS has resolved, of the image's reference or of its tag in ECR."""
    name, _, digest = image.partition("@")
    repository, _, tag = name.rpartition("/")[2].partition(":")
    if not digest and (found := find_image(repository, {"imageTag": tag})):
        digest = str(found.image_digest)
    return {"imageDigest": digest} if digest else {}


def release(task: Task) -> None:
    """Delete the stopped task's network interface."""
    attachments: list[dict[str, Any]] = task.attachments  # not typed in moto
    for attachment in attachments:
        details = {detail["name"]: detail["value"] for detail in attachment["details"]}
        client("ec2").delete_network_interface(NetworkInterfaceId=details["networkInterfaceId"])
        attachment["status"] = "DELETED"


def update(task: Task, **members: object) -> None:
    """Set members of a task, by ECS's names, so that moto's DescribeTasks shows them."""
    for member, value in members.items():
        setattr(task, xform_name(member), value)
