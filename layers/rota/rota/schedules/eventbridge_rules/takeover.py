"""Taking over a rule that a script or a person made, or moving it to EventBridge Scheduler: what cannot stay. Pure.

PutTargets replaces a target whole: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from rota import tracing
from rota.schedule_file.task import CAPACITY_PROVIDERS
from rota.schedules.eventbridge_rules import watching
from rota.schedules.eventbridge_rules.desired import kept_members
from rota.schedules.eventbridge_rules.rule import split_targets

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.schedules.eventbridge_rules.rule import Rule
    from rota.settings import Settings

# Of a container's overrides: the schedule file says the first two, and the task definition may say the rest.
_SAID_BY_THE_FILE = {"command", "environment"}
# The keys that say of a schedule in Scheduler what a rule's target keeps; for the rest there is none.
_KEYS = {
    "CapacityProviderStrategy": "capacity_provider",
    "EnableExecuteCommand": "enable_execute_command",
    "PropagateTags": "propagate_tags",
    "RetryPolicy": "retry",
    "Tags": "tags",
}


def problems(rule: "Rule", task: "Task", settings: "Settings") -> Iterator[str]:
    """A sentence for everything of the rule that Rota would have to drop, with what to do by hand."""
    if rule.event_pattern:
        yield (
            f"the rule {rule.name} has an event pattern too, and a schedule has none: give the pattern a rule of its "
            "own, and remove it here"
        )
    own, others = split_targets(rule)
    if others:
        named = ", ".join(f"{target['Id']} ({target['Arn']})" for target in others)
        yield (
            f"the rule {rule.name} has targets besides its task's: {named}. A schedule has one target: give the others "
            f"a rule of their own, then run aws events remove-targets --rule {rule.name} --ids "
            f"{' '.join(target['Id'] for target in others)}"
        )
    if own:
        for member, what_to_do in _not_kept(own, task, settings):
            yield f"the target {own['Id']} of the rule {rule.name} has {member}, which Rota cannot keep: {what_to_do}"


def lost_in_scheduler(
    rule: "Rule", task: "Task", settings: "Settings", set_before: Collection[str], *, sets_retry: bool
) -> Iterator[str]:
    """A sentence for what a script or a person gave the rule's target and no schedule in Scheduler would have, with
    what to do. `set_before` and `sets_retry` as for the desired rule: what keys set goes with the key.
    """
    own = watching.target_of(rule)
    members = {member: value for part in kept_members(rule, settings, task) for member, value in part.items()}
    lost = {member for member, value in members.items() if value} - {*set_before}
    if sets_retry or task.retry:
        lost.discard("RetryPolicy")
    if not watching.has_a_queue_of_its_own(own, settings):
        lost.discard("DeadLetterConfig")
    begin = f"the target {own.get('Id')} of the rule {rule.name} has"
    if said := sorted(lost & _KEYS.keys()):
        yield (
            f"{begin} {', '.join(said)}, which a schedule of EventBridge Scheduler gets from the file alone: say so in "
            f"the task {task.name} of the schedule file ({', '.join(_KEYS[member] for member in said)}) before it moves"
        )
    if unsaid := sorted(lost - _KEYS.keys()):
        yield (
            f"{begin} {', '.join(unsaid)}, which Rota gives no schedule of EventBridge Scheduler: put the target "
            "without it before the task moves"
        )


def _not_kept(target: dict[str, Any], task: "Task", settings: "Settings") -> Iterator[tuple[str, str]]:
    ecs = target["EcsParameters"]
    providers = {each["capacityProvider"] for each in ecs.get("CapacityProviderStrategy") or []}
    if not task.capacity_provider and (foreign := sorted(providers - CAPACITY_PROVIDERS)):
        yield f"the capacity provider {', '.join(foreign)}", "jobs run on Fargate; put the target without it"
    for member in ("PlacementConstraints", "PlacementStrategy"):
        if ecs.get(member):
            yield member, "Fargate has no placement; put the target without it"
    overrides = watching.overrides_of(target)
    for member in ("InputPath", "InputTransformer"):
        if target.get(member) and overrides is None:
            yield member, "put the target without it"
    if overrides:
        yield from _lost_of_input(overrides, task, settings)


def _lost_of_input(text: str, task: "Task", settings: "Settings") -> Iterator[tuple[str, str]]:
    """What the overrides say that the schedule file does not."""
    try:
        overrides = json.loads(text)
        containers = {each["name"]: each for each in overrides.get("containerOverrides", [])}
    except (ValueError, AttributeError, TypeError, KeyError):
        yield "an Input that is no overrides of a task", "put the target without it"
        return
    own = containers.pop(settings.container, {})
    unsaid = [size for size in ("cpu", "memory") if overrides.get(size) not in (None, str(getattr(task, size)))]
    disk = {"sizeInGiB": task.ephemeral_storage}
    unsaid += ["ephemeralStorage"] if overrides.get("ephemeralStorage") not in (None, disk) else []
    unsaid += ["taskRoleArn"] if overrides.get("taskRoleArn") not in (None, task.role) else []
    said = {*task.environment, *(task.secrets or ()), *tracing.VARIABLES}
    unsaid += sorted(each["name"] for each in own.get("environment", []) if each["name"] not in said)
    if unsaid:
        yield f"{', '.join(unsaid)} in its Input", f"say so in the task {task.name} of the schedule file"
    elsewhere = sorted(overrides.keys() - {"containerOverrides", "cpu", "memory", "ephemeralStorage", "taskRoleArn"})
    elsewhere += sorted(own.keys() - _SAID_BY_THE_FILE - {"name"}) + [f"overrides of {name}" for name in containers]
    if elsewhere:
        yield f"{', '.join(elsewhere)} in its Input", "say so in the task definition, and put the target without it"
