"""EventBridge rules: what a task's rule must be, what a rule is, and the least that turns one into the other."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rota import aws
from rota.models import Shape

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutRuleRequestTypeDef, RuleTypeDef, TagTypeDef

    from rota.settings import Settings
    from rota.task import Task

# Says whose a rule is; a rule without it is never changed or removed, whatever its name.
OWNER_TAG = "rota:app"

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemoveTargets.html
_TARGETS_PER_CALL = 10


class Rule(Shape):
    """One rule, whole: as AWS describes it or as it should be."""

    name: str
    schedule_expression: str | None
    event_pattern: str | None = None
    state: str
    description: str = ""
    role_arn: str | None = None
    managed_by: str | None = None
    tags: dict[str, str]
    targets: tuple[dict[str, Any], ...]

    def belongs_to(self, app: str) -> bool:
        """True if the rule carries the app's tag and no AWS service manages it."""
        return self.tags.get(OWNER_TAG) == app and self.managed_by is None

    def attributes(self) -> tuple[str | None, ...]:
        """What PutRule sets."""
        return self.schedule_expression, self.event_pattern, self.state, self.description, self.role_arn

    def put_request(self) -> "PutRuleRequestTypeDef":
        """PutRule replaces the whole rule, so everything is named; what is absent becomes null."""
        request: PutRuleRequestTypeDef = {"Name": self.name, "State": self.state}  # type: ignore[typeddict-item]  # AWS's own value
        if self.schedule_expression is not None:
            request["ScheduleExpression"] = self.schedule_expression
        if self.event_pattern is not None:
            request["EventPattern"] = self.event_pattern
        if self.description:
            request["Description"] = self.description
        if self.role_arn is not None:
            request["RoleArn"] = self.role_arn
        return request


class Difference(Shape):
    """The writes that turn one rule into another. Tags are set when a rule is made and left alone ever after."""

    put_rule: bool
    put_targets: tuple[dict[str, Any], ...]
    remove_targets: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.put_rule or bool(self.put_targets or self.remove_targets)


def wanted(task: "Task", settings: "Settings", cluster_arn: str, revision: str, overrides: str | None = None) -> Rule:
    """The rule and its one target for `task`, which runs `revision` (a task definition's ARN) with `overrides`."""
    name = settings.rule_prefix + task.name
    target: dict[str, Any] = {
        "Id": name,
        "Arn": cluster_arn,
        "RoleArn": settings.events_role_arn,
        "EcsParameters": {
            "TaskDefinitionArn": revision,
            "TaskCount": task.count,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {
                "awsvpcConfiguration": {
                    "Subnets": list(settings.subnets),
                    "SecurityGroups": list(settings.security_groups),
                    "AssignPublicIp": settings.assign_public_ip,
                }
            },
            "PlatformVersion": task.platform_version or settings.platform_version,
        },
    }
    if overrides:
        target["Input"] = overrides
    if task.retry:
        target["RetryPolicy"] = {
            "MaximumRetryAttempts": task.retry.attempts,
            "MaximumEventAgeInSeconds": task.retry.age,
        }
    return Rule(
        name=name,
        schedule_expression=task.expression,
        state="ENABLED" if task.enabled else "DISABLED",
        description=task.description,
        tags={OWNER_TAG: settings.app},
        targets=(target,),
    )


def runs(rule: Rule) -> str | None:
    """The ARN of the task definition that the rule's only target runs; None if it has no or several targets."""
    if len(rule.targets) != 1:
        return None
    arn: str | None = rule.targets[0].get("EcsParameters", {}).get("TaskDefinitionArn")
    return arn


def difference(current: Rule | None, target: Rule) -> Difference:
    """The least that turns `current` (None: there is no such rule) into `target`. Pure."""
    had = {} if current is None else {t["Id"]: _comparable(t) for t in current.targets}
    wanted_ids = {t["Id"] for t in target.targets}
    return Difference(
        put_rule=current is None or current.attributes() != target.attributes(),
        put_targets=tuple(t for t in target.targets if had.get(t["Id"]) != _comparable(t)),
        remove_targets=tuple(id_ for id_ in had if id_ not in wanted_ids),
    )


