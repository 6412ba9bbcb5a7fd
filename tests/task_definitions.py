"""Task definitions made from botocore's model of RegisterTaskDefinition, so that members that are new are met too."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.guestbook import CONTENT, REPOSITORY_URI

MODEL: Any = (
    botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
)
COUNT = 40

# What Fargate does not take, by the model's own words and by
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
NOT_ON_FARGATE = {
    *("placementConstraints", "ipcMode", "inferenceAccelerators"),
    *(
        "volumes.host.sourcePath",
        "volumes.dockerVolumeConfiguration",
        "volumes.fsxWindowsFileServerVolumeConfiguration",
    ),
    *(
        f"containerDefinitions.{member}"
        for member in (
            *("links", "disableNetworking", "dnsServers", "dnsSearchDomains", "extraHosts", "hostname"),
            *("dockerSecurityOptions", "privileged", "resourceRequirements"),
            *(f"linuxParameters.{each}" for each in ("devices", "sharedMemorySize", "maxSwap", "swappiness")),
        )
    ),
}
# EventBridge cannot say the rest of such a volume, so no job could start: Rota refuses it.
REFUSED = {"volumes.configuredAtLaunch"}
ONE_OF: dict[str, Sequence[Any]] = {
    "networkMode": ["awsvpc"],
    "requiresCompatibilities": ["FARGATE"],
    "pidMode": ["task"],
    "cpu": ["2048"],
    "memory": ["4096", "8192"],
    "ephemeralStorage.sizeInGiB": [21, 200],
    "family": [CONTENT["family"]],
    "taskRoleArn": [CONTENT["taskRoleArn"]],
    "executionRoleArn": [CONTENT["executionRoleArn"]],
    "containerDefinitions.ulimits.name": ["nofile"],
    "containerDefinitions.logConfiguration.logDriver": ["awslogs", "splunk", "awsfirelens"],
    "containerDefinitions.linuxParameters.capabilities.add": ["SYS_PTRACE"],
    "containerDefinitions.healthCheck.command": ["CMD"],
}
# Of these ECS takes one in each item.
EXCLUSIVE = {
    "containerDefinitions.portMappings": ("containerPort", "containerPortRange"),
    "volumes": ("efsVolumeConfiguration", "s3filesVolumeConfiguration", "host"),
}
# Without these ECS takes no definition for Fargate, though the model calls them optional.
ALWAYS = {
    *("executionRoleArn", "networkMode", "cpu", "memory", "requiresCompatibilities", "volumes", "volumes.name"),
    *("tags.key", "tags.value", "containerDefinitions.environment.name"),
}


def definition(number: int) -> dict[str, Any]:
    """The request of that number; with a negative one it has every member."""
    draw = random.Random(number)  # noqa: S311 - the same ones in every run
    names = [f"side-{index}" for index in range(3 if number < 0 else draw.randrange(4))]
    names.insert(draw.randint(0, len(names)), "app")
    maker = _Maker(draw, lambda: number < 0 or draw.random() < 0.5)
    request = maker.structure(MODEL, "")
    request["containerDefinitions"] = [
        _fitted(maker.structure(_member("containerDefinitions"), "containerDefinitions"), index, names, request, draw)
        for index in range(len(names))
    ]
    if "proxyConfiguration" in request:
        request["proxyConfiguration"]["containerName"] = names[0]
    return request


def paths(shape: Any = MODEL, path: str = "") -> Iterator[str]:
    """Every member of the model that Fargate takes and Rota does not refuse."""
    if path in NOT_ON_FARGATE | REFUSED:
        return
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from paths(member, f"{path}.{name}".lstrip("."))
    elif isinstance(shape, ListShape):
        yield from paths(shape.member, path)
    else:
        yield path


def used(value: Any, shape: Any = MODEL, path: str = "") -> Iterator[str]:
    """The members of the model that a request has."""
    if isinstance(value, dict) and isinstance(shape, StructureShape):
        for name, inner in value.items():
            yield from used(inner, shape.members[name], f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from used(each, shape.member, path)
    else:
        yield path


class _Maker:
    """Makes a value of every shape; `wanted()` says whether an optional member is there."""

    def __init__(self, draw: random.Random, wanted: Callable[[], bool]) -> None:
        self._draw, self._wanted, self._made = draw, wanted, 0

    def structure(self, shape: Any, path: str, chosen: str | None = None) -> dict[str, Any]:
        others = {*EXCLUSIVE.get(path, ())} - {chosen}
        made = {}
        for name, member in shape.members.items():
            below = f"{path}.{name}".lstrip(".")
            if below in NOT_ON_FARGATE | REFUSED or name in others or below == "containerDefinitions":
                continue
            if name in shape.required_members or name == chosen or below in ALWAYS or self._wanted():
                made[name] = self._value(member, below)
        return made

    def _value(self, shape: Shape, path: str) -> Any:
        match shape:
            case StructureShape():
                return self.structure(shape, path)
            case ListShape() if path in EXCLUSIVE:
                return [self.structure(shape.member, path, each) for each in EXCLUSIVE[path]]
            case ListShape():
                return [self._value(shape.member, path)]
            case MapShape():
                return {self._text("key"): self._text("value")}
            case _:
                return self._scalar(shape, path)

    def _scalar(self, shape: Shape, path: str) -> Any:
        self._made += 1
        options: Sequence[Any] | None = ONE_OF.get(path) or getattr(shape, "enum", None)
        if options:
            return self._draw.choice(options)
        if shape.type_name == "boolean":
            return self._draw.random() < 0.5
        return self._text(path) if shape.type_name == "string" else 2 + self._made

    def _text(self, what: str) -> str:
        self._made += 1
        return f"{what.rpartition('.')[2]}-{self._made}"


def _member(name: str) -> Any:
    return MODEL.members[name].member


def _fitted(
    container: dict[str, Any], index: int, names: list[str], request: dict[str, Any], draw: random.Random
) -> dict[str, Any]:
    """The container as ECS takes it beside the others: what it names is there, and comes before it."""
    before, images = names[:index], [f"{REPOSITORY_URI}:initial", "public.ecr.aws/example/agent:3"]
    container |= {"name": names[index], "image": images[0] if names[index] == "app" else draw.choice(images)}
    if not before:
        for member in ("essential", "dependsOn", "volumesFrom"):
            container.pop(member, None)
    if before or container["name"] == "app":  # the log router is one, and comes first
        container.pop("firelensConfiguration", None)
    for mapping in container.get("portMappings", []):
        mapping.pop("hostPort", None)
        if "containerPort" in mapping:
            mapping["hostPort"] = mapping["containerPort"]
    for member, key in (("dependsOn", "containerName"), ("volumesFrom", "sourceContainer")):
        for each in container.get(member, []):
            each[key] = draw.choice(before)
    for mount in container.get("mountPoints", []):
        mount["sourceVolume"] = draw.choice(request["volumes"])["name"]
    return container
