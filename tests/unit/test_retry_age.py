"""For how long EventBridge tries to start a task whose entry in the schedule file does not say so."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given

from rota.schedule_file.next_runs import next_runs
from rota.schedule_file.retry_age import retry_age, shortest_interval
from rota.schedule_file.when import When
from tests.unit.test_next_runs_properties import Meaning, crons

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "age"),
    [
        pytest.param("rate(1 minute)", 5 * MINUTE, id="every minute"),
        pytest.param("rate(5 minutes)", 5 * MINUTE, id="every 5 minutes"),
        pytest.param("rate(10 minutes)", 5 * MINUTE, id="every 10 minutes"),
        pytest.param("rate(11 minutes)", 5.5 * MINUTE, id="every 11 minutes"),
        pytest.param("rate(1 hour)", 30 * MINUTE, id="every hour"),
        pytest.param("rate(12 hours)", 6 * HOUR, id="every 12 hours"),
        pytest.param("rate(1 day)", 6 * HOUR, id="every day"),
        pytest.param("rate(84006 days)", 6 * HOUR, id="the longest rate"),
        pytest.param("cron(0/15 * * * ? *)", 7.5 * MINUTE, id="every quarter of an hour"),
        pytest.param("cron(5 * * * ? *)", 30 * MINUTE, id="hourly"),
        pytest.param("cron(0 6 * * ? *)", 6 * HOUR, id="daily"),
        pytest.param("cron(0 7 1 * ? *)", 6 * HOUR, id="monthly"),
        pytest.param("cron(0 6 1 12 ? 2026)", 6 * HOUR, id="once"),
    ],
)
def test_the_age_is_half_of_the_interval_within_bounds(expression: str, age: timedelta) -> None:
    assert retry_age(expression) == age


@pytest.mark.parametrize(
    ("cron", "interval"),
    [
        pytest.param("0 6 * * ? *", DAY, id="once a day"),
        pytest.param("0 8,20 * * ? *", 12 * HOUR, id="twice a day"),
        pytest.param("0 22,6 * * ? *", 8 * HOUR, id="over midnight"),
        pytest.param("0 1,23 ? * MON *", 22 * HOUR, id="over midnight, but not on the next day"),
        pytest.param("0 1,23 ? * MON,TUE *", 2 * HOUR, id="over midnight, on the next day"),
        pytest.param("0 1,23 ? * SAT,SUN *", 2 * HOUR, id="over midnight, at the end of a week"),
        pytest.param("0 1,23 1,31 * ? *", 2 * HOUR, id="over midnight, at the end of a month"),
        pytest.param("0 1,23 1,31 JAN,MAR ? *", 22 * HOUR, id="over midnight, months apart"),
        pytest.param("0 1,23 1,31 JAN,DEC ? 2027", 22 * HOUR, id="over midnight, years apart"),
        pytest.param("0 1,23 1,31 JAN,DEC ? 2027-2028", 2 * HOUR, id="over midnight, at the end of a year"),
        pytest.param("0 1,23 1,29 2,3 ? 2027", 22 * HOUR, id="no leap year"),
        pytest.param("0 1,23 1,29 2,3 ? 2028", 2 * HOUR, id="a leap year"),
        pytest.param("0 1,23 1,29 2,3 ? *", 2 * HOUR, id="some year is a leap year"),
        pytest.param("0 1,23 L * ? *", 22 * HOUR, id="the last of a month"),
        pytest.param("*/7 * * * ? *", 4 * MINUTE, id="minutes that do not divide the hour"),
        pytest.param("0,59 * * * ? *", MINUTE, id="beside the full hour"),
        pytest.param("0 9/5 * * ? *", 5 * HOUR, id="hours that do not divide the day"),
    ],
)
def test_the_shortest_time_between_two_runs(cron: str, interval: timedelta) -> None:
    assert shortest_interval(f"cron({cron})") == interval


# With a leap year, in which 29 February and 1 March follow each other.
DATES = [date(2027, 1, 1) + n * DAY for n in range(2 * 365 + 1)]


@given(crons())
def test_no_two_runs_are_nearer_and_two_are_as_near(cron: tuple[str, Meaning]) -> None:
    fields, (minutes, hours, months, runs_on) = cron
    days = {day for day in DATES if day.month in months and runs_on(day)}
    assume(days)
    times = {timedelta(hours=hour, minutes=minute) for hour in hours for minute in minutes}
    follows = any(day + DAY in days for day in days)
    shortest = shortest_interval(f"cron({fields})")
    as_near = any(
        time + shortest in times or (follows and time + shortest - DAY in times) for time in times if shortest < DAY
    )
    assert as_near or shortest == DAY
    runs = next_runs(When(f"cron({fields})"), datetime(2027, 12, 27, tzinfo=UTC), 500)
    assert all(later - earlier >= shortest for earlier, later in pairwise(runs))
