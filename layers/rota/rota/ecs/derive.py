"""What the API and the tasks run, derived from the base: revisions, or overrides of the API's revision. No I/O."""

import json
from typing import TYPE_CHECKING, Any

from rota.ecs.fingerprint import Content
from rota.ecs.images import is_of_repository, with_digest_of
from rota.ecs.jobs import chosen, keep_what_a_job_needs, runs_with_overrides
from rota.ecs.task_definitions import Revision
from rota.tracing import A_TIME, SCHEDULED_AT, TASK, with_variables

if TYPE_CHECKING:
    from rota.schedule_file.task import Runnable, Task
    from rota.settings import Settings

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html; EventBridge's API_Target, Input
_LONGEST_OVERRIDES = 8192
# What EventBridge Scheduler replaces in an input:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
_REPLACED_BY_SCHEDULER = "<aws.scheduler."


def derive_content(base: Revision, settings: "Settings", image_uri: str, task: "Runnable | None") -> Content:
    """The content of the revision for `task`, or for the API if `task` is None. The same input gives the same content.

    Every container of the pushed repository gets the image. Else only the app's container changes: its command and port
    as the parameters say. A task may add environment variables and secrets, name a role, and set the disk and the size
    of the whole task, which removes the container's own limit of that kind; what a job cannot live with is left out
    (`rota.ecs.jobs`). Everything else of the base stays, also fields that this SDK does not know.
    """
    content: Content = json.loads(json.dumps(base.content))
    container = chosen(content, settings)
    for each in content["containerDefinitions"]:
        if each is container or is_of_repository(each["image"], image_uri):
            each["image"] = with_digest_of(image_uri, each["image"])
    if settings.api_port is not None:
        _map_port(container, settings.api_port)
    if task is None:
        if settings.api_command is not None:
            container["command"] = list(settings.api_command)
        return content
    container["command"] = list(task.command_line(settings.start_command))
    keep_what_a_job_needs(content, settings)
    if task.environment:
        inherited = [v for v in container.get("environment", []) if v["name"] not in task.environment]
        container["environment"] = inherited + [{"name": k, "value": v} for k, v in task.environment.items()]
        # ECS refuses a variable that has a secret of the same name.
        container["secrets"] = [s for s in container.get("secrets", []) if s["name"] not in task.environment]
    if task.secrets:
        kept = [s for s in container.get("secrets", []) if s["name"] not in task.secrets]
        container["secrets"] = kept + [{"name": k, "valueFrom": v} for k, v in task.secrets.items()]
        container["environment"] = [v for v in container.get("environment", []) if v["name"] not in task.secrets]
    if task.ephemeral_storage:
        content["ephemeralStorage"] = {"sizeInGiB": task.ephemeral_storage}
    if task.role:
        content["taskRoleArn"] = task.role
    if task.cpu:
        content["cpu"] = str(task.cpu)
        container.pop("cpu", None)
    if task.memory:
        content["memory"] = str(task.memory)
        container.pop("memory", None)
        container.pop("memoryReservation", None)
    return content


def target_overrides(base: Revision, settings: "Settings", task: "Task") -> str | None:
    """The overrides with which the API's revision runs `task`: JSON, which has room in a target's input of 8,192
    characters for the variables of run watching.

    None if the task needs a revision of its own: the mode is `per-task`, a key is one that only a revision can say, the
    overrides are too long or have what Scheduler would replace, or would have to remove a secret, a container's own
    limit, or what a job cannot live with, which overrides cannot.
    """
    if settings.revision_mode == "per-task" or task.said_of_revision:
        return None
    container = chosen(base.content, settings)
    if any(secret["name"] in task.environment for secret in container.get("secrets", [])):
        return None
    if not runs_with_overrides(base.content, settings):
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
    if _REPLACED_BY_SCHEDULER in text:
        return None
    # A rule may leave out the time, a schedule in Scheduler never does.
    traced = {TASK: task.name, SCHEDULED_AT: A_TIME} if settings.watch_runs else {}
    return text if len(with_variables(text, settings.container, traced)) <= _LONGEST_OVERRIDES else None


def _map_port(container: Content, port: int) -> None:
    """Map the API's port. If no mapping has it, the first one is changed; `checks` allows only one then.

    In the network mode awsvpc, host port and container port are the same.
    """
    mappings = container.get("portMappings") or [{"protocol": "tcp"}]
    if all(mapping.get("containerPort") != port for mapping in mappings):
        container["portMappings"] = [{**mappings[0], "containerPort": port, "hostPort": port}, *mappings[1:]]
