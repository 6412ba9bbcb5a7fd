"""A job as a release had it: what its rule started from then on, by the plans that the deployments stored."""

import json
from collections.abc import Iterable, Mapping
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from rota.cli import releases, rules
from rota.cli.exits import CommandError, Exit
from rota.cli.run.start import Job
from rota.cli.table import Item, version
from rota.contract import Stored
from rota.deployment import artifacts
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.cli.frame import Account


def find(account: "Account", name: str, release: str) -> Job:
    """The job of that name as the release had it, also if it has left the schedule file since. CommandError if there
    is no such release, if it had no such job, or if what is stored of it is gone.
    """
    stack, table = account.stack, account.table
    task = rules.task_of(name, stack.rule_prefix)
    deployed = [each for each in table.deployments() if each["outcome"] == "deployed"]
    meant = releases.find(deployed, release, table.present(0).live)
    named = version(meant.get("release")) or release
    change = _last_change(account, dropwhile(lambda each: each is not meant, deployed), stack.rule_prefix + task)
    if change is None:
        todo = f"rota explain {named} says what it changed; without --release the job runs as it is now"
        raise CommandError(Exit.NOT_ALLOWED, f"{named} had no job {task}, by what is stored", todo, error="NoTask")
    rule = rules.read(account.client("events"), change.name) or {}
    schedule = backend.Schedule(
        name=change.name,
        schedule_expression=rule.get("ScheduleExpression"),
        state=rule.get("State", "ENABLED"),
        tags={},
        targets=change.put_targets,
    )
    return Job(task, schedule, next(iter(backend.revisions_of([schedule])), ""))


def _last_change(account: "Account", deployed: Iterable[Item], name: str) -> backend.Change | None:
    """What gave the schedule its target, of deployments of which the newest comes first; None if there is none, or the
    schedule was removed.
    """
    for entry in deployed:
        record = entry.get("deployment") or {}
        plan = _stored(account, record.get("plan"))
        found = next((each for each in plan.get("changes", ()) if each["name"] == name), None)
        if found and found["kind"] == "remove":
            return None
        if found and found["put_targets"]:
            registered = _stored(account, record.get("revisions")).get("revisions", {})
            return backend.Change.model_validate(found).with_revisions(registered)
    return None


def _stored(account: "Account", stored: Mapping[str, str] | None) -> Mapping[str, Any]:
    """An artifact of a deployment. Empty if it stored none; CommandError if that is gone."""
    from botocore.exceptions import ClientError

    if not stored:
        return {}
    try:
        content = artifacts.read_kept(account.client("s3"), account.stack.bucket, Stored.model_validate(stored))
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        todo = "without --release the job runs as it is now"
        raise CommandError(
            Exit.NOT_ALLOWED, f"{stored['key']} is gone from the bucket", todo, error="NoPlan"
        ) from error
    kept: Mapping[str, Any] = json.loads(content)
    return kept
