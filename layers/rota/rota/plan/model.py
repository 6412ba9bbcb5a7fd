"""The plan: every change of a deployment, decided once; later steps carry it out. Pure."""

from collections import Counter
from typing import Any

from pydantic import ConfigDict, Field

from rota.contract.shape import Shape
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import OneOff, Runnable, Task
from rota.schedules.backend import Change, Schedule


class Snapshot(Shape):
    """What a restore brings back: the app's schedules, whole, by name, and what the service runs."""

    rules: dict[str, Schedule]
    service: ServiceState


class PlannedRevision(Shape):
    """A revision that is to be registered: the `task` it is for, or the `one_off` task; the API's is for neither."""

    fingerprint: str
    task: Task | None
    one_off: OneOff | None = Field(None, exclude_if=lambda given: given is None)

    @property
    def runs(self) -> Runnable | None:
        """What it is for; None for the API."""
        return self.task or self.one_off


class PlannedRun(Shape):
    """A task that runs once in the deployment, the file's `before` or `after`: its `command`, for people; the
    `fingerprint` of its revision; RunTask's `request` without that; `timeout` in minutes, `pause_tasks` as in the file.
    """

    command: tuple[str, ...]
    fingerprint: str
    request: dict[str, Any]
    timeout: int
    pause_tasks: bool = False


class Commands(Shape):
    """What the chosen container runs: in the service, None for the image's own command, and in each task, by name. The
    entry point precedes each of them; where it is empty, the image's own.
    """

    entry_point: tuple[str, ...]
    service: tuple[str, ...] | None
    tasks: dict[str, tuple[str, ...]]


class Plan(Shape):
    """One deployment, decided.

    `changes` are the schedules that change, each with its writes; `kept` is how many stay. `registers` are the
    revisions that have to be registered, the API's last; `reused` the ARNs of those that are used again, by
    fingerprint. `newest_revision` is the family's highest number before the deployment. `roll`: whether the service is
    updated, to the revision with the fingerprint `api`; `service_runs` is the ARN of the revision that it runs before.
    `before` and `after`: what runs once, before anything is switched and when the service is complete.
    `algorithm` is the version of all these fingerprints; 0 in a plan of a version that had none.
    `retry_policy_set_by_rota` are the names of the schedules whose retry policy is Rota's: from the file, or as it fits
    the schedule; `set_by_keys` what else keys of the file set of schedules and would stay without them, by the
    schedule's name; `said_of_revisions` what they say of each task's own revision, in words by key, and
    `revision_changes` where that differs from before.

    For people: `service_changes` says how the service will differ from what it runs, `commands` what runs then,
    `left_out` which containers no job runs, by name with the reason, and `remarks` what else they should know.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    image_uri: str
    base: Revision
    newest_revision: int
    changes: tuple[Change, ...]
    kept: int
    registers: tuple[PlannedRevision, ...]
    reused: dict[str, str]
    api: str
    roll: bool
    service_runs: str
    before: PlannedRun | None = Field(None, exclude_if=lambda given: given is None)
    after: PlannedRun | None = Field(None, exclude_if=lambda given: given is None)
    algorithm: int = 0
    retry_policy_set_by_rota: tuple[str, ...] = Field((), alias="retried")
    set_by_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    said_of_revisions: dict[str, dict[str, str]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    revision_changes: dict[str, dict[str, tuple[str | None, str | None]]] = Field(
        default_factory=dict, exclude_if=lambda given: not given
    )
    service_changes: tuple[str, ...] = ()
    commands: Commands | None = None
    left_out: dict[str, str] = Field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """True if applying the plan would write nothing."""
        return not (self.roll or self.changes)

    def of_kind(self, *kinds: str) -> tuple[Change, ...]:
        """The changes of these kinds: `create`, `update`, `remove`."""
        return tuple(change for change in self.changes if change.kind in kinds)

    def writes(self) -> Counter[str]:
        """How often each operation is called that writes."""
        counts: Counter[str] = sum((change.writes() for change in self.changes), Counter())
        runs = sum(each is not None for each in (self.before, self.after))
        own = Counter(RegisterTaskDefinition=len(self.registers), RunTask=runs, UpdateService=int(self.roll))
        return +(counts + own)
