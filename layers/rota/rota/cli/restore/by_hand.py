"""`rota restore --print`: the commands of the AWS CLI that bring back what a deployment found."""

import json
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rota.cli.exits import CommandError, Exit
from rota.schedules import backend
from rota.schedules.interface import SETTLES_WITHIN, in_group

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
    changes = (plan or {}).get("changes", ())
    added = [each["name"] for each in changes if each["kind"] == "create" and not _is_deleted(each)]
    found = commands(snapshot, changes, stack.app, paused, account.now(), stack.region)
    return Commands(execution, [*found], added)


def commands(
    snapshot: Mapping[str, Any],
    changes: Iterable[Mapping[str, Any]],
    app: str,
    paused: Collection[str],
    now: datetime,
    region: str,
) -> Iterator[str]:
    """A command for each rule and its targets, or for each schedule of EventBridge Scheduler, and one for the service;
    at the end what ends the new schedules of jobs that moved, by the plan's `changes`. What is paused stays off. Pure.
    """
    command = partial(_command, region)
    found = list(changes)
    may_be_deleted = {each["name"] for each in found if each["kind"] == "remove"}
    moved = [each for each in found if each.get("replaces")]

    def restored(rule: Mapping[str, Any]) -> Iterator[str]:
        off = {"State": "DISABLED"} if backend.plain_name(rule["name"]) in paused else {}
        if whole := backend.update_request(rule, now):
            update = command("scheduler update-schedule", whole | off)
            create = f" || {command('scheduler create-schedule', whole | off)}"
            yield update + (create if rule["name"] in may_be_deleted else "")
            return
        request = {key: rule[name] for key, name in _FIELDS.items() if rule[name]}
        tags = [{"Key": key, "Value": value} for key, value in rule["tags"].items() if not key.startswith("aws:")]
        yield command("events put-rule", request | off | {"Tags": tags})
        yield command("events put-targets", {"Rule": rule["name"], "Targets": rule["targets"]})

    before = dict(snapshot["rules"])
    off_before = {each["name"]: before.pop(each["name"]) for each in moved if each["name"] in before}
    for rule in before.values():
        yield from restored(rule)
    cluster, service = app.split("/")
    revision = snapshot["service"]["task_definition"]
    yield command("ecs update-service", {"cluster": cluster, "service": service, "taskDefinition": revision})
    if moved:  # what is on again may fire late: until then the new ones stay
        yield f"sleep {SETTLES_WITHIN.seconds}"
    for each in moved:
        if each["name"] in off_before:
            yield from restored(off_before[each["name"]])
        elif _is_deleted(each):
            yield command("scheduler delete-schedule", in_group(each["name"]))
        else:
            yield command("events disable-rule", {"Name": each["name"]})


def _is_deleted(change: Mapping[str, Any]) -> bool:
    """Whether what it made is deleted by a command: a schedule of Scheduler to which a job moved."""
    return bool(change.get("replaces")) and "/" in change["name"]


def _command(region: str, call: str, request: Mapping[str, Any]) -> str:
    return f"aws {call} --cli-input-json {shlex.quote(json.dumps(request))} --region {region}"


def _stored(account: "Account", execution: str, name: str) -> Mapping[str, Any] | None:
    s3 = account.client("s3")
    try:
        found = s3.get_object(Bucket=account.stack.bucket, Key=f"deployments/{execution}/{name}.json")
    except s3.exceptions.NoSuchKey:
        return None
    content: Mapping[str, Any] = json.loads(found["Body"].read())
    return content
