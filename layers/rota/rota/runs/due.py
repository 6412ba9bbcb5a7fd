"""The minutes at which a schedule was due. Pure; times are UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import runs_after
from rota.schedule_file.when import When

# How far back a schedule is looked for its last due minute: 29 February that is a Monday comes every 40 years.
_LOOKS_BACK = tuple(timedelta(days=days) for days in (1 / 24, 1, 35, 400, 366 * 5, 366 * 41))


def due_between(when: When, after: datetime, until: datetime, anchor: datetime | None = None) -> Iterator[datetime]:
    """When it was due later than `after`, up to `until`. A rate counts from its start; where it has none, from
    `anchor`, one of its due times; without one, nothing is known of it.
    """
    period = period_of(when.expression)
    if period and not when.start:
        if anchor is None:
            return
        when = when._replace(start=anchor + period * ((after - anchor) // period))
    yield from takewhile(lambda at: at <= until, runs_after(when, after))


def last_due(when: When, at: datetime, anchor: datetime | None = None) -> datetime | None:
    """The latest time at which it was due, not after `at`; None if it never was, or that is not known."""
    at = min(at, when.end or at).astimezone(UTC)
    if period := period_of(when.expression):
        anchor = when.start or anchor
        return None if anchor is None or (when.start and at < anchor) else anchor + period * ((at - anchor) // period)
    for back in _LOOKS_BACK:
        last = None
        for last in due_between(when, at - back, at):  # noqa: B007  the last one is what is wanted
            pass
        if last is not None:
            return last
    return None
