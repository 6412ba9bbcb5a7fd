"""ECR's lifecycle policies: what one will do to an image, and when. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html, "Lifecycle policy evaluation rules", and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html. ECR acts within a day of when
a rule says so.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

KEEPS = 100
"""How many tagged images the rule keeps that Rota recommends: the last 20 releases, with what was pushed between."""
_SOON = timedelta(days=7)
# So many more pushes may be those of one day, and need not deploy.
_FEW_PUSHES = 3
_SINCE = {
    "sinceImagePushed": "their push",
    "sinceImagePulled": "they were pulled last",
    "sinceImageTransitioned": "they were archived",
}


class Rule(NamedTuple):
    """A rule of a policy, as far as it says what becomes of an image."""

    priority: int
    """The lowest is applied first."""
    archives: bool
    """Whether it archives images, and does not delete them."""
    tag_status: str
    """`tagged`, `untagged` or `any`."""
    tags: tuple[str, ...]
    """Wildcards: each has to match one of an image's tags."""
    of_archived: bool
    """Whether it is about archived images, and not about those that can be pulled."""
    count_type: str
    number: int
    """Of images, or of days."""

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> "Rule":
        selection = rule["selection"]
        return cls(
            priority=rule["rulePriority"],
            archives=rule["action"]["type"] == "transition",
            tag_status=selection["tagStatus"],
            tags=(*selection.get("tagPatternList", ()), *(f"{each}*" for each in selection.get("tagPrefixList", ()))),
            of_archived=selection.get("storageClass") == "archive",
            count_type=selection["countType"],
            number=selection["countNumber"],
        )

    @property
    def counts(self) -> bool:
        """Whether it keeps a number of images, and not those of a number of days."""
        return self.count_type == "imageCountMoreThan"

    @property
    def words(self) -> str:
        """What it does, for people."""
        does = "archives" if self.archives else "deletes"
        of = {"tagged": f"images with tags like {', '.join(self.tags)}", "untagged": "untagged images"}
        images = of.get(self.tag_status, "images")
        if self.counts:
            return f"rule {self.priority} {does} {images} but the newest {self.number}"
        days = f"{self.number} days after {_SINCE.get(self.count_type, self.count_type)}"
        return f"rule {self.priority} {does} {images} {days}"

    @property
    def remedy(self) -> str:
        """How to keep what it takes."""
        if self.counts:
            return f"Raise the countNumber of rule {self.priority} to {KEEPS} or more."
        selection = {"tagStatus": "tagged", "tagPatternList": ["*"]}
        kept = {**selection, "countType": "imageCountMoreThan", "countNumber": KEEPS}
        rule = json.dumps({"rulePriority": 1, "selection": kept, "action": {"type": "expire"}})
        if self.tags == ("*",):
            return f"Replace rule {self.priority} of the lifecycle policy by this, with its number: {rule}"
        return f"Add this to the lifecycle policy, and number the other rules after it: {rule}"

    def selects(self, image: "ImageDetailTypeDef") -> bool:
        """Whether an image is of its storage class and meets its requirements of tags."""
        if (image.get("imageStatus", "ACTIVE") != "ACTIVE") != self.of_archived:
            return False
        tags = image.get("imageTags", [])
        if self.tag_status == "tagged":
            return all(any(_matches(wildcard, tag) for tag in tags) for wildcard in self.tags)
        return self.tag_status == "any" or not tags


class Fate(NamedTuple):
    """What a rule will do to an image: at a time, or after some pushes."""

    digest: str
    rule: Rule
    at: datetime | None = None
    pushes: int | None = None
    """How many more images of those that the rule selects; with 0 it does so now."""

    def when(self, now: datetime) -> str:
        """In words."""
        if self.pushes == 0 or (self.at is not None and self.at <= now):
            return "within a day"
        if self.at is not None:
            return f"on {self.at:%Y-%m-%d}"
        return "with the next push" if self.pushes == 1 else f"with {self.pushes} more pushes"

    def is_soon(self, now: datetime) -> bool:
        """Within a week, or with one of the next three pushes."""
        if self.pushes is not None:
            return self.pushes <= _FEW_PUSHES
        return self.at is not None and self.at - now <= _SOON


def parse_policy(text: str) -> tuple[Rule, ...]:
    """The rules of a policy that ECR has accepted, in the order in which they are applied."""
    return tuple(sorted(map(Rule.of, json.loads(text)["rules"])))


def fates(rules: Sequence[Rule], images: Sequence["ImageDetailTypeDef"], digests: Iterable[str]) -> list[Fate]:
    """What becomes of the images with these digests. `images` are all of the repository, archived ones included."""
    wanted = set(digests)
    found = (_fate(rules, images, image) for image in images if image["imageDigest"] in wanted)
    return [each for each in found if each]


def _fate(rules: Sequence[Rule], images: Sequence["ImageDetailTypeDef"], image: "ImageDetailTypeDef") -> Fate | None:
    """By the first rule that selects it: "an image that matches the tagging requirements of a rule cannot be expired
    or archived by a rule with a lower priority".
    """
    rule = next((each for each in rules if each.selects(image)), None)
    if rule is None:
        return None
    if rule.counts:
        # A rule counts what rules before it select, too: it "can still identify them".
        younger = [each for each in images if rule.selects(each) and _pushed(each) > _pushed(image)]
        return Fate(image["imageDigest"], rule, pushes=max(0, rule.number - len(younger)))
    begins = {
        "sinceImagePushed": _pushed(image),
        "sinceImagePulled": _pulled(image),
        "sinceImageTransitioned": image.get("lastArchivedAt"),
    }.get(rule.count_type)
    return Fate(image["imageDigest"], rule, at=begins + timedelta(days=rule.number)) if begins else None


def _pushed(image: "ImageDetailTypeDef") -> datetime:
    """When it was pushed, or brought back from the archive."""
    return image.get("lastActivatedAt") or image["imagePushedAt"]


def _pulled(image: "ImageDetailTypeDef") -> datetime:
    """When it was pulled last. One that was not, since it was pushed or brought back, counts from then."""
    return max(filter(None, (image.get("lastRecordedPullTime"), _pushed(image))))


def _matches(wildcard: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wildcard.split("*"))), tag) is not None
