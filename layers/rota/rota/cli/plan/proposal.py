"""A schedule file that is to be planned and not deployed: it is stored in the bucket for the dry run alone."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from rota.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from rota.cli.frame import Account


class Proposal(NamedTuple):
    """The file's name here, and where it is stored."""

    name: str
    key: str
    version: str

    @property
    def keys(self) -> dict[str, str]:
        """What the execution's input says of it."""
        return {"schedule_key": self.key, "schedule_version": self.version}


def store(account: "Account", name: str) -> Proposal:
    """Check the file and store it. `-` is standard input. CommandError for one that has problems, before any call."""
    return store_content(account, name, checked(account, name, "plan"))


def store_content(account: "Account", name: str, content: bytes) -> Proposal:
    """Store the JSON of that file."""
    from rota.execution_input import PROPOSALS

    key = f"{PROPOSALS}{hashlib.sha256(content).hexdigest()}.json"
    stored = account.client("s3").put_object(
        Bucket=account.stack.bucket, Key=key, Body=content, ContentType="application/json"
    )
    return Proposal("standard input" if name == "-" else name, key, stored["VersionId"])


def checked(account: "Account", name: str, what: str) -> bytes:
    """The file as the machine reads it, JSON. CommandError for one that has problems: correct that, then `what`."""
    from rota.cli.local_file.source import raw, read
    from rota.schedule_file.parse import ANY_NUMBER

    source = read(name, raw(name))
    if problems := source.problems(rule_prefix=account.stack.rule_prefix, max_tasks=ANY_NUMBER):
        count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
        listed = "\n".join(map(str, problems))
        raise CommandError(
            Exit.FAILED,
            f"{name} has {count}",
            f"correct that, then {what} again",
            error="ConfigError",
            acts="author",
            listed=listed,
        )
    return source.json
