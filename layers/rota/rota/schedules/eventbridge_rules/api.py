"""EventBridge's calls: read rules whole, change one in place, disable, enable, delete."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rota.aws.errors import error_from_code
from rota.aws.parallel import in_parallel
from rota.errors import TransientError
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange, Tags

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import RuleTypeDef, TagTypeDef

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemoveTargets.html
_TARGETS_PER_CALL = 10
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html, the most
_PAGE = 100
_NOT_FOUND = "ResourceNotFoundException"


def list_rules(events: "EventBridgeClient", prefix: str) -> list["RuleTypeDef"]:
    """Every rule on the default bus whose name begins with `prefix`, as ListRules describes it."""
    paginator = events.get_paginator("list_rules")
    pages = paginator.paginate(**({"NamePrefix": prefix} if prefix else {}), PaginationConfig={"PageSize": _PAGE})
    return [rule for page in pages for rule in page["Rules"]]


def tags_of(events: "EventBridgeClient", listed: Iterable["RuleTypeDef"], known: Mapping[str, Tags]) -> dict[str, Tags]:
    """The tags of each rule, by name, without the rules that were deleted since they were listed.

    `known`: tags by a rule's name. EventBridge is asked for those of the rules that it lacks.
    """

    def tags(rule: "RuleTypeDef") -> tuple[str, Tags] | None:
        found = known.get(rule["Name"]) or read_tags(events, rule["Arn"])
        return None if found is None else (rule["Name"], found)

    return dict(filter(None, in_parallel(tags, listed)))


def read_rules(
    events: "EventBridgeClient", listed: Iterable["RuleTypeDef"], tags: Mapping[str, Tags]
) -> dict[str, Rule]:
    """These rules with their targets, by name; `tags` by a rule's name. One call a rule."""
    whole = in_parallel(lambda each: _read_rule(events, each, tags[each["Name"]]), listed)
    return {rule.name: rule for rule in whole if rule}


def _read_rule(events: "EventBridgeClient", listed: "RuleTypeDef", tags: Tags) -> Rule | None:
    targets = targets_if_any(events, listed["Name"])
    if targets is None:
        return None  # deleted since it was listed
    return Rule(
        name=listed["Name"],
        schedule_expression=listed.get("ScheduleExpression"),
        event_pattern=listed.get("EventPattern"),
        state=listed["State"],
        description=listed.get("Description", ""),
        role_arn=listed.get("RoleArn"),
        managed_by=listed.get("ManagedBy"),
        tags=tags,
        targets=tuple(targets),
    )


def read_rule(events: "EventBridgeClient", name: str) -> Rule | None:
    """The rule with its targets and tags; None if EventBridge shows no such rule."""
    try:
        found = events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return None
    return _read_rule(events, found, read_tags(events, found["Arn"]) or {})  # type: ignore[arg-type]  # the members that are read are the same


def read_tags(events: "EventBridgeClient", arn: str) -> Tags | None:
    """The tags of the rule with this ARN; None if EventBridge shows no such rule."""
    try:
        return {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    except events.exceptions.ResourceNotFoundException:
        return None


def targets_if_any(events: "EventBridgeClient", name: str) -> list[dict[str, Any]] | None:
    """As `list_targets`; None if EventBridge shows no such rule."""
    try:
        return list_targets(events, name)
    except events.exceptions.ResourceNotFoundException:
        return None


def list_targets(events: "EventBridgeClient", name: str) -> list[dict[str, Any]]:
    """Every target of the rule, with every field that says something."""
    found: list[dict[str, Any]] = []
    request: dict[str, Any] = {"Rule": name}
    while True:
        reply = events.list_targets_by_rule(**request)
        found.extend(map(_as_put, reply["Targets"]))
        if "NextToken" not in reply:
            return found
        request["NextToken"] = reply["NextToken"]


def _as_put(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target as PutTargets takes it: EventBridge may show an empty list beside a member that excludes it."""
    if not (ecs := target.get("EcsParameters")):
        return dict(target)
    return {**target, "EcsParameters": {member: value for member, value in ecs.items() if value not in ("", [], {})}}


def send(events: "EventBridgeClient", change: RuleChange, tags: Tags) -> None:
    """Send the writes of a change; `tags` are those that a rule gets when it is made.

    In place and in this order, so that a rule that stays has a valid target at every instant: the rule, its targets,
    then the removal of targets too many.
    """
    if change.put_rule:
        request: Any = change.put_rule
        # AWS puts tags of its own on a rule that CloudFormation made, and refuses them from anybody else.
        given: list[TagTypeDef] = [
            {"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")
        ]
        # PutRule ignores them for a rule that exists; one deleted a moment ago is created with its owner.
        events.put_rule(**request, Tags=given)
    if change.put_targets:
        _put_targets(events, change)
    if change.remove_targets:
        remove_targets(events, change.name, change.remove_targets)


def delete(events: "EventBridgeClient", name: str) -> bool:
    """Delete the rule with all its targets; False if it does not exist, which is as good."""
    try:
        remove_targets(events, name, [target["Id"] for target in list_targets(events, name)])
    except events.exceptions.ResourceNotFoundException:
        return False
    try:
        events.delete_rule(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise TransientError(f"EventBridge still sees the targets that {name} has lost: {error}") from error
    return True


def exists(events: "EventBridgeClient", name: str) -> bool:
    """Whether the rule exists, also while EventBridge's reads do not show it yet.

    A write sees the rule at once: RemoveTargets of a target ID that no rule has.
    """
    try:
        remove_targets(events, name, ["rota-is-it-there"])
    except events.exceptions.ResourceNotFoundException:
        return False
    return True


def _put_targets(events: "EventBridgeClient", change: RuleChange) -> None:
    name = change.name
    try:
        reply = events.put_targets(Rule=name, Targets=list(change.put_targets))  # type: ignore[arg-type]  # AWS's own shape
    except events.exceptions.ResourceNotFoundException as error:
        if not change.put_rule:
            raise
        raise TransientError(
            f"EventBridge does not see the rule {name} yet, which it has just made: {error}"
        ) from error
    _check("PutTargets", name, reply["FailedEntries"])


def remove_targets(events: "EventBridgeClient", name: str, ids: Iterable[str]) -> None:
    """Remove targets by their IDs; one that does not exist is as good as removed."""
    remaining = iter(ids)
    while batch := list(itertools.islice(remaining, _TARGETS_PER_CALL)):
        reply = events.remove_targets(Rule=name, Ids=batch)
        _check("RemoveTargets", name, [each for each in reply["FailedEntries"] if each.get("ErrorCode") != _NOT_FOUND])


def _check(operation: str, name: str, failed: Sequence[Mapping[str, Any]]) -> None:
    """EventBridge answers 200 when it changed only some of the targets, or none; the reply lists what failed."""
    if failed:
        entry = failed[0]
        raise error_from_code(f"{operation} on {name}", entry.get("ErrorCode", ""), entry.get("ErrorMessage", ""))
