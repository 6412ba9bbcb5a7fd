"""The default event bus: reads rules whole, turns one rule into another, removes one."""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rota.aws.errors import error_from_code
from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, TransientError
from rota.ownership import OWNER_TAG
from rota.schedules.eventbridge_rules.rule import Difference, Rule, Tags, difference, rule_name

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import RuleTypeDef, TagTypeDef

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemoveTargets.html
_TARGETS_PER_CALL = 10
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html, the most
_PAGE = 100
# A changed rule takes "a short period of time" to be shown, https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
_MOSTLY_SHOWN_AFTER = 5
_GONE = "ResourceNotFoundException"


def list_rules(events: "EventBridgeClient", prefix: str) -> list["RuleTypeDef"]:
    """Every rule on the default bus whose name begins with `prefix`, as ListRules describes it."""
    paginator = events.get_paginator("list_rules")
    pages = paginator.paginate(**({"NamePrefix": prefix} if prefix else {}), PaginationConfig={"PageSize": _PAGE})
    return [rule for page in pages for rule in page["Rules"]]


def owners(
    events: "EventBridgeClient", found: Iterable["RuleTypeDef"], known: Mapping[str, Tags]
) -> dict[str, str | None]:
    """By name, whose each rule is: the value of our tag, None if it has none or an AWS service manages the rule.

    `known` are tags by a rule's name; the other rules are asked for theirs.
    """

    def owner(rule: "RuleTypeDef") -> tuple[str, str | None] | None:
        try:
            return rule["Name"], None if "ManagedBy" in rule else _tags(events, rule, known).get(OWNER_TAG)
        except events.exceptions.ResourceNotFoundException:
            return None  # deleted since it was listed

    return dict(filter(None, in_parallel(owner, found)))


def managers(found: Iterable["RuleTypeDef"]) -> dict[str, str]:
    """By name, the AWS service that manages the rule, for those that one manages."""
    return {rule["Name"]: rule["ManagedBy"] for rule in found if "ManagedBy" in rule}


def read_rules(
    events: "EventBridgeClient", found: Iterable["RuleTypeDef"], known: Mapping[str, Tags]
) -> dict[str, Rule]:
    """These rules, whole, by name; `known` are tags by a rule's name, the other rules are asked for theirs."""
    whole = in_parallel(lambda each: _whole(events, each, known), found)
    return {rule.name: rule for rule in whole if rule}


def _whole(events: "EventBridgeClient", found: "RuleTypeDef", known: Mapping[str, Tags]) -> Rule | None:
    try:
        its_tags, its_targets = _tags(events, found, known), list_targets(events, found["Name"])
    except events.exceptions.ResourceNotFoundException:
        return None  # deleted since it was listed
    return Rule(
        name=found["Name"],
        schedule_expression=found.get("ScheduleExpression"),
        event_pattern=found.get("EventPattern"),
        state=found["State"],
        description=found.get("Description", ""),
        role_arn=found.get("RoleArn"),
        managed_by=found.get("ManagedBy"),
        tags=its_tags,
        targets=tuple(its_targets),
    )


def _tags(events: "EventBridgeClient", rule: "RuleTypeDef", known: Mapping[str, Tags]) -> Tags:
    if rule["Name"] in known:
        return known[rule["Name"]]
    return _shown_tags(events, rule["Arn"])


def _shown_tags(events: "EventBridgeClient", arn: str) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=arn)["Tags"]}


def reject_foreign_rule(events: "EventBridgeClient", arn: str, app: str) -> None:
    """RejectedError if there is a rule with this ARN that is not the app's; PutRule would replace it."""
    try:
        tags = _shown_tags(events, arn)
        if OWNER_TAG not in tags:  # ours, made by an earlier try, may not show its tags yet
            time.sleep(_MOSTLY_SHOWN_AFTER)
            tags = _shown_tags(events, arn)
    except events.exceptions.ResourceNotFoundException:
        return
    if tags.get(OWNER_TAG) != app:
        raise RejectedError(
            f"somebody has made the rule {rule_name(arn)} since the deployment was planned, and its tag "
            f"{OWNER_TAG} is {tags.get(OWNER_TAG)!r}, not {app!r}; rename the task, or tag the rule to hand it over"
        )


