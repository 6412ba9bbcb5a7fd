"""Manifests of made-up images: the stage stores images as ECR does, but none is ever pulled."""

import hashlib
import json

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_IMAGE = "application/vnd.docker.container.image.v1+json"


def manifest(content: str, kind: str = _IMAGE) -> str:
    """The manifest of an image with this content; its digest follows from the content.

    `kind` is the media type of its config, which is different for artifacts that are not images, such as a build cache.
    docs.docker.com/registry/spec/manifest-v2-2 describes the shape.
    """
    layer = content.encode()
    config = b'{"architecture":"amd64","os":"linux"}' + layer
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE,
            "config": _blob(kind, config),
            "layers": [_blob("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
        }
    )


def digest(content: str) -> str:
    """The digest of an image with this content: that of its manifest."""
    return f"sha256:{hashlib.sha256(manifest(content).encode()).hexdigest()}"


def _blob(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(content), "digest": f"sha256:{hashlib.sha256(content).hexdigest()}"}