def apply(events: "EventBridgeClient", current: Rule | None, target: Rule) -> bool:
    """Send what `difference` says; True if anything was written.

    In place and in this order, so that a rule that stays has a valid target at every instant: the rule, its targets,
    then the removal of targets too many.
    """
    todo = difference(current, target)
    if todo.put_rule:
        tags: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in target.tags.items()]
        # PutRule takes tags only for a rule that it makes.
        events.put_rule(**target.put_request(), **({"Tags": tags} if current is None else {}))
    if todo.put_targets:
        reply = events.put_targets(Rule=target.name, Targets=list(todo.put_targets))  # type: ignore[arg-type]  # AWS's own shape
        _check("PutTargets", target.name, reply["FailedEntries"])
    if todo.remove_targets:
        _remove_targets(events, target.name, todo.remove_targets)
    return bool(todo)


def remove(events: "EventBridgeClient", name: str) -> None:
    """Remove the rule with all its targets. One that is already gone is as good."""
    try:
        _remove_targets(events, name, [target["Id"] for target in targets(events, name)])
    except events.exceptions.ResourceNotFoundException:
        return
    events.delete_rule(Name=name)


def names(events: "EventBridgeClient", prefix: str) -> list["RuleTypeDef"]:
    """Every rule on the default bus whose name begins with `prefix`, as ListRules describes it."""
    paginator = events.get_paginator("list_rules")
    pages = paginator.paginate(NamePrefix=prefix) if prefix else paginator.paginate()
    return [rule for page in pages for rule in page["Rules"]]


def tags(events: "EventBridgeClient", arn: str) -> dict[str, str]:
    """The tags of the rule with this ARN."""
    return {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=arn)["Tags"]}


def owners(events: "EventBridgeClient", found: Iterable["RuleTypeDef"]) -> dict[str, str | None]:
    """By name, whose each rule is: the value of our tag, None if it has none or an AWS service manages the rule."""

    def owner(rule: "RuleTypeDef") -> tuple[str, str | None]:
        managed = "ManagedBy" in rule
        return rule["Name"], None if managed else tags(events, rule["Arn"]).get(OWNER_TAG)

    return dict(aws.in_parallel(owner, found))


def read(events: "EventBridgeClient", prefix: str) -> dict[str, Rule]:
    """Every rule whose name begins with `prefix`, whole, by name: ours and others'."""
    return {rule.name: rule for rule in aws.in_parallel(lambda found: _whole(events, found), names(events, prefix))}


def _whole(events: "EventBridgeClient", found: "RuleTypeDef") -> Rule:
    return Rule(
        name=found["Name"],
        schedule_expression=found.get("ScheduleExpression"),
        event_pattern=found.get("EventPattern"),
        state=found["State"],
        description=found.get("Description", ""),
        role_arn=found.get("RoleArn"),
        managed_by=found.get("ManagedBy"),
        tags=tags(events, found["Arn"]),
        targets=tuple(targets(events, found["Name"])),
    )


def targets(events: "EventBridgeClient", name: str) -> list[dict[str, Any]]:
    """Every target of the rule, with every field."""
    found: list[dict[str, Any]] = []
    request: dict[str, Any] = {"Rule": name}
    while True:
        reply = events.list_targets_by_rule(**request)
        found.extend(dict(target) for target in reply["Targets"])
        if "NextToken" not in reply:
            return found
        request["NextToken"] = reply["NextToken"]


def _remove_targets(events: "EventBridgeClient", name: str, ids: Iterable[str]) -> None:
    remaining = iter(ids)
    while batch := list(itertools.islice(remaining, _TARGETS_PER_CALL)):
        reply = events.remove_targets(Rule=name, Ids=batch)
        _check("RemoveTargets", name, reply["FailedEntries"])


def _check(operation: str, name: str, failed: Sequence[Mapping[str, Any]]) -> None:
    """EventBridge answers 200 when it changed only some of the targets, or none; what failed stands in the reply."""
    if failed:
        entry = failed[0]
        raise aws.refusal(f"{operation} on {name}", entry.get("ErrorCode", ""), entry.get("ErrorMessage", ""))


def _comparable(value: Any) -> Any:
    """A target without what AWS adds on its own (false, empty) and without the order of subnets and groups."""
    if isinstance(value, Mapping):
        bare = {key: _comparable(inner) for key, inner in value.items()}
        # 0 says something (no retries), though it equals False.
        return {key: inner for key, inner in bare.items() if inner is not False and inner not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        items = [_comparable(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value
