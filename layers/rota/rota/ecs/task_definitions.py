"""ECS task definitions: know a revision of ours again, register it once, find the base of the next."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rota.contract import Shape
from rota.ecs import arns
from rota.ecs.fingerprint import Content, fingerprint_of
from rota.ownership import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.schedule_file.task import Task

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
# The ARN of a revision that was not ours and came while ours were registered, on the API's, which has a higher number.
_NEWER_BASE_TAG = "rota:newer-base"
_OUR_TAGS = "rota:"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
_NOT_IN_TAGS = r"[^A-Za-z0-9 _.:/=+@-]"
# Tags with this prefix are AWS's own and cannot be set.
_AWS_TAGS = "aws:"


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

    @property
    def newer_base(self) -> str | None:
        """The ARN of the revision that somebody else registered while a deployment registered this one, if any."""
        return self.tags.get(_NEWER_BASE_TAG)

    @property
    def owner(self) -> str | None:
        """The app whose deployment registered it; None if somebody else did."""
        return self.tags.get(OWNER_TAG)

    def belongs_to(self, app: str) -> bool:
        """True if a deployment of that app registered it."""
        return self.owner == app

    def registered_by(self, app: str, execution: str) -> bool:
        """True if that deployment of that app registered it."""
        return self.belongs_to(app) and self.tags.get(_EXECUTION_TAG) == _tag_value(execution)


def own_tags(base: Definition) -> dict[str, str]:
    """The base's tags that belong on every revision derived from it: neither ours nor AWS's."""
    return {key: value for key, value in base.tags.items() if not key.startswith((_OUR_TAGS, _AWS_TAGS))}


def tags_for(
    base: Definition, app: str, execution: str, print_: str, task: "Task | None", newer_base: str | None = None
) -> dict[str, str]:
    """All tags of a revision: the base's, and ours, by which we know it again."""
    ours = {OWNER_TAG: app, _EXECUTION_TAG: _tag_value(execution), FINGERPRINT_TAG: print_}
    more = {_TASK_TAG: task and task.name, _NEWER_BASE_TAG: newer_base}
    return own_tags(base) | ours | {key: value for key, value in more.items() if value}


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
    return tags_for(gone, app, execution, print_, None, gone.newer_base) | {_STANDS_FOR_TAG: gone.arn}


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


def find(ecs: "ECSClient", arn: str) -> Definition | None:
    """As `read`; None if somebody has deleted the revision."""
    try:
        return read(ecs, arn)
    except ecs.exceptions.ClientException as error:
        # One code for whatever is wrong with a request; only the words tell.
        if error.response["Error"]["Message"].startswith("Unable to describe task definition"):
            return None
        raise


def newer_than(ecs: "ECSClient", family_name: str, revision: int) -> Iterator[str]:
    """The ARNs of the family's ACTIVE revisions with a number above `revision`, the newest first."""
    pages = ecs.get_paginator("list_task_definitions").paginate(
        familyPrefix=family_name, status="ACTIVE", sort="DESC", PaginationConfig={"PageSize": 100}
    )
    for page in pages:
        for arn in page["taskDefinitionArns"]:
            # The prefix matches other families too, if theirs begins with ours.
            if arns.family(arn) != family_name:
                continue
            if arns.revision_number(arn) <= revision:
                return
            yield arn


def newest(ecs: "ECSClient", family_name: str) -> int:
    """The highest number among the family's ACTIVE revisions; 0 if there is none."""
    return next((arns.revision_number(arn) for arn in newer_than(ecs, family_name, 0)), 0)


def by_fingerprint(found: Iterable[Definition], app: str) -> dict[str, list[Definition]]:
    """By fingerprint, those revisions that are ours and can start tasks, in the order of their numbers."""
    known: dict[str, list[Definition]] = {}
    for definition in sorted(found, key=lambda each: arns.revision_number(each.arn)):
        if definition.fingerprint and definition.active and definition.belongs_to(app):
            known.setdefault(definition.fingerprint, []).append(definition)
    return known


def without_changed_copies(ours: Iterable[Definition]) -> list[Definition]:
    """Those that we registered: not what somebody has made of one of them since, as consoles and pipelines do it, with
    its tags and other content.
    """
    in_order = sorted(ours, key=lambda each: arns.revision_number(each.arn))
    originals = {_registration(each): each for each in reversed(in_order)}
    return [each for each in in_order if not is_changed_copy(each, originals[_registration(each)])]


def is_changed_copy(found: Definition, original: Definition) -> bool:
    """Whether somebody has made `found` of `original`: it has its tags, and other content."""
    as_one = found is not original and _registration(found) == _registration(original)
    return as_one and fingerprint_of(found.content, {}) != fingerprint_of(original.content, {})


def _registration(definition: Definition) -> tuple[str | None, str | None]:
    """What no two revisions share that we register, but for one whose reply was lost."""
    return definition.fingerprint, definition.tags.get(_EXECUTION_TAG)


def base(ecs: "ECSClient", served: Definition) -> Definition:
    """The definition to derive from: what the service runs, or the newest since that Rota did not register.

    Infrastructure code registers those, or somebody makes one of what the service runs; a revision of ours above it is
    what an earlier deployment left. One that was registered while the service's own was is known by a tag of that.
    """
    for arn in newer_than(ecs, arns.family(served.arn), arns.revision_number(served.stands_for or served.arn)):
        found = read(ecs, arn)
        if found.owner is None or is_changed_copy(found, served):
            return found
    if served.newer_base:
        noted = find(ecs, served.newer_base)
        return noted if noted and noted.active else served
    return served


def deregister(ecs: "ECSClient", arn: str) -> None:
    """Make a revision INACTIVE; one that already is stays so."""
    ecs.deregister_task_definition(taskDefinition=arn)
