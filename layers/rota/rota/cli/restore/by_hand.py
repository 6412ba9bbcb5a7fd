"""`rota restore --print`: the commands of the AWS CLI that bring back what a deployment found."""

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from rota.cli.exits import CommandError, Exit
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.cli.frame import Account

_FIELDS = {
    "Name": "name",
    "ScheduleExpression": "schedule_expression",
    "EventPattern": "event_pattern",
    "State": "state",
    "Description": "description",
    "RoleArn": "role_arn",
}
"""Of PutRule, and what the snapshot calls each."""


@dataclass(frozen=True)
class Commands:
    """What a person types; `added` are schedules that the deployment may have made, which no command removes."""

    execution: str
    commands: list[str]
    added: list[str]
    kind: Literal["restore"] = "restore"

    def lines(self) -> Iterator[str]:
        """For a shell: a comment first."""
        yield f"# What {self.execution} found. Look at each command before you run it."
        yield from self.commands
        for name in self.added:
            yield f"# It may have made the {'schedule' if '/' in name else 'rule'} {name}, which stays."


def by_hand(account: "Account", execution: str) -> Commands:
    """Of the execution of that name. CommandError if it has stored no snapshot: then it has changed nothing."""
    stack = account.stack
    snapshot, plan = (_stored(account, execution, name) for name in ("snapshot", "plan"))
    if snapshot is None:
        words = f"{execution} has stored no snapshot, so it has changed nothing; or that has expired"
        raise CommandError(Exit.NOT_ALLOWED, words, "to go back to a release: rota rollback", error="NoSnapshot")
    paused = {stack.rule_prefix + task for task in account.table.pauses()}
    added = [each["name"] for each in (plan or {}).get("changes", ()) if each["kind"] == "create"]
    where = f" --region {stack.region}"
    found = commands(snapshot, stack.app, paused, account.now())
    return Commands(execution, [each + where for each in found], added)


def commands(snapshot: Mapping[str, Any], app: str, paused: Collection[str], now: datetime) -> Iterator[str]:
    """A command for each rule and its targets, or for each schedule of EventBridge Scheduler, and one for the service.
    What is paused stays off. Pure.
    """
    for rule in snapshot["rules"].values():
        off = {"State": "DISABLED"} if backend.plain_name(rule["name"]) in paused else {}
        if whole := backend.update_request(rule, now):
            yield _command("scheduler update-schedule", whole | off)
            continue
        request = {key: rule[name] for key, name in _FIELDS.items() if rule[name]}
        tags = [{"Key": key, "Value": value} for key, value in rule["tags"].items() if not key.startswith("aws:")]
        yield _command("events put-rule", request | off | {"Tags": tags})
        yield _command("events put-targets", {"Rule": rule["name"], "Targets": rule["targets"]})
    cluster, service = app.split("/")
    revision = snapshot["service"]["task_definition"]
    yield _command("ecs update-service", {"cluster": cluster, "service": service, "taskDefinition": revision})


def _command(call: str, request: Mapping[str, Any]) -> str:
    return f"aws {call} --cli-input-json {shlex.quote(json.dumps(request))}"


def _stored(account: "Account", execution: str, name: str) -> Mapping[str, Any] | None:
    s3 = account.client("s3")
    try:
        found = s3.get_object(Bucket=account.stack.bucket, Key=f"deployments/{execution}/{name}.json")
    except s3.exceptions.NoSuchKey:
        return None
    content: Mapping[str, Any] = json.loads(found["Body"].read())
    return content
