"""ECS task definitions: know a revision by its fingerprint, register it once, find the base of the next."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rota.models import Shape
from rota.rules import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

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
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
_NOT_IN_TAGS = r"[^A-Za-z0-9 _.:/=+@-]"
# Tags with this prefix are AWS's own and cannot be set.
_AWS_TAGS = "aws:"

Content = dict[str, Any]


class Definition(Shape):
    """One revision: what can be registered again, its tags, whether it can still start tasks, and on what (`EC2`,
    `FARGATE`; None if ECS does not say).
    """

    arn: str
    active: bool
    content: Content
    tags: dict[str, str]
    compatibilities: tuple[str, ...] | None = None

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of what was registered; None for a revision that is not ours."""
        return self.tags.get(FINGERPRINT_TAG)

    @property
    def stands_for(self) -> str | None:
        """The ARN of the revision that it was registered in place of; None for all others."""
        return self.tags.get(_STANDS_FOR_TAG)

    def belongs_to(self, app: str) -> bool:
        """True if a deployment of that app registered it."""
        return self.tags.get(OWNER_TAG) == app

    def registered_by(self, app: str, execution: str) -> bool:
        """True if that deployment of that app registered it."""
        return self.belongs_to(app) and self.tags.get(_EXECUTION_TAG) == _tag_value(execution)


def revision_number(arn: str) -> int:
    """The number behind the family in a task definition's ARN."""
    return int(arn.rsplit(":", 1)[1])


def short(arn: str) -> str:
    """Family and number, as people name a revision: `guestbook:5`."""
    return arn.rsplit("/", 1)[1]


def family(arn: str) -> str:
    """The family in a task definition's ARN."""
    return short(arn).rsplit(":", 1)[0]


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
    ours = {OWNER_TAG: app, _EXECUTION_TAG: _tag_value(execution), FINGERPRINT_TAG: print_}
    return own_tags(base) | ours | ({} if task is None else {_TASK_TAG: task.name})


def _tag_value(execution: str) -> str:
    """An execution's name as a tag's value. Step Functions takes more characters (`!`, parentheses) than ECS does; a
    name that has such ends in a piece of its hash, so that no two become one.
    """
    taken = re.sub(_NOT_IN_TAGS, "-", execution)
    return taken if taken == execution else f"{taken}-{hashlib.sha256(execution.encode()).hexdigest()[:12]}"


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
        compatibilities=tuple(described["compatibilities"]) if "compatibilities" in described else None,
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
    for arn in newer_than(ecs, family(served.arn), revision_number(served.stands_for or served.arn)):
        found = read(ecs, arn)
        if OWNER_TAG not in found.tags:
            return found
    return served


def deregister(ecs: "ECSClient", arn: str) -> None:
    """Make a revision INACTIVE; one that already is stays so."""
    ecs.deregister_task_definition(taskDefinition=arn)
