"""EventBridge rules, and the writes that turn one rule into another. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rota.contract.shape import Shape
from rota.ownership import OWNER_TAG
from rota.schedule_file.when import When
from rota.schedules.revision import registered

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutRuleRequestTypeDef

Tags = dict[str, str]
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html: the default, and the most
LONGEST_AGE = 86_400


class Rule(Shape):
    """One rule, whole: as AWS describes it or as it should be."""

    backend: Literal["rules"] = "rules"
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
    def is_enabled(self) -> bool:
        return self.state != "DISABLED"

    def switched(self, *, on: bool) -> "Rule":
        """The same, on or off."""
        return self.model_copy(update={"state": _state(on=on)})

    @property
    def owner(self) -> str | None:
        """The value of the owner tag; None if it has none or an AWS service manages the rule."""
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


class RuleChange(Shape):
    """What turns one rule into another, each write with its request; the plan holds these, later steps send them.

    `put_rule` is PutRule's request without tags, `put_targets` PutTargets' `Targets`, `remove_targets` target IDs. A
    target whose revision is yet to be registered names it by `to_be_registered(fingerprint)`. A rule that is to be
    removed has no writes of these: it is disabled (`disable`, unless it is already) and deleted at the end, and
    `remove_targets` are those that go with it beside the task's own. With `put_rule` all targets are put: PutRule
    creates the rule, without any, if a person has just deleted it.
    """

    written_whole: ClassVar[bool] = False
    """Whether each write of it says everything; a rule's state is written alone."""
    backend: Literal["rules"] = "rules"
    kind: Literal["create", "update", "remove"]
    name: str
    arn: str
    put_rule: dict[str, Any] | None = None
    put_targets: tuple[dict[str, Any], ...] = ()
    remove_targets: tuple[str, ...] = ()
    disable: bool = False
    moved: bool = Field(False, exclude_if=lambda given: not given)
    """Of a schedule that is removed: its task gets one in the other backend, which is switched on first."""
    replaces: When | None = Field(None, exclude_if=lambda given: given is None)
    """Of a schedule that is created, or is switched on: when the one was due that its task had in the other backend."""

    def with_revisions(self, revisions: Mapping[str, str]) -> "RuleChange":
        """The change with every revision registered; `revisions`: ARNs by fingerprint."""
        return self.model_copy(update={"put_targets": tuple(_with_revision(t, revisions) for t in self.put_targets)})

    def writes(self) -> Counter[str]:
        """How often each operation is called that writes."""
        return +Counter(
            PutRule=int(self.put_rule is not None),
            PutTargets=int(bool(self.put_targets)),
            RemoveTargets=int(bool(self.remove_targets) or self.kind == "remove"),
            DisableRule=int(self.disable),
            DeleteRule=int(self.kind == "remove"),
        )

    def calls_until_live(self) -> int:
        """How many calls it takes until the schedule is live: its owner is asked for, then it is written. What is
        removed is deleted after the service rolled, and does not count.
        """
        writes = self.writes()
        return 1 + sum(writes[each] for each in ("DisableRule", "PutRule", "PutTargets"))

    @property
    def when(self) -> When:
        """When a rule is due that it creates."""
        return When(str((self.put_rule or {})["ScheduleExpression"]))

    @property
    def switches(self) -> bool | None:
        """Whether what it writes is on; None if it leaves that as it is."""
        return None if self.put_rule is None else self.put_rule["State"] != "DISABLED"

    @property
    def kept_off(self) -> "RuleChange":
        """The change with a rule that is off where it would be on."""
        if not self.switches:
            return self
        return self.model_copy(update={"put_rule": {**(self.put_rule or {}), "State": _state(on=False)}})


def _state(*, on: bool) -> str:
    return "ENABLED" if on else "DISABLED"


def _with_revision(target: dict[str, Any], revisions: Mapping[str, str]) -> dict[str, Any]:
    ecs = target["EcsParameters"]
    return {**target, "EcsParameters": {**ecs, "TaskDefinitionArn": registered(ecs["TaskDefinitionArn"], revisions)}}


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


def split_targets(rule: Rule) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The target that runs the task, None without one, and the others. That one has the rule's name or, in a rule that
    a script made, is the first that runs a task at all.
    """
    tasks = [target for target in rule.targets if "EcsParameters" in target]
    own = next((target for target in tasks if target["Id"] == rule.name), tasks[0] if tasks else None)
    return own, [target for target in rule.targets if target is not own]


def retry_age_of(rule: Rule) -> int:
    """Seconds for which EventBridge tries to start the rule's task; a day where no target says it."""
    ages = (target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds") for target in rule.targets)
    return max((age or LONGEST_AGE for age in ages), default=LONGEST_AGE)


def is_taken_over(rule: Rule, registered: Set[str]) -> bool:
    """Whether nothing that the rule runs was `registered` by Rota: it is a script's or a person's so far."""
    return bool(rule.targets) and task_definitions_used_by([rule]).isdisjoint(registered)


def difference(current: Rule | None, desired: Rule, arn: str) -> RuleChange | None:
    """The least that turns `current` (None: there is no such rule) into `desired`; None if they are equal. Pure.

    `arn` is the rule's ARN.
    """
    had = {} if current is None else {t["Id"]: _comparable(t) for t in current.targets}
    wanted = {t["Id"] for t in desired.targets}
    request = desired.put_request()
    put_rule = request if current is None or current.put_request() != request else None
    change = RuleChange(
        kind="create" if current is None else "update",
        name=desired.name,
        arn=arn,
        put_rule=put_rule,
        put_targets=tuple(t for t in desired.targets if put_rule or had.get(t["Id"]) != _comparable(t)),
        remove_targets=tuple(id_ for id_ in had if id_ not in wanted),
    )
    return change if change.writes() else None


def removal(current: Rule, arn: str) -> RuleChange:
    """The change that removes a rule whose task has left the schedule file. Pure."""
    return RuleChange(
        kind="remove",
        name=current.name,
        arn=arn,
        remove_targets=tuple(target["Id"] for target in split_targets(current)[1]),
        disable=current.state != "DISABLED",
    )


def undo(change: RuleChange, before: Rule) -> RuleChange:
    """The writes that undo an update, also one that was written in part. They put only targets that it writes or
    removes; with PutRule all of them. Pure.
    """
    put = {target["Id"] for target in change.put_targets}
    had = {target["Id"] for target in before.targets}
    return RuleChange(
        kind="update",
        name=change.name,
        arn=change.arn,
        put_rule=before.put_request() if change.put_rule else None,
        put_targets=tuple(t for t in before.targets if change.put_rule or t["Id"] in put | {*change.remove_targets}),
        remove_targets=tuple(sorted(put - had)),
    )


def whole(rule: Rule, arn: str) -> RuleChange:
    """The writes that create a rule with all its targets. Pure."""
    return RuleChange(
        kind="create",
        name=rule.name,
        arn=arn,
        put_rule=rule.put_request(),
        put_targets=rule.targets,
    )


def _comparable(value: Any) -> Any:
    """A target without what AWS adds on its own (false, empty, a base of 0) and without the order of its lists."""
    if isinstance(value, Mapping):
        if "capacityProvider" in value:
            value = {"weight": 0, "base": 0, **value}
        bare = {key: _comparable(inner) for key, inner in value.items()}
        # 0 says something (no retries), though it equals False.
        return {key: inner for key, inner in bare.items() if inner is not False and inner not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        items = [_comparable(item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value
