"""The images of the releases, and the repository's lifecycle policy: which of them ECR will soon delete or archive."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.errors import is_denied
from rota.ecr.lifecycle import Fate, Rule, fates, parse_policy
from rota.log import logger
from rota.notifications.message import Message
from rota.runs.model import Release

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

# Of a larger repository no rule that counts can be followed within a sweep.
_MOST_IMAGES = 20_000
_PAGE = 1000


class Threat(NamedTuple):
    """A release whose image a rule will soon take."""

    release: Release
    fate: Fate


class Threats(NamedTuple):
    """What a policy threatens: the image that runs, and those of earlier releases, the newest first."""

    live: Release
    rules: Sequence[Rule] = ()
    found: Sequence[Threat] = ()

    @property
    def keys(self) -> set[str]:
        """What is to be reported once: a rule that takes the live image, and one that takes those of the others."""
        return {_key(each.fate.rule, each.release, self.live) for each in self.found}

    @property
    def possible_keys(self) -> set[str]:
        """All that could be, as long as the policy and the live image are these."""
        return {_key(rule, self.live, self.live) for rule in self.rules} | {rule.words for rule in self.rules}


def threats(repository: str, releases: Sequence[Release], now: datetime) -> Threats:
    """What the repository's policy will soon do; `releases` are those that can be rolled back to, the live one last."""
    ecr, live = clients.ecr(), releases[-1]
    try:
        rules = parse_policy(ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"])
        images = _images(ecr, repository)
    except (ecr.exceptions.LifecyclePolicyNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        return Threats(live)
    except ClientError as error:
        if not is_denied(error):
            raise
        # Only a policy of the account can deny it; the day's other looks matter more than this one.
        logger.warning("the lifecycle policy may not be read, so nothing is said of it", repository=repository)
        return Threats(live)
    newest = {release.digest: release for release in releases}
    found = [Threat(newest[fate.digest], fate) for fate in fates(rules, images, newest) if fate.is_soon(now)]
    return Threats(live, rules, sorted(found, key=lambda each: releases.index(each.release), reverse=True))


def message_about(app: str, repository: str, found: Threats, now: datetime) -> Message:
    """The message about what a policy will soon take. Pure."""
    live = [each for each in found.found if each.release.digest == found.live.digest]
    others = [each for each in found.found if each not in live]
    rules = {each.fate.rule.words: each.fate.rule for each in found.found}
    does = "archive" if all(rule.archives for rule in rules.values()) else "delete"
    which = f"the image of {_named(found.live)}" if live else "images of earlier releases"
    lead = "The jobs and the service run this image: once it is gone, what starts fails." if live else ""
    lead += f"{' ' if lead else ''}Releases without an image cannot be rolled back to." if others else ""
    facts = [
        *(("Image", " ".join(filter(None, (each.release.tag, each.release.digest)))) for each in live),
        *(("When", each.fate.when(now)) for each in live),
    ]
    if others:
        facts.append(
            ("Earlier releases", ", ".join(f"{_named(each.release)} {each.fate.when(now)}" for each in others))
        )
    return Message(
        title=f"ECR will soon {does} {which} ({app})",
        lead=lead,
        facts=(*facts, ("Repository", repository), ("Lifecycle policy", "; ".join(rules))),
        next_steps=(
            *dict.fromkeys(rule.remedy for rule in rules.values()),
            "An image without a tag is kept by no rule for tags: give it one, or push it again.",
            "More: docs/operations.md, Images in use.",
        ),
        thread=f"{app} image",
        kind="Rota Image",
        good=False,
    )


def _images(ecr: "ECRClient", repository: str) -> "list[ImageDetailTypeDef]":
    """All of the repository, archived ones too; none if there are too many."""
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": _PAGE}
    )
    found: list[ImageDetailTypeDef] = []
    for page in pages:
        found += page["imageDetails"]
        if len(found) > _MOST_IMAGES:
            logger.warning("too many images to follow the lifecycle policy", repository=repository)
            return []
    return found


def _key(rule: Rule, release: Release, live: Release) -> str:
    return f"{rule.words} ({live.digest})" if release.digest == live.digest else rule.words


def _named(release: Release) -> str:
    return f"v{release.number}" if release.number else release.tag or release.digest[:19]
