"""A schedule file that is uploaded to be deployed."""

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from rota.cli.exits import CommandError, Exit
from rota.deployment.uploads import DEPLOYED_BY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rota.cli.frame import Account
    from rota.cli.releases import Image
    from rota.cli.table import Item


class Upload(NamedTuple):
    """The file's name here, its key in the bucket, and the JSON that the machine reads."""

    name: str
    key: str
    content: bytes

    def store(self, account: "Account") -> dict[str, str]:
        """Make it the newest version of its key. Returns what the execution's input says of that version: a newer one
        may follow before it is read.
        """
        bucket = account.stack.bucket
        with account.attempting(f"{self.name} may be uploaded; nothing was deployed."):
            stored = account.client("s3").put_object(
                Bucket=bucket,
                Key=self.key,
                Body=self.content,
                ContentType="application/json",
                Metadata={DEPLOYED_BY: "rota deploy"},
            )
        account.output.notes([f"{self.name} is uploaded: s3://{bucket}/{self.key}"])
        return {"schedule_key": self.key, "schedule_version": stored["VersionId"]}

    def stays(self, bucket: str, live: "Item | None") -> str:
        """What a person should know once its deployment has failed. Pure."""
        if live and live["live_schedule_key"] == self.key:
            source = shlex.quote(f"{bucket}/{self.key}?versionId={live['live_schedule_version']}")
            copy = f"aws s3api copy-object --bucket {bucket} --key {shlex.quote(self.key)} --copy-source {source}"
            undo = f"To put the live one back: {copy}"
        else:
            undo = f"To remove it: aws s3 rm {shlex.quote(f's3://{bucket}/{self.key}')}"
        return f"{self.name} stays in the bucket, and the next push reads it. {undo}"


@contextmanager
def saying_what_stays(account: "Account", upload: Upload | None) -> "Iterator[None]":
    """Around the deployment of an upload: if it fails, the error also says that the file stays."""
    try:
        yield
    except CommandError as error:
        if upload and error.code is Exit.FAILED:
            error.todo = f"{error.todo}\n{upload.stays(account.stack.bucket, account.table.present(0).live)}"
        raise


def prepare(account: "Account", name: str, image: "Image") -> Upload:
    """The file, checked; `-` is standard input. Its key is the one that a deployment of the image reads. CommandError
    for a file that has problems, before anything is written.
    """
    from rota.cli.bucket import newest_version
    from rota.cli.plan.proposal import checked
    from rota.contract.deployment import Image as Pushed
    from rota.schedule_file.s3 import candidate_keys

    stack = account.stack
    patterns = tuple(stack.outputs["ScheduleFileKeys"].split(","))
    keys = candidate_keys(patterns, Pushed(repository=stack.repository, digest=image.digest, tag=image.tag))
    if not keys:
        todo = "name it by a tag, or add a key without {tag}"
        raise CommandError(Exit.MISUSED, f"each of the ScheduleKeys has a tag, and {image} has none", todo)
    content = checked(account, name, "deploy")
    key = next((each for each in keys if newest_version(account, each)), keys[0])
    return Upload("standard input" if name == "-" else name, key, content)
