"""Schedule files in the stack's bucket."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rota.cli.frame import Account


def newest_version(account: "Account", key: str) -> str | None:
    """The id of the version that a push would read now; None if there is no such file, or it was deleted."""
    from botocore.exceptions import ClientError

    from rota.deployment.artifacts import is_gone

    try:
        return str(account.client("s3").head_object(Bucket=account.stack.bucket, Key=key)["VersionId"])
    except ClientError as error:
        if is_gone(error):
            return None
        raise
