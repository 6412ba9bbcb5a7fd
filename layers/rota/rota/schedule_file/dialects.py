"""Schedules in the spelling of crontab, Quartz and people, in EventBridge's: what a wrong expression probably means.

Loaded only for an expression that is wrong. What comes out is a proposal: the caller checks it.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

MACROS = {
    "@HOURLY": "0 * * * ? *",
    "@DAILY": "0 0 * * ? *",
    "@MIDNIGHT": "0 0 * * ? *",
    "@WEEKLY": "0 0 ? * SUN *",
    "@MONTHLY": "0 0 1 * ? *",
    "@YEARLY": "0 0 1 1 ? *",
    "@ANNUALLY": "0 0 1 1 ? *",
}
CRONTAB_FIELDS, _QUARTZ_FIELDS = 5, 7
_SUNDAY = 7  # and 0, as crontab counts
_RANGE = re.compile(r"\b([0-7])-([0-7])\b(?!/)")
_ROUGH_RATE = re.compile(
    r"0*(?P<value>[1-9][0-9]*) ?"
    r"(?:(?P<second>s|secs?|seconds?)|(?P<minute>m|mins?|minutes?)|(?P<hour>h|hrs?|hours?)|(?P<week>w|weeks?)|d|days?)\.?",
    re.IGNORECASE,
)


class Rate(NamedTuple):
    """A rate that a person may mean; EventBridge has no seconds."""

    value: int
    unit: Literal["second", "minute", "hour", "day"]


def guess_rate(text: str) -> Rate | None:
    """The rate in a spelling such as `5 min`, `2w` or `05 Minutes`; None if there is none in it."""
    rough = _ROUGH_RATE.fullmatch(text)
    if not rough:
        return None
    if rough["week"]:
        return Rate(int(rough["value"]) * 7, "day")
    return Rate(
        int(rough["value"]),
        "second" if rough["second"] else "minute" if rough["minute"] else "hour" if rough["hour"] else "day",
    )


def guess_cron(fields: Sequence[str]) -> str | None:
    """EventBridge's six fields for crontab's five, Quartz's seven or a macro; None for all others."""
    if len(fields) == _QUARTZ_FIELDS:  # Quartz begins with the seconds
        return " ".join(fields[1:])
    if len(fields) == CRONTAB_FIELDS:
        return six_fields(*fields)
    return MACROS.get(" ".join(fields))


def six_fields(minutes: str, hours: str, day_of_month: str, month: str, day_of_week: str) -> str:
    """Crontab's five fields as six: days of the week count from 1, not 0, and one of the two day fields becomes ?."""
    if day_of_week == "*":
        return f"{minutes} {hours} {day_of_month} {month} ? *"
    days = _RANGE.sub(_listed_where_it_would_wrap, day_of_week)
    days = re.sub(r"(?<![#/0-9])[0-9]+", lambda number: str(int(number[0]) % _SUNDAY + 1), days)
    return f"{minutes} {hours} {'?' if day_of_month == '*' else day_of_month} {month} {days} *"


def _listed_where_it_would_wrap(days: re.Match[str]) -> str:
    """Friday to Sunday, `5-7`, as a list: where Sunday is 1, the range would run backwards."""
    first, last = int(days[1]), int(days[2])
    if first and not last:
        last = _SUNDAY
    return days[0] if last < _SUNDAY else ",".join(map(str, range(max(first, 1), last + 1)))
