"""What most probes need of the service, its revision and the table, asked once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rota.cli.status.gather import gather as gather_status
from rota.cli.table import Item, version

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack
    from rota.cli.status.model import Status

_RELEASES = 20
"""The live release and those before it that can be rolled back to."""
_LOOKS_BACK = 100
"""Deployments among which these are."""


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
