"""Times and spans of time as a person reads them on a phone. Pure."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def duration(seconds: float) -> str:
    """The span in its two largest units: `2 min 14 s`, `1 h 5 min`, `3 days 2 h`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    days = whole // _DAY
    return _two(days, "day" if days == 1 else "days", whole % _DAY // _HOUR, "h")


def _two(large: int, of_large: str, small: int, of_small: str) -> str:
    return f"{large} {of_large}" + (f" {small} {of_small}" if small else "")


def day_and_time(at: datetime) -> str:
    """`Sun 29 Nov 2026, 06:00 UTC`; with seconds if there are any."""
    at = at.astimezone(UTC)
    return f"{at:%a} {at.day} {at:%b %Y}, {clock(at)} UTC"


def minute(at: datetime) -> str:
    """`2026-12-24 06:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clock(at: datetime) -> str:
    """`06:00`, or `06:00:31`."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
