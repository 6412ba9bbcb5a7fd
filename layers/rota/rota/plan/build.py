"""Making a plan: what there is, compared with what there should be. Pure."""

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rota.aws.rate_limit import MODIFY_DEFINITIONS
from rota.contract.deployment import Stored
from rota.contract.step_io import PlanDeploymentOutput
from rota.ecs import jobs, one_off
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import ALGORITHM, contains, fingerprint_of
from rota.ecs.task_definitions import MOST_REVISIONS, inherited_tags
from rota.errors import listed
from rota.plan.model import Commands, Plan, PlannedRevision, PlannedRun
from rota.plan.service_changes import IMAGE, base_changes, command_in_words, service_changes
from rota.schedule_file.task import Before, OneOff, Task
from rota.schedules import backend
from rota.schedules.revision import to_be_registered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rota.ecs.fingerprint import Content
    from rota.plan.current_state import CurrentState
    from rota.schedule_file.task import After, Runnable
    from rota.settings import Settings

# From the plan to the last schedule, three functions start, and make calls that wait for one another: on the stage with
# 40 ms a call; on AWS it depends on the Region and the day.
_STEPS_SECONDS = 2
# The share of a family's revisions from which the plan warns. With 30 tasks and 20 pushes a day there is a year left.
_MANY_REVISIONS = 0.8
# Characters of the summary: it is in the machine's document (256 KiB), twice in the lease's item and the ledger's
# (400 KB), and in the mail. A file of 1 MiB may have thousands of tasks with a remark each; the plan keeps them all.
_LONGEST_SUMMARY = 8_000


def build_plan(settings: "Settings", state: "CurrentState") -> Plan:
    """Compare what there is with what the schedule file and the image ask for; each once.

    Applying the plan and planning again gives a plan with nothing to do.
    """
    tags = inherited_tags(state.base)
    reused: dict[str, str] = {}
    registers: dict[str, Runnable | None] = {}

    def revision(task: "Runnable | None", content: "Content") -> str:
        """The fingerprint of the revision for a task or the API, which is either used again or registered."""
        fingerprint = fingerprint_of(content, tags)
        unrecorded = (
            each.arn for each in state.unrecorded if each.fingerprint == fingerprint and contains(each.content, content)
        )
        arn = state.reusable.get(fingerprint) or next(unrecorded, None)
        if arn:
            reused[fingerprint] = arn
        else:
            registers.setdefault(fingerprint, task)
        return fingerprint

    changes: list[backend.Change] = []
    retry_policy_set: list[str] = []
    set_by_keys: dict[str, tuple[str, ...]] = {}
    said_of_revisions: dict[str, dict[str, str]] = {}
    own_revision = 0
    content = derive_content(state.base, settings, state.image_uri, None)
    api = revision(None, content)
    for task in state.tasks:
        overrides = target_overrides(state.base, settings, task)
        own_revision += not overrides
        fingerprint = api if overrides else revision(task, derive_content(state.base, settings, state.image_uri, task))
        runs = reused.get(fingerprint) or to_be_registered(fingerprint)
        name = backend.name_of(task, settings)
        current = state.schedules.get(name)
        before = state.sets_retry(name)
        change = backend.change(
            task,
            settings,
            state.cluster_arn,
            runs,
            overrides,
            current,
            sets_retry=before,
            set_before=state.set_by_keys.get(name, ()),
        )
        changes += [change] if change else []
        set_by_keys |= {name: members} if (members := backend.set_by_keys(task)) else {}
        said_of_revisions |= {name: task.said_of_revision} if task.said_of_revision else {}
        retry_policy_set += [name] if backend.sets_retry(task, settings, current, before=before) else []
    kept = len(state.tasks) - len(changes)
    desired = {backend.name_of(task, settings) for task in state.tasks}
    changes += [
        backend.removal(current, state.cluster_arn)
        for name, current in sorted(state.schedules.items())
        if name not in desired
    ]
    changes = backend.linked(changes, state.schedules)
    roll = reused.get(api) != state.service.task_definition or not state.service.steady

    def planned(task: "Before | After") -> PlannedRun:
        return PlannedRun(
            command=task.command_line(settings.start_command),
            fingerprint=revision(task, derive_content(state.base, settings, state.image_uri, task)),
            request=one_off.request_of(task, settings, state.cluster_arn),
            timeout=task.timeout,
            pause_tasks=isinstance(task, Before) and task.pause_tasks,
        )

    is_new = roll and not _is_live(settings, state)
    migration = planned(state.before) if state.before and state.with_before and is_new else None
    smoke_test = planned(state.after) if state.after and roll else None
    # The API's has the highest number, so that the next deployment finds nothing of Rota's above it.
    in_order = [_planned_revision(each, task) for each, task in registers.items() if each != api]
    left_out = jobs.left_out(state.base.content, settings) if state.tasks else {}
    commands = _commands(content, settings, state.tasks)
    return Plan(
        image_uri=state.image_uri,
        base=state.base,
        newest_revision=state.newest_revision,
        changes=tuple(changes),
        kept=kept,
        registers=(*in_order, *([PlannedRevision(fingerprint=api, task=None)] if api in registers else [])),
        reused=reused,
        api=api,
        service_runs=state.service.task_definition,
        roll=roll,
        before=migration,
        after=smoke_test,
        after_a_rollback=None if roll else state.after,
        algorithm=ALGORITHM,
        retry_policy_set_by_rota=tuple(retry_policy_set),
        set_by_keys=set_by_keys,
        said_of_revisions=said_of_revisions,
        own_numbers=state.own_numbers,
        revision_changes=_revision_changes(state.said_of_revisions, said_of_revisions, changes),
        service_changes=service_changes(
            state.served, state.base, content, settings.container, brought_back=state.base_today is not None
        )
        if roll
        else (),
        commands=commands,
        left_out=left_out,
        remarks=(
            *([state.remark] if state.remark else []),
            *_remarks_on_one_offs(migration, smoke_test, state, is_new=is_new),
            *(_remarks_on_a_later_smoke_test(settings, state.after) if changes and not roll else ()),
            *_remarks_on_base(settings, state),
            *state.paused,
            *state.advice,
            *_other_targets(state, changes),
            *backend.remarks_on_moves(changes),
            *_remarks(settings, state, roll, commands, left_out, own_revision),
            *_remarks_on_watching(settings, state, changes),
        ),
    )


