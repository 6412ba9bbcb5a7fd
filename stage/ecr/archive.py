"""Archived images: UpdateImageStorageClass, and what ECR then shows of an image. moto has neither, nor the type of what
was pushed.

docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html. ECR lists an archived image only if it is asked for,
and a push makes it ACTIVE again. Restoring one takes ECR minutes, in which it is ACTIVATING; here it takes no time.
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.ecr.models import Image, Repository, ecr_backends

from stage import clock
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION

_LISTS = {("ecr", "DescribeImages"): "imageDetails", ("ecr", "ListImages"): "imageIds"}
_STATUS = {"ARCHIVE": "ARCHIVED", "STANDARD": "ACTIVE"}


class Archive:
    """A hook that answers UpdateImageStorageClass, and leaves out of lists what ECR does not list."""

    def before(self, call: Call) -> Reply | None:
        if call.key != ("ecr", "UpdateImageStorageClass"):
            return None
        request = call.params
        image = find_image(request["repositoryName"], request["imageId"])
        if image is None:
            return Reply.refusal(call, "ImageNotFoundException", "The image requested does not exist.")
        set_status(image, _STATUS[request["targetStorageClass"]])
        named = {"repositoryName": request["repositoryName"], "imageId": request["imageId"]}
        return Reply.result(call, {**named, "registryId": ACCOUNT, "imageStatus": status_of(image)})

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Show of each image in a list its status and its type; without a filter, only ACTIVE ones."""
        member = _LISTS.get(call.key)
        if member is None or not reply.ok:
            return None
        name, wanted = call.params["repositoryName"], call.params.get("filter", {}).get("imageStatus", "ACTIVE")
        shown = []
        for each in reply.data[member]:
            image = find_image(name, each)
            if image is None:  # made up by a test
                shown.append(each)
            elif wanted in ("ANY", status := status_of(image)):
                shown.append({**each, **_details(image, status)} if member == "imageDetails" else each)
        return Reply.as_sent({**reply.data, member: shown})


def artifact_type(manifest: str) -> str | None:
    """The media type of what a manifest describes; None for an index."""
    document = json.loads(manifest)
    found: str | None = document.get("artifactType") or document.get("config", {}).get("mediaType")
    return found


def _details(image: Image, status: str) -> dict[str, Any]:
    type_ = artifact_type(image.image_manifest)
    times = {name: at for name in ("lastArchivedAt", "lastActivatedAt") if (at := vars(image).get(name))}
    return {"imageStatus": status, **({"artifactMediaType": type_} if type_ else {}), **times}


def status_of(image: Image) -> str:
    """ACTIVE or ARCHIVED."""
    return str(vars(image).get("image_status", "ACTIVE"))


def set_status(image: Image, status: str) -> None:
    """Archive an image, or make it ACTIVE."""
    if status != status_of(image):
        vars(image)["lastArchivedAt" if status == "ARCHIVED" else "lastActivatedAt"] = clock.now()
    vars(image)["image_status"] = status


def find_image(repository: str, wanted: Mapping[str, Any]) -> Image | None:
    """The image that an imageId or a detail names."""
    stored: Repository | None = ecr_backends[ACCOUNT][REGION].repositories.get(repository)
    for image in stored.images if stored else ():
        if wanted.get("imageDigest") == image.image_digest or wanted.get("imageTag", "") in image.image_tags:
            return image
    return None
