"""The schedule file in S3: the first of several keys that exists, at one version."""

from typing import TYPE_CHECKING

from rota.contract.deployment import Image, Stored
from rota.errors import ConfigError
from rota.schedule_file.parse import LARGEST_FILE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def candidate_keys(patterns: tuple[str, ...], image: Image) -> list[str]:
    """The keys to try, in order, with `{repository}`, `{tag}` and `{digest}` filled in. For an image without a tag, the
    patterns with `{tag}` are left out.
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


def each_image_has_its_own(patterns: tuple[str, ...]) -> bool:
    """Whether the key of a schedule file follows from the image."""
    return any(placeholder in pattern for pattern in patterns for placeholder in ("{tag}", "{digest}"))


def without_image(patterns: tuple[str, ...], repository: str) -> list[str]:
    """The keys to try where each image has the same, in order."""
    return [pattern.replace("{repository}", repository) for pattern in patterns]


def find_schedule_file(s3: "S3Client", bucket: str, candidates: list[str]) -> tuple[Stored, bytes]:
    """The first of `candidates` that exists: its version and its content. ConfigError names all that were tried."""
    if not candidates:
        raise ConfigError(
            "no schedule file to look for: every key of the parameter ScheduleKeys has {tag} in it, and the image was "
            "pushed without a tag. Push it with a tag, or add a key without {tag}, such as scheduled_tasks.json"
        )
    for key in candidates:
        try:
            reply = s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            continue
        if reply["ContentLength"] > LARGEST_FILE:
            raise ConfigError(
                f"s3://{bucket}/{key} has {reply['ContentLength']:,} bytes, and the limit for a schedule file is "
                f"{LARGEST_FILE:,}; make it shorter"
            )
        return Stored(key=key, version_id=reply["VersionId"]), reply["Body"].read()
    tried = ", ".join(f"s3://{bucket}/{key}" for key in candidates)
    raise ConfigError(
        f"there is no schedule file; tried {tried}. Upload it, then push the image or start the execution again"
    )


def display_name(bucket: str, stored: Stored) -> str:
    """That version in a message: `s3://bucket/key (version ...)`."""
    return f"s3://{bucket}/{stored.key} (version {stored.version_id})"
