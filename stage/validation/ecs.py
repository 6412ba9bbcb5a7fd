"""ECS's rules for services and tasks that botocore's model does not have.

docs.aws.amazon.com/general/latest/gr/ecs-service.html and the API reference of each operation. What depends on the
services themselves (INACTIVE revisions, missing clusters) is refused in `stage.ecs`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

SUBNETS = 16
SECURITY_GROUPS = 5
SERVICES_PER_REQUEST = 10
DEPLOYMENTS_PER_REQUEST = 20
# docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html
NO_PAUSE = {"TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"}
TAGS = 50  # docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
OVERRIDES = 8192  # characters of the JSON

Request = Mapping[str, Any]


def network(request: Request) -> None:
    """Raises InvalidParameterException, as do the other functions here."""
    awsvpc = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    _at_most(SUBNETS, "subnets", awsvpc.get("subnets", []))
    _at_most(SECURITY_GROUPS, "securityGroups", awsvpc.get("securityGroups", []))
    if request.get("launchType") and request.get("capacityProviderStrategy"):
        raise _invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )


def run_task(request: Request) -> None:
    network(request)
    _at_most(TAGS, "tags", request.get("tags") or [])
    if any(tag["key"].lower().startswith("aws:") for tag in request.get("tags") or []):
        raise _invalid("Some tags contain invalid keys. Keys that begin with aws: are reserved.")
    if len(json.dumps(request.get("overrides") or {}, separators=(",", ":"))) > OVERRIDES:
        raise _invalid(f"Container Overrides length must be at most {OVERRIDES}")


def describe_services(request: Request) -> None:
    if not request["services"]:
        raise _invalid("Services cannot be empty.")
    _at_most(SERVICES_PER_REQUEST, "services", request["services"])


def describe_service_deployments(request: Request) -> None:
    _at_most(DEPLOYMENTS_PER_REQUEST, "serviceDeploymentArns", request["serviceDeploymentArns"])


def service(request: Request) -> None:
    network(request)
    for hook in request.get("deploymentConfiguration", {}).get("lifecycleHooks", []):
        refused = NO_PAUSE & set(hook["lifecycleStages"])
        if hook.get("targetType") == "PAUSE" and refused:
            raise _invalid(f"PAUSE hooks cannot be configured at the stage {min(refused)}.")


REFUSALS: Mapping[tuple[str, str], Callable[[Request], None]] = {
    ("ecs", "CreateService"): service,
    ("ecs", "UpdateService"): service,
    ("ecs", "RunTask"): run_task,
    ("ecs", "DescribeServices"): describe_services,
    ("ecs", "DescribeServiceDeployments"): describe_service_deployments,
}


def _at_most(most: int, member: str, given: list[Any]) -> None:
    if len(given) > most:
        raise _invalid(f"{member} can have at most {most} items.")


def _invalid(message: str) -> ServiceException:
    return ServiceException("InvalidParameterException", message)
