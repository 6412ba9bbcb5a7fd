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
_REPLACES_TAG = "rota:stands-for"
_EXECUTION_TAG = "rota:execution"
# The ARN of a revision that was not ours and came while ours were registered, on the API's, which has a higher number.
_NEXT_BASE_TAG = "rota:newer-base"
_OUR_TAGS = "rota:"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
_NOT_IN_TAGS = r"[^A-Za-z0-9 _.:/=+@-]"
# Tags with this prefix are AWS's own and cannot be set.
_AWS_TAGS = "aws:"


class Revision(Shape):
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
    def replaces(self) -> str | None:
        """The ARN of the revision that it was registered in place of; None for all others."""
        return self.tags.get(_REPLACES_TAG)

    @property
    def next_base(self) -> str | None:
        """The ARN of the revision that somebody else registered while a deployment registered this one, if any."""
        return self.tags.get(_NEXT_BASE_TAG)

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


def inherited_tags(base: Revision) -> dict[str, str]:
    """The base's tags that belong on every revision derived from it: neither ours nor AWS's."""
    return {key: value for key, value in base.tags.items() if not key.startswith((_OUR_TAGS, _AWS_TAGS))}


def revision_tags(
    base: Revision, app: str, execution: str, fingerprint: str, task: "Task | None", next_base: str | None = None
) -> dict[str, str]:
    """All tags of a revision: the base's, and ours, by which we know it again."""
    ours = {OWNER_TAG: app, _EXECUTION_TAG: _tag_value(execution), FINGERPRINT_TAG: fingerprint}
    more = {_TASK_TAG: task and task.name, _NEXT_BASE_TAG: next_base}
    return inherited_tags(base) | ours | {key: value for key, value in more.items() if value}


def _tag_value(execution: str) -> str:
    """An execution's name as a tag's value. Step Functions takes more characters (`!`, parentheses) than ECS does; a
    name that has such ends in a piece of its hash, so that no two become one.
    """
    taken = re.sub(_NOT_IN_TAGS, "-", execution)
    return taken if taken == execution else f"{taken}-{hashlib.sha256(execution.encode()).hexdigest()[:12]}"


def replacement_tags(gone: Revision, app: str, execution: str, fingerprint: str) -> dict[str, str]:
    """All tags of a revision that has the content of one that was deregistered.

    It stands where that stood: what infrastructure code has registered since is the newer one.
    """
    return revision_tags(gone, app, execution, fingerprint, None, gone.next_base) | {_REPLACES_TAG: gone.arn}


def register_revision(ecs: "ECSClient", content: Content, tags: Mapping[str, str]) -> str:
    """Register a revision and answer its ARN. `ecs` must not repeat calls whose reply was lost."""
    request = {**content, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]


def read_revision(ecs: "ECSClient", arn: str) -> Revision:
    """One revision, whole, whether it is ACTIVE or not."""
    reply = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    described = reply["taskDefinition"]
    return Revision(
        arn=described["taskDefinitionArn"],
        active=described["status"] == "ACTIVE",
        content={key: value for key, value in described.items() if key not in _ANSWERED_ONLY},
        tags={tag["key"]: tag["value"] for tag in reply.get("tags", [])},
        compatibilities=tuple(described["compatibilities"]) if "compatibilities" in described else None,
    )


def find_revision(ecs: "ECSClient", arn: str) -> Revision | None:
    """As `read`; None if somebody has deleted the revision."""
    try:
        return read_revision(ecs, arn)
    except ecs.exceptions.ClientException as error:
        # One code for whatever is wrong with a request; only the words tell.
        if error.response["Error"]["Message"].startswith("Unable to describe task definition"):
            return None
        raise


def list_newer(ecs: "ECSClient", family_name: str, revision: int) -> Iterator[str]:
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


def newest_number(ecs: "ECSClient", family_name: str) -> int:
    """The highest number among the family's ACTIVE revisions; 0 if there is none."""
    return next((arns.revision_number(arn) for arn in list_newer(ecs, family_name, 0)), 0)


def reusable_by_fingerprint(found: Iterable[Revision], app: str) -> dict[str, list[Revision]]:
    """By fingerprint, those revisions that are ours and can start tasks, in the order of their numbers."""
    known: dict[str, list[Revision]] = {}
    for definition in sorted(found, key=lambda each: arns.revision_number(each.arn)):
        if definition.fingerprint and definition.active and definition.belongs_to(app):
            known.setdefault(definition.fingerprint, []).append(definition)
    return known


def drop_changed_copies(ours: Iterable[Revision]) -> list[Revision]:
    """Those that we registered: not what somebody has made of one of them since, as consoles and pipelines do it, with
    its tags and other content.
    """
    in_order = sorted(ours, key=lambda each: arns.revision_number(each.arn))
    originals = {_registration(each): each for each in reversed(in_order)}
    return [each for each in in_order if not is_changed_copy(each, originals[_registration(each)])]


def is_changed_copy(found: Revision, original: Revision) -> bool:
    """Whether somebody has made `found` of `original`: it has its tags, and other content."""
    as_one = found is not original and _registration(found) == _registration(original)
    return as_one and fingerprint_of(found.content, {}) != fingerprint_of(original.content, {})


def _registration(definition: Revision) -> tuple[str | None, str | None]:
    """What no two revisions share that we register, but for one whose reply was lost."""
    return definition.fingerprint, definition.tags.get(_EXECUTION_TAG)


def find_base(ecs: "ECSClient", served: Revision) -> Revision:
    """The definition to derive from: what the service runs, or the newest since that Rota did not register.

    Infrastructure code registers those, or somebody makes one of what the service runs; a revision of ours above it is
    what an earlier deployment left. One that was registered while the service's own was is known by a tag of that.
    """
    for arn in list_newer(ecs, arns.family(served.arn), arns.revision_number(served.replaces or served.arn)):
        found = read_revision(ecs, arn)
        if found.owner is None or is_changed_copy(found, served):
            return found
    if served.next_base:
        noted = find_revision(ecs, served.next_base)
        return noted if noted and noted.active else served
    return served


def deregister_revision(ecs: "ECSClient", arn: str) -> None:
    """Make a revision INACTIVE; one that already is stays so."""
    ecs.deregister_task_definition(taskDefinition=arn)
