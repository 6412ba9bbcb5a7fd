"""A schedule file that is uploaded to be deployed."""

from typing import TYPE_CHECKING, NamedTuple

from rota.cli.exits import CommandError, Exit
from rota.deployment.uploads import DEPLOYED_BY

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.releases import Image


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
