"""Pausing and resuming tasks of what is live, by the deployment that holds the lease."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, listed
from rota.pauses.model import Pause, sentences
from rota.pauses.table import pauses_of
from rota.schedules import backend
from rota.times import minute

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rota.contract.deployment import Execution, Origin
    from rota.pauses.table import PauseTable
    from rota.schedules.connected import Connected
    from rota.schedules.found import Found
    from rota.settings import Settings

_Change = Callable[[Pause | None], Pause | None]


class Asked(NamedTuple):
    """Which tasks a person pauses, until when, and who it is; None: until a person resumes them."""

    tasks: tuple[str, ...]
    until: datetime | None
    origin: "Origin"
    execution: "Execution"
    for_migration: bool = False


def pause(settings: "Settings", asked: Asked, now: datetime) -> str:
    """Write that these tasks are paused, then switch their schedules off. Returns what was done, for people.

    RejectedError, before anything is written, if the app has no schedule for one of them.
    """
    schedules, table, tasks = backend.connect(settings), pauses_of(settings), sorted(set(asked.tasks))
    if asked.until and asked.until <= now and not _own(table, asked.execution.id):
        return f"nothing was paused: {minute(asked.until)} was over before this execution held the lease"
    found = dict(zip(tasks, in_parallel(lambda task: schedules.find(settings.rule_prefix + task), tasks), strict=True))
    if problems := [*_problems(settings, found)]:
        raise RejectedError(f"nothing was paused: {'; '.join(problems)}")
    written = in_parallel(
        lambda task: table.change(task, lambda seen: _paused(seen, task, asked, now, found[task])), tasks
    )
    kept_off = [pause.task for pause in written if pause and pause.is_in_force]
    switched = in_parallel(lambda task: schedules.switch(settings.rule_prefix + task, on=False), kept_off)
    # Sweep may have ended one, in that moment or after an attempt before this one, and have switched its schedule on
    # before it was switched off.
    over = [pause for pause in _own(table, asked.execution.id) if not pause.is_in_force]
    in_parallel(lambda pause: _switch(schedules, settings, pause), over)
    if problems := [*_problems(settings, dict(zip(kept_off, switched, strict=True)))]:
        raise RejectedError(f"the schedules have just changed: {'; '.join(problems)}")
    return "; ".join(sentences(pause for pause in written if pause))


def resume(settings: "Settings", tasks: "Collection[str]", origin: "Origin", now: datetime) -> str:
    """Write that the pauses of these tasks are over, of all for none, then switch their schedules on. Returns what was
    done, for people. What AWS refuses Sweep keeps trying.
    """
    table, schedules = pauses_of(settings), backend.connect(settings)
    ended = _end(table, _pauses_of_tasks(table, tasks), origin, now)
    due = [pause for pause in ended if pause.settled_at is None]
    found = in_parallel(lambda pause: _switch(schedules, settings, pause), due)
    in_parallel(lambda pause: table.change(pause.task, settled(pause, now)), due)
    lost = [pause.task for pause, each in zip(due, found, strict=True) if not each.is_owned]
    resumed, others = [pause.task for pause in due], sorted({*tasks} - {pause.task for pause in due})
    done = f"{listed(resumed)} {'is' if len(resumed) == 1 else 'are'} not paused any more" if resumed else ""
    left = f"{listed(others)} {'was' if len(others) == 1 else 'were'} not paused" if others else ""
    gone = f"the app has no schedule for {listed(lost)}" if lost else ""
    return "; ".join(filter(None, (done, left, gone))) or "no task was paused"


def finish_resume(
    settings: "Settings", tasks: "Collection[str]", origin: "Origin", started_at: datetime, now: datetime
) -> bool:
    """Of a resume that failed halfway: write of the rest, too, that its pause is over. Sweep switches the schedules on.
    False if it had ended none; then none is ended.
    """
    table = pauses_of(settings)
    asked = _pauses_of_tasks(table, tasks)
    if not any(pause.ended_at and pause.ended_at >= started_at and pause.ended_by == str(origin) for pause in asked):
        return False
    _end(table, asked, origin, now)
    return True


def withdraw(
    settings: "Settings",
    execution: str,
    now: datetime,
    why: str = "withdrawn, because it could not be carried out",
) -> list[str]:
    """Undo what the execution of that ARN had paused, mostly because it failed: the pause from before it is in force
    again, or none is. Returns the tasks.
    """
    table, schedules = pauses_of(settings), backend.connect(settings)
    own = _own(table, execution)

    def undone(seen: Pause | None) -> Pause | None:
        if seen is None or seen.execution != execution or not seen.is_in_force:
            return seen
        return seen.replaces or seen.ended(now, why)

    left = [pause for pause in in_parallel(lambda pause: table.change(pause.task, undone), own) if pause]
    # Also one that Sweep has ended: its schedule may have been switched off once more after that.
    due = [pause for pause in left if not pause.is_in_force]
    back_on = [pause for pause in due if pause.enabled]
    in_parallel(lambda pause: _switch(schedules, settings, pause), back_on)
    in_parallel(lambda pause: table.change(pause.task, settled(pause, now)), due)
    return sorted(pause.task for pause in own)


def _switch(schedules: "Connected", settings: "Settings", pause: Pause) -> "Found":
    """Switch the schedule as it is to be after the pause. Returns what was found before."""
    return schedules.switch(settings.rule_prefix + pause.task, on=pause.enabled, in_scheduler=pause.in_scheduler)


def settled(pause: Pause, now: datetime) -> _Change:
    """Of a pause that is over: that its schedule is as it is to be, unless the pause has changed meanwhile."""
    return lambda seen: seen.model_copy(update={"settled_at": now}) if seen == pause else seen


def _pauses_of_tasks(table: "PauseTable", tasks: "Collection[str]") -> list[Pause]:
    """The pauses of these tasks; all for none."""
    return [pause for pause in table.read().values() if not tasks or pause.task in tasks]


def _end(table: "PauseTable", pauses: list[Pause], origin: "Origin", now: datetime) -> list[Pause]:
    """Write that these are over, and return them as they are then."""
    names = sorted(pause.task for pause in pauses)
    return [pause for pause in in_parallel(lambda task: table.change(task, _ended(origin, now)), names) if pause]


def _own(table: "PauseTable", execution: str) -> list[Pause]:
    """What the execution of that ARN has paused so far."""
    return [pause for pause in table.read().values() if pause.execution == execution]


def _paused(seen: Pause | None, task: str, asked: Asked, now: datetime, found: "Found") -> Pause:
    if seen and seen.execution == asked.execution.id:
        return seen  # by an attempt before this one
    before = seen if seen and seen.is_in_force else None
    knows = seen and seen.may_be_why(now)
    return Pause(
        task=task,
        since=before.since if before else now,
        until=asked.until,
        by=asked.origin.by,
        reason=asked.origin.reason,
        execution=asked.execution.id,
        enabled=seen.enabled if seen and knows else found.is_on,
        in_scheduler=seen.in_scheduler if seen and knows else found.in_scheduler,
        reported_at=now if before else None,
        for_migration=asked.for_migration,
        replaces=before and before.model_copy(update={"replaces": None}),
    )


def _ended(origin: "Origin", now: datetime) -> _Change:
    return lambda seen: seen.ended(now, str(origin)) if seen and seen.is_in_force else seen


def _problems(settings: "Settings", found: "dict[str, Found]") -> "Iterator[str]":
    """What keeps these tasks from being paused."""
    missing = [task for task, each in found.items() if not each.exists]
    if missing:
        names = listed([settings.rule_prefix + task for task in missing])
        yield (
            f"there is no schedule {names}; name tasks as the schedule file that is live does, in upper and lower case"
        )
    if foreign := [settings.rule_prefix + task for task, each in found.items() if each.exists and not each.is_owned]:
        yield f"the schedule {listed(foreign)} is not the app's, so Rota does not change it"
