"""The minutes at which a schedule was due, against a calendar that goes forward only."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.runs.due import due_between, last_due
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import next_runs
from rota.schedule_file.when import When

AT = datetime(2026, 3, 1, 6, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "last"),
    [
        ("cron(* * * * ? *)", "2026-03-01T06:17"),
        ("cron(0/15 * * * ? *)", "2026-03-01T06:15"),
        ("cron(0 6 * * ? *)", "2026-03-01T06:00"),
        ("cron(0 7 * * ? *)", "2026-02-28T07:00"),
        ("cron(0 9 ? * MON#1 *)", "2026-02-02T09:00"),
        ("cron(0 9 LW * ? *)", "2026-02-27T09:00"),
        ("cron(0 9 31 12 ? *)", "2025-12-31T09:00"),
        ("cron(0 9 29 2 ? *)", "2024-02-29T09:00"),
        ("cron(0 9 1 1 ? 2019)", "2019-01-01T09:00"),
    ],
)
def test_the_last_due_minute_of_a_cron(expression: str, last: str) -> None:
    found = last_due(When(expression), AT)
    assert found == datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert next_runs(When(expression), found - timedelta(seconds=1), 1) == [found]
    assert next_runs(When(expression), found, 1)[:1] > [AT] or not next_runs(When(expression), found, 1)


@pytest.mark.parametrize("expression", ["cron(0 9 1 1 ? 2030)", "rate(5 minutes)"], ids=["in the future", "a rate"])
def test_a_schedule_without_a_known_due_minute(expression: str) -> None:
    assert last_due(When(expression), AT) is None
    assert list(due_between(When(expression), AT - timedelta(hours=1), AT)) == []


def test_a_minute_itself_is_due() -> None:
    at = AT.replace(minute=0, second=0)
    assert last_due(When("cron(0 6 * * ? *)"), at) == at
    assert list(due_between(When("cron(0 6 * * ? *)"), at - timedelta(days=1), at)) == [at]
    assert list(due_between(When("cron(0 6 * * ? *)"), at, at + timedelta(hours=23))) == []


@pytest.mark.parametrize("anchor", [AT - timedelta(minutes=3), AT + timedelta(minutes=27)], ids=["before", "after"])
def test_a_rate_is_known_by_one_of_its_due_times(anchor: datetime) -> None:
    due = list(due_between(When("rate(10 minutes)"), AT - timedelta(minutes=15), AT + timedelta(minutes=7), anchor))
    assert due == [AT + timedelta(minutes=minutes) for minutes in (-13, -3, 7)]
    assert last_due(When("rate(10 minutes)"), AT, anchor) == AT - timedelta(minutes=3)


@pytest.mark.parametrize(
    ("expression", "minutes"), [("rate(1 minute)", 1), ("rate(2 hours)", 120), ("rate(7 days)", 7 * 24 * 60)]
)
def test_a_period(expression: str, minutes: int) -> None:
    assert period_of(expression) == timedelta(minutes=minutes)
    assert period_of("cron(0 6 * * ? *)") is None


BERLIN = "Europe/Berlin"
NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "at", "last"),
    [
        pytest.param(When("cron(30 2 * * ? *)", BERLIN), "2026-03-29T12:00Z", "2026-03-28T01:30Z", id="skipped"),
        pytest.param(
            When("cron(30 2 * * ? *)", BERLIN), "2026-10-25T02:00Z", "2026-10-25T00:30Z", id="the first of two"
        ),
        pytest.param(When("at(2026-07-01T07:00:00)", BERLIN), "2026-07-01T05:00Z", "2026-07-01T05:00Z", id="once"),
        pytest.param(When("at(2026-07-01T07:00:00)", BERLIN), "2026-07-01T04:59Z", None, id="not yet"),
        pytest.param(When("cron(0 9 * * ? *)", start=NINE), "2026-03-01T08:59Z", None, id="before its start"),
        pytest.param(
            When("cron(0 9 * * ? *)", start=NINE), "2026-03-01T09:00Z", "2026-03-01T09:00Z", id="at its start"
        ),
        pytest.param(When("cron(0 9 * * ? *)", end=NINE), "2026-05-01T09:00Z", "2026-03-01T09:00Z", id="after its end"),
        pytest.param(When("rate(2 days)", start=NINE), "2026-03-04T10:00Z", "2026-03-03T09:00Z", id="rate from"),
        pytest.param(When("rate(2 days)", start=NINE), "2026-03-01T08:00Z", None, id="rate not yet"),
        pytest.param(
            When("rate(2 days)", start=NINE, end=NINE + timedelta(days=3)),
            "2026-05-01T09:00Z",
            "2026-03-03T09:00Z",
            id="rate until",
        ),
    ],
)
def test_the_last_due_minute_in_a_zone_and_between_dates(when: When, at: str, last: str | None) -> None:
    assert last_due(when, datetime.fromisoformat(at)) == (last and datetime.fromisoformat(last))


def test_a_rate_with_a_start_needs_no_other_run() -> None:
    when = When("rate(2 days)", start=NINE, end=NINE + timedelta(days=4))
    due = due_between(when, NINE - timedelta(days=9), NINE + timedelta(days=9))
    assert [(at - NINE).days for at in due] == [0, 2, 4]
