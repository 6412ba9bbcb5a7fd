"""What ECS refuses of services and tasks."""

from collections.abc import Iterator
from typing import Any

from tests.stage.limits.limit import ECS, ECS_QUOTAS, REFERENCE, Limit
from tests.stage.small_stage import SmallStage, aws

INACTIVE = f"{REFERENCE}/AmazonECS/latest/developerguide/deregister-task-definition-v2.html"


def limits() -> Iterator[Limit]:
    update, run = ("ecs", "UpdateService"), ("ecs", "RunTask")
    wrong, invalid = "ClientException", "InvalidParameterException"
    yield Limit(
        "a revision that is described exists",
        ("ecs", "DescribeTaskDefinition"),
        {"taskDefinition": "nowhere"},
        wrong,
        "Unable to describe task definition.",
        f"{ECS}/API_DescribeTaskDefinition.html",
    )
    yield Limit(
        "a revision that is deregistered exists",
        ("ecs", "DeregisterTaskDefinition"),
        {"taskDefinition": "nowhere:1"},
        wrong,
        "Unable to describe task definition.",
        f"{ECS}/API_DeregisterTaskDefinition.html",
    )
    yield Limit(
        "a service does not move to an INACTIVE revision",
        update,
        inactive,
        wrong,
        "TaskDefinition is inactive",
        INACTIVE,
    )
    yield Limit(
        "a service moves to a revision that exists",
        update,
        {"taskDefinition": "nowhere:1"},
        wrong,
        "TaskDefinition not found.",
        f"{ECS}/API_UpdateService.html",
        before=running,
    )
    yield Limit(
        "the cluster exists",
        update,
        {"cluster": "nowhere"},
        "ClusterNotFoundException",
        "Cluster not found.",
        f"{ECS}/API_UpdateService.html",
    )
    yield Limit(
        "the service exists",
        update,
        {"service": "nowhere"},
        "ServiceNotFoundException",
        "Service not found.",
        f"{ECS}/API_UpdateService.html",
    )
    many = {"subnets": [f"subnet-{n}" for n in range(17)]}
    yield Limit(
        "at most 16 subnets",
        update,
        {"networkConfiguration": {"awsvpcConfiguration": many}},
        invalid,
        "subnets can have at most 16 items.",
        ECS_QUOTAS,
        before=running,
    )
    yield Limit(
        "at most 5 security groups",
        run,
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "securityGroups": ["g"] * 6}}},
        invalid,
        "securityGroups can have at most 5 items.",
        ECS_QUOTAS,
    )
    yield Limit(
        "at most 10 services are described at once",
        ("ecs", "DescribeServices"),
        {"services": [str(n) for n in range(11)]},
        invalid,
        "services can have at most 10 items.",
        f"{ECS}/API_DescribeServices.html",
        words="stage",
    )
    yield Limit(
        "a task does not start from an INACTIVE revision",
        run,
        inactive,
        invalid,
        "TaskDefinition is inactive",
        INACTIVE,
    )
    yield Limit(
        "at most 10 tasks are started at once",
        run,
        {"count": 11},
        invalid,
        "Count must be between 1 and 10.",
        f"{ECS}/API_RunTask.html",
        words="stage",
        before=lambda small: small.register(),
    )
    yield Limit(
        "overrides have at most 8192 characters",
        run,
        {"overrides": {"containerOverrides": [{"name": "app", "command": ["x" * 8192]}]}},
        invalid,
        "Container Overrides length must be at most 8192",
        f"{ECS}/API_RunTask.html",
    )
    yield Limit(
        "overrides name a container of the task",
        run,
        {"overrides": {"containerOverrides": [{"name": "missing"}]}},
        invalid,
        "Override for container named missing is not a container in the TaskDefinition.",
        f"{ECS}/API_ContainerOverride.html",
        before=lambda small: small.register(),
    )
    yield Limit(
        "the capacity providers are the cluster's",
        run,
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "launchType": None},
        invalid,
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the",
        f"{ECS}/API_CapacityProviderStrategyItem.html",
        before=lambda small: small.register(),
    )
    yield Limit(
        "ECS Exec needs a task role",
        run,
        {"enableExecuteCommand": True},
        invalid,
        "The execute command failed because a valid task role is not being used.",
        f"{REFERENCE}/AmazonECS/latest/developerguide/ecs-exec.html",
        before=lambda small: small.register(),
    )
    yield Limit(
        "tags do not begin with aws:",
        run,
        {"tags": [{"key": "AWS:x", "value": "1"}]},
        invalid,
        "aws:",
        f"{REFERENCE}/AmazonECS/latest/developerguide/ecs-using-tags.html",
        words="stage",
    )
    yield Limit(
        "a task has one launch type or capacity providers",
        run,
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
        invalid,
        "Specifying both a launch type and capacity provider strategy is not supported.",
        f"{ECS}/API_RunTask.html",
    )


def inactive(small: SmallStage) -> dict[str, Any]:
    old = small.register()
    small.service(small.register("new"))
    aws("ecs").deregister_task_definition(taskDefinition=old)
    return {"taskDefinition": old}


def running(small: SmallStage) -> None:
    small.service(small.register())
