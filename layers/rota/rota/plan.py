"""What is, what should be, and the plan that leads from one to the other. Pure: no clients in here."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from rota import derivation, pace, revisions, rules
from rota.models import PlanDeploymentOutput, Registered, Shape, Stored
from rota.revisions import Definition
from rota.rules import Rule
from rota.service import ServiceState
from rota.task import Task

if TYPE_CHECKING:
    from rota.settings import Settings

# From the plan to the last schedule, three functions start, and make calls that wait for one another: on the stage with
# 40 ms a call; on AWS it depends on the Region and the day.
_STEPS_SECONDS = 2
# Stands in a target for the revision that is yet to be registered.
_TO_BE_REGISTERED = "to be registered"


class Snapshot(Shape):
    """Everything a restore must bring back: our rules, whole, by name, and what the service runs."""

    rules: dict[str, Rule]
    service: ServiceState


class PlannedTask(Shape):
    """One task of the schedule file. `revision` is None where one with this fingerprint has to be registered;
    `overrides` is the target's input where the task runs the API's revision; `target_id` that of the target which the
    task's replaces.
    """

    task: Task
    change: Literal["create", "update", "keep"]
    puts_rule: bool
    fingerprint: str
    revision: str | None
    overrides: str | None
    target_id: str | None


class Plan(Shape):
    """One deployment, decided. `newest_revision` is the family's highest number before it begins; `snapshot` is what
    the plan was made against, and what a restore brings back; `leftovers` are revisions that fell out of use, or that
    a deployment which was aborted left.
    """

    snapshot: Stored
    image_uri: str
    cluster_arn: str
    base: Definition
    newest_revision: int
    tasks: tuple[PlannedTask, ...]
    remove: tuple[str, ...]
    leftovers: tuple[str, ...]
    api_fingerprint: str
    api_revision: str | None
    roll: bool

    @property
    def nothing_to_do(self) -> bool:
        """True also with leftovers: nobody notices those, and the next deployment that changes anything takes them."""
        return not (self.roll or self.remove or any(planned.change != "keep" for planned in self.tasks))

    def wanted(self, settings: "Settings", planned: PlannedTask, revision: str) -> Rule:
        """The rule that this task should have."""
        return rules.wanted(planned.task, settings, self.cluster_arn, revision, planned.overrides, planned.target_id)

    def wanted_rules(self, settings: "Settings", registered: Registered) -> dict[str, Rule]:
        """By name, every rule that there should be."""
        made = (self.wanted(settings, each, registered.tasks[each.task.name]) for each in self.tasks)
        return {rule.name: rule for rule in made}

    def rule_arn(self, name: str) -> str:
        """The ARN of a rule on the default bus of the cluster's account and Region."""
        return f"{self.cluster_arn.partition(':cluster/')[0].replace(':ecs:', ':events:')}:rule/{name}"

    def used_again(self) -> set[str]:
        """The revisions that are there already and go on being used."""
        return {planned.revision for planned in self.tasks if planned.revision} | (
            {self.api_revision} if self.api_revision else set()
        )

    def without(self, gone: Collection[str]) -> "Plan":
        """The plan when these revisions are not to be used again, because somebody has deregistered them."""
        tasks = tuple(
            each.model_copy(update={"revision": None}) if each.revision in gone else each for each in self.tasks
        )
        return self.model_copy(
            update={"tasks": tasks, "api_revision": None if self.api_revision in gone else self.api_revision}
        )

    def missing(self) -> dict[str, Task | None]:
        """What has to be registered: by fingerprint, the task that it is for, the API's (None) last."""
        for_tasks: dict[str, Task | None] = {
            planned.fingerprint: planned.task
            for planned in self.tasks
            if planned.revision is None and planned.fingerprint != self.api_fingerprint
        }
        return for_tasks | ({} if self.api_revision else {self.api_fingerprint: None})

    def registered(self, known: Mapping[str, str]) -> Registered:
        """With every fingerprint known: which revision everybody runs."""
        return Registered(
            tasks={planned.task.name: planned.revision or known[planned.fingerprint] for planned in self.tasks},
            api=self.api_revision or known[self.api_fingerprint],
        )


def make(
    settings: "Settings",
    image_uri: str,
    cluster_arn: str,
    base: Definition,
    newest_revision: int,
    tasks: Iterable[Task],
    before: Snapshot,
    snapshot: Stored,
    ours: Iterable[Definition],
    run_by_rules: Collection[str],
) -> Plan:
    """Compare what was `before` (stored as `snapshot`) with what `tasks` and the image ask for.

    `ours` are the revisions of ours that are in use or were left behind; an identical one is used again.
    `run_by_rules` are those that any rule runs, also one that was taken out of our hands. Applying the plan and
    planning again gives a plan with nothing to do.
    """
    own_tags = revisions.own_tags(base)
    ours = tuple(ours)
    known = revisions.by_fingerprint(ours, settings.app)

    def fingerprint(task: Task | None) -> str:
        return revisions.fingerprint(derivation.derive(base, settings, image_uri, task), own_tags)

    api_fingerprint = fingerprint(None)

    def planned(task: Task) -> PlannedTask:
        overrides = derivation.overrides(base, settings, task)
        runs = api_fingerprint if overrides else fingerprint(task)
        revision = known.get(runs)
        current = before.rules.get(settings.rule_prefix + task.name)
        target_id = rules.target_to_replace(current)
        target = rules.wanted(task, settings, cluster_arn, revision or _TO_BE_REGISTERED, overrides, target_id)
        todo = rules.difference(current, target)
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
    api_revision = known.get(api_fingerprint)
    needed = {*run_by_rules, before.service.task_definition, *(each.revision for each in all_planned), api_revision}
    return Plan(
        snapshot=snapshot,
        image_uri=image_uri,
        cluster_arn=cluster_arn,
        base=base,
        newest_revision=newest_revision,
        tasks=all_planned,
        remove=tuple(sorted(name for name in before.rules if name not in names)),
        leftovers=tuple(each.arn for each in ours if each.active and each.arn not in needed),
        api_fingerprint=api_fingerprint,
        api_revision=api_revision,
        roll=api_revision != before.service.task_definition or not before.service.steady,
    )


def calls(plan: Plan) -> dict[str, int]:
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
    return math.ceil(_STEPS_SECONDS + pace.MODIFY_DEFINITIONS.seconds(definitions) + pace.EVENTS.seconds(on_the_bus))


def describe(plan: Plan, document: Stored) -> PlanDeploymentOutput:
    """The plan in figures and in one line, for the console."""
    changes = [planned.change for planned in plan.tasks]
    created, updated, kept = (changes.count(change) for change in ("create", "update", "keep"))
    writes = calls(plan)
    seconds = estimate(writes, created)
    return PlanDeploymentOutput(
        document=document,
        snapshot=plan.snapshot,
        nothing_to_do=plan.nothing_to_do,
        summary=_summary(plan, {"new": created, "changed": updated, "unchanged": kept, "removed": len(plan.remove)})
        + (f"; AWS's quotas make it about {seconds} s" if seconds > _STEPS_SECONDS else ""),
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
