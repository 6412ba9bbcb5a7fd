"""The interface between a deployment and the place in AWS where its schedules live.

A plan and a snapshot hold `Change`s and `Schedule`s, which carry their backend's name in `backend`. What turns one
into another is decided here without a call; `connect` gives what reads and writes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rota.aws.rate_limit import EVENTS
from rota.schedule_file.when import When
from rota.schedules.eventbridge_rules import rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.found import Found
from rota.schedules.restored import Restored

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Set
    from concurrent.futures import ThreadPoolExecutor
    from datetime import datetime

    from rota.schedule_file.task import Task
    from rota.settings import Settings

# Unions, discriminated by `backend`, once there is a second backend.
Schedule: TypeAlias = Rule
Change: TypeAlias = RuleChange


class Inventory(Protocol):
    """What a backend holds before a deployment."""

    @property
    def schedules(self) -> dict[str, Schedule]:
        """The app's own schedules, whole, by name."""

    def slots(self, settings: "Settings") -> int:
        """How many schedules the app may have."""

    def problems(self, desired: "Iterable[str]", settings: "Settings") -> "Iterator[str]":
        """A sentence for everything that keeps schedules of these names from being deployed or restored."""


class Backend(Protocol):
    """Reads and writes schedules. What AWS refuses is raised as its client does (`AWS_ERRORS`), for the frame of the
    functions to translate, or as TransientError or RejectedError where the backend knows more.
    """

    def inventory(self, pool: "ThreadPoolExecutor") -> "Callable[[], Inventory]":
        """Begin to read all that there is, once; what is returned waits for the end."""

    def read(self, name: str) -> Schedule | None:
        """The schedule of that name as it is now, without its tags; None if there is none."""

    def revisions_in_use(self) -> set[str]:
        """The ARNs of all task definitions that any schedule with the app's prefix runs now, foreign ones included."""

    def apply(self, change: Change, revisions: Mapping[str, str]) -> None:
        """Create or update one schedule; `revisions`: ARNs by fingerprint."""

    def disable(self, change: Change) -> bool:
        """Stop a schedule that is to be removed; False if it is not the app's any more."""

    def delete(self, change: Change) -> bool:
        """Delete a schedule that is to be removed; False if it is not the app's any more."""

    def restore(self, change: Change, before: Schedule | None, retries: int) -> Restored:
        """Undo one change."""

    def find(self, name: str) -> Found:
        """Whether there is a schedule of that name, whose it is, and whether it is on."""

    def switch(self, name: str, *, on: bool) -> Found:
        """Switch the app's schedule of that name on or off. Returns what was found before; nothing is written to a
        schedule that is not the app's.
        """


def connect(settings: "Settings") -> Backend:
    """What reads and writes the app's schedules: the one backend that there is.

    Every change names its backend, so with a second one this gives each change to the backend that it names.
    """
    from rota.schedules.eventbridge_rules.backend import EventBridgeRules  # noqa: PLC0415  loaded where it is used

    return EventBridgeRules(settings)


def name_of(task: "Task", settings: "Settings") -> str:
    """The name of a task's schedule."""
    return settings.rule_prefix + task.name


def change(
    task: "Task",
    settings: "Settings",
    cluster_arn: str,
    revision: str,
    overrides: str | None,
    current: Schedule | None,
    *,
    sets_retry: bool = False,
    set_before: "Collection[str]" = (),
) -> Change | None:
    """What gives a task its schedule; None if `current` is that already. Pure.

    `revision` is an ARN, or `to_be_registered(fingerprint)`; `sets_retry`: Rota set the retry policy that `current`
    has, so that it goes or changes with what it came from; `set_before`: what else of it keys of the file set.
    """
    from rota.schedules.eventbridge_rules.desired import desired_rule  # noqa: PLC0415  loaded where it is used

    desired = desired_rule(
        task, settings, cluster_arn, revision, overrides, current, sets_retry=sets_retry, set_before=set_before
    )
    return rule.difference(current, desired, _arn(cluster_arn, desired.name))


def set_by_keys(task: "Task") -> tuple[str, ...]:
    """What the task's keys set of its schedule that would stay without them, by name. Pure."""
    from rota.schedules.eventbridge_rules import of_the_file  # noqa: PLC0415  loaded where it is used

    return tuple(of_the_file.of_ecs(task))


def rights_of_kept(
    current: Schedule, task: "Task", settings: "Settings", set_before: "Collection[str]"
) -> dict[str, str]:
    """What the schedule keeps that a script or a person set, and for which the role that starts the task needs a right
    of EventsRoleAllows: by name, that right. Pure.
    """
    from rota.schedules.eventbridge_rules import of_the_file  # noqa: PLC0415  loaded where it is used
    from rota.schedules.eventbridge_rules.desired import kept_members  # noqa: PLC0415  loaded where it is used

    kept = kept_members(current, settings, task)[1]
    return of_the_file.needs({member: value for member, value in kept.items() if member not in set_before})


