"""The interface between a deployment and the places in AWS where its schedules live.

A plan and a snapshot hold `Change`s and `Schedule`s, which carry their backend's name in `backend`. What turns one
into another is decided here without a call; `connect` gives what reads and writes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from rota.aws.rate_limit import EVENTS, SCHEDULER
from rota.schedule_file.when import When, when_of_aws
from rota.schedules import interface
from rota.schedules.eventbridge_rules import rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.eventbridge_scheduler import schedule as scheduler
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Set
    from datetime import datetime

    from rota.schedule_file.task import Task
    from rota.schedules.connected import Connected
    from rota.settings import Settings

BackendName: TypeAlias = interface.BackendName
Schedule: TypeAlias = interface.Schedule
Change: TypeAlias = interface.Change
plain_name = interface.plain_name


def connect(settings: "Settings") -> "Connected":
    """What reads and writes the app's schedules, each in the backend that it names."""
    from rota.schedules.connected import Connected  # noqa: PLC0415  loaded where it is used

    return Connected(settings)


def backend_of(task: "Task", settings: "Settings") -> BackendName:
    """Where a task's schedule lives: in Scheduler if a key needs that, or if the stack says so for all."""
    return "scheduler" if task.scheduler_keys else settings.schedules_in


def name_of(task: "Task", settings: "Settings") -> str:
    """The name of a task's schedule, by which plan and snapshot know it: of Scheduler's with the group before it."""
    own = settings.rule_prefix + task.name
    return own if backend_of(task, settings) == "rules" else f"{settings.schedule_group}/{own}"


def staying(task: "Task", settings: "Settings", schedules: Mapping[str, Schedule]) -> "Task":
    """The task as its schedule stays in Scheduler, if it is there: what a rule can say, Scheduler can. Pure.

    By a start that is long past, which changes no minute: a rate counts from it as from the one that it has.
    """
    there = schedules.get(f"{settings.schedule_group}/{settings.rule_prefix}{task.name}")
    if not isinstance(there, SchedulerSchedule) or is_on(name_of(task, settings), schedules):
        return task
    return task.model_copy(update={"start": scheduler.long_past(there)})


def is_on(name: str, schedules: Mapping[str, Schedule]) -> bool:
    """Whether one of that name starts its task. A move that did not come to its end leaves one that does not. Pure."""
    return name in schedules and schedules[name].is_enabled


def schedule_of_shown(shown: Mapping[str, Any]) -> Schedule:
    """A rule as DescribeRule shows it, with its `targets` and `tags`, or a schedule as GetSchedule does. Pure."""
    if "GroupName" in shown:
        return SchedulerSchedule(name=f"{shown['GroupName']}/{shown['Name']}", members=scheduler.members_of(shown))
    return Rule(
        name=shown["Name"],
        schedule_expression=shown.get("ScheduleExpression"),
        state=shown["State"],
        tags=shown["tags"],
        targets=tuple(shown["targets"]),
    )


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
    match backend_of(task, settings):
        case "scheduler":
            from rota.schedules.eventbridge_scheduler.desired import (  # noqa: PLC0415  loaded where it is used
                desired_schedule,
            )

            had = current if isinstance(current, SchedulerSchedule) else None
            name = name_of(task, settings)
            desired = desired_schedule(task, settings, name, cluster_arn, revision, overrides, had)
            return scheduler.difference(had, desired)
        case "rules":
            from rota.schedules.eventbridge_rules.desired import desired_rule  # noqa: PLC0415  likewise

            found = current if isinstance(current, Rule) else None
            wanted = desired_rule(
                task, settings, cluster_arn, revision, overrides, found, sets_retry=sets_retry, set_before=set_before
            )
            return rule.difference(found, wanted, _arn(cluster_arn, wanted.name))


