"""What the live release recorded of its revisions, so that a deployment need not read them again."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from rota.settings import Settings


def recorded_revisions(_dynamodb: "DynamoDBClient", _s3: "S3Client", _settings: "Settings") -> dict[str, str]:
    """Fingerprints by ARN."""
    return {}
