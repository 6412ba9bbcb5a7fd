"""A job as a release had it: what its rule started from then on, by the plans that the deployments stored."""

import json
from collections.abc import Iterable, Mapping
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from rota.cli import live_schedules, releases
from rota.cli.exits import CommandError, Exit
from rota.cli.run.start import Job
from rota.cli.table import Item, version
from rota.contract.deployment import Stored
from rota.deployment import artifacts
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.cli.frame import Account


def find(account: "Account", name: str, release: str) -> Job:
    """The job of that name as the release had it, also if it has left the schedule file since. CommandError if there
    is no such release, if it had no such job, or if what is stored of it is gone.
    """
    stack, table = account.stack, account.table
    task = live_schedules.task_of(name, stack.rule_prefix)
    deployed = [each for each in table.deployments() if each["outcome"] == "deployed"]
    meant = releases.find(deployed, release, table.present(0).live)
    named = version(meant.get("release")) or release
    schedule = _schedule(account, dropwhile(lambda each: each is not meant, deployed), stack.rule_prefix + task)
    if schedule is None:
        todo = f"rota explain {named} says what it changed; without --release the job runs as it is now"
        raise CommandError(Exit.NOT_ALLOWED, f"{named} had no job {task}, by what is stored", todo, error="NoTask")
    return Job(task, schedule, is_of_a_release=True)


def _schedule(account: "Account", deployed: Iterable[Item], name: str) -> backend.Schedule | None:
    """The schedule as the last of these deployments left it, the newest first; None if there was none."""
    for entry in deployed:
        record = entry.get("deployment") or {}
        changes = [each for each in stored(account, record.get("plan")).get("changes", ()) if _is_of(each, name)]
        written = [each for each in changes if each["kind"] != "remove"]
        if changes and not written:
            return None
        for each in written:
            registered = stored(account, record.get("revisions")).get("revisions", {})
            if schedule := backend.written_by(each, registered):
                return schedule
    return None


def _is_of(change: Mapping[str, Any], name: str) -> bool:
    return backend.plain_name(str(change["name"])) == name


def stored(account: "Account", stored: Mapping[str, str] | None) -> Mapping[str, Any]:
    """An artifact of a deployment. Empty if it stored none; CommandError if that is gone."""
    from botocore.exceptions import ClientError

    if not stored:
        return {}
    try:
        content = artifacts.read_kept(account.client("s3"), account.stack.bucket, Stored.model_validate(stored))
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        todo = "name another release, or leave --release out"
        raise CommandError(
            Exit.NOT_ALLOWED, f"{stored['key']} is gone from the bucket", todo, error="NoPlan"
        ) from error
    kept: Mapping[str, Any] = json.loads(content)
    return kept
