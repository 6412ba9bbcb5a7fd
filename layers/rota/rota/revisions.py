"""ECS task definitions: derive a revision from the base, know it by its fingerprint, register it once."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rota.models import Shape
from rota.rules import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.settings import Settings
    from rota.task import Task

# What DescribeTaskDefinition answers and RegisterTaskDefinition refuses, by comparison of
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html and API_RegisterTaskDefinition.html
_ANSWERED_ONLY = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "deleteRequestedAt",
    "registeredBy",
}
FINGERPRINT_TAG = "rota:fingerprint"
_TASK_TAG = "rota:task"
# The ARN of a revision that was deregistered, on the one that was registered in its place.
_STANDS_FOR_TAG = "rota:stands-for"
_EXECUTION_TAG = "rota:execution"
_OUR_TAGS = "rota:"
# Tags with this prefix are AWS's own and cannot be set.
_AWS_TAGS = "aws:"

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html; EventBridge's API_Target, Input
_LONGEST_OVERRIDES = 8192

Content = dict[str, Any]


class Definition(Shape):
    """One revision: what can be registered again, its tags, and whether it can still start tasks."""

    arn: str
    active: bool
    content: Content
    tags: dict[str, str]

    @property
    def revision(self) -> int:
        return revision_number(self.arn)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of what was registered; None for a revision that is not ours."""
        return self.tags.get(FINGERPRINT_TAG)

    def belongs_to(self, app: str) -> bool:
        """True if a deployment of that app registered it."""
        return self.tags.get(OWNER_TAG) == app

    def registered_by(self, app: str, execution: str) -> bool:
        """True if that deployment of that app registered it."""
        return self.belongs_to(app) and self.tags.get(_EXECUTION_TAG) == execution


def revision_number(arn: str) -> int:
    """The number behind the family in a task definition's ARN."""
    return int(arn.rsplit(":", 1)[1])


def short(arn: str) -> str:
    """Family and number, as people name a revision: `guestbook:5`."""
    return arn.rsplit("/", 1)[1]


def family(arn: str) -> str:
    """The family in a task definition's ARN."""
    return short(arn).rsplit(":", 1)[0]


def derive(base: Definition, settings: "Settings", image_uri: str, task: "Task | None") -> Content:
    """The content of the revision for `task`, or for the API when there is none. Pure; derived twice it is the same.

    Only the chosen container changes: image, command and the API's port. A task may add environment variables and
    set the size of the whole task; the container's own limit of the same kind then gives way, or it would defeat it.
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


def overrides(base: Definition, settings: "Settings", task: "Task") -> str | None:
    """What RunTask must override for the API's revision to run `task`: a target's input, JSON. Pure.

    None if the task needs a revision of its own: the mode is `per-task`, the overrides are too long, or they cannot
    say it (take away a secret, or a container's own limit).
    """
    if settings.revision_mode == "per-task":
        return None
    container = next(c for c in base.content["containerDefinitions"] if c["name"] == settings.container)
    if any(secret["name"] in task.environment for secret in container.get("secrets", [])):
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
    """Make the first port mapping that of the API; in awsvpc networks host port and container port are one."""
    mappings = container.get("portMappings") or [{"protocol": "tcp"}]
    container["portMappings"] = [{**mappings[0], "containerPort": port, "hostPort": port}, *mappings[1:]]


def own_tags(base: Definition) -> dict[str, str]:
    """The base's tags that belong on every revision derived from it: neither ours nor AWS's."""
    return {key: value for key, value in base.tags.items() if not key.startswith((_OUR_TAGS, _AWS_TAGS))}


def fingerprint(content: Content, tags: Mapping[str, str]) -> str:
    """The same for two definitions that ECS would run alike, however it ordered or completed them. 64 hex digits."""
    text = json.dumps({"content": _canonical(content), "tags": dict(tags)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Without what is empty (ECS fills it in), and without the order of lists of objects (ECS does not keep it)."""
    if isinstance(value, dict):
        bare = {key: _canonical(inner) for key, inner in value.items()}
        return {key: inner for key, inner in bare.items() if inner not in (None, "", [], {}) and inner != 0}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, dict) for item in items):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return value


def tags_for(base: Definition, app: str, execution: str, print_: str, task: "Task | None") -> dict[str, str]:
    """All tags of a revision: the base's, and ours, by which we know it again."""
    ours = {OWNER_TAG: app, _EXECUTION_TAG: execution, FINGERPRINT_TAG: print_}
    return own_tags(base) | ours | ({} if task is None else {_TASK_TAG: task.name})


def tags_in_place_of(gone: Definition, app: str, execution: str, print_: str) -> dict[str, str]:
    """All tags of a revision that has the content of one that was deregistered.

    It stands where that stood: what infrastructure code has registered since is the newer one.
    """
    return tags_for(gone, app, execution, print_, None) | {_STANDS_FOR_TAG: gone.arn}


def register(ecs: "ECSClient", content: Content, tags: Mapping[str, str]) -> str:
    """Register a revision and answer its ARN. `ecs` must not repeat calls whose reply was lost."""
    request = {**content, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]


def read(ecs: "ECSClient", arn: str) -> Definition:
    """One revision, whole, whether it is ACTIVE or not."""
    reply = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    described = reply["taskDefinition"]
    return Definition(
        arn=described["taskDefinitionArn"],
        active=described["status"] == "ACTIVE",
        content={key: value for key, value in described.items() if key not in _ANSWERED_ONLY},
        tags={tag["key"]: tag["value"] for tag in reply.get("tags", [])},
    )


def newer_than(ecs: "ECSClient", family_name: str, revision: int) -> Iterator[str]:
    """The ARNs of the family's ACTIVE revisions with a number above `revision`, the newest first."""
    pages = ecs.get_paginator("list_task_definitions").paginate(
        familyPrefix=family_name, status="ACTIVE", sort="DESC", PaginationConfig={"PageSize": 100}
    )
    for page in pages:
        for arn in page["taskDefinitionArns"]:
            # The prefix matches other families too, if theirs begins with ours.
            if family(arn) != family_name:
                continue
            if revision_number(arn) <= revision:
                return
            yield arn


def newest(ecs: "ECSClient", family_name: str) -> int:
    """The highest number among the family's ACTIVE revisions; 0 if there is none."""
    return next((revision_number(arn) for arn in newer_than(ecs, family_name, 0)), 0)


def by_fingerprint(found: Iterable[Definition], app: str) -> dict[str, str]:
    """Fingerprint -> ARN of those revisions that are ours and can start tasks."""
    return {
        definition.fingerprint: definition.arn
        for definition in found
        if definition.fingerprint and definition.active and definition.belongs_to(app)
    }


def base(ecs: "ECSClient", served: Definition) -> Definition:
    """The definition to derive from: what the service runs, or the newest above it that Rota did not register.

    Infrastructure code registers those; a revision of ours above it is what an earlier deployment left.
    """
    stands_for = served.tags.get(_STANDS_FOR_TAG, served.arn)
    for arn in newer_than(ecs, family(served.arn), revision_number(stands_for)):
        found = read(ecs, arn)
        if OWNER_TAG not in found.tags:
            return found
    return served


def deregister(ecs: "ECSClient", arn: str) -> None:
    """Make a revision INACTIVE; one that already is stays so."""
    ecs.deregister_task_definition(taskDefinition=arn)
