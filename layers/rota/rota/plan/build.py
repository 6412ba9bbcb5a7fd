"""Making a plan: what is compared with what should be. Pure: no clients in here."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rota.aws import rate_limit
from rota.contract import PlanDeploymentOutput, ReadConfigOutput, Stored
from rota.ecs import task_definitions
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import contains, fingerprint_of
from rota.plan.model import Plan, PlannedTask, Snapshot
from rota.schedules.eventbridge_rules.rule import desired_rule, difference, target_to_replace

if TYPE_CHECKING:
    from rota.ecs.task_definitions import Revision
    from rota.schedule_file.task import Task
    from rota.settings import Settings

# From the plan to the last schedule, three functions start, and make calls that wait for one another: on the stage with
# 40 ms a call; on AWS it depends on the Region and the day.
_STEPS_SECONDS = 2
# Stands in a target for the revision that is yet to be registered.
_TO_BE_REGISTERED = "to be registered"


class CurrentState(NamedTuple):
    """What is: what a plan is made against.

    `snapshot` is where `before` is stored; `ours` are the revisions of ours that are in use or were left behind, an
    identical one of which is used again; `run_by_rules` are those that any rule runs, also one that was taken out of
    our hands.
    """

    base: "Revision"
    newest_revision: int
    before: Snapshot
    snapshot: Stored
    ours: "Sequence[Revision]"
    run_by_rules: Collection[str]


def build_plan(
    settings: "Settings",
    config: ReadConfigOutput,
    tasks: "Iterable[Task]",
    found: CurrentState,
) -> Plan:
    """Compare what was `found` with what `tasks` and the image ask for.

    Applying the plan and planning again gives a plan with nothing to do.
    """
    base, before = found.base, found.before
    own_tags = task_definitions.inherited_tags(base)
    known = task_definitions.reusable_by_fingerprint(found.ours, settings.app)

    def found_or_missing(task: "Task | None") -> tuple[str, str | None]:
        content = derive_content(base, settings, config.image_uri, task)
        fingerprint = fingerprint_of(content, own_tags)
        alike = (each.arn for each in known.get(fingerprint, ()) if contains(each.content, content))
        return fingerprint, next(alike, None)

    api_fingerprint, api_revision = found_or_missing(None)

    def planned(task: "Task") -> PlannedTask:
        overrides = target_overrides(base, settings, task)
        runs, revision = (api_fingerprint, api_revision) if overrides else found_or_missing(task)
        current = before.rules.get(settings.rule_prefix + task.name)
        target_id = target_to_replace(current)
        target = desired_rule(task, settings, config.cluster_arn, revision or _TO_BE_REGISTERED, overrides, target_id)
        todo = difference(current, target)
        return PlannedTask(
            task=task,
            change="create" if current is None else "update" if todo else "keep",
            puts_rule=todo.put_rule,
            fingerprint=runs,
            revision=revision,
            overrides=overrides,
            target_id=target_id,
        )

    all_planned = tuple(planned(task) for task in tasks)
    names = {settings.rule_prefix + each.task.name for each in all_planned}
    used_again = {api_revision, *(each.revision for each in all_planned)}
    needed = {*found.run_by_rules, before.service.task_definition, *used_again}
    return Plan(
        snapshot=found.snapshot,
        image_uri=config.image_uri,
        cluster_arn=config.cluster_arn,
        base=base,
        newest_revision=found.newest_revision,
        tasks=all_planned,
        remove=tuple(sorted(name for name in before.rules if name not in names)),
        leftovers=tuple(each.arn for each in found.ours if each.active and each.arn not in needed),
        api_fingerprint=api_fingerprint,
        api_revision=api_revision,
        roll=api_revision != before.service.task_definition or not before.service.steady,
    )


def count_writes(plan: Plan) -> dict[str, int]:
    """The writes that the plan leads to, by operation."""
    if plan.nothing_to_do:
        return {}
    written = [planned for planned in plan.tasks if planned.change != "keep"]
    counts = {
        "RemoveTargets": len(plan.remove),
        "DeleteRule": len(plan.remove),
        "DeregisterTaskDefinition": len(plan.leftovers),
        "RegisterTaskDefinition": len(plan.missing()),
        "PutRule": sum(planned.puts_rule for planned in written),
        "PutTargets": len(written),
        "UpdateService": int(plan.roll),
    }
    return {operation: count for operation, count in counts.items() if count}


def estimate(writes: Mapping[str, int], new_rules: int) -> int:
    """The seconds until every schedule is live, if nobody else uses AWS's quotas; the service rolls after that.

    Before each of the `new_rules` is made EventBridge is asked whether somebody else has made one of its name.
    """
    if not writes:
        return 0
    definitions = sum(writes.get(each, 0) for each in ("DeregisterTaskDefinition", "RegisterTaskDefinition"))
    on_the_bus = new_rules + sum(
        writes.get(each, 0) for each in ("RemoveTargets", "DeleteRule", "PutRule", "PutTargets")
    )
    return math.ceil(
        _STEPS_SECONDS + rate_limit.MODIFY_DEFINITIONS.seconds(definitions) + rate_limit.EVENTS.seconds(on_the_bus)
    )


def describe_plan(plan: Plan, document: Stored) -> PlanDeploymentOutput:
    """The plan in figures and in one line, for the console."""
    changes = [planned.change for planned in plan.tasks]
    created, updated, kept = (changes.count(change) for change in ("create", "update", "keep"))
    writes = count_writes(plan)
    seconds = estimate(writes, created)
    return PlanDeploymentOutput(
        document=document,
        snapshot=plan.snapshot,
        nothing_to_do=plan.nothing_to_do,
        summary=_summary(plan, {"new": created, "changed": updated, "unchanged": kept, "removed": len(plan.remove)})
        + (f"; AWS's quotas make it at least {seconds} s" if seconds > _STEPS_SECONDS else ""),
        created=created,
        updated=updated,
        kept=kept,
        removed=len(plan.remove),
        registers=len(plan.missing()),
        calls=writes,
        estimated_seconds=seconds,
        rolls_service=plan.roll,
    )


def _summary(plan: Plan, schedules: Mapping[str, int]) -> str:
    told = ", ".join(f"{number} {what}" for what, number in schedules.items() if number)
    registers = len(plan.missing())
    return (
        f"schedules: {told or 'none'}; {registers} {'revision' if registers == 1 else 'revisions'} to register; "
        f"the service {'rolls' if plan.roll else 'stays'}"
    )
