"""A push to ECR: stores the image by its real digest and publishes the event.

docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html. moto computes the digest of the layers instead of
the manifest's, drops an image whose only tag moves, and publishes no event.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import ImageAlreadyExistsException, RepositoryNotFoundException
from moto.ecr.models import ECRBackend, Image, Repository, ecr_backends

from stage.ecr.archive import artifact_type, set_status, status_of
from stage.eventbridge.bus import Event, event
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION


class Images:
    """A hook that answers PutImage, with moto's backend, and publishes the PUSH event."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish

    def before(self, call: Call) -> Reply | None:
        if call.key != ("ecr", "PutImage"):
            return None
        try:
            image = put_image(call.params)
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message)
        return Reply.result(call, {"image": image})

    def after(self, call: Call, reply: Reply) -> None:
        """Publish a successful push. ECR refuses the same tag on the same image again, so there is no event then."""
        if call.key == ("ecr", "PutImage") and reply.ok:
            self._publish(push_event(reply.data["image"]))


def put_image(request: dict[str, Any]) -> dict[str, Any]:
    """Store an image, or add a tag to one that is stored. Returns ECR's `Image`.

    Raises RepositoryNotFoundException, InvalidParameterException, ImageDigestDoesNotMatchException,
    ImageAlreadyExistsException and ImageTagAlreadyExistsException (an immutable tag). Layers are not checked: the stage
    has none.
    """
    store: ECRBackend = ecr_backends[ACCOUNT][REGION]
    name, manifest, tag = request.get("repositoryName", ""), request.get("imageManifest", ""), request.get("imageTag")
    repository = store.repositories.get(name)
    if repository is None:
        raise RepositoryNotFoundException(name, ACCOUNT)
    if not isinstance(_json(manifest), dict):
        problem = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        raise ServiceException("InvalidParameterException", problem)
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    if request.get("imageDigest", digest) != digest:
        raise ServiceException(
            "ImageDigestDoesNotMatchException", "The digest of the image does not match its manifest."
        )
    there = next((image for image in repository.images if image.image_digest == digest), None)
    if there and (tag is None or tag in there.image_tags):
        if status_of(there) == "ACTIVE":
            raise ImageAlreadyExistsException(name, ACCOUNT, digest, str(tag))
        set_status(there, "ACTIVE")
        return _answer(name, there, manifest, tag)
    if tag is not None:
        try:
            store._resolve_image_tag_mutability(repository, tag)
        except ImageAlreadyExistsException:  # moto's exception for it
            raise ServiceException(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because "
                "the tag is immutable.",
            ) from None
        _untag(repository, tag)
    image = store.put_image(name, manifest, tag, request.get("imageManifestMediaType"), digest)  # type: ignore[arg-type] # moto takes None for "untagged"
    set_status(image, "ACTIVE")
    return _answer(name, image, manifest, tag)


def _answer(name: str, image: Image, manifest: str, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageId": {"imageDigest": image.image_digest, **({"imageTag": tag} if tag else {})},
        "imageManifest": manifest,
        "imageManifestMediaType": image.image_manifest_media_type,
    }


def push_event(image: dict[str, Any]) -> Event:
    """The *ECR Image Action* event of a push; the `image-tag` of an untagged image is empty."""
    detail = {
        "result": "SUCCESS",
        "repository-name": image["repositoryName"],
        "image-digest": image["imageId"]["imageDigest"],
        "action-type": "PUSH",
        "image-tag": image["imageId"].get("imageTag", ""),
        "manifest-media-type": image.get("imageManifestMediaType"),
        "artifact-media-type": artifact_type(image["imageManifest"]),
    }
    return event("aws.ecr", "ECR Image Action", {name: value for name, value in detail.items() if value is not None})


def _untag(repository: Repository, tag: str) -> None:
    """Remove a tag from its image; the image stays in the repository, as in ECR."""
    for image in repository.images:
        if tag in image.image_tags:
            image.remove_tag(tag)
            image.image_tag = image.image_tags[-1] if image.image_tags else None  # type: ignore[assignment] # moto takes None for "untagged"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
