"""Writing schedules of which some are paused: a deployment and a restore leave them off.

Whether a schedule is on is never taken from the plan or the snapshot alone. The pauses are read in the moment of the
write, and once more after it: Sweep ends a pause without the lease, maybe between the two.
"""

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from rota.aws.parallel import in_parallel, thread_pool
from rota.errors import TransientError
from rota.pauses.table import pauses_of
from rota.schedules.backend import is_enabled, plain_name, switched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rota.pauses.model import Pause
    from rota.schedules.backend import Change, Schedule
    from rota.settings import Settings

Result = TypeVar("Result")
Read = TypeVar("Read")


def with_pauses(settings: "Settings", read: "Callable[[], Read]") -> "tuple[Read, dict[str, Pause]]":
    """What `read()` returns, and the pauses by task, read meanwhile."""
    with thread_pool() as pool:
        pauses = pool.submit(pauses_of(settings).read)
        return read(), pauses.result()


def write_schedules(
    settings: "Settings",
    pauses: "Mapping[str, Pause]",
    changes: "Sequence[Change]",
    is_on: "Callable[[Change], bool | None]",
    write: "Callable[[Change, bool], Result]",
) -> "list[Result]":
    """Carry out the changes, each by `write(change, kept_off)`. `pauses`: by task, as they were read a moment ago;
    `is_on(change)`: whether the schedule is on after it, but for a pause; None if the change leaves that as it is.
    """
    paused = {settings.rule_prefix + task: pause for task, pause in pauses.items()}
    table = pauses_of(settings) if paused else None

    def current(change: "Change") -> "Pause | None":
        """The pause, which knows what its schedule is to be afterwards."""
        pause, on = paused.get(plain_name(change.name)), is_on(change)
        _refuse_while_it_ends(change, pause)
        if table is None or pause is None or on is None or pause.enabled == on:
            return pause
        # Sweep, which may be ending it, then switches the schedule to this.
        update = {"enabled": on, "settled_at": None}
        return table.change(pause.task, lambda seen: seen and seen.model_copy(update=update))

    def carry_out(change: "Change") -> "tuple[Result, bool]":
        pause = current(change)
        kept_off = pause is not None and pause.is_in_force
        return write(change, kept_off), kept_off

    results = in_parallel(carry_out, changes)
    if table is None or not any(kept_off for _result, kept_off in results):
        return [result for result, _kept_off in results]
    paused = {settings.rule_prefix + task: pause for task, pause in table.read().items()}
    in_force = {name for name, pause in paused.items() if pause.is_in_force}
    for change, (_result, kept_off) in zip(changes, results, strict=True):
        if kept_off:
            _refuse_while_it_ends(change, paused.get(plain_name(change.name)))
    return [
        write(change, False) if kept_off and plain_name(change.name) not in in_force else result
        for change, (result, kept_off) in zip(changes, results, strict=True)
    ]


def _refuse_while_it_ends(change: "Change", pause: "Pause | None") -> None:
    """TransientError while Sweep may be about to write the whole schedule as it was read before this change."""
    if change.written_whole and pause and pause.is_off and not pause.is_in_force:
        raise TransientError(f"the pause of {pause.task} is just ending")


def without_pauses(
    settings: "Settings", schedules: "Mapping[str, Schedule]", pauses: "Mapping[str, Pause]", read_since: "datetime"
) -> "dict[str, Schedule]":
    """The schedules, read later than `read_since`, as they would be if none were paused. Of a job that has two, both
    off, one would be on.
    """
    paused = {settings.rule_prefix + task: pause for task, pause in pauses.items()}
    count = Counter(map(plain_name, schedules))

    def as_if_not_paused(schedule: "Schedule") -> "Schedule":
        plain = plain_name(schedule.name)
        pause = None if is_enabled(schedule) else paused.get(plain)
        if pause and count[plain] > 1 and pause.in_scheduler != (schedule.name != plain):
            return schedule
        return switched(schedule, on=pause.enabled) if pause and pause.may_be_why(read_since) else schedule

    return {name: as_if_not_paused(schedule) for name, schedule in schedules.items()}
