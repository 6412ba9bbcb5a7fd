"""Moving a task's schedule from one backend to the other, without a minute that is missed.

The new schedule is created off, beside all other writes. It is switched on, and the old one off, while neither is due
for a while: AWS may carry out a change "a short period of time" late. Where a schedule is due so often that there is no
such time, or is a rate, the one in Scheduler has a minute of its own: it begins at its StartDate, while the rule is on
until then; or it ends at its EndDate, when the rule is on. The task may run once more at that minute.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, listed
from rota.schedule_file.expression import one_time, period_of
from rota.schedule_file.retry_age import shortest_interval
from rota.schedules.eventbridge_scheduler.schedule import (
    SchedulerChange,
    first_due,
    just_after,
    just_before,
    text,
    time_of,
)
from rota.schedules.interface import SETTLES_WITHIN, plain_name

if TYPE_CHECKING:
    from rota.schedule_file.when import When
    from rota.schedules.connected import Connected
    from rota.schedules.interface import Change

# Two schedules are never quiet for so long where one is due more often.
_RARE = 2 * SETTLES_WITHIN + timedelta(minutes=1)
# When the old one ends at a minute, a rule that was just switched on is taken to fire after so long. Less than
# SETTLES_WITHIN, and than a minute: longer, and what is due each minute would be doubled twice.
_SHOWN_WITHIN = timedelta(seconds=50)
# So far ahead a quiet moment is looked for.
_HORIZON = timedelta(minutes=10)
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)


class Move(NamedTuple):
    """The schedule that is created, and the one that goes."""

    new: "Change"
    old: "Change"

    @property
    def is_on(self) -> bool:
        """Whether the task runs before it and after it, so that it must not stop meanwhile."""
        return self.old.disable and bool(self.new.switches)

    @property
    def hands_over(self) -> bool:
        """Whether they are never quiet, or one is a rate, so that the one in Scheduler begins or ends at a minute."""
        return self.is_on and not _is_rare(self.new.replaces, self.new.when)

    @property
    def ends(self) -> bool:
        """Whether that is the old one, because a rule is to take over."""
        return self.hands_over and self.old.backend == "scheduler"


class Moved(NamedTuple):
    """What is left to move, by its number; how long to wait, the minute at which what is handed over begins or ends,
    and when each schedule that ends has run for the last time; `late`: the new ones whose one time had passed by then.
    """

    left: tuple[int, ...]
    wait: timedelta
    starts_at: datetime
    ends_at: datetime | None
    late: "tuple[Change, ...]" = ()


def of(changes: "Iterable[Change]") -> list[Move]:
    """The moves among a plan's changes. Pure."""
    found = list(changes)
    old = {plain_name(each.name): each for each in found if each.moved}
    return [Move(each, old[plain_name(each.name)]) for each in found if each.replaces]


def problems(task: str, old: "When | None", new: "When", *, to_rule: bool, is_paused: bool) -> Iterator[str]:
    """What keeps a schedule from moving. Pure."""
    if is_paused:
        yield (
            f"the schedule of {task} would move to {'a rule' if to_rule else 'EventBridge Scheduler'}, and is paused: "
            "resume it, then deploy; a rollback of the image alone, --image-only, leaves it where it is"
        )
    if to_rule and _window(old) and not _is_rare(old, new):
        yield (
            f"the schedule of {task} would move from EventBridge Scheduler to a rule, and is a rate in a flexible "
            "window, or its window is open so often that a run could be missed. Deploy it without the window first, "
            'and with a start that is past, which leaves it there ("start": "2026-01-01T00:00:00Z")'
        )


def remarks(changes: "Iterable[Change]") -> Iterator[str]:
    """What a person should know of them. Pure."""
    moves = of(changes)
    for backend, words in (("scheduler", "EventBridge Scheduler"), ("rules", "rules")):
        if names := [plain_name(each.new.name) for each in moves if each.new.backend == backend]:
            yield f"moves to {words}: {listed(names)}"
    running = [each for each in moves if each.is_on]
    if running:
        yield "if a step fails meanwhile, a run of what moves may come twice"
    rates = [each.new for each in running if period_of(each.new.when.expression)]
    if from_now_on := [plain_name(each.name) for each in rates if not each.when.start]:
        yield f"counts its rate from now on, so that a run comes sooner: {listed(from_now_on)}"
    if from_its_start := [plain_name(each.name) for each in rates if each.when.start]:
        yield f"counts its rate from its start, so that one run comes sooner or later: {listed(from_its_start)}"
    for each in running:
        if window := _window(each.new.replaces):
            longest = math.ceil((window + 2 * SETTLES_WITHIN) / _MINUTE)
            yield f"waits until its flexible window is over, for up to {longest} minutes: {plain_name(each.new.name)}"
    often = [plain_name(each.new.name) for each in moves if each.hands_over and each.new not in rates]
    if often:
        yield f"may run twice at one minute: {listed(often)}"


def remarks_on_return(undone: "Iterable[Change]", since: datetime, until: datetime) -> Iterator[str]:
    """What may have become of the tasks whose moves are undone, where both of a task's schedules were on from `since`
    until now, `until`; `undone` are the changes that had created the new ones. Pure.
    """
    moves = [(plain_name(each.name), each.replaces, each.when) for each in undone if each.switches]
    if rates := [name for name, old, new in moves if any(when and period_of(when.expression) for when in (old, new))]:
        yield f"a run may have come sooner, and the next later, than the rate says, of {listed(sorted(rates))}"
    twice = [
        name
        for name, *both in moves
        if name not in rates and any(when and _is_due(when, since, until + SETTLES_WITHIN) for when in both)
    ]
    if twice:
        yield f"a run may have come twice while its schedule moved back, of {listed(sorted(twice))}"


