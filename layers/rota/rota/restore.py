"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from rota import aws, bus, revisions, service
from rota.errors import RejectedError, TransientError
from rota.models import Execution, Shape
from rota.plan import Plan, Snapshot
from rota.rules import Rule, runs

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

    One part that cannot be put back does not keep the others from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered.
    """
    refusals: list[Exception] = []

    def put_back(work: Callable[[], bool]) -> bool:
        try:
            return work()
        except (ClientError, BotoCoreError, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return False

    # A rule that the deployment made is asked whose it is; the others are put back, whatever their tags.
    had_tags = {name: rule.tags for name, rule in before.rules.items()}
    found = bus.read(events, bus.names(events, settings.rule_prefix), had_tags)
    rules_put_back = aws.in_parallel(put_back, _rules(events, settings, plan, before, found))
    service_put_back = put_back(lambda: _service(ecs, settings, before))
    if refusals:
        raise refusals[0]
    return Restored(
        rules=sum(rules_put_back),
        service=service_put_back,
        deregistered=_deregister(events, ecs, settings, execution, plan, had_tags),
    )


def _rules(
    events: "EventBridgeClient", settings: "Settings", plan: Plan, before: Snapshot, found: Mapping[str, Rule]
) -> Iterator[Callable[[], bool]]:
    """What there may be to do for each rule: put it back, or remove one that the deployment made."""
    for name, rule in before.rules.items():
        yield partial(bus.apply, events, found.get(name), rule)
    for planned in plan.tasks:
        name = settings.rule_prefix + planned.task.name
        if name not in before.rules and name in found and found[name].belongs_to(settings.app):
            yield partial(bus.remove, events, name)


def _service(ecs: "ECSClient", settings: "Settings", before: Snapshot) -> bool:
    if service.read(ecs, settings)["taskDefinition"] == before.service.task_definition:
        return False
    service.roll(ecs, settings, before.service.task_definition)
    return True


def _deregister(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    settings: "Settings",
    execution: Execution,
    plan: Plan,
    had_tags: Mapping[str, bus.Tags],
) -> int:
    """Deregister what this deployment registered, but nothing that a target or the service still names."""
    ours = [
        found.arn
        for arn in revisions.newer_than(ecs, settings.family, plan.newest_revision)
        if (found := revisions.read(ecs, arn)).registered_by(settings.app, execution.name)
    ]
    if not ours:
        return 0
    in_use = runs(bus.read(events, bus.names(events, settings.rule_prefix), had_tags).values())
    in_use.add(service.read(ecs, settings)["taskDefinition"])
    unused = [arn for arn in ours if arn not in in_use]
    for arn in unused:
        revisions.deregister(ecs, arn)
    return len(unused)
