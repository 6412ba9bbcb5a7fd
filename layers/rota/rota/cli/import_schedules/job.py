"""A scheduled ECS task that Rota did not make, wherever it is written. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rota.schedules.eventbridge_rules import watching
from rota.schedules.eventbridge_rules.rule import split_targets

if TYPE_CHECKING:
    from rota.schedules.eventbridge_rules.rule import Rule


# Of a target and of its EcsParameters.
_KEPT = ("DeadLetterConfig",)
_KEPT_OF_ECS = ("EnableECSManagedTags", "Group", "ReferenceId")

NotTaken = tuple[str, str]
"""What a rule is called, or `GROUP/NAME` of a schedule in Scheduler, and why no task comes of it."""


class CannotTakeError(Exception):
    """A rule or schedule that no task of a schedule file comes to; each reason is a sentence without its subject."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Job:
    """What runs when. `ecs` is as EventBridge's EcsParameters, `overrides` as ECS's TaskOverride.

    `rule`: of a schedule in Scheduler `GROUP/NAME`, and `group` its group; `bounds` are its keys that no rule has.
    `in_place`: its rule is one that Rota can take over; the members `kept` stay on its target then, and no key says
    them. `is_owned`: it has the app's tag, or is in the app's group. `own_image`: it runs an image made for it.
    `remarks`: what is known to differ already.
    """

    rule: str
    name: str
    expression: str
    ecs: Mapping[str, Any]
    cluster: str
    enabled: bool = True
    description: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    retry: Mapping[str, Any] | None = None
    role: str = ""
    group: str = ""
    bounds: Mapping[str, Any] = field(default_factory=dict)
    in_place: bool = True
    is_owned: bool = False
    own_image: bool = False
    max_runtime: int | None = None
    kept: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def task_definition(self) -> str:
        """The ARN of the task definition that it runs today; ecschedule may give its name alone."""
        return str(self.ecs["TaskDefinitionArn"])

    @property
    def variables(self) -> set[str]:
        """The names of the environment variables that it is started with."""
        containers = self.overrides.get("containerOverrides") or []
        return {variable["name"] for each in containers for variable in each.get("environment") or []}

    @property
    def revision(self) -> str:
        """Family and number of that task definition."""
        return self.task_definition.rpartition("/")[2]

    @property
    def family(self) -> str:
        return self.revision.partition(":")[0]


def starts_a_machine(rule: "Rule") -> str | None:
    """The ARN of the state machine that is the rule's one target, as Copilot makes it; None for all others."""
    arns = [str(target["Arn"]) for target in rule.targets]
    return arns[0] if len(arns) == 1 and ":states:" in arns[0] and ":stateMachine:" in arns[0] else None


def job_of_rule(rule: "Rule", app: str) -> Job:
    """The job of a rule with an ECS target. CannotTakeError if it is none, or says what no key can."""
    reasons = [*problems_of_ownership(rule, app)]
    own, others = split_targets(rule)
    if own is None:
        kinds = ", ".join(str(target["Arn"]).split(":")[2] for target in rule.targets)
        what = f"its target is not an ECS task ({kinds})" if kinds else "has no target"
        raise CannotTakeError(*reasons, what)
    if others:
        names = ", ".join(f"{target['Id']} ({target['Arn']})" for target in others)
        ids = " ".join(target["Id"] for target in others)
        reasons.append(
            f"has targets beside its task, and a schedule has one: give {names} a rule of their own, then remove them"
            f"\naws events remove-targets --rule {rule.name} --ids {ids}"
        )
    overrides: Any = {}
    text = watching.overrides_of(own)
    reasons += [
        f"its target has an {member}, which no key can say"
        for member in ("InputPath", "InputTransformer")
        if own.get(member) and text is None
    ]
    if text is not None:
        try:
            overrides = json.loads(text)
        except ValueError:
            overrides = None
        if not isinstance(overrides, dict):
            reasons.append("its target's Input is no overrides of a task")
    if reasons:
        raise CannotTakeError(*reasons)
    return Job(
        rule=rule.name,
        name=rule.name,
        expression=str(rule.schedule_expression),
        ecs=own["EcsParameters"],
        cluster=own["Arn"],
        enabled=rule.state != "DISABLED",
        description=rule.description,
        overrides=overrides,
        retry=own.get("RetryPolicy"),
        role=own.get("RoleArn", ""),
        is_owned=rule.belongs_to(app),
        kept=kept(own),
        remarks=("its rule itself names a role, which Rota removes",) if rule.role_arn else (),
    )


def kept(target: Mapping[str, Any]) -> tuple[str, ...]:
    """The members of a target that no key says, and that stay when Rota takes its rule over."""
    of_ecs = target.get("EcsParameters", {})
    names = [each for each in _KEPT if target.get(each)] + [each for each in _KEPT_OF_ECS if of_ecs.get(each)]
    unsaid = of_ecs.get("CapacityProviderStrategy") and not weights(of_ecs)
    return (*names, *(["CapacityProviderStrategy"] if unsaid else []))


def weights(ecs: Mapping[str, Any]) -> dict[str, int]:
    """The weight of each capacity provider, as the key `capacity_provider` has it. Empty if no key can say it."""
    strategy = ecs.get("CapacityProviderStrategy") or []
    found = {each["capacityProvider"]: int(each.get("weight") or 0) for each in strategy}
    return found if any(found.values()) and not any(each.get("base") for each in strategy) else {}


def problems_of_ownership(rule: "Rule", app: str) -> Iterator[str]:
    """Why the rule is none that the app may take."""
    if rule.managed_by:
        yield f"the AWS service {rule.managed_by} manages it"
    elif rule.owner and rule.owner != app:
        yield f"belongs to {rule.owner}, by its tag rota:app"
    if rule.event_pattern:
        also = " too" if rule.schedule_expression else ", and no schedule"
        yield f"has an event pattern{also}; a task of the schedule file has none"
