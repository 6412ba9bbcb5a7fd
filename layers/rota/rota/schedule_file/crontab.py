"""What people know from crontab, in EventBridge's words, to tell them what they meant. Pure."""

import re

MACROS = {
    "@HOURLY": "0 * * * ? *",
    "@DAILY": "0 0 * * ? *",
    "@MIDNIGHT": "0 0 * * ? *",
    "@WEEKLY": "0 0 ? * SUN *",
    "@MONTHLY": "0 0 1 * ? *",
    "@YEARLY": "0 0 1 1 ? *",
    "@ANNUALLY": "0 0 1 1 ? *",
}
_SUNDAY = 7  # and 0, as crontab counts
_RANGE = re.compile(r"\b([0-7])-([0-7])\b(?!/)")


def six_fields(minutes: str, hours: str, day_of_month: str, month: str, day_of_week: str) -> str:
    """EventBridge's six fields: days of the week count from 1, not 0, and one of the two day fields becomes ?."""
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
