"""`python -m rota.cli.completion.refresh WHERE`: writes the names of a stack into the user's cache, for completion."""

import json
import sys
from typing import TYPE_CHECKING

from rota.cli import live_schedules
from rota.cli.completion import cache
from rota.cli.exits import CommandError
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.table import version

if TYPE_CHECKING:
    from rota.cli.stack import Stack

_RELEASES = 20


def main(given: str) -> None:
    """`given` is a `cache.Where` as JSON. Raises what AWS refuses, which is not shown: the names stay old."""
    where = cache.Where(**json.loads(given))
    account = Account(Output(), profile=where.profile, region=where.region)
    cache.write(where, names(account, where.stack))


def names(account: Account, stack: str | None) -> dict[str, list[str]]:
    """The names of the Region's stacks, and the tasks and releases of the one that is meant, if that is clear."""
    from rota.cli import stack as stacks

    cloudformation = account.client("cloudformation")
    found = {"stacks": [each.name for each in stacks.every(cloudformation)]}
    try:
        return {**found, **_names_of_a_stack(account, stacks.find(cloudformation, stack))}
    except CommandError:
        return found


def _names_of_a_stack(account: Account, stack: "Stack") -> dict[str, list[str]]:
    tasks = live_schedules.Schedules(account, stack).listed()
    entries = [entry for entry in account.table_of(stack).present(_RELEASES).deployments if entry.get("release")]
    versions = filter(None, (version(entry["release"]) for entry in entries))
    tags = [str(entry["tag"]) for entry in entries if entry.get("tag")]
    return {"tasks": sorted(tasks), "releases": [*dict.fromkeys([*versions, *tags])]}


if __name__ == "__main__":
    main(sys.argv[1])
