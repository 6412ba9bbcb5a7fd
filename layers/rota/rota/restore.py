"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

from typing import TYPE_CHECKING

from rota import bus, revisions, rules, service
from rota.models import Execution, Shape
from rota.plan import Plan, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.settings import Settings


class Restored(Shape):
    """What had to be put back."""

    rules: int = 0
    service: bool = False
    deregistered: int = 0

    def __str__(self) -> str:
        rules_ = f"{self.rules} {'rule' if self.rules == 1 else 'rules'}"
        parts = [rules_ if self.rules else "", "the service" if self.service else ""]
        done = " and ".join(part for part in parts if part)
        return f"Everything is as it was before; {done} had to be put back." if done else "Nothing had to be put back."


def restore(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    settings: "Settings",
    execution: Execution,
    plan: Plan,
    before: Snapshot,
) -> Restored:
    """Make everything as it was `before`. What needs no restoring is not written; run again it ends the same.

    Rules first, so that no target is left on a revision that goes away at the end.
    """
    return Restored(
        rules=_restore_rules(events, settings, plan, before),
        service=_restore_service(ecs, settings, before),
        deregistered=_deregister(events, ecs, settings, execution, plan),
    )


def _restore_rules(events: "EventBridgeClient", settings: "Settings", plan: Plan, before: Snapshot) -> int:
    found = bus.read(events, settings.rule_prefix)
    planned = {settings.rule_prefix + task.task.name for task in plan.tasks}
    made = [
        name
        for name, rule in found.items()
        if name in planned and name not in before.rules and rule.belongs_to(settings.app)
    ]
    written = [bus.apply(events, found.get(name), rule) for name, rule in before.rules.items()]
    for name in made:
        bus.remove(events, name)
    return sum(written) + len(made)


def _restore_service(ecs: "ECSClient", settings: "Settings", before: Snapshot) -> bool:
    if service.read(ecs, settings)["taskDefinition"] == before.service.task_definition:
        return False
    service.roll(ecs, settings, before.service.task_definition)
    return True


def _deregister(
    events: "EventBridgeClient", ecs: "ECSClient", settings: "Settings", execution: Execution, plan: Plan
) -> int:
    """Deregister what this deployment registered, but nothing that a target or the service still names."""
    ours = [
        found.arn
        for arn in revisions.newer_than(ecs, settings.family, plan.newest_revision)
        if (found := revisions.read(ecs, arn)).registered_by(settings.app, execution.name)
    ]
    if not ours:
        return 0
    in_use = {rules.runs(rule) for rule in bus.read(events, settings.rule_prefix).values()}
    in_use.add(service.read(ecs, settings)["taskDefinition"])
    unused = [arn for arn in ours if arn not in in_use]
    for arn in unused:
        revisions.deregister(ecs, arn)
    return len(unused)
