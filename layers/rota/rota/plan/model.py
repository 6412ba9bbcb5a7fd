"""The plan: every change of a deployment, decided once; later steps carry it out. Pure."""

from collections import Counter
from typing import Any

from pydantic import ConfigDict, Field

from rota.contract.shape import Shape
from rota.ecs.arns import Ranges
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import After, OneOff, Runnable, Task
from rota.schedules.backend import Change, Schedule


class Snapshot(Shape):
    """What a restore brings back."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    schedules: dict[str, Schedule] = Field(alias="rules")
    """The app's own, whole, by name, as they would be if none were paused."""
    service: ServiceState


class PlannedRevision(Shape):
    """A revision that is to be registered; the API's is for no task."""

    fingerprint: str
    task: Task | None
    one_off: OneOff | None = Field(None, exclude_if=lambda given: given is None)

    @property
    def runs(self) -> Runnable | None:
        """What it is for; None for the API."""
        return self.task or self.one_off


class PlannedRun(Shape):
    """A task that runs once in the deployment, the file's `before` or `after`."""

    command: tuple[str, ...]
    """For people."""
    fingerprint: str
    """Of its revision."""
    request: dict[str, Any]
    """RunTask's, without the revision."""
    timeout: int
    """In minutes."""
    pause_tasks: bool = False


class Commands(Shape):
    """What the chosen container runs. The entry point precedes each command."""

    entry_point: tuple[str, ...]
    """Empty for the image's own."""
    service: tuple[str, ...] | None
    """None for the image's own."""
    tasks: dict[str, tuple[str, ...]]
    """By the task's name."""


class Plan(Shape):
    """One deployment, decided. The last members are for people alone."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    image_uri: str
    base: Revision
    newest_revision: int
    """The family's highest number before the deployment."""
    changes: tuple[Change, ...]
    """The schedules that change, each with its writes."""
    kept: int
    """How many schedules stay."""
    registers: tuple[PlannedRevision, ...]
    """The API's last."""
    reused: dict[str, str]
    """ARNs of the revisions that are used again, by fingerprint."""
    api: str
    """The fingerprint of the service's revision."""
    roll: bool
    """Whether the service is updated, to the revision `api`."""
    service_runs: str
    """The ARN of the revision that it runs before the deployment."""
    before: PlannedRun | None = Field(None, exclude_if=lambda given: given is None)
    """What runs before anything is switched."""
    after: PlannedRun | None = Field(None, exclude_if=lambda given: given is None)
    """What runs when the service is complete."""
    after_a_rollback: After | None = Field(None, exclude_if=lambda given: given is None)
    """The file's `after`, if it does not run because the service stays: a rollback to this release may run it."""
    algorithm: int = 0
    """The version of all these fingerprints; 0 in a plan of a version of Rota that had none."""
    retry_policy_set_by_rota: tuple[str, ...] = Field((), alias="retried")
    """The names of the schedules whose retry policy is Rota's: from the file, or as it fits the schedule. Stored under
    its first name, as `schedules` is, so that versions of Rota read each other's.
    """
    set_by_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the schedule's name: what else keys of the file set of it, and would stay without them."""
    said_of_revisions: dict[str, dict[str, str]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the schedule's name: what the file's keys say of its own revision, in words by key."""
    revision_changes: dict[str, dict[str, tuple[str | None, str | None]]] = Field(
        default_factory=dict, exclude_if=lambda given: not given
    )
    """Where `said_of_revisions` differs: before the deployment, and after it."""
    own_numbers: dict[str, Ranges] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the family's ARN: the numbers of the revisions that deployments before this one registered."""
    service_changes: tuple[str, ...] = ()
    """How the service will differ from what it runs."""
    commands: Commands | None = None
    left_out: dict[str, str] = Field(default_factory=dict)
    """The containers that no job runs, by name with the reason."""
    remarks: tuple[str, ...] = ()
    """What else people should know."""

    @property
    def nothing_to_do(self) -> bool:
        """True if applying the plan would write nothing."""
        return not (self.roll or self.changes)

    def changes_of_kind(self, *kinds: str) -> tuple[Change, ...]:
        """The changes of these kinds: `create`, `update`, `remove`."""
        return tuple(change for change in self.changes if change.kind in kinds)

    @property
    def disabled_first(self) -> tuple[Change, ...]:
        """What is on and removed, which is switched off before others are written. Not what moves to the other backend:
        that stays on until its task's other schedule is.
        """
        return tuple(change for change in self.changes_of_kind("remove") if change.disable and not change.moved)

    def writes(self) -> Counter[str]:
        """How often each operation is called that writes; not for a migration's pauses, nor later rounds of a move."""
        counts: Counter[str] = sum((change.writes() for change in self.changes), Counter())
        runs = sum(each is not None for each in (self.before, self.after))
        own = Counter(RegisterTaskDefinition=len(self.registers), RunTask=runs, UpdateService=int(self.roll))
        return +(counts + own)
