"""What is, what should be, and the plan that leads from one to the other. Pure: no clients in here."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from rota import revisions, rules
from rota.models import PlanDeploymentOutput, Shape, Stored
from rota.revisions import Definition
from rota.rules import Rule
from rota.service import ServiceState
from rota.task import Task

if TYPE_CHECKING:
    from rota.settings import Settings

# Stands in a target for the revision that is yet to be registered.
_TO_BE_REGISTERED = "to be registered"


class Snapshot(Shape):
    """Everything a restore must bring back: our rules, whole, by name, and what the service runs."""

    rules: dict[str, Rule]
    service: ServiceState


class PlannedTask(Shape):
    """One task of the schedule file. `revision` is None where one has to be registered."""

    task: Task
    change: Literal["create", "update", "keep"]
    revision: str | None


class Plan(Shape):
    """One deployment, decided. `newest_revision` is the family's highest number before it begins; `snapshot` is what
    the plan was made against, and what a restore brings back.
    """

    snapshot: Stored
    image_uri: str
    cluster_arn: str
    base: Definition
    newest_revision: int
    tasks: tuple[PlannedTask, ...]
    remove: tuple[str, ...]
    api_revision: str | None
    roll: bool

    @property
    def nothing_to_do(self) -> bool:
        return not (self.roll or self.remove or any(planned.change != "keep" for planned in self.tasks))

    def wanted(self, settings: "Settings", planned: PlannedTask, revision: str) -> Rule:
        """The rule that this task should have."""
        return rules.wanted(planned.task, settings, self.cluster_arn, revision)


class Registered(Shape):
    """What RegisterRevisions leaves for the next steps: ARNs, by task name and for the API."""

    tasks: dict[str, str]
    api: str


def make(
    settings: "Settings",
    image_uri: str,
    cluster_arn: str,
    base: Definition,
    newest_revision: int,
    tasks: Iterable[Task],
    before: Snapshot,
    snapshot: Stored,
    known: Mapping[str, str],
) -> Plan:
    """Compare what was `before` (stored as `snapshot`) with what `tasks` and the image ask for.

    `known` maps fingerprints to ACTIVE revisions of ours that can be used again. Applying the plan and planning again
    gives a plan with nothing to do.
    """
    wanted = tuple(tasks)
    own_tags = revisions.own_tags(base)

    def identical(task: Task | None) -> str | None:
        content = revisions.derive(base, settings, image_uri, task)
        return known.get(revisions.fingerprint(content, own_tags))

    def planned(task: Task) -> PlannedTask:
        revision = identical(task)
        current = before.rules.get(settings.rule_prefix + task.name)
        target = rules.wanted(task, settings, cluster_arn, revision or _TO_BE_REGISTERED)
        if current is None:
            return PlannedTask(task=task, change="create", revision=revision)
        change: Literal["update", "keep"] = "update" if rules.difference(current, target) else "keep"
        return PlannedTask(task=task, change=change, revision=revision)

    names = {settings.rule_prefix + task.name for task in wanted}
    api_revision = identical(None)
    return Plan(
        image_uri=image_uri,
        cluster_arn=cluster_arn,
        base=base,
        newest_revision=newest_revision,
        tasks=tuple(planned(task) for task in wanted),
        remove=tuple(sorted(name for name in before.rules if name not in names)),
        api_revision=api_revision,
        snapshot=snapshot,
        roll=api_revision != before.service.task_definition or not before.service.steady,
    )


def describe(plan: Plan, document: Stored) -> PlanDeploymentOutput:
    """The plan in figures and in one line, for the console."""
    changes = [planned.change for planned in plan.tasks]
    created, updated, kept = (changes.count(change) for change in ("create", "update", "keep"))
    registers = sum(planned.revision is None for planned in plan.tasks) + (plan.api_revision is None)
    return PlanDeploymentOutput(
        document=document,
        snapshot=plan.snapshot,
        nothing_to_do=plan.nothing_to_do,
        summary=_summary(created, updated, kept, len(plan.remove), registers, rolls=plan.roll),
        created=created,
        updated=updated,
        kept=kept,
        removed=len(plan.remove),
        registers=registers,
        rolls_service=plan.roll,
    )


def _summary(created: int, updated: int, kept: int, removed: int, registers: int, *, rolls: bool) -> str:
    rules_ = [
        f"{number} {what}"
        for number, what in ((created, "new"), (updated, "changed"), (kept, "unchanged"), (removed, "removed"))
        if number
    ]
    service = "the service rolls" if rolls else "the service stays"
    revisions_ = "revision" if registers == 1 else "revisions"
    return f"schedules: {', '.join(rules_) or 'none'}; {registers} {revisions_} to register; {service}"
