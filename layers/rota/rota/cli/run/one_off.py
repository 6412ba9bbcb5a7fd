"""`rota run before` and `rota run after`: the file's one-off task alone, as a deployment has started it last."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rota.cli import one_offs
from rota.cli.exits import CommandError, Exit
from rota.cli.run.start import Changes, overrides
from rota.contract.deployment import Stored
from rota.deployment import artifacts

if TYPE_CHECKING:
    from rota.cli.frame import Account


def request_of(account: "Account", kind: str, changes: Changes) -> dict[str, Any]:
    """RunTask's request, without who starts it: of the newest deployment that has started such a task and went live.

    CommandError if there is none, or what is stored of it is gone.
    """
    found = next((each for each in one_offs.runs(account, kind) if each.finished and each.exit == 0), None)
    if found is None:
        todo = f"try that of a schedule file: rota run {kind} --schedule FILE"
        raise CommandError(Exit.NOT_ALLOWED, f'no deployment has run "{kind}" to a good end yet', todo, error="NoTask")
    planned = _plan(account, found.record).get(kind) or {}
    if not planned:
        words = f"the plan of the deployment that ran {kind} is gone from the bucket"
        raise CommandError(Exit.NOT_ALLOWED, words, "deploy once more", error="NoPlan")
    changed = overrides({}, account.stack.container, changes.environment, changes.command)
    # By its tag a restore may stop it, and a person need not have the right to tag.
    untagged = {member: value for member, value in planned["request"].items() if member != "tags"}
    return {**untagged, "taskDefinition": found.revision, "overrides": changed}


def _plan(account: "Account", record: Mapping[str, Any]) -> dict[str, Any]:
    if not record.get("plan"):
        return {}
    try:
        content = artifacts.read_kept(account.client("s3"), account.stack.bucket, Stored.model_validate(record["plan"]))
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        return {}
    kept: dict[str, Any] = json.loads(content)
    return kept
