"""When schedules fall due on the stage, against the product's own reckoning."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from rota.schedule_file.next_runs import next_runs
from rota.schedule_file.when import When
from stage.eventbridge.schedules import due
from stage.scheduler.expressions import due as due_in_zone

AFTER = datetime(2026, 2, 26, 5, 59, 30, tzinfo=UTC)
LATER = AFTER + timedelta(days=800)


CRONS = [
    "cron(0 6 * * ? *)",
    "cron(0/15 * * * ? *)",
    "cron(5,35 8-17/3 ? * MON-FRI *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 LW * ? *)",
    "cron(0 9 1W * ? *)",
    "cron(0 9 15W JAN,JUL ? *)",
    "cron(0 9 ? * 6L *)",
    "cron(0 9 ? * SAT#3 *)",
    "cron(0 9 ? * L *)",
    "cron(30 22-2 29 2 ? 2026-2030)",
    "cron(0 9 ? * FRI-MON *)",
]


@pytest.mark.parametrize("expression", CRONS)
def test_a_cron_schedule_falls_due(expression: str) -> None:
    expected = [run for run in next_runs(When(expression), AFTER, 40) if run <= LATER]
    assert expected
    assert list(islice(due(expression, AFTER, AFTER, LATER), 40)) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"])
def test_a_cron_schedule_falls_due_in_a_zone(zone: str) -> None:
    for expression in (*CRONS, "cron(0/10 0-3 ? * SAT-SUN *)"):
        expected = [run for run in next_runs(When(expression, zone), AFTER, 40) if run <= LATER]
        assert expected
        assert list(islice(due_in_zone(expression, zone, AFTER, AFTER, LATER), 40)) == expected


def test_a_rate_counts_from_its_rules_creation() -> None:
    created = datetime(2026, 3, 1, 10, 7, tzinfo=UTC)
    times = due("rate(15 minutes)", created, created + timedelta(minutes=20), created + timedelta(minutes=60))
    assert [time - created for time in times] == [timedelta(minutes=minutes) for minutes in (30, 45, 60)]


def test_nothing_falls_due_at_the_time_it_begins() -> None:
    at_six = datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert list(due("cron(0 6 * * ? *)", at_six, at_six, at_six + timedelta(hours=23))) == []
    assert list(due("rate(1 day)", at_six, at_six, at_six + timedelta(hours=23))) == []
