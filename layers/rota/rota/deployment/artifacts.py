"""What the state machine's document (256 KiB) has no room for: JSON in the app's bucket, by key and version."""

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import ValidationError

from rota.contract.deployment import Execution, Stored
from rota.contract.shape import Shape
from rota.contract.step_io import Registered, RegisterRevisionsOutput
from rota.errors import updated_meanwhile

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

Kept = TypeVar("Kept", bound=Shape)


def write(s3: "S3Client", bucket: str, execution: Execution, name: str, content: Shape) -> Stored:
    """Store `content` as `deployments/<execution>/<name>.json`; a repeated step adds a version and harms none."""
    key = f"deployments/{execution.name}/{name}.json"
    reply = s3.put_object(
        Bucket=bucket, Key=key, Body=content.model_dump_json(indent=1).encode(), ContentType="application/json"
    )
    return Stored(key=key, version_id=reply["VersionId"])


def read(s3: "S3Client", bucket: str, stored: Stored, kind: type[Kept], extra: Literal["ignore"] | None = None) -> Kept:
    """Read back exactly the version that was written; `extra="ignore"`: whatever another version of Rota added.

    RejectedError if another version wrote what this one cannot read.
    """
    try:
        return kind.model_validate_json(read_bytes(s3, bucket, stored), extra=extra)
    except ValidationError as error:
        raise updated_meanwhile(stored.key) from error


def is_gone(error: "ClientError") -> bool:
    """Whether S3 says that an object or its version is not there, which no retry changes."""
    # HeadObject's answer has no body, so the status is the code.
    return error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405")


def read_bytes(s3: "S3Client", bucket: str, stored: Stored) -> bytes:
    """One version of one object."""
    return s3.get_object(Bucket=bucket, Key=stored.key, VersionId=stored.version_id)["Body"].read()


def read_kept(s3: "S3Client", bucket: str, stored: Stored) -> bytes:
    """That version, or the newest, if it has expired and was stored again (`rota.deployment.retention`)."""
    try:
        return read_bytes(s3, bucket, stored)
    except s3.exceptions.ClientError as error:
        if not is_gone(error):
            raise
        return s3.get_object(Bucket=bucket, Key=stored.key)["Body"].read()


def read_registered(s3: "S3Client", bucket: str, registered: RegisterRevisionsOutput | None) -> dict[str, str]:
    """ARNs by fingerprint of what a deployment registered; empty where nothing had to be."""
    if registered is None or registered.document is None:
        return {}
    return read(s3, bucket, registered.document, Registered).revisions
