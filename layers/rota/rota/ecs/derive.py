"""From the base task definition to what the API and the tasks run: revisions, or overrides of the API's. Pure."""

import json
from typing import TYPE_CHECKING, Any

from rota.ecs.fingerprint import Content
from rota.ecs.task_definitions import Revision

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.settings import Settings

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html; EventBridge's API_Target, Input
_LONGEST_OVERRIDES = 8192


def derive_content(base: Revision, settings: "Settings", image_uri: str, task: "Task | None") -> Content:
    """The content of the revision for `task`, or for the API when there is none. Pure; derived twice it is the same.

    Only the chosen container changes: image, command and the API's port. A task may add environment variables and
    set the size of the whole task; the container's own limit of the same kind then gives way, or it would defeat it.
    A task's container has no restart policy.
    All else of the base stays, fields that no SDK knows yet included.
    """
    content: Content = json.loads(json.dumps(base.content))
    container = next(c for c in content["containerDefinitions"] if c["name"] == settings.container)
    container["image"] = image_uri
    _listen(container, settings.api_port)
    if task is None:
        container["command"] = list(settings.api_command or settings.start_command)
        return content
    container["command"] = list(task.command_line(settings.start_command))
    # ECS restarts a container that exits, also with 0: a task that is done would run again for ever.
    container.pop("restartPolicy", None)
    if task.environment:
        kept = [v for v in container.get("environment", []) if v["name"] not in task.environment]
        container["environment"] = kept + [{"name": k, "value": v} for k, v in task.environment.items()]
        # A secret of the same name would be a second value for one variable, which ECS refuses.
        container["secrets"] = [s for s in container.get("secrets", []) if s["name"] not in task.environment]
    if task.cpu:
        content["cpu"] = str(task.cpu)
        container.pop("cpu", None)
    if task.memory:
        content["memory"] = str(task.memory)
        container.pop("memory", None)
        container.pop("memoryReservation", None)
    return content


def target_overrides(base: Revision, settings: "Settings", task: "Task") -> str | None:
    """What RunTask must override for the API's revision to run `task`: a target's input, JSON. Pure.

    None if the task needs a revision of its own: the mode is `per-task`, the overrides are too long, or they cannot
    say it (take away a secret, a restart policy, or a container's own limit).
    """
    if settings.revision_mode == "per-task":
        return None
    container = next(c for c in base.content["containerDefinitions"] if c["name"] == settings.container)
    if any(secret["name"] in task.environment for secret in container.get("secrets", [])):
        return None
    if container.get("restartPolicy", {}).get("enabled"):
        return None
    if (task.cpu or task.memory) and any(container.get(limit) for limit in ("cpu", "memory", "memoryReservation")):
        return None
    changed: dict[str, Any] = {
        "name": settings.container,
        "command": list(task.command_line(settings.start_command)),
        "environment": [{"name": k, "value": v} for k, v in task.environment.items()],
    }
    whole = {"containerOverrides": [changed], "cpu": str(task.cpu or ""), "memory": str(task.memory or "")}
    if not task.environment:
        del changed["environment"]
    text = json.dumps({key: value for key, value in whole.items() if value}, separators=(",", ":"))
    return text if len(text) <= _LONGEST_OVERRIDES else None


def _listen(container: Content, port: int) -> None:
    """Map the API's port; if no mapping has it, the first becomes the API's, of which `preflight` allows one only.

    In awsvpc networks host port and container port are one.
    """
    mappings = container.get("portMappings") or [{"protocol": "tcp"}]
    if all(mapping.get("containerPort") != port for mapping in mappings):
        container["portMappings"] = [{**mappings[0], "containerPort": port, "hostPort": port}, *mappings[1:]]
