"""What ECR reports of pushes, and of an image that is archived."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError, code_of, tried
from rota.cli.verify_account.resources import QUEUE, REPOSITORY, RULE, Queue
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import events

_MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
_BLOB = b"{}"
_UPLOAD = ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
_EVENT_SECONDS = 20
_NO_EVENT_SECONDS = 10
"""How long an event is waited for that is not expected."""
_SECONDS = 90
_TAG = "verify"


Detail = dict[str, Any]


@dataclass(frozen=True)
class _Pushes:
    untagged: Detail | None
    """What the event of an untagged push says; None if there was no event."""
    kept: list[str]
    """The tags in the events that the pattern `anything-but: ""` lets through."""
    again: tuple[str, str]
    """What ECR answers to the same push again."""
    after_again: int
    """The number of events that came of it."""


@probe(REPOSITORY, QUEUE, RULE, actions=(*_UPLOAD, *events.RECEIVE))
def pushes(account: Account) -> _Pushes:
    """Push images with and without a tag, then one again; two rules take the events, one of tagged pushes alone."""
    repository = resources.repository(account, "pushes")
    every, tagged = resources.queue(account, "every-push"), resources.queue(account, "tagged-push")
    pattern: dict[str, Any] = {"source": ["aws.ecr"], "detail": {"repository-name": [repository]}}
    resources.rule(account, "every-push", {"Arn": every.arn}, EventPattern=json.dumps(pattern))
    pattern["detail"]["image-tag"] = [{"anything-but": ""}]
    resources.rule(account, "tagged-push", {"Arn": tagged.arn}, EventPattern=json.dumps(pattern))
    number, kept = count(), list[Detail]()

    def heard(queue: Queue, digest: str) -> list[Detail]:
        """What comes from a queue up to the event of this image."""

        def there(messages: Sequence[Any]) -> bool:
            return any(_detail(each)["image-digest"] == digest for each in messages)

        return [_detail(each) for each in events.collect(account, queue, there, _EVENT_SECONDS)]

    def event_of_untagged() -> Detail | None:
        """Another image without a tag is pushed while the rule has not taken effect."""
        digest = _push(account, repository, f"untagged {next(number)}")
        return next((each for each in heard(every, digest) if each["image-digest"] == digest), None)

    def passes(tag: str) -> bool:
        """Whether the event of an image with a tag comes through the pattern."""
        digest = _push(account, repository, f"tagged {tag}", tag)
        kept.extend(heard(tagged, digest))
        return any(each["image-digest"] == digest for each in kept)

    untagged = account.wait(event_of_untagged, _SECONDS)
    if account.wait(lambda: passes(f"{_TAG}-{next(number)}"), _SECONDS):
        event_of_untagged()
        passes(_TAG)  # it comes after that of the image without a tag
    last = f"{_TAG}-last"
    if not heard(every, _push(account, repository, last, last)):
        raise NothingSeenError("no push has an event that a new rule takes")
    again = tried(lambda: _push(account, repository, last, last))
    more = [_detail(each) for each in events.collect(account, every, lambda _: False, _NO_EVENT_SECONDS)]
    repeated = [each for each in more if each.get("image-tag") == last]
    return _Pushes(untagged, [each.get("image-tag", "") for each in kept], again, len(repeated))


@probe(REPOSITORY, actions=(*_UPLOAD, "ecr:UpdateImageStorageClass", "ecr:DescribeImages"))
def archived(account: Account) -> tuple[str, str]:
    """How DescribeImages answers for the digest of an archived image."""
    repository, ecr = resources.repository(account, "archive"), account.client("ecr")
    image = {"imageDigest": _push(account, repository, "archived")}
    ecr.update_image_storage_class(repositoryName=repository, imageId=image, targetStorageClass="ARCHIVE")

    def answer() -> tuple[str, str]:
        try:
            found = ecr.describe_images(repositoryName=repository, imageIds=[image])["imageDetails"]
        except ClientError as refusal:
            return code_of(refusal), ""
        return ("the image", found[0].get("imageStatus", "")) if found else ("an empty list", "")

    # ECR may need a moment to archive it.
    return account.wait(lambda: given if (given := answer())[1] != "ACTIVE" else None, _SECONDS) or answer()


def _push(account: Account, repository: str, content: str, tag: str | None = None) -> str:
    """Push an image of two bytes, which nothing could run. Returns its digest."""
    ecr = account.client("ecr")
    blob = {"digest": f"sha256:{hashlib.sha256(_BLOB).hexdigest()}", "size": len(_BLOB)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MEDIA_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blob},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob}],
        "annotations": {"content": content},
    }
    request = {
        "repositoryName": repository,
        "imageManifest": json.dumps(manifest),
        "imageManifestMediaType": _MEDIA_TYPE,
        **({"imageTag": tag} if tag else {}),
    }
    try:
        image = ecr.put_image(**request)["image"]
    except ClientError as refusal:
        if code_of(refusal) != "LayersNotFoundException":
            raise
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        part = {"repositoryName": repository, "uploadId": upload}
        ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=len(_BLOB) - 1, layerPartBlob=_BLOB)
        ecr.complete_layer_upload(**part, layerDigests=[blob["digest"]])
        image = ecr.put_image(**request)["image"]
    return str(image["imageId"]["imageDigest"])


def _detail(message: dict[str, Any]) -> Detail:
    detail: Detail = json.loads(message["Body"])["detail"]
    return detail


def _read_untagged(seen: _Pushes) -> Seen:
    if seen.untagged is None:
        return Seen("no event")
    return Seen(f'"image-tag": {json.dumps(seen.untagged["image-tag"])}' if "image-tag" in seen.untagged else "absent")


def _read_kept(seen: _Pushes) -> Seen:
    if not seen.kept:
        return Seen("none")
    return Seen("only tagged ones" if all(seen.kept) else "others too", ", ".join(map(json.dumps, seen.kept)))


def _read_again(seen: _Pushes) -> Seen:
    return Seen(f"{seen.again[0]}, {'another' if seen.after_again else 'no'} event")


ROWS = (
    Row(
        id="untagged-push",
        group="free",
        assumption="The event of a push without a tag has an empty `image-tag`.",
        expected='"image-tag": ""',
        meaning="Each part of a multi-platform image starts an execution, which ends in Ignored.",
        then="`ImageTagPattern`: one that your tags match and that begins with a letter.",
        probe=pushes,
        read=_read_untagged,
    ),
    Row(
        id="untagged-push-pattern",
        group="free",
        assumption='The pattern `{"anything-but": ""}` takes tagged pushes and no others.',
        expected="only tagged ones",
        meaning="Pushes start nothing, or parts of multi-platform images start executions that end in Ignored.",
        then="`ImageTagPattern`: one that your tags match and that begins with a letter.",
        probe=pushes,
        read=_read_kept,
    ),
    Row(
        id="same-push-again",
        group="free",
        assumption="The same image by the same tag again is refused and has no event.",
        expected="ImageAlreadyExistsException, no event",
        meaning="A push that changes nothing starts an execution, which ends in NothingToDo.",
        then="Nothing.",
        probe=pushes,
        read=_read_again,
    ),
    Row(
        id="archived-image",
        group="free",
        assumption="DescribeImages by the digest of an archived image answers an empty list.",
        expected="an empty list",
        meaning="The message says that the image is not in ECR, not that it may be archived.",
        then="Nothing; `aws ecr list-images --filter imageStatus=ARCHIVED` shows it.",
        probe=archived,
        read=lambda answer: Seen(*answer),
    ),
)
