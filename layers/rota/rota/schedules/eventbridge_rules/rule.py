"""EventBridge rules: what a task's rule must be, what a rule is, and the least that turns one into the other."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rota.contract import Shape
from rota.ownership import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutRuleRequestTypeDef

    from rota.schedule_file.task import Task
    from rota.settings import Settings

Tags = dict[str, str]


class Rule(Shape):
    """One rule, whole: as AWS describes it or as it should be."""

    name: str
    schedule_expression: str | None
    event_pattern: str | None = None
    state: str
    description: str = ""
    role_arn: str | None = None
    managed_by: str | None = None
    tags: Tags
    targets: tuple[dict[str, Any], ...]

    @property
    def owner(self) -> str | None:
        """Whose it is: the value of our tag, None if it has none or an AWS service manages the rule."""
        return None if self.managed_by else self.tags.get(OWNER_TAG)

    def belongs_to(self, app: str) -> bool:
        """True if the rule carries the app's tag and no AWS service manages it."""
        return self.owner == app

    def put_request(self) -> "PutRuleRequestTypeDef":
        """PutRule replaces the whole rule, so everything is named; what is absent becomes null."""
        given = {
            "ScheduleExpression": self.schedule_expression,
            "EventPattern": self.event_pattern,
            "Description": self.description,
            "RoleArn": self.role_arn,
        }
        return {"Name": self.name, "State": self.state, **{key: value for key, value in given.items() if value}}  # type: ignore[typeddict-item]  # AWS's own values


class Difference(Shape):
    """The writes that turn one rule into another. Tags are set when a rule is made and left alone ever after."""

    put_rule: bool
    put_targets: tuple[dict[str, Any], ...]
    remove_targets: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.put_rule or bool(self.put_targets or self.remove_targets)

    def __or__(self, other: "Difference") -> "Difference":
        """The writes of both, which lead to the same rule from two others."""
        puts = {target["Id"]: target for target in (*self.put_targets, *other.put_targets)}
        return Difference(
            put_rule=self.put_rule or other.put_rule,
            put_targets=tuple(puts.values()),
            remove_targets=tuple(dict.fromkeys((*self.remove_targets, *other.remove_targets))),
        )


def desired_rule(
    task: "Task",
    settings: "Settings",
    cluster_arn: str,
    revision: str,
    overrides: str | None = None,
    target_id: str | None = None,
) -> Rule:
    """The rule and its one target for `task`, which runs `revision` (a task definition's ARN) with `overrides`."""
    name = settings.rule_prefix + task.name
    target: dict[str, Any] = {
        "Id": target_id or name,
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


def rule_name(arn: str) -> str:
    """The name in a rule's ARN; with the bus's before it where that is not the default one."""
    return arn.partition(":rule/")[2]


def task_definitions_used_by(found: Iterable[Rule]) -> set[str]:
    """The ARNs of all task definitions that any target of these rules runs."""
    return {
        target["EcsParameters"]["TaskDefinitionArn"]
        for rule in found
        for target in rule.targets
        if "EcsParameters" in target
    }


def target_to_replace(current: Rule | None) -> str | None:
    """The Id of the rule's target, whose place the task's takes, so that a rule never has two. None if it has none."""
    return current.targets[0]["Id"] if current and current.targets else None


def difference(current: Rule | None, wanted: Rule) -> Difference:
    """The least that turns `current` (None: there is no such rule) into `wanted`. Pure."""
    had = {} if current is None else {t["Id"]: _comparable(t) for t in current.targets}
    wanted_ids = {t["Id"] for t in wanted.targets}
    return Difference(
        put_rule=current is None or current.put_request() != wanted.put_request(),
        put_targets=tuple(t for t in wanted.targets if had.get(t["Id"]) != _comparable(t)),
        remove_targets=tuple(id_ for id_ in had if id_ not in wanted_ids),
    )


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