def linked(changes: "Iterable[Change]", schedules: Mapping[str, Schedule]) -> list[Change]:
    """The changes, where a schedule is removed and its task gets one in the other backend each marked so. Pure.

    It may have that already, off, from a move that did not come to its end.
    """
    found = list(changes)
    removed = {plain_name(each.name): each.name for each in found if each.kind == "remove"}
    begun = [each for each in found if each.kind == "create" or (each.switches and not is_on(each.name, schedules))]
    moved = {plain_name(each.name) for each in begun} & removed.keys()

    def marked(change: Change) -> Change:
        own = plain_name(change.name)
        if own not in moved:
            return change
        if change.kind == "remove":
            return change.model_copy(update={"moved": True})
        return change.model_copy(update={"replaces": when_of(schedules[removed[own]])})

    return [marked(each) for each in found]


def remarks_on_moves(changes: "Iterable[Change]") -> "Iterator[str]":
    """What a person should know of schedules that move to the other backend. Pure."""
    from rota.schedules import moving  # noqa: PLC0415  loaded where it is used

    return moving.remarks(changes)


def problems_of_move(task: "Task", settings: "Settings", current: Schedule, *, is_paused: bool) -> "Iterator[str]":
    """A sentence for what keeps the task's schedule from moving to the other backend. Pure."""
    from rota.schedules import moving  # noqa: PLC0415  few deployments move a schedule

    to_rule = backend_of(task, settings) == "rules"
    yield from moving.problems(task.name, when_of(current), task.when, to_rule=to_rule, is_paused=is_paused)


def problems_of_tags(task: "Task", settings: "Settings") -> "Iterator[str]":
    """A sentence for each tag of the task that its schedule cannot have. Where a key of the task needs Scheduler, the
    schedule file's own check says so. Pure.
    """
    if task.tags and backend_of(task, settings) == "scheduler":
        from rota.schedule_file.task import without_values  # noqa: PLC0415  loaded where it is used

        yield from without_values(task.tags)


def set_by_keys(task: "Task") -> tuple[str, ...]:
    """What the task's keys set of its schedule that would stay without them, by name. Pure."""
    from rota.schedules import target_keys  # noqa: PLC0415  loaded where it is used

    return tuple(target_keys.ecs_members(task))


def rights_of_kept(
    current: Schedule, task: "Task", settings: "Settings", set_before: "Collection[str]"
) -> dict[str, str]:
    """What the schedule keeps that a script or a person set, and for which the role that starts the task needs a right
    of EventsRoleAllows: by name, that right. Pure.
    """
    if not isinstance(current, Rule) or backend_of(task, settings) == "scheduler":
        return {}  # of Scheduler's nothing is kept
    from rota.schedules import target_keys  # noqa: PLC0415  loaded where it is used
    from rota.schedules.eventbridge_rules.desired import kept_members  # noqa: PLC0415  loaded where it is used

    kept = kept_members(current, settings, task)[1]
    return target_keys.needs({member: value for member, value in kept.items() if member not in set_before})


def problems_of_lost(
    current: Schedule, task: "Task", settings: "Settings", set_before: "Collection[str]", *, sets_retry: bool
) -> "Iterator[str]":
    """A sentence for what a script or a person gave the schedule that is lost as its task moves to the other backend,
    with what to do; `set_before` and `sets_retry` as for `change`. Pure.
    """
    if isinstance(current, Rule) and backend_of(task, settings) == "scheduler":
        from rota.schedules.eventbridge_rules import takeover  # noqa: PLC0415  few deployments move a schedule

        yield from takeover.lost_in_scheduler(current, task, settings, set_before, sets_retry=sets_retry)


def set_retry_before(
    name: str, current: Schedule | None, recorded: "Collection[str] | None", registered: "Set[str]"
) -> bool:
    """Whether Rota set the retry policy of the schedule's target, so that it goes or changes with its reason. Pure.

    `recorded`: the names of those whose policy the live deployment set. The previous version of Rota recorded none
    (None), and kept nothing of a target: there a target that Rota wrote has the file's.
    """
    if recorded is not None:
        return name in recorded
    return current is not None and not taken_over(current, registered)


