"""One version of a schedule file: which a person named in the execution's input, or a release had."""

from typing import TYPE_CHECKING

from rota.contract.deployment import Stored
from rota.deployment import artifacts
from rota.errors import ConfigError, RejectedError
from rota.schedule_file.parse import LARGEST_FILE
from rota.schedule_file.s3 import display_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read(s3: "S3Client", bucket: str, file: Stored) -> bytes:
    """Its content. RejectedError if there is no such version, or none any more; ConfigError if it is too long."""
    name = display_name(bucket, file)
    try:
        reply = s3.get_object(Bucket=bucket, Key=file.key, VersionId=file.version_id)
    except s3.exceptions.ClientError as error:
        # InvalidArgument: what is no id of a version at all.
        if not (artifacts.is_gone(error) or error.response["Error"]["Code"] == "InvalidArgument"):
            raise
        raise RejectedError(
            f"there is no {name}, or not any more; name a key and a version that `aws s3api list-object-versions` lists"
        ) from error
    if reply["ContentLength"] > LARGEST_FILE:
        raise ConfigError(f"{name} has {reply['ContentLength']:,} bytes, and a schedule file may have {LARGEST_FILE:,}")
    return reply["Body"].read()
