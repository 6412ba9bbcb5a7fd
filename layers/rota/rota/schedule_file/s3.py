"""Where the schedule file comes from: the first of several keys that exists, read at one version."""

from typing import TYPE_CHECKING

from rota.contract import Image, Stored
from rota.errors import ConfigError
from rota.schedule_file.parse import LARGEST_FILE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def candidate_keys(patterns: tuple[str, ...], image: Image) -> list[str]:
    """The keys to try, in order: `{repository}`, `{tag}` and `{digest}` filled in. Without a tag, those that ask for
    one are left out.
    """
    values = {"{repository}": image.repository, "{tag}": image.tag or "", "{digest}": image.digest}
    filled = []
    for pattern in patterns:
        if "{tag}" in pattern and not image.tag:
            continue
        for placeholder, value in values.items():
            pattern = pattern.replace(placeholder, value)  # noqa: PLW2901  one value after the other
        filled.append(pattern)
    return filled


def find_schedule_file(s3: "S3Client", bucket: str, candidates: list[str]) -> tuple[Stored, bytes]:
    """The first of `keys` that exists: which version, and its content. ConfigError names all that were tried."""
    if not candidates:
        raise ConfigError(
            "no schedule file can be looked for: every key of the parameter ScheduleKeys asks for {tag} and the image "
            "was pushed without one. Push it with a tag, or add a key without {tag}, such as scheduled_tasks.json"
        )
    for key in candidates:
        try:
            reply = s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            continue
        if reply["ContentLength"] > LARGEST_FILE:
            raise ConfigError(
                f"s3://{bucket}/{key} has {reply['ContentLength']:,} bytes, a schedule file may have {LARGEST_FILE:,}"
            )
        return Stored(key=key, version_id=reply["VersionId"]), reply["Body"].read()
    tried = ", ".join(f"s3://{bucket}/{key}" for key in candidates)
    raise ConfigError(f"there is no schedule file; tried {tried}. Upload it before the image is pushed")


def display_name(bucket: str, stored: Stored) -> str:
    """How a person finds that version: `s3://bucket/key (version ...)`."""
    return f"s3://{bucket}/{stored.key} (version {stored.version_id})"


def read_version(s3: "S3Client", bucket: str, stored: Stored) -> bytes:
    """The very version that `find` answered."""
    return s3.get_object(Bucket=bucket, Key=stored.key, VersionId=stored.version_id)["Body"].read()
