"""The code that a template deploys: zipped, in a bucket of its own."""

import hashlib
import io
import zipfile
from pathlib import Path

from stage.moto.clients import client

BUCKET = "stage-artifacts"
"""As that of `sam deploy --s3-bucket`."""


def zipped(*directories: Path, inside: Path | None = None) -> bytes:
    """The files of one directory, or of several under `inside`, as a zip; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for directory in directories:
            start = inside / directory.name if inside else Path()
            for path in sorted(directory.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.writestr(zipfile.ZipInfo(str(start / path.relative_to(directory))), path.read_bytes())
    return content.getvalue()


def upload(content: bytes) -> dict[str, str]:
    """Put code into the bucket. Returns where it is, as a template names it."""
    key = hashlib.sha256(content).hexdigest()
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return {"Bucket": BUCKET, "Key": key}