def sets_retry(task: "Task", settings: "Settings", current: Schedule | None, *, before: bool) -> bool:
    """Whether Rota sets the retry policy of a task's schedule; `before`: it set the one that `current` has. Pure."""
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.sets_retry(task, settings, watching.target_of(current), before=before)


def has_dead_letters_elsewhere(current: Schedule | None, settings: "Settings") -> bool:
    """Whether a script or a person gave the schedule a dead-letter queue, which run watching does not see. Pure."""
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.has_a_queue_of_its_own(watching.target_of(current), settings)


def remarks_on_watching(updates: "Iterable[tuple[Schedule, Change]]") -> "Iterator[str]":
    """What these updates, each with the schedule as it was, change for the watching of runs. Pure."""
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.remarks(updates)


def taken_over(current: Schedule, registered: "Set[str]") -> bool:
    """Whether the schedule is a script's or a person's so far: nothing that it runs was `registered` by Rota. Pure."""
    return rule.is_taken_over(current, registered)


def kept(current: Schedule, settings: "Settings", task: "Task") -> tuple[str, ...]:
    """What stays of a schedule that is taken over and that neither Rota nor a key of the task sets, by name. Pure."""
    from rota.schedules.eventbridge_rules.desired import kept_members  # noqa: PLC0415  loaded where it is used

    return tuple(sorted(member for part in kept_members(current, settings, task) for member in part))


def other_targets(current: Schedule) -> tuple[str, ...]:
    """What the schedule starts beside its task, by ID and ARN: a change of the schedule removes it. Pure."""
    return tuple(f"{target['Id']} of {current.name} ({target['Arn']})" for target in rule.split_targets(current)[1])


def problems_of_takeover(current: Schedule, task: "Task", settings: "Settings") -> "Iterator[str]":
    """A sentence for all that cannot stay of a schedule that is taken over, with what to do by hand. Pure."""
    from rota.schedules.eventbridge_rules import takeover  # noqa: PLC0415  loaded where it is used

    return takeover.problems(current, task, settings)


def revisions_of(schedules: "Iterable[Schedule]") -> set[str]:
    """The ARNs of all task definitions that these schedules run. Pure."""
    return rule.task_definitions_used_by(schedules)


def is_enabled(schedule: Schedule) -> bool:
    """Whether it starts its task. Pure."""
    return schedule.state != "DISABLED"


def switched(schedule: Schedule, *, on: bool) -> Schedule:
    """The schedule on, or off. Pure."""
    return schedule if is_enabled(schedule) == on else schedule.model_copy(update={"state": _state(on=on)})


def switches(change: Change) -> bool | None:
    """Whether what a change writes is on; None if it leaves that as it is. Pure."""
    return None if change.put_rule is None else change.put_rule["State"] != "DISABLED"


def kept_off(change: Change) -> Change:
    """The change with a schedule that is off where it would be on. Pure."""
    if not switches(change):
        return change
    return change.model_copy(update={"put_rule": {**(change.put_rule or {}), "State": _state(on=False)}})


def _state(*, on: bool) -> str:
    return "ENABLED" if on else "DISABLED"


def when_of(schedule: Schedule) -> When | None:
    """When it falls due; None of what a person made that has no schedule. Pure."""
    return When(schedule.schedule_expression) if schedule.schedule_expression else None


def retry_age_of(schedule: Schedule) -> int:
    """Seconds for which a start is tried. Pure."""
    return rule.retry_age_of(schedule)


def start_of(schedule: Schedule, due: "datetime") -> "dict[str, Any] | None":
    """RunTask's request for what the schedule starts when it is due then, without who starts it; None if its target
    cannot be read as one of a task. Pure.
    """
    from rota.schedules.eventbridge_rules import start  # noqa: PLC0415  loaded where it is used

    return start.request(schedule, due)


def removal(current: Schedule, cluster_arn: str) -> Change:
    """What removes a schedule whose task has left the file. Pure."""
    return rule.removal(current, _arn(cluster_arn, current.name))


def restored_whole(name: str, before: Schedule | None, cluster_arn: str) -> Change:
    """A change of which nothing but the schedule's name is known: undoing it puts everything. Pure."""
    if before is None:
        return RuleChange(kind="create", name=name, arn=_arn(cluster_arn, name))
    # Where a rule had no target, the deployment added one that has the rule's name.
    targets = before.targets or ({"Id": name},)
    return rule.whole(before, _arn(cluster_arn, name)).model_copy(update={"kind": "update", "put_targets": targets})


def seconds(changes: "Iterable[Change]") -> float:
    """How long these changes take at the least until every schedule is live, by the quota of their backend. Pure."""
    return EVENTS.seconds(sum(change.calls_until_live() for change in changes))


def _arn(cluster_arn: str, name: str) -> str:
    """The ARN of a rule on the default bus of the cluster's account and Region."""
    return f"{cluster_arn.partition(':cluster/')[0].replace(':ecs:', ':events:')}:rule/{name}"