def list_targets(events: "EventBridgeClient", name: str) -> list[dict[str, Any]]:
    """Every target of the rule, with every field."""
    found: list[dict[str, Any]] = []
    request: dict[str, Any] = {"Rule": name}
    while True:
        reply = events.list_targets_by_rule(**request)
        found.extend(dict(target) for target in reply["Targets"])
        if "NextToken" not in reply:
            return found
        request["NextToken"] = reply["NextToken"]


def apply(events: "EventBridgeClient", current: Rule | None, wanted: Rule) -> bool:
    """Turn one rule (None: there is none) into the other; True if anything was written."""
    todo = difference(current, wanted)
    apply_change(events, wanted, todo, new=current is None)
    return bool(todo)


def apply_change(events: "EventBridgeClient", wanted: Rule, todo: Difference, *, new: bool) -> None:
    """Send what leads to the rule that is `wanted`, with its tags if it may be `new`.

    In place and in this order, so that a rule that stays has a valid target at every instant: the rule, its targets,
    then the removal of targets too many.
    """
    if todo.put_rule:
        # AWS puts tags of its own on a rule that CloudFormation made, and refuses them from anybody else.
        tags: list[TagTypeDef] = [
            {"Key": key, "Value": value} for key, value in wanted.tags.items() if not key.startswith("aws:")
        ]
        # PutRule takes tags only for a rule that it makes, and ignores them for any other.
        events.put_rule(**wanted.put_request(), **({"Tags": tags} if new else {}))
    if todo.put_targets:
        _put_targets(events, wanted.name, todo)
    if todo.remove_targets:
        _remove_targets(events, wanted.name, todo.remove_targets)


def remove(events: "EventBridgeClient", name: str) -> bool:
    """Remove the rule with all its targets; False if it is gone already, which is as good."""
    try:
        _remove_targets(events, name, [target["Id"] for target in list_targets(events, name)])
    except events.exceptions.ResourceNotFoundException:
        return False
    try:
        events.delete_rule(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise TransientError(f"EventBridge still sees the targets that {name} has lost: {error}") from error
    return True


def remove_if_owned(events: "EventBridgeClient", arn: str, app: str) -> bool:
    """Remove the rule with this ARN, with all its targets; False if it is not the app's any more and stays.

    A redrive may come two weeks after the plan, so the rule is asked whose it is. One that is gone is as good.
    """
    try:
        tags = _shown_tags(events, arn)
    except events.exceptions.ResourceNotFoundException:
        return True
    if tags.get(OWNER_TAG) != app:
        return False
    remove(events, rule_name(arn))
    return True


def reject_unlisted_rule(events: "EventBridgeClient", name: str) -> bool:
    """TransientError if a rule that is not listed is there all the same; False if it is not there.

    A write tells it, which takes away a target that no rule has. Whose the rule is can be asked once it is listed.
    """
    try:
        _remove_targets(events, name, ["rota-is-it-there"])
    except events.exceptions.ResourceNotFoundException:
        return False
    raise TransientError(f"EventBridge does not show the rule {name} yet, which was made a moment ago")


def _put_targets(events: "EventBridgeClient", name: str, todo: Difference) -> None:
    try:
        reply = events.put_targets(Rule=name, Targets=list(todo.put_targets))  # type: ignore[arg-type]  # AWS's own shape
    except events.exceptions.ResourceNotFoundException as error:
        if not todo.put_rule:
            raise
        raise TransientError(
            f"EventBridge does not see the rule {name} yet, which it has just made: {error}"
        ) from error
    _check("PutTargets", name, reply["FailedEntries"])


def _remove_targets(events: "EventBridgeClient", name: str, ids: Iterable[str]) -> None:
    remaining = iter(ids)
    while batch := list(itertools.islice(remaining, _TARGETS_PER_CALL)):
        reply = events.remove_targets(Rule=name, Ids=batch)
        # A target that is gone already is as good as removed.
        _check("RemoveTargets", name, [each for each in reply["FailedEntries"] if each.get("ErrorCode") != _GONE])


def _check(operation: str, name: str, failed: Sequence[Mapping[str, Any]]) -> None:
    """EventBridge answers 200 when it changed only some of the targets, or none; what failed stands in the reply."""
    if failed:
        entry = failed[0]
        raise error_from_code(f"{operation} on {name}", entry.get("ErrorCode", ""), entry.get("ErrorMessage", ""))
