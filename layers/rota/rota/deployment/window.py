"""The deployment window: when production may change, by the parameter DeployWindow. Pure.

It goes by the clock on the wall of its zone: a time that a change of clocks skips is not in it, one that comes twice is
in it twice.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from rota.deployment.gates import Closed
from rota.errors import RejectedError
from rota.schedule_file import zones

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = 24 * 60
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
# A weekly span that a change of clocks skips opens a week later.
_LOOKS_AHEAD = timedelta(days=15)


class Span(NamedTuple):
    """The weekdays on which it begins, 0 is Monday, and its minutes of the day; over midnight the end is over 1,440."""

    days: frozenset[int]
    begin: int
    end: int

    def has(self, weekday: int, minute: int) -> bool:
        """Whether that minute of a weekday is in it."""
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and self.begin <= minute < self.end) or (
            yesterday in self.days and self.begin <= minute + _DAY < self.end
        )


class Window(NamedTuple):
    """`text` is as the parameter has it."""

    text: str
    spans: tuple[Span, ...]
    zone: tzinfo

    def is_open(self, at: datetime) -> bool:
        """Whether deployments may begin then."""
        local = at.astimezone(self.zone)
        return any(span.has(local.weekday(), local.hour * 60 + local.minute) for span in self.spans)

    def opens(self, at: datetime) -> datetime:
        """When it is open next, in UTC: then, if it is open."""
        if self.is_open(at):
            return at
        return min(each for each in self._may_open(at) if each > at and self.is_open(each))

    def _may_open(self, at: datetime) -> Iterator[datetime]:
        """It opens where a span begins, or where clocks change."""
        today: date = at.astimezone(self.zone).date()
        for days in range(_LOOKS_AHEAD.days):
            for span in self.spans:
                for fold in (0, 1):
                    begins = time(span.begin // 60, span.begin % 60, fold=fold)
                    yield datetime.combine(today + timedelta(days=days), begins, self.zone).astimezone(UTC)
        for change in zones.changes(self.zone, at, at + _LOOKS_AHEAD):
            yield change.at.astimezone(UTC)


def closed_at(text: str, now: datetime) -> Closed | None:
    """That the window of a stack's parameter is not open; None if it is, or if there is none: the parameter is empty.
    RejectedError lists every problem of it.
    """
    if not text.strip():
        return None
    try:
        window = parse(text)
    except ValueError as wrong:
        raise RejectedError(f"the parameter DeployWindow cannot be read: {wrong}") from wrong
    return None if window.is_open(now) else Closed(window=window.text, opens=window.opens(now))


def parse(text: str) -> Window:
    """`Mon-Thu 09:00-17:00, Fri 09:00-12:00 Europe/Berlin`. ValueError lists every problem."""
    head, _, name = text.strip().rpartition(" ")
    problems: list[str] = []
    found = [_span(each.strip(), problems) for each in head.split(",")]
    try:
        zone = zones.zone(name)
    except ValueError as wrong:
        problems.append(str(wrong))
        zone = UTC
    if problems:
        raise ValueError("; ".join(problems))
    return Window(text.strip(), tuple(span for span in found if span), zone)


def _span(text: str, problems: list[str]) -> Span | None:
    days_text, _, hours = text.partition(" ")
    days = _days(days_text)
    if days is None:
        problems.append(f'"{days_text}" names no days; write one of {", ".join(_DAYS)}, or two as in Mon-Fri')
    begin, _, end = hours.partition("-")
    if not (_TIME.fullmatch(begin) and _TIME.fullmatch(end) and begin != "24:00"):
        problems.append(f'"{hours}" is no span of hours; write one as in 09:00-17:00')
        return None
    if begin == end:
        problems.append(f'"{hours}" begins when it ends; write 00:00-24:00 for a whole day')
    first, last = _minutes(begin), _minutes(end)
    return Span(days or frozenset(), first, last if last > first else last + _DAY)


def _days(text: str) -> frozenset[int] | None:
    """`Mon`, `Mon-Fri`, `Sat-Mon`; None for what names none."""
    first, _, last = text.partition("-")
    if first not in _DAYS or (last or first) not in _DAYS or text.endswith("-"):
        return None
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return frozenset((begin + number) % 7 for number in range((end - begin) % 7 + 1))


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
