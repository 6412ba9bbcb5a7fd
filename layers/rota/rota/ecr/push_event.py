"""The event that starts a deployment: ECR's *ECR Image Action*, from EventBridge or typed in by a person.

Shape: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rota.contract import STEPS, Image
from rota.errors import RejectedError

# A quarter of what a state is handed: RestoreDeployment is handed the document beside the input, and the event of an
# execution's end holds its input as text, with each quote escaped.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_LONGEST = 64 * 1024
# Characters that are shown of an input that is no object.
_MOST_SHOWN = 40
# Characters of one value, which may be as long as the input.
_LONGEST_QUOTE = 200
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,299}")
_ATTACHMENT = re.compile(r"sha256-[0-9a-f]{64}(\.|$)")
# Of an image and of an index of images: ECR's documents do not say what the event tells of the latter.
_IMAGES = (
    *("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"),
    *("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"),
)
# What the machine adds to its document. An execution's output holds them too, and is no input.
_ADDED = list(dict.fromkeys(["error", *(step.result for step in STEPS)]))


def parse_image(event: Any, repository: str) -> Image:
    """The pushed image. RejectedError names everything that keeps `event` from being a push to `repository`."""
    problems = list(_problems(event, repository))
    if problems:
        raise RejectedError(
            "the input is no ECR push that can be deployed: "
            + "; ".join(problems)
            + ". Start the execution with the event as EventBridge gives it."
        )
    detail = event["detail"]
    return Image(
        repository=repository,
        digest=detail["image-digest"],
        tag=detail.get("image-tag") or None,
        event_id=event.get("id"),
        pushed_at=_parse_timestamp(event.get("time")),
    )


def reason_to_skip(event: Mapping[str, Any]) -> str | None:
    """Why there is nothing to deploy in a push that `image` takes; None for an image, and where ECR does not say.

    Signing and attestation tools push beside an image, by a tag made of its digest; of the cache of a build, a chart
    and the like ECR's event tells the type. Where the event has an empty tag, a push by digest alone started it, as the
    parts of an image index are pushed: a pattern of `*` may let that through.
    """
    tag, kind = (event["detail"].get(key) for key in ("image-tag", "artifact-media-type"))
    if tag == "":
        return "it was pushed without a tag, as the parts of an image index are"
    if tag and _ATTACHMENT.match(tag):
        return f"{tag} is a signature or an attestation, no image"
    if kind and kind not in _IMAGES:
        return f"{tag} is {kind}, no image"
    return None


def _problems(event: Any, repository: str) -> Iterator[str]:
    if not isinstance(event, Mapping):
        yield f"it is {json.dumps(event)[:_MOST_SHOWN]}, it must be an object with detail in it"
        return
    length = len(json.dumps(event))
    if length > _LONGEST:
        yield (
            f"it has {length:,} characters, it may have {_LONGEST:,}: Step Functions hands all of it to "
            "RestoreDeployment too, and what could not be put back must not begin"
        )
    if not isinstance(event.get("dry_run", False), bool):
        yield f"dry_run is {json.dumps(event['dry_run'])}, it must be true or false"
    yield from _misplaced_dry_runs(event)
    added = [key for key in _ADDED if key in event]
    if added:
        yield f"it holds {', '.join(added)}, as an execution's output does"
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        yield "detail is missing, it must hold repository-name and image-digest"
        return
    pushed_to = detail.get("repository-name")
    if pushed_to != repository:
        yield f"detail.repository-name is {_quoted(pushed_to)}, this app deploys from {_quoted(repository)}"
    digest = detail.get("image-digest")
    if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        yield f"detail.image-digest is {_quoted(digest)}, it must be sha256: and 64 hexadecimal digits"
    tag = detail.get("image-tag")
    if tag != "" and "image-tag" in detail and not (isinstance(tag, str) and _TAG.fullmatch(tag)):
        yield f"detail.image-tag is {_quoted(tag)}, it must be a tag: letters, digits, _ . and -, 300 at most"
    # A person may leave the time out.
    if event.get("time") is not None and not _parse_timestamp(event["time"]):
        yield f"time is {_quoted(event['time'])}, it must be a moment such as 2026-11-24T06:00:00Z"
    if not isinstance(event.get("id", ""), str):
        yield f"id is {_quoted(event['id'])}, it must be text"
    if detail.get("action-type", "PUSH") != "PUSH" or detail.get("result", "SUCCESS") != "SUCCESS":
        yield f"it tells of {detail.get('action-type')} {detail.get('result')}, not of a PUSH that was a SUCCESS"


def _misplaced_dry_runs(event: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each key that means dry_run and is not: it would deploy what somebody wants only to see."""
    places = {"": event, "detail.": event["detail"] if isinstance(event.get("detail"), Mapping) else {}}
    for where, keys in places.items():
        for key in keys:
            if re.sub(r"[^a-z]", "", key.lower()) == "dryrun" and f"{where}{key}" != "dry_run":
                yield f'{where}{key} is no key of a push; write "dry_run", beside detail'


def _quoted(value: object) -> str:
    """A value for a sentence, in JSON's own words."""
    return "missing" if value is None else json.dumps(value)[:_LONGEST_QUOTE]


def _parse_timestamp(text: object) -> datetime | None:
    """What ISO 8601 means by the text, in UTC; None if it is no moment, or one without its offset."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):  # the latter of the first and the last day of all
        return None
