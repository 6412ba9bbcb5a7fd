"""What ECS derives from a container definition when a task starts: command, environment, secrets, image, log stream.

docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html. The stage pulls no images: a container
runs as a process in the app's directory.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.ecr.models import ecr_backends

from stage.moto.clients import ACCOUNT, REGION, client


class CannotStartError(Exception):
    """The task cannot start; the message is its `stoppedReason`."""


@dataclass(frozen=True)
class Launch:
    """What is needed to start a container's process."""

    container: str
    image: str
    command: list[str]
    environment: dict[str, str]
    log_group: str | None
    log_stream: str | None


def choose(containers: Iterable[dict[str, Any]], repository: str) -> dict[str, Any]:
    """The container of this repository; the others are sidecars. Raises CannotStartError when there is none."""
    chosen = next((container for container in containers if repository_of(container["image"]) == repository), None)
    if chosen is None:
        raise CannotStartError(f"The stage runs containers of the repository {repository} only; this task has none.")
    return chosen


def prepare(container: dict[str, Any], override: dict[str, Any], task_id: str) -> Launch:
    """Do what the ECS agent does before it starts a container. Raises CannotStartError with ECS's message."""
    image = str(container["image"])
    _check_image(image)
    command = [*container.get("entryPoint", []), *(override.get("command") or container.get("command", []))]
    if not command:
        raise CannotStartError("CannotStartContainerError: the definition names no command and the stage has no image.")
    environment = {entry["name"]: entry["value"] for entry in container.get("environment", [])}
    environment |= {secret["name"]: _secret(secret["valueFrom"]) for secret in container.get("secrets", [])}
    environment |= {entry["name"]: entry["value"] for entry in override.get("environment", [])}
    group, stream = _log_stream(container, task_id)
    return Launch(str(container["name"]), image, command, environment, group, stream)


def host_environment(data: Path) -> dict[str, str]:
    """The environment that an image's own ENV would give, and DATA_DIR, where the process may write.

    Of the stage's environment it has only what a command needs. The stage's Python comes first on PATH, as an image's
    Python does, and does not buffer output.
    """
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "DATA_DIR": str(data)}


def repository_of(image: str) -> str:
    """`123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app@sha256:…` is of the repository `team/app`."""
    registry, slash, path = image.partition("/")
    name = path if slash and ("." in registry or ":" in registry) else image
    return name.partition("@")[0].partition(":")[0]


def _check_image(image: str) -> None:
    repository = ecr_backends[ACCOUNT][REGION].repositories.get(repository_of(image))
    _, _, digest = image.partition("@")
    _, _, tag = image.rpartition("/")[2].partition(":")
    for there in repository.images if repository else []:
        if (digest and there.image_digest == digest) or (not digest and (tag or "latest") in there.image_tags):
            return
    raise CannotStartError(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        f"failed to resolve ref {image}: {image}: not found"
    )


def _secret(source: str) -> str:
    """The value of `valueFrom`: a secret's ARN, also with `:json-key:version-stage:version-id`, or a parameter."""
    try:
        if ":secretsmanager:" in source:
            return _from_secrets_manager(source)
        name = source.partition(":parameter")[2] or source
        value: str = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as refusal:
        raise CannotStartError(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            f"failed: unable to retrieve secret {source}: {refusal}"
        ) from refusal
    return value


def _from_secrets_manager(source: str) -> str:
    arn, rest = ":".join(source.split(":")[:7]), source.split(":")[7:]
    key, stage, version = (*rest, "", "", "")[:3]
    which = {name: value for name, value in {"VersionStage": stage, "VersionId": version}.items() if value}
    secret: str = client("secretsmanager").get_secret_value(SecretId=arn, **which)["SecretString"]
    return str(json.loads(secret)[key]) if key else secret


def _log_stream(container: dict[str, Any], task_id: str) -> tuple[str | None, str | None]:
    """Fargate's awslogs driver (docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html)."""
    configuration = container.get("logConfiguration", {})
    if configuration.get("logDriver") != "awslogs":
        return None, None
    options = configuration.get("options", {})
    group = str(options.get("awslogs-group"))
    there = client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if options.get("awslogs-create-group") != "true" and group not in [each["logGroupName"] for each in there]:
        raise CannotStartError(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
        )
    return group, "/".join([options.get("awslogs-stream-prefix", "ecs"), container["name"], task_id])