def _planned_revision(fingerprint: str, runs: "Runnable | None") -> PlannedRevision:
    if runs is None or isinstance(runs, Task):
        return PlannedRevision(fingerprint=fingerprint, task=runs)
    one_off_task = OneOff.model_validate(runs.model_dump(include={*OneOff.model_fields}))
    return PlannedRevision(fingerprint=fingerprint, task=None, one_off=one_off_task)


def _is_live(settings: "Settings", state: "CurrentState") -> bool:
    """Whether the service runs that image now, as far as its task definition says."""
    served = jobs.chosen(state.served.content, settings)["image"]
    return bool(served.rpartition("@")[2] == state.image_uri.rpartition("@")[2])


def _remarks_on_one_offs(
    before: PlannedRun | None, after: PlannedRun | None, state: "CurrentState", *, is_new: bool
) -> "Iterator[str]":
    """What runs once in the deployment, and where one might expect that it does."""
    if before:
        paused = ", while no job starts" if before.pause_tasks else ""
        yield f"before: runs the migration {command_in_words(before.command)}{paused}, {before.timeout} minutes at most"
    elif state.before and is_new:
        yield "before: the migration does not run for a rollback (with_before has it run) or for the file alone"
    elif state.before:
        yield (
            "before: the migration does not run, because the service runs this image already; rota run before "
            "--schedule FILE runs it alone"
        )
    if after:
        yield f"after: runs the smoke test {command_in_words(after.command)}, {after.timeout} minutes at most"


def _remarks_on_a_later_smoke_test(settings: "Settings", after: "After | None") -> "Iterator[str]":
    """What a rollback to this release may run, which needs no approval."""
    if after:
        words = command_in_words(after.command_line(settings.start_command))
        yield (
            f"after: the smoke test {words} does not run, because the service stays as it is; a rollback to this "
            "release may run it"
        )


def _revision_changes(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]], changes: "Iterable[backend.Change]"
) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """What the file's keys change of the revisions of schedules that are updated: in words by key, before and after."""
    found = {}
    for name in [change.name for change in changes if change.kind == "update"]:
        was, said = before.get(name, {}), after.get(name, {})
        found[name] = {key: (was.get(key), said.get(key)) for key in {**was, **said} if was.get(key) != said.get(key)}
    return {name: differing for name, differing in found.items() if differing}


def _commands(content: "Content", settings: "Settings", tasks: "Iterable[Task]") -> Commands:
    container = jobs.chosen(content, settings)
    return Commands(
        entry_point=container.get("entryPoint") or (),
        service=container.get("command") or None,
        tasks={task.name: task.command_line(settings.start_command) for task in tasks},
    )


def _remarks_on_base(settings: "Settings", state: "CurrentState") -> "Iterator[str]":
    """How the base that is brought back differs from today's."""
    if state.base_today and (changes := base_changes(state.base_today, state.base, settings.container)):
        yield f"the task definition is as it was then, which is not as today in {', '.join(changes)}"


def _other_targets(state: "CurrentState", changes: "Iterable[backend.Change]") -> "Iterator[str]":
    """The targets that a person added to schedules, which are removed: a schedule has one."""
    changed = (state.schedules[each.name] for each in changes if each.name in state.schedules)
    if removed := [other for current in changed for other in backend.other_targets(current)]:
        yield f"removes other targets: {listed(removed)}"


