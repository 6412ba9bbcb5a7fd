"""Which runs are lacking: what was due, against the runs that there are. Pure."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.runs.due import due_between
from rota.runs.model import MISSED, Job, Run, Span, Trigger
from rota.schedule_file.expression import period_of
from rota.schedule_file.retry_age import shortest_interval
from rota.schedule_file.when import When

FIRES_WITHIN = timedelta(minutes=1)
"""EventBridge starts a task within the minute for which it was due, not at its beginning."""
COUNTED_OVER = timedelta(hours=1)
# The runs of a rate that is as short as this cannot be distinguished by when they began.
_SHORTEST_RATE = timedelta(minutes=2)


class Lacking(NamedTuple):
    """A minute for which a job was due, and how many of its tasks are lacking. If they are `counted`, so many are
    lacking in the hour after it.
    """

    due: datetime
    tasks: int
    counted: bool


class Terms(NamedTuple):
    """How late a run of a schedule may begin, and after how long it counts as missed."""

    late: timedelta
    """A run may be created so long after it was due."""
    counted: bool
    """A run may also be created when the next one is due: runs are counted, unless they say when they were due."""
    horizon: timedelta
    """So long after it was due, a run that has not begun is missed."""


def terms(job: Job, when: When, *, traced: bool = False) -> Terms:
    """By the schedule, the retry age, and whether the job's runs say when they were due."""
    interval, grace = shortest_interval(when.expression), timedelta(seconds=job.grace)
    late = timedelta(minutes=when.window, seconds=job.retry_age) + FIRES_WITHIN
    if traced or late < interval:
        return Terms(late, counted=False, horizon=late + grace)
    return Terms(late, counted=True, horizon=max(COUNTED_OVER, late + interval) + grace)


def lacking(job: Job, runs: Collection[Run], after: datetime, now: datetime) -> list[Lacking]:
    """What was due later than `after` and is missed `now`, without what `runs` already says to be missed.

    `runs` are all of the job that were due or created since some horizons before `after`. It never names a run that
    was only late; where runs are counted, a job that started twice for one minute may hide one.
    """
    scheduled = [run for run in runs if run.trigger != Trigger.BY_HAND]
    found: list[Lacking] = []
    for span in job.spans:
        own = [run for run in scheduled if _is_in(span, run.scheduled_at)]
        real = [run for run in own if run.task_id != MISSED]
        traced = bool(real) and all(run.traced for run in real)
        judged = terms(job, span.when, traced=traced)
        find = _counted if judged.counted else _distinguished
        found += find(job, span, own, judged, after, now - judged.horizon)
    changes = {at for span in job.spans for at in (span.since, span.until) if at}
    return [each for each in found if not _began_near_a_change(each.due, job, scheduled, changes)]


def _is_in(span: Span, at: datetime) -> bool:
    return span.since <= at and (span.until is None or at < span.until)


def _distinguished(
    job: Job, span: Span, runs: Sequence[Run], judged: Terms, after: datetime, until: datetime
) -> Iterator[Lacking]:
    """Each due minute that has too few runs of its own."""
    anchor, taken = _taken(span, runs, judged.late)
    for due in _due(span, anchor, after, until):
        if (tasks := job.count - taken[due]) > 0:
            yield Lacking(due, tasks, counted=False)


def _counted(
    job: Job, span: Span, runs: Sequence[Run], judged: Terms, after: datetime, until: datetime
) -> Iterator[Lacking]:
    """Each due minute that has too few runs, where no later minute within the horizon has too many: a run that begins
    late is counted in a later minute, and makes up for the earlier one.
    """
    anchor, taken = _taken(span, runs, judged.late)
    owed: deque[tuple[datetime, int]] = deque()
    spare = 0
    ends = until + judged.horizon
    for due in _due(span, anchor, after - judged.horizon, ends):
        while owed and due - owed[0][0] > judged.horizon:
            yield from _if_new(*owed.popleft(), after, until)
        surplus = taken[due] - job.count + spare
        spare = 0
        while surplus > 0 and owed:
            first, tasks = owed.popleft()
            paid = min(surplus, tasks)
            surplus -= paid
            if tasks > paid:
                owed.appendleft((first, tasks - paid))
        if surplus < 0:
            owed.append((due, -surplus))
        elif _is_short(span):
            spare = surplus
    for due, tasks in owed:
        yield from _if_new(due, tasks, after, until)


def _if_new(due: datetime, tasks: int, after: datetime, until: datetime) -> Iterator[Lacking]:
    if after < due <= until:
        yield Lacking(due, tasks, counted=True)


def _due(span: Span, anchor: datetime | None, after: datetime, until: datetime) -> Iterator[datetime]:
    """When the span's schedule was due later than `after`, up to `until`. Of a rate nothing is known before its first
    run but that it comes within one period.
    """
    known = anchor or span.since
    counts = period_of(span.expression) and not span.start
    for due in due_between(span.when, max(after, known) if counts else after, until, known):
        if _is_in(span, due):
            yield due


def _taken(span: Span, runs: Sequence[Run], late: timedelta) -> tuple[datetime | None, Counter[datetime]]:
    """How many tasks each due minute has, those that are known to be missed included; and, of a rate, one of its due
    times, before which nothing is known.
    """
    period = period_of(span.expression)
    anchor = (span.start or _anchor(runs, period, late)) if period else None
    taken: Counter[datetime] = Counter()
    for run in runs:
        due = run.scheduled_at
        if period and anchor:
            tolerance = min(FIRES_WITHIN, period / 2)
            due = anchor + period * ((due - anchor + tolerance) // period)
        taken[due] += run.lacking if run.task_id == MISSED else 1
    return anchor, taken


def _anchor(runs: Sequence[Run], period: timedelta, late: timedelta) -> datetime | None:
    """A due time of a rate: that of a run which was not late, as far as the others show, moved back to the first."""
    times = sorted(run.scheduled_at for run in runs if run.task_id != MISSED)
    if not times:
        return min((run.scheduled_at for run in runs), default=None)
    punctual = min(times, key=lambda at: max((other - at + FIRES_WITHIN) % period for other in times))
    anchor = punctual - period * ((punctual - times[0]) // period)
    return anchor if anchor <= times[0] or late >= period else anchor - period


def _is_short(span: Span) -> bool:
    period = period_of(span.expression)
    return period is not None and period <= _SHORTEST_RATE


def _began_near_a_change(due: datetime, job: Job, runs: Collection[Run], changes: Collection[datetime]) -> bool:
    """Whether the run that seems to be lacking may be one that cannot be distinguished from another schedule's."""
    latest = due + timedelta(seconds=job.retry_age) + FIRES_WITHIN
    return any(due < at <= latest for at in changes) and any(
        run.created_at and due <= run.created_at <= latest and not run.traced for run in runs
    )