def _is_due(when: "When", since: datetime, until: datetime) -> bool:
    from rota.schedule_file.next_runs import runs_after  # noqa: PLC0415  few deployments move a schedule

    due = next(runs_after(when, since - _MINUTE), None)
    return due is not None and due <= until


def move(
    schedules: "Connected",
    moves: Sequence[Move],
    revisions: Mapping[str, str],
    now: datetime,
    left: Iterable[int],
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> Moved:
    """Carry out what can be carried out now. `left`: what was left by the round before; `starts_at` and `ends_at`: what
    it returned, None in the first round.
    """
    first, begins = starts_at is None, starts_at or _next_minute(now + SETTLES_WITHIN)

    def ready_at(number: int) -> datetime:
        each = moves[number]
        if each.ends:
            return ends_at or begins
        if each.hands_over:
            shown = schedules.when_on(each.new)
            if first and not shown:
                switch_on(each.new, _from(each.new, begins))
            return min(
                (shown and shown.start) or begins, begins
            )  # an earlier try of the first round may have let it begin sooner
        return switches_at(each, now)

    def switch_on(new: "Change", written: "Change") -> None:
        if schedules.switch_on(written, revisions):
            late.append(new)

    def switches_at(each: Move, now: datetime) -> datetime:
        at = _quiet_at(now, each) if each.is_on else now
        # An earlier try of this round has switched it on: until the old one is off, the task would run twice.
        return now if at > now and schedules.is_on(each.new) else at

    def carry_out(number: int) -> datetime | None:
        """Returns until when the old one must stay on, if it ends at a minute."""
        each = moves[number]
        if not each.hands_over:  # hundreds of others may have taken a minute meanwhile
            moment = datetime.now(UTC)
            if (at := switches_at(each, moment)) > moment:
                postponed[number] = at
                return None
        if not each.hands_over or (each.ends and ends_at is None):
            switch_on(each.new, each.new)
        if each.ends and ends_at is None and isinstance(each.old, SchedulerChange):
            return _end(schedules, each.old, each.new.when, datetime.now(UTC))
        # Else it is off, and a write would give a rate another StartDate.
        if each.old.disable and not schedules.disable(each.old) and schedules.is_on(each.old):
            name = plain_name(each.old.name)
            raise RejectedError(
                f"the rule {name} was untagged by someone while its task moved to EventBridge Scheduler, and is on: "
                "disable it, or tag it to hand it over, and start the deployment again"
            )
        return None

    numbers, postponed, late = tuple(left), dict[int, datetime](), list["Change"]()
    ready = dict(zip(numbers, in_parallel(ready_at, numbers), strict=True))
    due_now = [number for number, at in ready.items() if at <= now]
    ending = {number: at for number, at in zip(due_now, in_parallel(carry_out, due_now), strict=True) if at}
    ends_at = max(ending.values(), default=ends_at)
    waiting = {number: at for number, at in ready.items() if at > now} | postponed
    waiting |= dict.fromkeys(ending, ends_at or now)
    wait = max(_SECOND, min(waiting.values()) - datetime.now(UTC)) if waiting else timedelta()
    return Moved(tuple(waiting), wait, begins, ends_at, tuple(late))


def _end(schedules: "Connected", old: SchedulerChange, new: "When", now: datetime) -> datetime | None:
    """Let the old one end, now that the rule is on. Returns when its last run has begun, or None if it is off at once.

    A cron ends with this minute, or with the next if the rule may be late for that. A rule counts its rate from its
    creation, so it has run within a period from now: a rate runs once more before that, soon.
    """
    start, end = time_of(old.members.get("StartDate")), time_of(old.members.get("EndDate"))
    shown = schedules.when_on(old)
    if shown and shown.end and shown.end != old.when.end and shown.end <= now + 2 * _HORIZON:
        return shown.end + SETTLES_WITHIN  # an earlier try has given it that: with a later one it would run again
    period = period_of(old.when.expression) if period_of(new.expression) else None
    if period and start:
        last = first_due(start, period, now + min(SETTLES_WITHIN, max(_SHOWN_WITHIN, period / 2)))
        if last > now + _HORIZON and start <= now + period:  # each update puts the start at its next run
            start = last = _next_minute(now + SETTLES_WITHIN)
    else:
        last = (now + _SHOWN_WITHIN).replace(second=0, microsecond=0)
    end_date = just_after(last)
    ends = datetime.fromisoformat(end_date)
    if (start and start >= min(ends, now + _HORIZON)) or (end and end <= now):  # it is not due before that
        schedules.disable(old)
        return None
    if end is None or end > ends:
        dates = {"EndDate": end_date, **({"StartDate": text(start)} if start else {})}
        schedules.apply(old.model_copy(update={"kind": "update", "members": {**old.members, **dates}}), {})
    return last + SETTLES_WITHIN


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
    """The schedule that is not due before that minute; a rate is, then, unless the file says when it starts."""
    if not isinstance(change, SchedulerChange):
        return change
    start, period = time_of(change.members.get("StartDate")), period_of(change.when.expression)
    if period:
        date = text(first_due(start or begins, period, begins))
    else:
        date = text(start) if start and start >= begins else just_before(begins)
    return change.model_copy(update={"members": {**change.members, "StartDate": date}})


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + _MINUTE
