"""The event that starts a deployment: ECR's *ECR Image Action* or *ECR Replication Action*, from EventBridge or typed
by a person.

Shape: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rota import execution_input
from rota.contract.deployment import Execution, Image
from rota.contract.steps import STEPS
from rota.errors import RejectedError

# A quarter of a state's input: that of RestoreDeployment has the document beside the event, and the event of an
# execution's end has its input as a string, with each quote escaped.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_LONGEST_EVENT = 64 * 1024
# Characters that a message quotes of an input that is not an object, and of one value.
_LONGEST_INPUT_QUOTE, _LONGEST_QUOTE = 40, 200
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,299}")
_ACTIONS = ("PUSH", "REPLICATE")
_ATTACHMENT = re.compile(r"sha256-[0-9a-f]{64}(\.|$)")
# Of an image and of an index of images: ECR's documentation does not say which type its event has for an index.
_IMAGE_TYPES = (
    *("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"),
    *("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"),
)
# Keys that the state machine adds to its document. An execution's output has them too, and is not an input.
_ADDED_KEYS = list(dict.fromkeys(["error", *(step.result for step in STEPS)]))


def parse_image(event: Any, repository: str, execution: Execution) -> Image:
    """The pushed image. RejectedError lists everything that is wrong with `event` as a push to `repository`.

    The registry is the one of the execution's account and Region: a bus may receive the events of others.
    """
    problems = list(_problems(event, repository, execution))
    if problems:
        raise RejectedError(
            "the input is not an ECR push that can be deployed: "
            + "; ".join(problems)
            + ". Start the execution with the event that EventBridge sends."
        )
    detail = event["detail"]
    return Image(
        repository=repository,
        digest=detail["image-digest"],
        tag=detail.get("image-tag") or None,
        event_id=event.get("id"),
        pushed_at=_parse_timestamp(event.get("time")),
    )


def reason_to_skip(event: Mapping[str, Any], artifact_type: str | None = None) -> str | None:
    """Why a push that `parse_image` takes is not deployed; None for an image, and if ECR's event does not say.

    `artifact_type` is what ECR says of the image, for an event that has no type: a replication's.

    Signing and attestation tools push with a tag made of the image's digest. A build cache, a chart and the like have
    their type in the event. An empty tag means a push by digest, as for the parts of an image index; the template's
    rule starts no execution for it, a person can.
    """
    tag, kind = event["detail"].get("image-tag"), event["detail"].get("artifact-media-type", artifact_type)
    if tag == "":
        return "it was pushed without a tag, as the parts of an image index are"
    if tag and _ATTACHMENT.match(tag):
        return f"{tag} is a signature or an attestation, not an image"
    if kind and kind not in _IMAGE_TYPES:
        return f"{tag} is {kind}, not an image"
    return None


def is_replication(event: Mapping[str, Any]) -> bool:
    """Whether an event that `parse_image` takes reports an image that came from another registry. It does not say when
    that was pushed there.
    """
    action: str | None = event["detail"].get("action-type")
    return action == "REPLICATE"


def _problems(event: Any, repository: str, execution: Execution) -> Iterator[str]:
    if not isinstance(event, Mapping):
        yield f"it is {json.dumps(event)[:_LONGEST_INPUT_QUOTE]}, it must be an object with detail in it"
        return
    length = len(json.dumps(event))
    if length > _LONGEST_EVENT:
        yield (
            f"it has {length:,} characters, it may have {_LONGEST_EVENT:,}: RestoreDeployment is given "
            "all of it too, and a longer one could not be restored"
        )
    yield from execution_input.problems(event)
    added = [key for key in _ADDED_KEYS if key in event]
    if added:
        yield f"it has the keys {', '.join(added)}, which an execution's output has"
    # A person who types the event may leave out both.
    here = {"region": execution.region, "account": execution.account}
    yield from (
        f"{key} is {_quoted(event[key])}, this app deploys from the registry of {where}"
        for key, where in here.items()
        if event.get(key, where) != where
    )
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
    # A person who types the event may leave out the time.
    if event.get("time") is not None and not _parse_timestamp(event["time"]):
        yield f"time is {_quoted(event['time'])}, it must be a timestamp such as 2026-11-24T06:00:00Z"
    if not isinstance(event.get("id", ""), str):
        yield f"id is {_quoted(event['id'])}, it must be a string"
    if detail.get("action-type", "PUSH") not in _ACTIONS or detail.get("result", "SUCCESS") != "SUCCESS":
        yield (
            f"it reports {detail.get('action-type')} {detail.get('result')}, it must report "
            f"{' or '.join(_ACTIONS)} with SUCCESS"
        )


def _quoted(value: object) -> str:
    """A value for a message, as JSON."""
    return "missing" if value is None else json.dumps(value)[:_LONGEST_QUOTE]


def _parse_timestamp(text: object) -> datetime | None:
    """An ISO 8601 timestamp, in UTC; None if it is not one, or has no offset."""
    try:
        timestamp = datetime.fromisoformat(text) if isinstance(text, str) else None
        return timestamp.astimezone(UTC) if timestamp and timestamp.tzinfo else None
    except (ValueError, OverflowError):  # the latter for the first and the last day of the calendar
        return None
