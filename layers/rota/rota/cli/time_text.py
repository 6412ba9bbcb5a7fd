"""Times and durations for people, and times for JSON."""

import re
from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SOON_SECONDS = 10
_SAME = 6


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `4 min ago`, `3 h ago`, `2 d ago`."""
    seconds = (now - at).total_seconds()
    return "just now" if seconds < _SOON_SECONDS else f"{duration(seconds)} ago"


def ahead(at: datetime, now: datetime) -> str:
    """`now`, `in 3 min`, `in 5 h`, `in 2 d`."""
    seconds = (at - now).total_seconds()
    return "now" if seconds < 1 else f"in {duration(seconds)}"


def duration(seconds: float) -> str:
    """The largest unit alone: `41 s`, `4 min`, `3 h`, `2 d`; below ten seconds with a tenth."""
    if seconds < _SOON_SECONDS:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h"
    return f"{seconds // _DAY:.0f} d"


def clock(at: datetime, now: datetime, *, utc: bool) -> str:
    """`06:00` today, `tomorrow 06:00`, `yesterday 06:00`, `Mon 06:00` within the week, else with the date; in UTC with
    ` UTC`, unless local time is the same.
    """
    shown, today = (each.astimezone(UTC) if utc else each.astimezone() for each in (at, now))
    days = (shown.date() - today.date()).days
    time = f"{shown:%H:%M}{zone(at, utc=utc)}"
    if days == 0:
        return time
    if days in (-1, 1):
        return f"{'tomorrow' if days > 0 else 'yesterday'} {time}"
    if 0 < days <= _SAME:
        return f"{shown:%a} {time}"
    return f"{shown:%d %b} {time}" if shown.year == today.year else f"{shown:%d %b %Y} {time}"


def zone(at: datetime, *, utc: bool) -> str:
    """` UTC` where a time in UTC is not local time: a pipe shows another than the terminal before it."""
    return " UTC" if utc and at.astimezone().utcoffset() else ""


def of_line(at: datetime, *, utc: bool) -> str:
    """What a line of a log begins with: `06:00:12`."""
    shown = at.astimezone(UTC) if utc else at.astimezone()
    return f"{shown:%H:%M:%S}{zone(at, utc=utc)}"


def whole(at: datetime, *, utc: bool) -> str:
    """`Sun 29 Nov 06:00:12 UTC`."""
    shown = at.astimezone(UTC) if utc else at.astimezone()
    return f"{shown:%a %d %b %H:%M:%S %Z}"


def as_json(at: datetime) -> str:
    """`2026-11-29T06:00:00Z`, in UTC."""
    shown = at.astimezone(UTC)
    text = shown.isoformat(timespec="milliseconds" if shown.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def parse_duration(text: str) -> timedelta:
    """`90s`, `30m`, `2h` or `1d`. ValueError for anything else."""
    units = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}
    number, unit = text.strip()[:-1], text.strip()[-1:]
    if unit not in units or not number.isdecimal() or int(number) == 0:
        raise ValueError(f"{text!r} is no duration; write it as 90s, 30m, 2h or 1d")
    return timedelta(seconds=int(number) * units[unit])


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(
    r"((?P<day>tomorrow|mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?|sat(urday)?|sun(day)?) )?"
    r"(?P<time>\d\d:\d\d)"
)


def parse_time(text: str, now: datetime, *, past: bool = False) -> datetime:
    """`18:00`, `tomorrow 06:00` and `Mon 06:00`, the next one, or `2026-12-24T06:00`; one without a zone is in that of
    `now`. `past`: a time of the day alone is today's, also if it is past. ValueError for another.
    """
    words = f"{text!r} is no time; write it as 18:00, Mon 06:00 or 2026-12-24T06:00"
    if found := _CLOCK.fullmatch(text.strip().lower()):
        try:
            today = datetime.combine(now.date(), datetime.strptime(found["time"], "%H:%M").time(), now.tzinfo)
        except ValueError as wrong:
            raise ValueError(words) from wrong
        if found["day"] == "tomorrow":
            return today + timedelta(days=1)
        if past and not found["day"]:
            return today
        if found["day"]:
            today += timedelta(days=(_DAYS.index(found["day"][:3]) - now.weekday()) % len(_DAYS))
        return today if today > now else today + timedelta(days=len(_DAYS) if found["day"] else 1)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise ValueError(words) from wrong
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
