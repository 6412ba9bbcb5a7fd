"""Which release or image a person means: `v41`, a tag, a digest's first digits, an execution's name, or `previous`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rota.cli.exits import CommandError, Exit
from rota.cli.table import Item, version

if TYPE_CHECKING:
    from rota.cli.frame import Account

PREVIOUS = "previous"
VERSION = re.compile(r"v[1-9]\d{0,8}")
"""A release by its number."""
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{8,64}")
_WHOLE = re.compile(r"sha256:[0-9a-f]{64}")
_KNOWN = 5


@dataclass(frozen=True)
class Image:
    """An image in the stack's repository."""

    digest: str
    tag: str | None

    def __str__(self) -> str:
        """As people name it: its tag, or the digest's first digits."""
        return self.tag or self.digest.removeprefix("sha256:")[:12]


def deploy_live(digest: str) -> str:
    """The command that deploys the live image again. Its digest, because a tag may have moved since. Pure."""
    return f"rota deploy --image {digest.removeprefix('sha256:')[:12]}"


def live_image(live: Item | None) -> Image:
    """The image that is live. CommandError if none is."""
    if live is None:
        raise CommandError(Exit.MISUSED, "nothing is live yet", "name an image with --image TAG")
    return Image(live["live_digest"], live.get("live_tag"))


def means(entry: Item, name: str) -> bool:
    """Whether a person means that entry of the ledger by the name."""
    if VERSION.fullmatch(name):
        return version(entry.get("release")) == name
    execution = str(entry.get("execution", ""))
    if name in (entry.get("tag"), execution, execution.rpartition(":")[2]):
        return True
    return bool(_DIGEST.fullmatch(name)) and str(entry.get("digest", "")).removeprefix("sha256:").startswith(
        name.removeprefix("sha256:")
    )


def find(entries: Iterable[Item], name: str, live: Item | None) -> Item:
    """The newest entry that is meant, the newest first. CommandError if there is none."""
    known: list[str] = []
    for entry in entries:
        if is_previous(entry, live) if name == PREVIOUS else means(entry, name):
            return entry
        if entry["outcome"] == "deployed" and len(known) < _KNOWN:
            known.append(" ".join(filter(None, (version(entry.get("release")), entry.get("tag")))))
    newest = f"the newest are {', '.join(filter(None, known))}; " if known else ""
    raise CommandError(
        Exit.NOT_ALLOWED,
        "there is no release before the live one" if name == PREVIOUS else f"there is no release or deployment {name}",
        f"{newest}`rota history --all` lists them",
        error="NoRelease",
    )


def is_previous(entry: Item, live: Item | None) -> bool:
    """Whether an entry is of a release whose image or schedule file differs from what is live."""
    if live is None or entry["outcome"] != "deployed":
        return False
    now = (live["live_digest"], live["live_schedule_key"], live["live_schedule_version"])
    return now != (entry.get("digest"), entry.get("schedule_key"), entry.get("schedule_version"))


def image(account: "Account", name: str, entries: Iterable[Item]) -> Image:
    """The image that is meant by a tag or a digest in ECR, or by a release. CommandError if there is none."""
    stack, ecr = account.stack, account.client("ecr")
    whole = _WHOLE.fullmatch(name)
    wanted: Any = {"imageDigest": name} if whole else {"imageTag": name}
    try:
        found = ecr.describe_images(repositoryName=stack.repository, imageIds=[wanted])["imageDetails"]
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.InvalidParameterException):
        found = []
    if found:
        tags = found[0].get("imageTags", [])
        return Image(found[0]["imageDigest"], tags[0] if whole and tags else None if whole else name)
    entry = next((each for each in entries if each.get("digest") and means(each, name)), None)
    if entry is None or whole:
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"there is no image {name} in the repository {stack.repository}, nor a release of that name",
            f"its tags: aws ecr describe-images --repository-name {stack.repository} "
            "--query 'imageDetails[].imageTags[]'",
            error="NoImage",
        )
    return Image(entry["digest"], entry.get("tag"))
