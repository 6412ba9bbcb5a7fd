"""`rota next` for people, and for a calendar. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import groupby

from rota.cli import time_text
from rota.cli.columns import Row, folded, table
from rota.cli.next.model import Calendar, Coming
from rota.cli.status.text import whose
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import next_runs

_LISTED = 3
_CLASH = 5
"""So many jobs in one minute are worth a remark."""


def lines(calendar: Calendar, now: datetime, width: int, *, utc: bool, every: bool = False) -> Iterator[str]:
    """A row for each job and day, or for `every` run; then what is paused and disabled."""
    runs = [run for run in calendar.runs if run.enabled]
    words = {each.task: each.in_words for each in calendar.tasks}
    if runs:
        titles = ["", f"when{time_text.zone(now, utc=utc)}", "task", "schedule"]
        yield from table(titles, [*_rows(runs, words, now, utc=utc, every=every)], width)
    else:
        yield "Nothing is due in that time."
    if calendar.more:
        yield "There are more; name a job, or a shorter time with --for."
    yield from _later(calendar, runs, now, utc=utc)
    for line in _clashes(runs, now, utc=utc):
        yield from folded(line, width)
    for each in calendar.tasks:
        if each.paused:
            yield from folded(f"paused: {each.task}{whose(each.paused, now, utc=utc)}", width)
        elif not each.enabled:
            yield f"disabled: {each.task}"
    if calendar.zones:
        yield f"time zones: IANA {calendar.zones}"


def ics(calendar: Calendar, app: str, now: datetime, *, every: bool) -> Iterator[str]:
    """The lines of an iCalendar file (RFC 5545): an event for each run. A job that runs often on a day has none of that
    day, unless `every` run is wanted.
    """
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//rota//{_escaped(app)}//EN", "CALSCALE:GREGORIAN")
    words = {each.task: each.in_words for each in calendar.tasks}
    left_out = set() if every else _often(calendar)
    for run in calendar.runs:
        if run.enabled and (run.task, _utc_day(run)) not in left_out:
            yield from (
                "BEGIN:VEVENT",
                *_short_lines(f"UID:{run.task}-{_stamp(run.at)}@{_escaped(app)}"),
                f"DTSTAMP:{_stamp(now)}",
                f"DTSTART:{_stamp(run.at)}",
                *_short_lines(f"SUMMARY:{_escaped(run.task)}"),
                *_short_lines(f"DESCRIPTION:{_escaped(f'{app}: {words[run.task]}')}"),
                "TRANSP:TRANSPARENT",
                "END:VEVENT",
            )
    yield "END:VCALENDAR"


def often(calendar: Calendar) -> list[str]:
    """The jobs of which `ics` leaves out runs, because there are many on a day."""
    return sorted({task for task, _ in _often(calendar)})


def _often(calendar: Calendar) -> set[tuple[str, date]]:
    """The jobs and days, in UTC, with many runs."""
    a_day = Counter((run.task, _utc_day(run)) for run in calendar.runs if run.enabled)
    return {each for each, number in a_day.items() if number > _LISTED}


def _utc_day(run: Coming) -> date:
    return run.at.astimezone(UTC).date()


def _later(calendar: Calendar, runs: Iterable[Coming], now: datetime, *, utc: bool) -> Iterator[str]:
    """When those crons run next that are not due in that time."""
    due = {run.task for run in runs}
    for each in calendar.tasks:
        if each.enabled and not each.paused and each.task not in due and not calendar.more:
            for at in next_runs(each.when, calendar.until, 1) if each.start or not period_of(each.schedule) else ():
                yield f"later: {each.task} {time_text.clock(at, now, utc=utc)}"


def _rows(runs: Iterable[Coming], words: dict[str, str], now: datetime, *, utc: bool, every: bool) -> Iterator[Row]:
    before = None
    for day, on_day in groupby(runs, key=lambda run: _local(run.at, utc=utc).date()):
        by_task: dict[str, list[Coming]] = {}
        for number, run in enumerate(on_day):
            by_task.setdefault(f"{number} {run.task}" if every else run.task, []).append(run)
        for found in by_task.values():
            task = found[0].task
            name = "" if day == before else _day(day, _local(now, utc=utc).date())
            before = day
            many = f" ({len(found)} times)" if len(found) > _LISTED else ""
            yield [name, _when(found, utc=utc), task, f"{words[task]}{many}"]


def _when(found: Sequence[Coming], *, utc: bool) -> str:
    at = [f"{_local(run.at, utc=utc):%H:%M}" for run in found]
    text = ", ".join(at) if len(at) <= _LISTED else f"{at[0]} - {at[-1]}"
    return text if found[0].exact else f"about {text}"


def _clashes(runs: Iterable[Coming], now: datetime, *, utc: bool) -> Iterator[str]:
    minutes = Counter(run.at.replace(second=0, microsecond=0) for run in runs if run.exact)
    often: dict[tuple[str, int], list[datetime]] = {}
    for at, number in sorted(minutes.items()):
        if number >= _CLASH:
            often.setdefault((f"{_local(at, utc=utc):%H:%M}", number), []).append(at)
    for (clock, number), days in often.items():
        zone = time_text.zone(days[0], utc=utc)
        when = f"at {clock}{zone} on {len(days)} days" if len(days) > 1 else time_text.clock(days[0], now, utc=utc)
        yield f"{number} jobs start in one minute: {when}"


def _day(day: date, today: date) -> str:
    names = {0: "today", 1: "tomorrow"}
    return names.get((day - today).days) or f"{day:%a %d %b}"


def _local(at: datetime, *, utc: bool) -> datetime:
    return at.astimezone(UTC) if utc else at.astimezone()


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for each in "\\;,":
        text = text.replace(each, f"\\{each}")
    return text


def _short_lines(line: str) -> Iterator[str]:
    """No line has more than 75 octets; one that continues another begins with a space."""
    longest = 70
    parts = [line[at : at + longest] for at in range(0, len(line), longest)]
    yield parts[0]
    yield from (f" {part}" for part in parts[1:])
