"""When a schedule expression runs next, and the schedule in plain English."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rota.schedule_file.next_runs import in_words, next_runs
from rota.schedule_file.when import When

NOW = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        pytest.param("cron(0 6 * * ? *)", ["2026-01-01 06:00", "2026-01-02 06:00"], id="daily"),
        pytest.param("cron(0 0 ? * 1 *)", ["2026-01-04 00:00", "2026-01-11 00:00"], id="1-is-sunday"),
        pytest.param(
            "cron(0 9 ? * MON-FRI *)", ["2026-01-01 09:00", "2026-01-02 09:00", "2026-01-05 09:00"], id="week"
        ),
        pytest.param(
            "cron(0 0 ? * SAT-MON *)", ["2026-01-03 00:00", "2026-01-04 00:00", "2026-01-05 00:00"], id="wrap"
        ),
        pytest.param("cron(0 22-1 * * ? *)", ["2026-01-01 01:00", "2026-01-01 22:00"], id="over-midnight"),
        pytest.param("cron(5/25 0 * * ? *)", ["2026-01-01 00:05", "2026-01-01 00:30", "2026-01-01 00:55"], id="step"),
        pytest.param("cron(0 0 L * ? *)", ["2026-01-31 00:00", "2026-02-28 00:00"], id="last-day"),
        pytest.param("cron(0 0 LW * ? *)", ["2026-01-30 00:00", "2026-02-27 00:00"], id="last-weekday"),
        pytest.param("cron(0 0 3W * ? *)", ["2026-01-02 00:00", "2026-02-03 00:00"], id="weekday-near-the-3rd"),
        pytest.param("cron(0 0 1W * ? *)", ["2026-02-02 00:00", "2026-03-02 00:00"], id="weekday-stays-in-its-month"),
        pytest.param("cron(0 0 1W 8 ? *)", ["2026-08-03 00:00"], id="weekday-after-a-saturday-the-1st"),
        pytest.param("cron(0 0 ? * 6L *)", ["2026-01-30 00:00", "2026-02-27 00:00"], id="last-friday"),
        pytest.param("cron(0 0 ? * L *)", ["2026-01-03 00:00", "2026-01-10 00:00"], id="last-day-of-the-week"),
        pytest.param("cron(0 0 ? * 3#2 *)", ["2026-01-13 00:00", "2026-02-10 00:00"], id="second-tuesday"),
        pytest.param("cron(0 0 ? * THU#5 *)", ["2026-01-29 00:00", "2026-04-30 00:00"], id="fifth-thursday"),
        pytest.param("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"], id="leap-day"),
        pytest.param("cron(0 0 1 1 ? 2150)", ["2150-01-01 00:00"], id="after-2099"),
        pytest.param("rate(90 minutes)", ["2026-01-01 01:30", "2026-01-01 03:00"], id="rate-in-minutes"),
        pytest.param("rate(1 day)", ["2026-01-02 00:00", "2026-01-03 00:00"], id="rate-in-days"),
        pytest.param("rate(84006 days)", ["2256-01-02 00:00"], id="longest-rate"),
    ],
)
def test_next_runs(expression: str, runs: list[str]) -> None:
    found = next_runs(When(expression), NOW, len(runs))
    assert [f"{run:%Y-%m-%d %H:%M}" for run in found] == runs
    assert all(run.tzinfo is UTC for run in found)


@pytest.mark.parametrize(
    "expression",
    ["cron(0 0 31 2 ? *)", "cron(0 0 * * ? 2025)", "cron(0 0 31W 2,4,6 ? *)"],
)
def test_a_schedule_that_never_runs(expression: str) -> None:
    assert next_runs(When(expression), NOW, 3) == []


def test_a_schedule_that_ends_has_fewer_runs() -> None:
    assert len(next_runs(When("cron(0 0 30,31 12 ? 2026)"), NOW, 5)) == 2


def test_runs_are_later_than_a_time_in_any_time_zone() -> None:
    seven_in_berlin = datetime(2026, 1, 1, 7, 0, tzinfo=timezone(timedelta(hours=1)))
    assert next_runs(When("cron(0 6 * * ? *)"), seven_in_berlin, 1) == [datetime(2026, 1, 2, 6, 0, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("when", "after", "runs"),
    [
        pytest.param(
            When("cron(30 2 * * ? *)", "Europe/Berlin"),
            "2026-03-27T12:00Z",
            ["2026-03-28 01:30", "2026-03-30 00:30"],
            id="skipped",
        ),
        pytest.param(
            When("cron(30 2 * * ? *)", "Europe/Berlin"),
            "2026-10-24T12:00Z",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
            id="doubled, once",
        ),
        pytest.param(
            When("cron(30 2 * * ? *)", "Europe/Berlin"), "2026-10-25T00:45Z", ["2026-10-26 01:30"], id="between the two"
        ),
        pytest.param(
            When("cron(0/30 * * * ? *)", "Europe/Berlin"),
            "2026-10-25T00:00Z",
            ["2026-10-25 00:30", "2026-10-25 02:00", "2026-10-25 02:30"],
            id="an hour without",
        ),
        pytest.param(
            When("cron(0 2 ? * SUN *)", "Australia/Lord_Howe"),
            "2026-10-03T00:00Z",
            ["2026-10-10 15:00"],
            id="half an hour skipped",
        ),
        pytest.param(
            When("cron(0 0 1 * ? *)", "Asia/Kathmandu"), "2026-01-01T00:00Z", ["2026-01-31 18:15"], id="quarter"
        ),
        pytest.param(
            When("at(2026-07-01T07:00:00)", "America/New_York"),
            "2026-01-01T00:00Z",
            ["2026-07-01 11:00", None],
            id="once",
        ),
        pytest.param(When("at(2026-03-29T02:30:00)", "Europe/Berlin"), "2026-01-01T00:00Z", [None], id="never"),
        pytest.param(
            When(
                "cron(0 6 * * ? *)", start=datetime(2026, 2, 1, 6, tzinfo=UTC), end=datetime(2026, 2, 2, 6, tzinfo=UTC)
            ),
            "2026-01-01T00:00Z",
            ["2026-02-01 06:00", "2026-02-02 06:00", None],
            id="from until",
        ),
        pytest.param(
            When("rate(7 days)", start=datetime(2026, 2, 1, 9, tzinfo=UTC), end=datetime(2026, 2, 8, 9, tzinfo=UTC)),
            "2026-01-01T00:00Z",
            ["2026-02-01 09:00", "2026-02-08 09:00", None],
            id="rate from",
        ),
        pytest.param(
            When("rate(7 days)", start=datetime(2026, 2, 1, 9, tzinfo=UTC)),
            "2026-02-08T09:00Z",
            ["2026-02-15 09:00"],
            id="rate since",
        ),
    ],
)
def test_next_runs_in_a_zone(when: When, after: str, runs: list[str | None]) -> None:
    found = [f"{run:%Y-%m-%d %H:%M}" for run in next_runs(when, datetime.fromisoformat(after), len(runs))]
    assert found == [run for run in runs if run]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (When("cron(0 7 * * ? *)", "Europe/Berlin"), "every day at 07:00 Europe/Berlin"),
        (When("cron(0/15 * * * ? *)", "Europe/Berlin"), "every 15 minutes Europe/Berlin"),
        (When("cron(0 22-2 * * ? *)", "Europe/Berlin"), "cron(0 22-2 * * ? *) Europe/Berlin"),
        (When("at(2027-01-31T07:00:00)", "Asia/Tokyo"), "once, on 2027-01-31 at 07:00 Asia/Tokyo"),
        (
            When("rate(1 day)", "Asia/Tokyo", NOW, NOW + timedelta(days=9), 5),
            "every day from 2026-01-01 09:00 until 2026-01-10 09:00, within 5 minutes",
        ),
    ],
)
def test_a_schedule_of_scheduler_in_words(when: When, words: str) -> None:
    assert in_words(when) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("cron(0 6 * * ? *)", "every day at 06:00 UTC"),
        ("cron(0 6 ? * * *)", "every day at 06:00 UTC"),
        ("cron(30 6,18 * * ? *)", "every day at 06:30 and 18:30 UTC"),
        ("cron(30 9 ? * MON-FRI *)", "weekdays at 09:30 UTC"),
        ("cron(0 9 ? * 1,7 *)", "weekends at 09:00 UTC"),
        ("cron(0 22 ? * SUN *)", "Sundays at 22:00 UTC"),
        ("cron(0 9 ? * MON,WED,FRI *)", "Mondays, Wednesdays and Fridays at 09:00 UTC"),
        ("cron(* * * * ? *)", "every minute"),
        ("cron(0/15 * * * ? *)", "every 15 minutes"),
        ("cron(*/15 * ? * MON-FRI *)", "weekdays, every 15 minutes"),
        ("cron(0 * * * ? *)", "every hour"),
        ("cron(5 * * * ? *)", "every hour at minute 5"),
        ("cron(0 0/6 * * ? *)", "every 6 hours"),
        ("cron(0 0 1 * ? *)", "on the 1st of every month at 00:00 UTC"),
        ("cron(0 0 11 * ? *)", "on the 11th of every month at 00:00 UTC"),
        ("cron(0 0 22 1,7 ? *)", "on the 22nd of January and July at 00:00 UTC"),
        ("cron(0 0 L * ? *)", "on the last day of every month at 00:00 UTC"),
        ("cron(0 0 LW * ? *)", "on the last weekday of every month at 00:00 UTC"),
        ("cron(0 0 15W * ? *)", "on the weekday nearest the 15th of every month at 00:00 UTC"),
        ("cron(0 0 ? * 3#2 *)", "on the second Tuesday of every month at 00:00 UTC"),
        ("cron(0 0 ? * 6L *)", "on the last Friday of every month at 00:00 UTC"),
        ("rate(1 hour)", "every hour"),
        ("rate(5 minutes)", "every 5 minutes"),
        ("cron(0 22-2 * * ? *)", "cron(0 22-2 * * ? *)"),
        ("cron(0/7 * * * ? *)", "cron(0/7 * * * ? *)"),
        ("cron(0 6 1,2 * ? *)", "cron(0 6 1,2 * ? *)"),
        ("cron(0 6 1 1 ? 2030)", "cron(0 6 1 1 ? 2030)"),
    ],
)
def test_in_words(expression: str, words: str) -> None:
    assert in_words(When(expression)) == words
