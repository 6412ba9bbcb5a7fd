"""Keeping the plans of the last releases, which the bucket's lifecycle rules would delete by their age alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from rota.deployment import artifacts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from rota.contract.deployment import Stored
    from rota.deployment.releases import Release

# Days before an object expires: a sweep may be missed for some.
_IN_TIME = 7


def keep(s3: "S3Client", bucket: str, kept: Iterable["Release"], history_days: int, now: datetime) -> int:
    """Store again what a rollback to one of these releases needs and would soon expire. Returns how many objects.

    The version that the release names is deleted then; `artifacts.read_kept` reads the newest instead.
    """
    longest = timedelta(days=history_days - _IN_TIME)
    old = (release for release in kept if now - release.since >= longest)
    needed = [stored for release in old for stored in (release.plan, release.revisions) if stored]
    return sum(_keep(s3, bucket, stored, now - longest) for stored in needed)


def _keep(s3: "S3Client", bucket: str, stored: "Stored", oldest: datetime) -> bool:
    try:
        if s3.head_object(Bucket=bucket, Key=stored.key)["LastModified"] > oldest:
            return False
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
    try:
        content = artifacts.read_kept(s3, bucket, stored)
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        Logger(child=True).warning("what a release needs to be brought back is gone", key=stored.key)
        return False
    s3.put_object(Bucket=bucket, Key=stored.key, Body=content, ContentType="application/json")
    return True
