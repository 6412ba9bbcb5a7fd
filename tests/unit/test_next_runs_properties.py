"""Cron expressions, compared with a check of every minute and with an independent validator."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from aws_cron_expression_validator.validator import (
    AWSCronExpressionError,
    AWSCronExpressionValidator,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from rota.schedule_file.expression import FIELDS, Field, normalise_cron
from rota.schedule_file.next_runs import next_runs
from rota.schedule_file.when import When

# Minutes, hours and months on which a cron runs, and the test of a date.
Meaning = tuple[set[int], set[int], set[int], Callable[[date], bool]]

FORMS = ["from", "from-to", "from-to/step", "from/step", "*/step"]
CHARACTERS = "0123456789,-*/?LW#MONFRJA"


@st.composite
def values(draw: st.DrawFn, field: Field, *, steps: bool = True) -> tuple[str, set[int]]:
    """A list of numbers, names, ranges and steps, and the set of numbers it means, each worked out on its own."""
    texts: list[str] = []
    meaning: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first, last = draw(st.integers(field.low, field.high)), draw(st.integers(field.low, field.high))
        form = draw(st.sampled_from(FORMS if steps else FORMS[:2]))
        step = draw(st.integers(1, field.high))
        all_twice = [*range(field.low, field.high + 1)] * 2
        start = all_twice.index(first)
        circle = all_twice[start : all_twice.index(last, start) + 1]
        named = draw(st.booleans()) and field.names
        a, b = (field.names[n - field.low] if named else str(n) for n in (first, last))
        texts.append(form.replace("from", a).replace("to", b).replace("step", str(step)))
        meaning |= {
            "from": {first},
            "from-to": set(circle),
            "from-to/step": set(circle[::step]),
            "from/step": {n for n in range(first, field.high + 1) if (n - first) % step == 0},
            "*/step": {n for n in range(field.low, field.high + 1) if (n - field.low) % step == 0},
        }[form]
    return ",".join(texts), meaning


def every(field: Field) -> st.SearchStrategy[tuple[str, set[int]]]:
    return st.just(("*", set(range(field.low, field.high + 1))))


def month_of(day: date) -> list[date]:
    """Every date of that date's month."""
    dates = [day.replace(day=1) + timedelta(days=n) for n in range(31)]
    return [other for other in dates if other.month == day.month]


def number_in_week(day: date) -> int:
    """1 is Sunday, as in AWS."""
    return day.isoweekday() % 7 + 1


def those_weekdays(day: date, number: int) -> list[date]:
    return [other for other in month_of(day) if number_in_week(other) == number]


def nearest_weekday(day: date, number: int) -> date | None:
    """Monday to Friday nearest to the `number`th of that date's month, by looking at all of them."""
    target = [other for other in month_of(day) if other.day == number]
    weekdays = [other for other in month_of(day) if other.weekday() <= 4]
    return min(weekdays, key=lambda other: abs((other - target[0]).days)) if target else None


@st.composite
def day_fields(draw: st.DrawFn) -> tuple[str, str, Callable[[date], bool]]:
    """The two day fields, and a test of a date written without regard to how Rota finds its days."""
    number = draw(st.integers(1, 31))
    weekday, occurrence = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    of_month, in_month = draw(values(FIELDS[2]))
    of_week, in_week = draw(values(FIELDS[4], steps=False))
    kinds: list[tuple[str, str, Callable[[date], bool]]] = [
        ("*", "?", lambda day: True),
        ("?", "*", lambda day: True),
        (of_month, "?", lambda day: day.day in in_month),
        ("?", of_week, lambda day: number_in_week(day) in in_week),
        ("L", "?", lambda day: day == month_of(day)[-1]),
        ("LW", "?", lambda day: day == [d for d in month_of(day) if d.weekday() <= 4][-1]),
        (f"{number}W", "?", lambda day: day == nearest_weekday(day, number)),
        ("?", "L", lambda day: day.weekday() == 5),
        ("?", f"{weekday}L", lambda day: day == those_weekdays(day, weekday)[-1]),
        (
            "?",
            f"{weekday}#{occurrence}",
            lambda day: [day] == those_weekdays(day, weekday)[occurrence - 1 :][:1],
        ),
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def crons(draw: st.DrawFn) -> tuple[str, Meaning]:
    minute, hour, month = (draw(every(field) | values(field)) for field in (FIELDS[0], FIELDS[1], FIELDS[3]))
    of_month, of_week, runs_on = draw(day_fields())
    return f"{minute[0]} {hour[0]} {of_month} {month[0]} {of_week} *", (minute[1], hour[1], month[1], runs_on)


@given(crons(), st.datetimes(datetime(2023, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)))
def test_next_runs_are_those_of_a_check_of_every_minute(cron: tuple[str, Meaning], after: datetime) -> None:
    fields, (minutes, hours, months, runs_on) = cron
    expected: list[datetime] = []
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = moment + timedelta(days=100)
    while moment < end and len(expected) < 40:
        if moment.month not in months or not runs_on(date(moment.year, moment.month, moment.day)):
            moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
        elif moment.hour not in hours:
            moment = (moment + timedelta(hours=1)).replace(minute=0)
        else:
            if moment.minute in minutes:
                expected.append(moment)
            moment += timedelta(minutes=1)
    found = next_runs(When(f"cron({fields})"), after, len(expected) + 1)
    assert found[: len(expected)] == expected
    assert len(expected) == 40 or all(run >= end for run in found[len(expected) :])


@given(crons())
def test_an_independent_validator_takes_what_is_taken(cron: tuple[str, Meaning]) -> None:
    fields = normalise_cron(cron[0])
    assert AWSCronExpressionValidator.validate(fields) == fields


@given(st.lists(st.text(CHARACTERS, min_size=1, max_size=6), min_size=6, max_size=6), st.sampled_from([2, 4]))
def test_what_an_independent_validator_refuses_is_refused(fields: list[str], question_mark: int) -> None:
    fields[question_mark] = "?"
    expression = " ".join(fields)
    try:
        AWSCronExpressionValidator.validate(expression)
    except AWSCronExpressionError:
        with pytest.raises(ValueError):
            normalise_cron(expression)
    else:
        assume(cron_is_documented(expression))
        assert normalise_cron(expression) == expression


def cron_is_documented(expression: str) -> bool:
    """The validator also takes ranges to or from *, L-3, steps past the field and years that run backwards."""
    fields = expression.split()
    steps = [(field, item) for field, text in zip(FIELDS, fields, strict=True) for item in text.split(",")]
    return (
        "*-" not in expression
        and "-*" not in expression
        and "L-" not in fields[4]
        and all(int(item.partition("/")[2] or 1) <= field.high for field, item in steps)
        and all(a <= b for a, _, b in (item.partition("/")[0].partition("-") for item in fields[5].split(",")) if b)
    )
