"""What several probes need of the service, its revision, the table and the schedule file, asked once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rota.cli.status.gather import gather as gather_status
from rota.cli.table import Item, version
from rota.errors import ConfigError
from rota.schedule_file.parse import ANY_NUMBER, parse_schedule_file

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack
    from rota.cli.status.model import Status
    from rota.schedule_file.task import Task

_RELEASES = 20
"""The live release and those before it that can be rolled back to."""
_LOOKS_BACK = 100
"""Deployments among which these are."""


@dataclass(frozen=True)
class File:
    """A version of a schedule file."""

    key: str
    version: str
    content: bytes


@dataclass(frozen=True)
class Facts:
    """`definition` is what the service runs; None where there is no such service, or it cannot be seen."""

    account: "Account"
    stack: "Stack"
    status: "Status"
    described: Mapping[str, Any] | None
    definition: Mapping[str, Any] | None
    tags: Mapping[str, str]
    ended: Sequence[Item]
    """The newest deployments that have ended."""

    def client(self, service: str) -> Any:
        return self.account.client(service)

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """The containers of what the service runs."""
        return list((self.definition or {}).get("containerDefinitions", ()))

    @property
    def container(self) -> Mapping[str, Any] | None:
        """The one that runs the jobs."""
        return next((each for each in self.containers if each["name"] == self.stack.container), None)

    @cached_property
    def digests(self) -> dict[str, str]:
        """By digest the name of each release that is live or can be rolled back to, the newest first."""
        entries = [each for each in self.ended if each["outcome"] == "deployed"]
        live = self.status.release
        found = {live.digest: live.release or live.tag or live.digest[:19]} if live else {}
        for each in entries[:_RELEASES]:
            name = version(each.get("release")) or each.get("tag") or each["digest"][:19]
            found.setdefault(each["digest"], str(name))
        return found

    @cached_property
    def newest_file(self) -> File | None:
        """The newest version of the first key that is there; None if there is none, or a key depends on the image."""
        s3 = self.client("s3")
        for key in self.schedule_keys if not any("{" in each for each in self.schedule_keys) else ():
            try:
                found = s3.get_object(Bucket=self.stack.bucket, Key=key)
            except s3.exceptions.NoSuchKey:
                continue
            return File(key, found["VersionId"], found["Body"].read())
        return None

    @property
    def schedule_keys(self) -> list[str]:
        return [each for each in self.stack.outputs.get("ScheduleFileKeys", "").split(",") if each]

    def parse(self, content: bytes) -> "tuple[Task, ...]":
        """The tasks of a schedule file. Raises ConfigError."""
        return parse_schedule_file(content, rule_prefix=self.stack.rule_prefix, max_tasks=ANY_NUMBER)

    @cached_property
    def demanding(self) -> "list[Task]":
        """The tasks that need something of their own in the account, as the newest file and the live one have them."""
        found: list[Task] = []
        for content in self._files():
            with suppress(ConfigError):  # of which the schedule file's own probe says what is wrong
                tasks = self.parse(content)
                found += [each for each in tasks if each.secrets or each.network or each.capacity_provider]
        return found

    def _files(self) -> Iterator[bytes]:
        live, newest, s3 = self.status.release, self.newest_file, self.client("s3")
        if newest:
            yield newest.content
        if live and live.schedule_version and not (newest and newest.version == live.schedule_version):
            named = {"Key": live.schedule_key, "VersionId": live.schedule_version}
            with suppress(s3.exceptions.NoSuchKey):
                yield s3.get_object(Bucket=self.stack.bucket, **named)["Body"].read()

    def roles(self) -> Iterator[str]:
        """The ARNs of the roles that ECS gives to tasks."""
        yield from dict.fromkeys(self.stack.listed("TaskRoleArns"))


def gather(account: "Account") -> Facts:
    """Raises what AWS refuses of what `rota status` asks too: without it there is nothing to look at."""
    stack, ecs = account.stack, account.client("ecs")
    status = gather_status(account, stack)
    found = ecs.describe_services(cluster=stack.cluster, services=[stack.service])["services"]
    described = next((each for each in found if each["status"] == "ACTIVE"), None)
    definition, tags = None, {}
    if described and "taskDefinition" in described:
        answer = ecs.describe_task_definition(taskDefinition=described["taskDefinition"], include=["TAGS"])
        definition, tags = answer["taskDefinition"], {each["key"]: each["value"] for each in answer.get("tags", ())}
    return Facts(account, stack, status, described, definition, tags, account.table.present(_LOOKS_BACK).deployments)
