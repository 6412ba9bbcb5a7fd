"""Revisions of the task-definition family: read, register and deregister them, recognise owned ones, find the base."""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rota.contract.shape import Shape
from rota.ecs import arns
from rota.ecs.fingerprint import Content, fingerprint_of
from rota.ownership import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.schedule_file.task import Runnable

# What DescribeTaskDefinition returns and RegisterTaskDefinition refuses, by comparison of
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html and API_RegisterTaskDefinition.html
_NOT_REGISTERABLE = {
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
# Of a family, deregistered ones included; AWS raises it for no account:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
MOST_REVISIONS = 1_000_000
FINGERPRINT_TAG = "rota:fingerprint"
_TASK_TAG = "rota:task"
# On a revision that replaces a deregistered one of the same content: the ARN of that one.
_REPLACES_TAG = "rota:stands-for"
_EXECUTION_TAG = "rota:execution"
# On the API's revision: the ARN of a foreign one, registered during the deployment, with a lower number than the API's.
_NEXT_BASE_TAG = "rota:newer-base"
_ROTA_TAGS = "rota:"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
_NOT_IN_TAGS = r"[^A-Za-z0-9 _.:/=+@-]"
# AWS alone can set tags with this prefix.
_AWS_TAGS = "aws:"


class Revision(Shape):
    """One revision. `content` is what RegisterTaskDefinition takes; `active` means that it can start tasks;
    `compatibilities` are `EC2`, `FARGATE`, None if ECS does not say; `registrant` is the ARN of who registered it.
    """

    arn: str
    active: bool
    content: Content
    tags: dict[str, str]
    compatibilities: tuple[str, ...] | None = None
    registrant: str | None = None

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of what was registered; None for a revision that Rota did not register."""
        return self.tags.get(FINGERPRINT_TAG)

    @property
    def replaces(self) -> str | None:
        """The ARN of the deregistered revision that this one was registered for; None for all others."""
        return self.tags.get(_REPLACES_TAG)

    @property
    def next_base(self) -> str | None:
        """The ARN of a foreign revision that was registered during the deployment that registered this one; or None."""
        return self.tags.get(_NEXT_BASE_TAG)

    @property
    def owner(self) -> str | None:
        """The app whose deployment registered it; None for a foreign revision."""
        return self.tags.get(OWNER_TAG)

    def belongs_to(self, app: str) -> bool:
        """True if a deployment of that app registered it."""
        return self.owner == app

    def registered_by(self, app: str, execution: str) -> bool:
        """True if that deployment of that app registered it."""
        return self.belongs_to(app) and self.tags.get(_EXECUTION_TAG) == _tag_value(execution)


def inherited_tags(base: Revision) -> dict[str, str]:
    """The base's tags that every revision derived from it has too: all but Rota's and AWS's own."""
    return {key: value for key, value in base.tags.items() if not key.startswith((_ROTA_TAGS, _AWS_TAGS))}


def revision_tags(
    base: Revision, app: str, execution: str, fingerprint: str, task: "Runnable | None", next_base: str | None = None
) -> dict[str, str]:
    """All tags of a derived revision: the base's, and those by which Rota recognises it."""
    own = {OWNER_TAG: app, _EXECUTION_TAG: _tag_value(execution), FINGERPRINT_TAG: fingerprint}
    optional = {_TASK_TAG: getattr(task, "name", None), _NEXT_BASE_TAG: next_base}
    return inherited_tags(base) | own | {key: value for key, value in optional.items() if value}


def _tag_value(execution: str) -> str:
    """An execution's name as a tag's value. A name with characters that ECS does not take (`!`, parentheses) gets a
    part of its hash, so that no two names become equal.
    """
    allowed = re.sub(_NOT_IN_TAGS, "-", execution)
    return allowed if allowed == execution else f"{allowed}-{hashlib.sha256(execution.encode()).hexdigest()[:12]}"


def replacement_tags(gone: Revision, app: str, execution: str, fingerprint: str) -> dict[str, str]:
    """All tags of a revision that replaces a deregistered one of the same content.

    For the choice of the next base it counts as old as that one: a foreign revision in between is newer.
    """
    own = revision_tags(gone, app, execution, fingerprint, None, gone.next_base)
    return own | {_REPLACES_TAG: gone.replaces or gone.arn}


def register_revision(ecs: "ECSClient", content: Content, tags: Mapping[str, str]) -> str:
    """Register a revision and return its ARN. `ecs` must not retry a call whose response was lost."""
    request = {**content, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]


def read_revision(ecs: "ECSClient", arn: str) -> Revision:
    """One revision, ACTIVE or not."""
    reply = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    described = reply["taskDefinition"]
    return Revision(
        arn=described["taskDefinitionArn"],
        active=described["status"] == "ACTIVE",
        content={key: value for key, value in described.items() if key not in _NOT_REGISTERABLE},
        tags={tag["key"]: tag["value"] for tag in reply.get("tags", [])},
        compatibilities=tuple(described["compatibilities"]) if "compatibilities" in described else None,
        registrant=described.get("registeredBy"),
    )


def find_revision(ecs: "ECSClient", arn: str) -> Revision | None:
    """As `read_revision`; None if the revision was deleted."""
    try:
        return read_revision(ecs, arn)
    except ecs.exceptions.ClientException as error:
        # ECS has one code for whatever is wrong with a request; only the message differs.
        if error.response["Error"]["Message"].startswith("Unable to describe task definition"):
            return None
        raise


def list_active(ecs: "ECSClient", family_name: str) -> Iterator[str]:
    """The ARNs of the family's ACTIVE revisions, the newest first. The first page is read now, others when needed."""
    pages = iter(
        ecs.get_paginator("list_task_definitions").paginate(
            familyPrefix=family_name, status="ACTIVE", sort="DESC", PaginationConfig={"PageSize": 100}
        )
    )
    first = [*itertools.islice(pages, 1)]
    listed = itertools.chain.from_iterable(page["taskDefinitionArns"] for page in itertools.chain(first, pages))
    # The prefix also matches families whose names begin with this one.
    return (arn for arn in listed if arns.family(arn) == family_name)


def newer_than(revision: int, newest_first: Iterable[str]) -> Iterator[str]:
    """Those ARNs that have a number above `revision`."""
    return itertools.takewhile(lambda arn: arns.revision_number(arn) > revision, newest_first)


def list_newer(ecs: "ECSClient", family_name: str, revision: int) -> Iterator[str]:
    """The ARNs of the family's ACTIVE revisions with a number above `revision`, the newest first."""
    yield from newer_than(revision, list_active(ecs, family_name))


def reusable_by_fingerprint(revisions: Iterable[Revision], app: str) -> dict[str, list[Revision]]:
    """The owned ACTIVE revisions, by fingerprint, in the order of their numbers."""
    reusable: dict[str, list[Revision]] = {}
    for revision in sorted(revisions, key=_number):
        if revision.fingerprint and revision.active and revision.belongs_to(app):
            reusable.setdefault(revision.fingerprint, []).append(revision)
    return reusable


def is_changed_copy(revision: Revision, original: Revision) -> bool:
    """True if `revision` is newer, and has the tags of `original`, and other content."""
    same_tags = _number(revision) > _number(original) and _registration(revision) == _registration(original)
    return same_tags and fingerprint_of(revision.content, {}) != fingerprint_of(original.content, {})


def is_foreign(revision: Revision, *originals: Revision | None) -> bool:
    """True if a deployment did not register it, but infrastructure code or a person: also as a changed copy of one of
    these that are there, with its tags.
    """
    return revision.owner is None or any(is_changed_copy(revision, original) for original in originals if original)


def _registration(revision: Revision) -> tuple[str | None, str | None]:
    """Differs for any two revisions that Rota registers, unless the response to the first registration was lost."""
    return revision.fingerprint, revision.tags.get(_EXECUTION_TAG)


def _number(revision: Revision) -> int:
    return arns.revision_number(revision.arn)


def find_base(ecs: "ECSClient", served: Revision, candidates: Iterable[str], *, by_hand: bool = False) -> Revision:
    """The base: what the service runs (`served`), or the newest foreign revision since.

    `candidates`: ARNs of the family's ACTIVE revisions that may be foreign, the newest first. `by_hand`: a person
    rolled the service to `served`, whose tags may be those of what it was copied from.

    Foreign revisions come from infrastructure code, or are changed copies of what the service runs, or ran until it was
    deregistered. One that was registered during the deployment of `served` has a lower number; a tag of `served` names
    it.
    """
    newer = [*newer_than(arns.revision_number(served.replaces or served.arn), candidates)]
    replaced = find_revision(ecs, served.replaces) if newer and served.replaces else None
    for arn in newer:
        revision = read_revision(ecs, arn)
        if is_foreign(revision, served, replaced):
            return revision
    if served.next_base and not by_hand:
        tagged = find_revision(ecs, served.next_base)
        return tagged if tagged and tagged.active else served
    return served


def deregister_revision(ecs: "ECSClient", arn: str) -> None:
    """Make a revision INACTIVE; no error if it already is."""
    ecs.deregister_task_definition(taskDefinition=arn)
