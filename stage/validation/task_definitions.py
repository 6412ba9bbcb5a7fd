"""The rules of RegisterTaskDefinition.

docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html and API_ContainerDefinition.html,
docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html and fargate-tasks-services.html,
docs.aws.amazon.com/general/latest/gr/ecs-service.html. ECS reports one problem at a time, and so does the stage.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from moto.ecs.exceptions import EcsClientException

SIZE_LIMIT = 64 * 1024
CONTAINERS = 10
# Memory in MiB for each cpu.
FARGATE_MEMORY: Mapping[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
    32768: range(61440, 249856 + 1, 4096),
}
UNITS = {
    "cpu": re.compile(r"^\s*(\d*\.?\d+)\s*vcpu\s*$", re.IGNORECASE),
    "memory": re.compile(r"^\s*(\d*\.?\d+)\s*gb\s*$", re.IGNORECASE),
}
ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+|[\w+=,.@-]+")  # an ARN or the name alone
IN_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com(\.cn)?/")

Members = Mapping[str, Any]


def with_numbers(request: Members) -> Members:
    """The request with the task's cpu in CPU units and its memory in MiB, also where it says `.5 vCPU` or `1 GB`."""
    written = {"cpu": request.get("cpu"), "memory": request.get("memory")}
    read = {
        member: re.sub(UNITS[member], lambda found: f"{float(found[1]) * 1024:.0f}", value)
        for member, value in written.items()
        if isinstance(value, str)
    }
    return {**request, **read}


def fits_fargate(request: Members) -> bool:
    """Whether ECS finds the definition valid for Fargate, also where it does not require that."""
    try:
        return next(_problems_on_fargate(request.get("containerDefinitions", []), request), None) is None
    except ValueError:  # no numbers
        return False


def check(request: Members) -> None:
    """Raises ClientException."""
    for problem in _problems(request):
        raise EcsClientException(problem)


def _problems(request: Members) -> Iterator[str]:
    size = len(json.dumps(request))
    if size > SIZE_LIMIT:
        yield f"Actual length: '{size}'. Max allowed length is '{SIZE_LIMIT}' bytes."
    family = request.get("family", "")
    if not family:
        yield "Family can not be blank."
    if not re.fullmatch(r"[\w-]{1,255}", family, re.ASCII):
        yield "Family contains invalid characters or is longer than 255."
    for role in (request.get("taskRoleArn"), request.get("executionRoleArn")):
        if role and not ROLE.fullmatch(role):
            yield "Role is not valid"
    containers = request.get("containerDefinitions", [])
    yield from _problems_of_containers(containers)
    for container in containers:
        yield from _problems_of(container, request)
    if "FARGATE" in request.get("requiresCompatibilities", []):
        yield from _problems_on_fargate(containers, request)


def _problems_of_containers(containers: list[dict[str, Any]]) -> Iterator[str]:
    if not containers:
        yield "Container list cannot be empty."
    if len(containers) > CONTAINERS:
        yield f"A task definition can have at most {CONTAINERS} containers, not {len(containers)}."
    for member in ("name", "image"):
        if not all(container.get(member) for container in containers):
            yield f"Container.{member} should not be null or empty."
    twice = [name for name, count in Counter(container["name"] for container in containers).items() if count > 1]
    if twice:
        yield f"Container names must be unique within a task definition: '{twice[0]}' is not."
    if not any(container.get("essential", True) for container in containers):
        yield "TaskDefinition must have at least one essential container."


def _problems_of(container: Members, request: Members) -> Iterator[str]:
    variables = {variable.get("name") for variable in container.get("environment", [])}
    secrets = container.get("secrets", [])
    if secrets and not request.get("executionRoleArn"):
        yield "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    for shared in [secret["name"] for secret in secrets if secret["name"] in variables]:
        yield (
            "The secret name must be unique and not shared with any new or existing environment variables set on the "
            f"container, such as '{shared}'."
        )
    if request.get("networkMode") != "awsvpc":
        return
    if any(port.get("hostPort", port["containerPort"]) != port["containerPort"] for port in _ports(container)):
        yield "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
    if container.get("links"):
        yield "Links are not supported when networkMode=awsvpc."


def _problems_on_fargate(containers: list[dict[str, Any]], request: Members) -> Iterator[str]:
    if request.get("networkMode") != "awsvpc":
        yield "Fargate only supports network mode \u2018awsvpc\u2019."
    for member in ("cpu", "memory"):
        if not request.get(member):
            yield f"Fargate requires that '{member}' be defined at the task level."
    cpu, memory = request.get("cpu", ""), request.get("memory", "")
    if not (cpu.isdigit() and memory.isdigit() and int(memory) in FARGATE_MEMORY.get(int(cpu), ())):
        yield (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )
    for member, whole in (("cpu", int(cpu)), ("memory", int(memory))):
        if sum(container.get(member) or 0 for container in containers) > whole:
            yield f"The sum of the containers' '{member}' must not be greater than the task's '{member}', {whole}."
    if not request.get("executionRoleArn"):
        if any(IN_ECR.match(container["image"]) for container in containers):
            yield "Fargate requires task definition to have execution role ARN to support ECR images."
        if any(container.get("logConfiguration", {}).get("logDriver") == "awslogs" for container in containers):
            yield "Fargate requires task definition to have execution role ARN to support log driver awslogs."


def _ports(container: Members) -> list[dict[str, Any]]:
    """The port mappings of single ports; those of a range name no `containerPort`."""
    return [port for port in container.get("portMappings", []) if "containerPort" in port]