def _remarks(
    settings: "Settings",
    state: "CurrentState",
    roll: bool,
    commands: Commands,
    left_out: Collection[str],
    own_revision: int,
) -> "Iterator[str]":
    """What a person should know before the first write, though it stops nothing."""
    if roll and not state.breaks_circuit:
        yield (
            f"the service's circuit breaker is off, so a broken image fails only after "
            f"{settings.rollout_timeout_minutes} minutes"
        )
    if roll:
        yield from state.rollout_remarks
    for task in state.tasks:
        current = state.schedules.get(backend.name_of(task, settings))
        if (
            current
            and backend.taken_over(current, state.registered)
            and (kept := backend.kept(current, settings, task))
        ):
            yield f"{task.name} keeps of its target: {', '.join(kept)}"
    if state.tasks and commands.entry_point:
        yield f"the entry point {command_in_words(commands.entry_point)} precedes each job's command"
    if left_out:
        yield f"jobs run without {listed(sorted(left_out))}"
    if settings.revision_mode == "shared" and own_revision:
        seconds = math.ceil(own_revision / MODIFY_DEFINITIONS.per_second)
        need = "task needs its" if own_revision == 1 else "tasks need their"
        yield f"{own_revision} {need} own revision: {seconds} s"
    if state.newest_revision >= _MANY_REVISIONS * MOST_REVISIONS:
        yield (
            f"the family {settings.family} has used {state.newest_revision:,} of its {MOST_REVISIONS:,} revisions, "
            "deregistered ones included, and AWS does not raise that (docs/limits.md says what to do)"
        )


def _remarks_on_watching(
    settings: "Settings", state: "CurrentState", changes: "Iterable[backend.Change]"
) -> "Iterator[str]":
    """What the deployment changes for the watching of runs, and of which runs it will not see everything."""
    updates = ((state.schedules[change.name], change) for change in changes if change.kind == "update")
    yield from backend.remarks_on_watching(updates)
    elsewhere = [
        task.name
        for task in state.tasks
        if backend.has_dead_letters_elsewhere(state.schedules.get(backend.name_of(task, settings)), settings)
    ]
    if elsewhere and settings.watch_runs:
        yield f"run watching sees no dead letters of {listed(elsewhere)}: each has a dead-letter queue of its own"


def estimate(plan: Plan) -> int:
    """The seconds until every schedule is live, if nothing else uses AWS's quotas; the service rolls after that."""
    if plan.nothing_to_do:
        return 0
    registering = MODIFY_DEFINITIONS.seconds(len(plan.registers))
    return math.ceil(_STEPS_SECONDS + registering + backend.seconds(plan.changes))


def describe_plan(plan: Plan, document: Stored, snapshot: Stored) -> PlanDeploymentOutput:
    """The plan in figures and in one line, for the console; `document` and `snapshot` are where both are stored."""
    created, updated, removed = (len(plan.changes_of_kind(kind)) for kind in ("create", "update", "remove"))
    seconds = estimate(plan)
    return PlanDeploymentOutput(
        document=document,
        snapshot=snapshot,
        nothing_to_do=plan.nothing_to_do,
        summary=_summary(plan, {"new": created, "changed": updated, "unchanged": plan.kept, "removed": removed})
        + (f"; AWS's quotas make it at least {seconds} s" if seconds > _STEPS_SECONDS else ""),
        created=created,
        updated=updated,
        kept=plan.kept,
        removed=removed,
        disables=len(plan.disabled_first),
        registers=len(plan.registers),
        targets=created + updated,
        calls=dict(plan.writes()),
        estimated_seconds=seconds,
        rolls_service=plan.roll,
        runs_before=plan.before is not None,
        runs_after=plan.after is not None,
    )


def _summary(plan: Plan, schedules: Mapping[str, int]) -> str:
    counted = ", ".join(f"{number} {what}" for what, number in schedules.items() if number)
    registers = len(plan.registers)
    text = (
        f"schedules: {counted or 'none'}; {registers} {'revision' if registers == 1 else 'revisions'} to register; "
        f"the service {_words_for_service(plan)}{''.join(f'; {remark}' for remark in plan.remarks)}"
    )
    return text if len(text) <= _LONGEST_SUMMARY else f"{text[:_LONGEST_SUMMARY]}... (cut here; the plan has the rest)"


def _words_for_service(plan: Plan) -> str:
    """Every change is named but the image's, with which most deployments roll the service."""
    named = "; ".join(change for change in plan.service_changes if change != IMAGE)
    return f"{'rolls' if plan.roll else 'is unchanged'}{f' ({named})' if named else ''}"
