"""Time zones as the package tzdata has them, whatever the machine has; loaded only where a schedule names one. Pure.

A local time that a change of clocks skips does not exist; one that comes twice is the first of the two, as EventBridge
Scheduler takes it: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

import tzdata

from rota.schedule_file.problem import quote

VERSION: str = tzdata.IANA_VERSION
"""Of the IANA database, such as 2026f."""

# What a machine has before a person chooses its zone.
_NO_ZONE = "Factory"
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
# What people write, in upper case, and where most of them are. The abbreviations that are names of zones have no summer
# time, or mean several.
_MEANT = {
    **dict.fromkeys(("PST", "PDT", "PT", "PACIFIC"), "America/Los_Angeles"),
    **dict.fromkeys(("MDT", "MT", "MOUNTAIN"), "America/Denver"),
    **dict.fromkeys(("CST", "CDT", "CT", "CENTRAL"), "America/Chicago"),
    **dict.fromkeys(("EDT", "ET", "EASTERN"), "America/New_York"),
    **dict.fromkeys(("CEST", "MEZ", "MESZ"), "Europe/Berlin"),
    **dict.fromkeys(("AEST", "AEDT"), "Australia/Sydney"),
    **{"BST": "Europe/London", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "SGT": "Asia/Singapore", "Z": "UTC"},
}
# Their sign is that of POSIX.
_SIGNS = {"Etc/GMT-": ", which is ahead of UTC", "Etc/GMT+": ", which is behind UTC"}
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])0?(\d{1,2})(?::?00)?")


class Change(NamedTuple):
    """A change of a zone's clocks: from when on, and how far they are from UTC before and after it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def shown(self) -> tuple[datetime, datetime]:
        """The local times that the clocks skip, or show twice: from, and until."""
        local = self.at.replace(tzinfo=None)
        first, last = sorted((local + self.before, local + self.after))
        return first, last

    @property
    def skips(self) -> bool:
        """Whether the clocks are put forward."""
        return self.after > self.before


@cache
def names() -> frozenset[str]:
    """Every name of a zone, the old ones too."""
    return frozenset((files(tzdata) / "zones").read_text().split()) - {_NO_ZONE}


@cache
def zone(name: str) -> tzinfo:
    """The zone of that name. ValueError with the nearest one for a name that is none's."""
    if name == "UTC":
        return UTC
    if name not in names():
        near = nearest(name)
        instead = f'did you mean "{near}"{_SIGNS.get((near or "")[:8], "")}?'
        if near is None:
            instead = 'write one such as "Europe/Berlin" or "America/New_York"'
        raise ValueError(f"{quote(name)} is not a time zone of the IANA database ({VERSION}); {instead}")
    with files(tzdata).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def nearest(name: str) -> str | None:
    """The zone that a person may mean: in another spelling, by its place alone, by an abbreviation, or by an offset."""
    bare = name.strip().replace(" ", "_")
    if meant := _MEANT.get(bare.upper()):
        return meant
    if offset := _OFFSET.fullmatch(bare.upper()):
        fixed = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}" if int(offset[2]) else "UTC"
        return fixed if fixed in names() else None
    by_spelling = {each.lower(): each for each in sorted(names(), reverse=True)}
    by_place = {each.lower().rpartition("/")[2]: each for each in sorted(names(), reverse=True) if "/" in each}
    bare = bare.lower()
    if found := by_spelling.get(bare) or by_place.get(bare):
        return found
    for known in (by_spelling, by_place):
        for near in get_close_matches(bare, known, n=1, cutoff=0.75):
            return known[near]
    return None


def instant(local: datetime, tz: tzinfo) -> datetime | None:
    """The moment of a time without a zone, in UTC; None for one that a change of clocks skips."""
    at = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    return at if at.astimezone(tz).replace(tzinfo=None) == local else None


def changes(tz: tzinfo, after: datetime, until: datetime) -> Iterator[Change]:
    """The changes of a zone's clocks later than `after`, up to `until`, to the minute. No zone has two on a day."""
    begin = after
    while begin < until:
        end = min(begin + _DAY, until)
        if _offset(tz, begin) != _offset(tz, end):
            yield _change(tz, begin, end)
        begin = end


def _change(tz: tzinfo, begin: datetime, end: datetime) -> Change:
    before, after = _offset(tz, begin), _offset(tz, end)
    while end - begin > _MINUTE:
        middle = begin + (end - begin) // 2
        begin, end = (begin, middle) if _offset(tz, middle) == after else (middle, end)
    at = end.replace(second=0, microsecond=0)
    return Change(at, before, after)


def _offset(tz: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(tz).utcoffset() or timedelta()
