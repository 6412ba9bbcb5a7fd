"""What was, and the plan that leads from it to what should be: what every step after PlanDeployment goes by. Pure."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from rota.contract import Registered, Shape, Stored
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules.rule import Rule, desired_rule

if TYPE_CHECKING:
    from rota.settings import Settings


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
    base: Revision
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
        return desired_rule(planned.task, settings, self.cluster_arn, revision, planned.overrides, planned.target_id)

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
