"""The expressions of EventBridge Scheduler, and when they fall due in a time zone.

docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. What AWS accepts beside that page was measured: cron
with five fields, keywords in any case, the plural of a rate's unit whatever its number, times without seconds.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, reset_tzpath

from stage.eventbridge.schedules import due as due_in_utc
from stage.eventbridge.schedules import is_cron

# The zones of the package tzdata, which are newer than a machine's mostly are.
reset_tzpath(to=())
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)", re.IGNORECASE)
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)s?\)", re.IGNORECASE)
_CRON = re.compile(r"cron\((.+)\)", re.IGNORECASE)
_FIELDS = 6
# A zone is at most so far from UTC, and a change of its clocks is no larger.
_APART = timedelta(hours=26)


def is_expression(text: str) -> bool:
    """Whether AWS accepts it."""
    if found := _AT.fullmatch(text):
        try:
            datetime.fromisoformat(found[1])
        except ValueError:
            return False
        return True
    cron = _CRON.fullmatch(text)
    return bool(_RATE.fullmatch(text)) or (cron is not None and is_cron(_six(cron[1])))


def only_time(text: str, zone: str) -> datetime | None:
    """When `at(…)` is, in UTC; None for another expression. One that the zone's clocks skip is an hour later."""
    found = _AT.fullmatch(text)
    return datetime.fromisoformat(found[1]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if found else None


def period(text: str) -> timedelta | None:
    """A rate's period; None for another expression. A day has 24 hours, also where the clocks change."""
    found = _RATE.fullmatch(text)
    return timedelta(**{f"{found[2].lower()}s": int(found[1])}) if found else None


def due(text: str, zone: str, anchor: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times after `after`, up to `until`, at which a valid expression falls due. A rate counts from `anchor`, and
    falls due then, too.
    """
    if once := only_time(text, zone):
        times = iter([once])
    elif every := period(text):
        times = _counted(anchor, every, max(after, anchor - every))
    else:
        times = _in_zone(_six(text.partition("(")[2].removesuffix(")")), ZoneInfo(zone), after, until)
    for time in times:
        if time > until:
            return
        if time > after:
            yield time


def _counted(anchor: datetime, every: timedelta, after: datetime) -> Iterator[datetime]:
    time = anchor + every * ((after - anchor) // every + 1)
    while True:
        yield time
        time += every


def _in_zone(fields: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """A local time that does not exist is left out; one that comes twice is due the first time alone."""
    begin, end = after - _APART, until + _APART
    for local in due_in_utc(f"cron({fields})", begin, begin, end):
        time = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if time.astimezone(zone).replace(tzinfo=UTC) == local:
            yield time


def _six(fields: str) -> str:
    """The fields of a cron with that of the year, which may be left out."""
    return f"{fields} *" if len(fields.split()) == _FIELDS - 1 else fields
