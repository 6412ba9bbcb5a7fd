"""Members of a service that moto does not keep: set on moto's object, so that DescribeServices shows them."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from botocore import xform_name
from moto.ecs.models import Service

from stage import clock
from stage.ecs.api import LATEST_FARGATE, backend
from stage.ecs.rollouts import Deployment, Rollouts
from stage.moto.clients import ACCOUNT

KNOWN_TO_MOTO = (
    "deploymentController",
    "launchType",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
    "schedulingStrategy",
    "serviceRegistries",
    "tags",
)
SERVICE_LINKED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


def named_service(request: dict[str, Any]) -> Service:
    """The service that a request names. Raises ClusterNotFoundException or ServiceNotFoundException."""
    name = str(request.get("service", "")).rpartition("/")[2]
    return backend()._get_service(str(request.get("cluster", "default")), name)


def members(service: Service, names: Sequence[str]) -> list[Any]:
    """The values of these members, None for those that the service does not have."""
    return [getattr(service, xform_name(member), None) for member in names]


def configuration_of(service: Service) -> dict[str, Any]:
    """Its deploymentConfiguration."""
    [configuration] = members(service, ["deploymentConfiguration"])
    return dict(configuration)


def complete(service: Service, request: dict[str, Any]) -> None:
    """Set the members of a CreateService request that moto does not keep, and ECS's defaults."""
    configuration = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        **request.get("deploymentConfiguration", {}),
    }
    fargate = service.launch_type == "FARGATE"
    given = {
        "createdAt": clock.now(),
        "createdBy": f"arn:aws:iam::{ACCOUNT}:root",
        "roleArn": request.get("role") or SERVICE_LINKED_ROLE,
        "platformFamily": "Linux" if fargate else None,
        "platformVersion": service.platform_version or ("LATEST" if fargate else None),
        "enableECSManagedTags": request.get("enableECSManagedTags", False),
        "enableExecuteCommand": request.get("enableExecuteCommand", False),
        "healthCheckGracePeriodSeconds": request.get("healthCheckGracePeriodSeconds", 0),
        "placementConstraints": request.get("placementConstraints", []),
        "placementStrategy": request.get("placementStrategy", []),
        "availabilityZoneRebalancing": request.get("availabilityZoneRebalancing", "ENABLED"),
        "deploymentConfiguration": configuration,
        "resourceManagementType": "CUSTOMER",
        "serviceConnectConfiguration": request.get("serviceConnectConfiguration"),
    }
    update(service, **given)


def update(service: Service, **given: object) -> None:
    """Set members, by ECS's names."""
    for member, value in given.items():
        setattr(service, xform_name(member), value)


def placement(service: Service) -> dict[str, Any]:
    """Where the tasks of a deployment run, with the platform version that LATEST stands for, and who finds them."""
    version = service.platform_version
    where = {
        "launchType": service.launch_type,
        "platformVersion": LATEST_FARGATE if version == "LATEST" else version,
        "platformFamily": "Linux" if service.launch_type == "FARGATE" else None,
        "networkConfiguration": service.network_configuration or None,
        "serviceConnectConfiguration": getattr(service, "service_connect_configuration", None),
    }
    return {member: value for member, value in where.items() if value is not None}


def show(service: Service, rollouts: Rollouts) -> None:
    """Update moto's service and its cluster's counts from the rollouts."""
    cluster = backend()._get_cluster(service.cluster_name)
    running = sum(deployment.running for deployment in rollouts.deployments)
    pending = sum(deployment.pending for deployment in rollouts.deployments)
    cluster.running_tasks_count += running - service.running_count
    cluster.pending_tasks_count += pending - service.pending_count
    service.running_count, service.pending_count = running, pending
    described = [deployment.describe() for deployment in rollouts.deployments]
    if configuration_of(service).get("strategy", "ROLLING") != "ROLLING":  # only rolling updates have a rolloutState
        described = [{name: each[name] for name in each if not name.startswith("rolloutState")} for each in described]
    service.deployments = described
    service.events = rollouts.messages
    newest = rollouts.history[0] if rollouts.history else None
    update(service, currentServiceDeployment=newest and deployment_arn(service, newest))


def deployment_arn(service: Service, deployment: Deployment) -> str:
    """The ARN of a service deployment; a deployment and its rollback have one."""
    number = base64.urlsafe_b64encode(hashlib.sha256(deployment.id.encode()).digest()).decode()[:21]
    return f"{service.arn.replace(':service/', ':service-deployment/')}/{number}"


def revision_arn(service: Service, deployment: Deployment) -> str:
    """The ARN of a deployment's service revision."""
    return f"{service.arn.replace(':service/', ':service-revision/')}/{deployment.revision}"