def sets_retry(task: "Task", settings: "Settings", current: Schedule | None, *, before: bool) -> bool:
    """Whether Rota sets the retry policy of a task's schedule; `before`: it set the one that `current` has. Pure."""
    if backend_of(task, settings) == "scheduler":
        return False  # it does so always, and keeps no other
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.sets_retry(task, settings, watching.target_of(_rule(current)), before=before)


def has_dead_letters_elsewhere(current: Schedule | None, settings: "Settings") -> bool:
    """Whether a script or a person gave the schedule a dead-letter queue, which run watching does not see. Pure."""
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.has_a_queue_of_its_own(watching.target_of(_rule(current)), settings)


def remarks_on_watching(updates: "Iterable[tuple[Schedule, Change]]") -> "Iterator[str]":
    """What these updates, each with the schedule as it was, change for the watching of runs. Pure."""
    from rota.schedules.eventbridge_rules import watching  # noqa: PLC0415  loaded where it is used

    return watching.remarks(
        (before, change) for before, change in updates if isinstance(before, Rule) and isinstance(change, RuleChange)
    )


def taken_over(current: Schedule, registered: "Set[str]") -> bool:
    """Whether the schedule is a script's or a person's so far: nothing that it runs was `registered` by Rota. Pure."""
    return isinstance(current, Rule) and rule.is_taken_over(current, registered)


def kept(current: Schedule, settings: "Settings", task: "Task") -> tuple[str, ...]:
    """What stays of a schedule that is taken over and that neither Rota nor a key of the task sets, by name. Pure."""
    from rota.schedules.eventbridge_rules.desired import kept_members  # noqa: PLC0415  loaded where it is used

    return tuple(sorted(member for part in kept_members(_rule(current), settings, task) for member in part))


def other_targets(current: Schedule) -> tuple[str, ...]:
    """What the schedule starts beside its task, by ID and ARN: a change of the schedule removes it. Pure."""
    others = rule.split_targets(current)[1] if isinstance(current, Rule) else []
    return tuple(f"{target['Id']} of {current.name} ({target['Arn']})" for target in others)


def problems_of_takeover(current: Schedule, task: "Task", settings: "Settings") -> "Iterator[str]":
    """A sentence for all that cannot stay of a schedule that is taken over, with what to do by hand. Pure."""
    from rota.schedules.eventbridge_rules import takeover  # noqa: PLC0415  loaded where it is used

    return takeover.problems(current, task, settings) if isinstance(current, Rule) else iter(())


def revisions_of(schedules: "Iterable[Schedule]") -> set[str]:
    """The ARNs of all task definitions that these schedules run. Pure."""
    found = list(schedules)
    return rule.task_definitions_used_by(each for each in found if isinstance(each, Rule)) | scheduler.revisions_of(
        each for each in found if isinstance(each, SchedulerSchedule)
    )


def is_enabled(schedule: Schedule) -> bool:
    """Whether it starts its task. Pure."""
    return schedule.is_enabled


def switched(schedule: Schedule, *, on: bool) -> Schedule:
    """The schedule on, or off. Pure."""
    return schedule if schedule.is_enabled == on else schedule.switched(on=on)


def switches(change: Change) -> bool | None:
    """Whether what a change writes is on; None if it leaves that as it is. Pure."""
    return change.switches


def kept_off(change: Change) -> Change:
    """The change with a schedule that is off where it would be on. Pure."""
    return change.kept_off


def in_words(change: Change) -> str:
    """What a change writes, for people: `the rule shop-IngestData`. Pure."""
    return f"the {'rule' if change.backend == 'rules' else 'schedule'} {change.name}"


def when_of(schedule: Schedule) -> When | None:
    """When it falls due; None of what a person made that has no schedule. Pure."""
    if isinstance(schedule, SchedulerSchedule):
        return when_of_aws(schedule.members)
    return When(schedule.schedule_expression) if schedule.schedule_expression else None


