"""When a schedule runs next, and the schedule in plain English. Runs are in UTC.

A local time that a change of clocks skips has no run, and one that comes twice has one, the first time:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. No library computes this calendar: croniter
has neither LW nor years after 2099, counts the days of the week differently and finds no run that is more than 50 years
ahead.
"""

from calendar import month_name, monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count as count_from
from itertools import islice, pairwise, takewhile

from rota.schedule_file.expression import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOURS,
    MINUTES,
    MONTH,
    YEAR,
    field_values,
    normalise_expression,
    one_time,
    period_of,
)
from rota.schedule_file.when import When

_SUNDAY, _SATURDAY = 1, 7
_DAYS = ("Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays")
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def next_runs(when: When, after: datetime, count: int) -> list[datetime]:
    """The next `count` runs later than `after` (an aware datetime), in UTC; fewer if the schedule ends before that.

    A rate without a start counts from `after`; EventBridge counts it from the creation of the rule. ValueError for a
    wrong expression, or a zone that is none.
    """
    return list(islice(runs_after(when, after), count))


def runs_after(when: When, after: datetime) -> Iterator[datetime]:
    """As `next_runs`, all of them."""
    after = after.astimezone(UTC)
    if once := one_time(when.expression):
        return (at for at in _moments([once], when.timezone) if at > after)
    expression, start, end = normalise_expression(when.expression), when.start, when.end
    if start and start > after:
        after = start - timedelta(microseconds=1)  # at the start it runs
    if period := period_of(expression):
        begin = start + period * ((after - start) // period) if start else after
        runs = (begin + period * times for times in count_from(1))
    else:
        local = after.replace(tzinfo=None) if when.timezone == "UTC" else _local(after, when.timezone)
        runs = (at for at in _moments(local_times(expression, local), when.timezone) if at > after)
    return takewhile(lambda at: at <= end, runs) if end else runs


def local_times(expression: str, after: datetime) -> Iterator[datetime]:
    """The times later than `after` that a cron names; all of them without a zone, whether or not they exist in one."""
    minute, hour, day_of_month, month, day_of_week, year = _parts(expression)[1].split()
    times = [(h, m) for h in field_values(HOURS, hour) for m in field_values(MINUTES, minute)]
    months = ((y, m) for y in field_values(YEAR, year) if y >= after.year for m in field_values(MONTH, month))
    for y, m in months:
        if (y, m) >= (after.year, after.month):
            days = _days(day_of_month, day_of_week, y, m)
            for day in (day for day in days if (y, m, day) >= (after.year, after.month, after.day)):
                runs = (datetime(y, m, day, *time) for time in times)
                yield from (run for run in runs if run > after)


def runs_on_days_in_a_row(expression: str) -> bool:
    """Whether a cron ever runs on two days of which one follows the other."""
    _, inner = _parts(expression)
    _, _, day_of_month, month, day_of_week, year = inner.split()
    # Two years show it, one a leap year: a weekday comes each week of every month, or once a month.
    years = range(2027, 2029) if year == "*" else field_values(YEAR, year)
    days = (
        date(y, m, day)
        for y in years
        for m in field_values(MONTH, month)
        for day in _days(day_of_month, day_of_week, y, m)
    )
    return any(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


def in_words(when: When) -> str:
    """Plain English for common schedules ("weekdays at 09:30 UTC"); the expression itself for all others."""
    return _without_bounds(when.expression, when.timezone) + _bounds(when)


def written(when: When) -> str:
    """The expression, with its zone and what bounds it, where it has them."""
    zone = "" if when.timezone == "UTC" else f" {when.timezone}"
    return when.expression + zone + _bounds(when)


def _bounds(when: When) -> str:
    start = f" from {_shown(when.start, when.timezone)}" if when.start else ""
    end = f" until {_shown(when.end, when.timezone)}" if when.end else ""
    return f"{start}{end}{f', within {when.window} minutes' if when.window else ''}"


def _without_bounds(expression: str, timezone: str) -> str:
    if once := one_time(expression):
        return f"once, on {once:%Y-%m-%d} at {once:%H:%M} {timezone}"
    kind, inner = _parts(expression)
    if kind == "rate":
        value, unit = inner.split()
        return f"every {unit}" if value == "1" else f"every {inner}"
    minutes, hours, day_of_month, month, day_of_week, year = inner.split()
    time = _time_in_words(field_values(MINUTES, minutes), field_values(HOURS, hours))
    day = _day_in_words(day_of_month, month, day_of_week)
    if not time or not day or year != "*":
        return f"cron({inner})" if timezone == "UTC" else f"cron({inner}) {timezone}"
    if time.startswith("at"):
        return f"{day} {time} {timezone}"
    in_zone = "" if timezone == "UTC" else f" {timezone}"
    return (time if day == "every day" else f"{day}, {time}") + in_zone


def _shown(at: datetime, timezone: str) -> str:
    local = at.replace(tzinfo=None) if timezone == "UTC" else _local(at, timezone)
    return f"{local:%Y-%m-%d %H:%M}"


def _parts(expression: str) -> tuple[str, str]:
    kind, _, rest = normalise_expression(expression).partition("(")
    return kind, rest.removesuffix(")")


def _local(at: datetime, timezone: str) -> datetime:
    from rota.schedule_file import zones  # noqa: PLC0415  here, because most schedules are in UTC

    return at.astimezone(zones.zone(timezone)).replace(tzinfo=None)


def _moments(local: Iterable[datetime], timezone: str) -> Iterator[datetime]:
    """The moments of those of these times that exist in the zone."""
    if timezone == "UTC":
        return (time.replace(tzinfo=UTC) for time in local)
    from rota.schedule_file import zones  # noqa: PLC0415  likewise

    zone = zones.zone(timezone)
    return (at for time in local if (at := zones.instant(time, zone)))


def _days(day_of_month: str, day_of_week: str, year: int, month: int) -> list[int]:
    """The days of that month on which a cron runs."""
    monday_is_0, length = monthrange(year, month)
    weekday = [
        0,
        *((monday_is_0 + day) % 7 + 1 for day in range(1, length + 1)),
    ]  # by day; 1 is Sunday, as in EventBridge
    if day_of_week == "?":
        if day_of_month.endswith("W"):
            day = length if day_of_month == "LW" else int(day_of_month.removesuffix("W"))
            return [_nearest_weekday(day, weekday)] if day <= length else []
        return [length] if day_of_month == "L" else [d for d in field_values(DAY_OF_MONTH, day_of_month) if d <= length]
    day_name, _, occurrence = day_of_week.partition("#")
    weekdays = [_SATURDAY] if day_name == "L" else field_values(DAY_OF_WEEK, day_name.removesuffix("L"))
    days = [day for day in range(1, length + 1) if weekday[day] in weekdays]
    if occurrence:
        return days[int(occurrence) - 1 : int(occurrence)]
    return days[-1:] if day_name.endswith("L") and day_name != "L" else days


def _nearest_weekday(day: int, weekday: list[int]) -> int:
    """The day from Monday to Friday nearest to that one, in the same month."""
    if weekday[day] == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday[day] == _SUNDAY:
        return day + 1 if day + 1 < len(weekday) else day - 2
    return day


def _time_in_words(minutes: Sequence[int], hours: Sequence[int]) -> str:
    few = 3
    if len(minutes) == 1 and len(hours) <= few:
        return f"at {_listed([f'{hour:02}:{minutes[0]:02}' for hour in hours])}"
    if len(hours) == HOURS.high + 1 and [*minutes] == [*range(0, 60, 60 // len(minutes))]:
        return "every " + {1: "hour", 60: "minute"}.get(len(minutes), f"{60 // len(minutes)} minutes")
    if len(minutes) == 1 and [*hours] == [*range(0, 24, 24 // len(hours))]:
        every = "every hour" if len(hours) == HOURS.high + 1 else f"every {24 // len(hours)} hours"
        return every if minutes == (0,) else f"{every} at minute {minutes[0]}"
    return ""


def _day_in_words(day_of_month: str, month: str, day_of_week: str) -> str:
    if "*" in (day_of_month, day_of_week):
        days = "every day"
    elif day_of_week == "?":
        days = _day_of_month_in_words(day_of_month)
    else:
        days = _day_of_week_in_words(day_of_week)
    if month == "*":
        return days.replace("{month}", "every month")
    months = _listed([month_name[number] for number in field_values(MONTH, month)])
    return days.replace("{month}", months) if "{month}" in days else ""


def _day_of_month_in_words(text: str) -> str:
    if text in ("L", "LW"):
        return f"on the last {'day' if text == 'L' else 'weekday'} of {{month}}"
    days = field_values(DAY_OF_MONTH, text.removesuffix("W"))
    if len(days) != 1:
        return ""
    day = days[0]
    teens = range(11, 14)
    ordinal = f"{day}{'th' if day in teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
    return (
        f"on the weekday nearest the {ordinal} of {{month}}" if text.endswith("W") else f"on the {ordinal} of {{month}}"
    )


def _day_of_week_in_words(text: str) -> str:
    name, _, occurrence = text.partition("#")
    days = [_SATURDAY] if name == "L" else field_values(DAY_OF_WEEK, name.removesuffix("L"))
    if occurrence or (name.endswith("L") and name != "L"):
        which = _ORDINALS[int(occurrence) - 1] if occurrence else "last"
        return f"on the {which} {_DAYS[days[0] - 1].removesuffix('s')} of {{month}}"
    named = {(2, 3, 4, 5, 6): "weekdays", (1, 7): "weekends", (1, 2, 3, 4, 5, 6, 7): "every day"}
    return named.get((*days,)) or _listed([_DAYS[day - 1] for day in days])


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
