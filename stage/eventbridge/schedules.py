"""When schedules fall due: docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html, in UTC."""

import calendar
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from aws_cron_expression_validator.validator import AWSCronExpressionError, AWSCronExpressionValidator
from moto.events.models import Rule

UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
LAST_YEAR = 2199
LARGEST_STEPS = (59, 23, 31, 12, 0, 199)
"""Of minutes, hours, days of the month, months, days of the week and years."""


def is_cron(fields: str) -> bool:
    """Whether AWS accepts the six fields of a cron."""
    each = fields.split()
    steps = [(re.findall(r"/(\d+)", field), most) for field, most in zip(each, LARGEST_STEPS, strict=False)]
    if not all(1 <= int(step) <= most for found, most in steps for step in found):
        return False
    try:
        AWSCronExpressionValidator.validate(" ".join(each))
    except AWSCronExpressionError:
        return False
    return True


def note_state(rule: Rule, now: datetime) -> None:
    """Remember when a rule was switched, as far as that is seen: this is to be called before time goes by."""
    kept = vars(rule)
    if kept.get("noted") != rule.state:
        kept |= {"before": kept.get("noted", "DISABLED"), "noted": rule.state, "switched_at": now}


def state_as_of(rule: Rule, at: datetime, lag: timedelta) -> str:
    """The state by which a rule fires then: the one before, if it was switched less than `lag` ago."""
    kept = vars(rule)
    return str(kept["before"] if lag and "noted" in kept and at - kept["switched_at"] < lag else rule.state)


def due(expression: str, created: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times after `after`, up to `until`, at which a valid schedule falls due. A rate counts from `created`."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        period = timedelta(seconds=int(rate[1]) * UNITS[rate[2]])
        time = created + period * max(1, (after - created) // period + 1)
        while time <= until:
            yield time
            time += period
        return
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    minutes, hours = _values(fields[0], 0, 59, {}), _values(fields[1], 0, 23, {})
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= until:
        if _is_day(fields, day):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    time = day.replace(hour=hour, minute=minute)
                    if after < time <= until:
                        yield time
        day += timedelta(days=1)


def _is_day(fields: list[str], day: datetime) -> bool:
    _, _, of_month, months, of_week, years = fields
    return (
        day.month in _values(months, 1, 12, MONTHS)
        and day.year in _values(years, 1970, LAST_YEAR, {})
        and (of_month == "?" or day.day in _days_of_month(of_month, day))
        and (of_week == "?" or _is_day_of_week(of_week.upper(), day))
    )


def _days_of_month(field: str, day: datetime) -> set[int]:
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return {last}
    if field in ("LW", "WL"):
        return {_nearest_weekday(day, last, last)}
    if weekday := re.fullmatch(r"(\d+)W", field):
        return {_nearest_weekday(day, int(weekday[1]), last)}
    return _values(field, 1, 31, {})


def _nearest_weekday(day: datetime, number: int, last: int) -> int:
    number = min(number, last)
    weekday = day.replace(day=number).weekday()
    if weekday == calendar.SATURDAY:
        return number - 1 if number > 1 else number + 2
    if weekday == calendar.SUNDAY:
        return number + 1 if number < last else number - 2
    return number


def _is_day_of_week(field: str, day: datetime) -> bool:
    today = day.isoweekday() % 7 + 1  # Sunday is 1
    if nth := re.fullmatch(r"(\w+)#(\d)", field):
        return today == _number(nth[1], DAYS) and (day.day - 1) // 7 + 1 == int(nth[2])
    if field == "L":
        return today == DAYS["SAT"]
    if final := re.fullmatch(r"(\w+)L", field):
        last = calendar.monthrange(day.year, day.month)[1]
        return today == _number(final[1], DAYS) and day.day + 7 > last
    return today in _values(field, 1, 7, DAYS)


def _values(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """The values of a list of numbers, names, ranges and steps. A range may wrap."""
    found: set[int] = set()
    for part in field.upper().split(","):
        whole, _, step = part.partition("/")
        first, dash, last = whole.partition("-")
        begin = low if whole in ("*", "") else _number(first, names)
        end = _number(last, names) if dash else high if step or whole == "*" else begin
        span = range(begin, end + 1) if begin <= end else [*range(begin, high + 1), *range(low, end + 1)]
        found.update(list(span)[:: int(step or 1)])
    return found


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)
