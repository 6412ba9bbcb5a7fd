"""Moving a task's schedule from one backend to the other, without a minute that is missed.

The new schedule is created off, beside all other writes. It is switched on, and the old one off, while neither is due
for a while: AWS may carry out a change "a short period of time" late. A rule that is due so often that there is no such
time, or that counts a rate from a moment that nothing shows, stays on until the new schedule begins at a minute of its
own (its StartDate): it is switched off then, and may be due once more.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.parallel import in_parallel
from rota.errors import listed
from rota.schedule_file.expression import one_time, period_of
from rota.schedule_file.retry_age import shortest_interval
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, text, time_of
from rota.schedules.kinds import SETTLES_WITHIN, plain_name

if TYPE_CHECKING:
    from rota.schedule_file.when import When
    from rota.schedules.connected import Connected
    from rota.schedules.kinds import Change

# Two schedules are never quiet for so long where one is due more often.
_RARE = 2 * SETTLES_WITHIN + timedelta(minutes=1)
# So far ahead a quiet moment is looked for.
_HORIZON = timedelta(minutes=10)
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)


class Move(NamedTuple):
    """The schedule that is created, and the one that goes."""

    new: "Change"
    old: "Change"

    @property
    def needs_a_start(self) -> bool:
        """Whether the new one takes over at a minute of its own: the old one is never quiet, or counts a rate."""
        return self.old.backend == "rules" and not _is_rare(self.new.replaces, self.new.when)


class Moved(NamedTuple):
    """What is left to move, by its number; how long to wait, and the minute at which what has a start begins."""

    left: tuple[int, ...]
    wait: timedelta
    starts_at: datetime


def of(changes: "Iterable[Change]") -> list[Move]:
    """The moves among a plan's changes. Pure."""
    found = list(changes)
    old = {plain_name(each.name): each for each in found if each.kind == "remove" and each.moved}
    return [Move(each, old[plain_name(each.name)]) for each in found if each.replaces]


def problems(task: str, old: "When | None", new: "When", *, to_rule: bool, is_paused: bool) -> Iterator[str]:
    """What keeps a schedule from moving. Pure."""
    if is_paused:
        yield (
            f"the schedule of {task} would move to {'a rule' if to_rule else 'EventBridge Scheduler'}, and is paused: "
            "resume it, then deploy; a rollback of the image alone, --image-only, leaves it where it is"
        )
    if to_rule and not _is_rare(old, new):
        yield (
            f"the schedule of {task} would move from EventBridge Scheduler to a rule, and is a rate, or due so often "
            "or in so long a window that a run could be missed: a rule begins at no minute of its own. Leave it there, "
            'by a start that is past ("start": "2026-01-01T00:00:00Z"), or give the task another name'
        )


def remarks(changes: "Iterable[Change]") -> Iterator[str]:
    """What a person should know of them. Pure."""
    moves = of(changes)
    for backend, words in (("scheduler", "EventBridge Scheduler"), ("rules", "rules")):
        if names := [plain_name(each.new.name) for each in moves if each.new.backend == backend]:
            yield f"moves to {words}: {listed(names)}"
    if from_now_on := [plain_name(each.new.name) for each in moves if period_of(each.new.when.expression)]:
        yield f"counts its rate from now on, so that a run comes sooner: {listed(from_now_on)}"
    for each in moves:
        if window := _window(each.new.replaces):
            longest = math.ceil((window + 2 * SETTLES_WITHIN) / _MINUTE)
            yield f"waits until its flexible window is over, for up to {longest} minutes: {plain_name(each.new.name)}"
    often = [
        plain_name(each.new.name)
        for each in moves
        if each.needs_a_start and plain_name(each.new.name) not in from_now_on
    ]
    if often:
        yield f"may run twice at one minute: {listed(often)}"


def move(
    schedules: "Connected",
    moves: Sequence[Move],
    revisions: Mapping[str, str],
    now: datetime,
    left: Iterable[int],
    starts_at: datetime | None,
) -> Moved:
    """Carry out what can be carried out now. `left`: what was left by the round before; `starts_at`: what it returned,
    None in the first round.
    """
    first, begins = starts_at is None, starts_at or _next_minute(now + SETTLES_WITHIN)
    waiting: dict[int, datetime] = {}
    due_now: list[Move] = []
    for number in left:
        each = moves[number]
        if not each.needs_a_start:
            at = _quiet_at(now, each)
        else:
            if first:
                schedules.switch_on(_from(each.new, begins), revisions)
            at = begins
        if at <= now:
            due_now.append(each)
        else:
            waiting[number] = at

    def carry_out(each: Move) -> None:
        if not each.needs_a_start:
            schedules.switch_on(each.new, revisions)
        schedules.disable(each.old)

    in_parallel(carry_out, due_now)
    wait = max(_SECOND, min(waiting.values()) - now) if waiting else timedelta()
    return Moved(tuple(waiting), wait, begins)


def _is_rare(old: "When | None", new: "When") -> bool:
    """Whether there is a quiet moment within ten minutes, or within those after the old one's window: their times are
    known, and not too many.
    """
    if old is None or period_of(old.expression) or period_of(new.expression):
        return False
    # Two that are due at different minutes may leave half of the time between two of them.
    least = _RARE if old[:2] == new[:2] else 2 * _RARE
    return all(
        one_time(when.expression) is not None or shortest_interval(when.expression) >= least + open_for
        for when, open_for in ((old, _window(old)), (new, timedelta()))
    )


def _quiet_at(now: datetime, each: Move) -> datetime:
    """When neither of the two is due for a while, and no run of the old one is still open; after ten minutes and its
    window without such a moment, then.
    """
    from rota.schedule_file.next_runs import runs_after  # noqa: PLC0415  few deployments move a schedule

    old, new, at = each.new.replaces, each.new.when, now
    horizon = now + _HORIZON + _window(old)
    while at < horizon:
        near = [
            due + open_for
            for when, open_for in ((old, _window(old)), (new, timedelta()))
            if when and (due := next(runs_after(when, at - SETTLES_WITHIN - open_for), None))
            if due <= at + SETTLES_WITHIN
        ]
        if not near:
            return at
        at = max(near) + SETTLES_WITHIN + _SECOND
    return at


def _window(old: "When | None") -> timedelta:
    """For how long after its minute AWS may start a run of the schedule that goes."""
    return timedelta(minutes=old.window if old else 0)


def _from(change: "Change", begins: datetime) -> "Change":
    """The schedule that is not due before that minute; a rate is, then."""
    start = time_of(change.members.get("StartDate")) if isinstance(change, SchedulerChange) else None
    if not isinstance(change, SchedulerChange) or (start and start >= begins):
        return change
    start = begins if period_of(change.when.expression) else begins - _MINUTE / 2
    return change.model_copy(update={"members": {**change.members, "StartDate": text(start)}})


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + _MINUTE
