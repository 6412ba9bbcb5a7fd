"""The app's rules as EventBridge has them now, in AWS's own members."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rota.cli.exits import CommandError, Exit


def listed(events: Any, prefix: str) -> dict[str, Mapping[str, Any]]:
    """The rules with the app's prefix, by the name of their task."""
    pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    found = (rule for page in pages for rule in page["Rules"])
    return {rule["Name"].removeprefix(prefix): rule for rule in found if "ScheduleExpression" in rule}


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
        todo = f"did you mean {near[0]}?" if near else f"the jobs are {', '.join(sorted(known)) or 'none'}"
        raise CommandError(Exit.NOT_ALLOWED, f"there is no job {', '.join(unknown)}", todo, error="NoTask")


def task_of(name: str, prefix: str) -> str:
    """The task that is meant by its name, or by that or the ARN of its rule."""
    return name.rpartition("/")[2].removeprefix(prefix)