def is_due_after(change: Change, at: "datetime") -> bool:
    """Whether what a change creates or updates is due after that time. Pure."""
    from rota.schedule_file.next_runs import runs_after  # noqa: PLC0415  few ask

    return next(runs_after(change.when, at), None) is not None


def retry_age_of(schedule: Schedule) -> int:
    """Seconds for which a start is tried. Pure."""
    return rule.retry_age_of(schedule) if isinstance(schedule, Rule) else schedule.retry_age


def written_by(stored: Mapping[str, Any], revisions: Mapping[str, str]) -> Schedule | None:
    """The schedule that a change of a stored plan has written, with what starts its task; None if it has not written
    that. `revisions`: ARNs by fingerprint. Pure.
    """
    if "members" in stored:
        return SchedulerChange.model_validate(stored, extra="ignore").with_revisions(revisions).as_schedule
    change = RuleChange.model_validate(stored, extra="ignore").with_revisions(revisions)
    if not change.put_targets:
        return None
    return Rule(name=change.name, schedule_expression=None, state="ENABLED", tags={}, targets=change.put_targets)


def start_of(schedule: Schedule, due: "datetime") -> "dict[str, Any] | None":
    """RunTask's request for what the schedule starts when it is due then, without who starts it; None if its target
    cannot be read as one of a task. Pure.
    """
    if isinstance(schedule, SchedulerSchedule):
        from rota.schedules.eventbridge_scheduler import start as of_scheduler  # noqa: PLC0415  likewise

        return of_scheduler.request(schedule, due)
    from rota.schedules.eventbridge_rules import start  # noqa: PLC0415  loaded where it is used

    return start.request(schedule, due)


def removal(current: Schedule, cluster_arn: str) -> Change:
    """What removes a schedule whose task has left the file. Pure."""
    if isinstance(current, SchedulerSchedule):
        return scheduler.removal(current)
    return rule.removal(current, _arn(cluster_arn, current.name))


def restored_whole(name: str, before: Schedule | None, cluster_arn: str) -> Change:
    """A change of which nothing but the rule's name is known: undoing it puts everything. Pure."""
    if not isinstance(before, Rule):
        return RuleChange(kind="create", name=name, arn=_arn(cluster_arn, name))
    # Where a rule had no target, the deployment added one that has the rule's name.
    targets = before.targets or ({"Id": name},)
    return rule.whole(before, _arn(cluster_arn, name)).model_copy(update={"kind": "update", "put_targets": targets})


def seconds(changes: "Iterable[Change]") -> float:
    """How long these changes take at the least until every schedule is live, by the quotas of their backends, which are
    used side by side. Pure.
    """
    calls = {"rules": 0, "scheduler": 0}
    for change in changes:
        calls[change.backend] += change.calls_until_live()
    return max(EVENTS.seconds(calls["rules"]), SCHEDULER.seconds(calls["scheduler"]))


def update_request(stored: Mapping[str, Any], now: "datetime") -> dict[str, Any] | None:
    """UpdateSchedule's request for what a snapshot holds of a schedule in Scheduler; None for a rule. Pure."""
    if stored.get("backend") != "scheduler":
        return None
    found = SchedulerSchedule.model_validate(stored)
    return {**interface.in_group(found.name), **scheduler.writable(found.members, now)}


def is_over(schedule: Schedule, now: "datetime") -> bool:
    """Whether a schedule in Scheduler has no run left: once it is off, it is not switched on again. Pure."""
    return isinstance(schedule, SchedulerSchedule) and scheduler.writable(schedule.members, now)["State"] == "DISABLED"


def _rule(schedule: Schedule | None) -> Rule | None:
    return schedule if isinstance(schedule, Rule) else None


def _arn(cluster_arn: str, name: str) -> str:
    """The ARN of a rule on the default bus of the cluster's account and Region."""
    return f"{cluster_arn.partition(':cluster/')[0].replace(':ecs:', ':events:')}:rule/{name}"
