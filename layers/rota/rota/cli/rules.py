"""The app's rules as EventBridge has them now, in AWS's own members."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import in_parallel
from rota.cli.exits import CommandError, Exit
from rota.ownership import OWNER_TAG

if TYPE_CHECKING:
    from rota.cli.frame import Account


def listed(events: Any, prefix: str) -> dict[str, Mapping[str, Any]]:
    """The rules with the app's prefix, by the name of their task."""
    pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    found = (rule for page in pages for rule in page["Rules"])
    return {rule["Name"].removeprefix(prefix): rule for rule in found if "ScheduleExpression" in rule}


def owned(events: Any, found: Mapping[str, Mapping[str, Any]], app: str) -> set[str]:
    """Which of these rules are the app's own, by the name of their task. A call for each."""
    tags = in_parallel(lambda rule: events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"], found.values())
    return {name for name, each in zip(found, tags, strict=True) if {"Key": OWNER_TAG, "Value": app} in each}


def known(account: "Account") -> set[str]:
    """The names of all tasks: of those whose runs are watched, and of those that have a rule."""
    return {*account.table.jobs(), *listed(account.client("events"), account.stack.rule_prefix)}


def read(events: Any, name: str) -> dict[str, Any] | None:
    """The rule with its targets and tags; None if there is none."""
    try:
        rule = events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return None
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    return {**rule, "targets": targets, "tags": {each["Key"]: each["Value"] for each in tags}}


def require(names: Iterable[str], known: Collection[str]) -> None:
    """CommandError for names that no job has. Pure."""
    from difflib import get_close_matches

    if unknown := [name for name in names if name not in known]:
        near = get_close_matches(unknown[0], known, n=1)
        jobs = f"the jobs are {', '.join(sorted(known))}" if known else "no job is deployed yet"
        todo = f"did you mean {near[0]}?" if near else jobs
        raise CommandError(Exit.NOT_ALLOWED, f"there is no job {', '.join(unknown)}", todo, error="NoTask")


def task_of(name: str, prefix: str) -> str:
    """The task that is meant by its name, or by that or the ARN of its rule."""
    return name.rpartition("/")[2].removeprefix(prefix)
