"""EventBridge Scheduler's expressions: what AWS was measured to accept, and when they fall due in a time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from stage.scheduler.expressions import due, is_expression

# localstack/localstack, tests/aws/services/scheduler/test_scheduler.snapshot.json, and badmintoncryer/cdk-preflight.
ACCEPTED = [
    "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)",
    "cron(30-30 13-13 ? * 2,4,6 *)",
    "cron(1-31/30 1-1 ? * 1,7 *)",
    "cron(0 18 ? * MON-FRI *)",
    "cron(*/15 * * * ? *)",
    "cron(0-59/10 0-23/2 ? * * *)",
    "cron(0 6 * * ?)",
    "Cron(0 6 * * ? *)",
    "rate(1 days)",
    "RATE(10 minute)",
    "at(2022-12-31T23:59:59)",
    "at(2022-12-31T23:59)",
]
REFUSED = [
    "cron(0 1 * * * *)",
    "cron(7 20 * * NOT *)",
    "cron(INVALID)",
    "cron(0 dummy ? * MON-FRI *)",
    "cron(71 8 1 * ? *)",
    "cron()",
    "cron(0 1 * ?)",
    "cron(0 1 * * ? * *)",
    "rate()",
    "rate(10)",
    "rate(0 minutes)",
    "rate(10 seconds)",
    "rate(10 years)",
    "rate(10 minutess)",
    "rate(foo minutes)",
    "rate(-10 minutes)",
    "rate( 10 minutes )",
    " rate(10 minutes)",
    "at(2021-12-31T23:59:59Z)",
    "at(2021-12-31)",
    "at(2021-02-30T10:00)",
]


def test_what_aws_accepts() -> None:
    assert [each for each in ACCEPTED if not is_expression(each)] == []
    assert [each for each in REFUSED if is_expression(each)] == []


def at(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T{time}:00+00:00")


@pytest.mark.parametrize(
    ("expression", "zone", "day", "times"),
    [
        ("cron(30 2 * * ? *)", "America/Los_Angeles", "03-07", ["10:30"]),
        ("cron(30 2 * * ? *)", "America/Los_Angeles", "03-08", []),
        ("cron(30 2 * * ? *)", "America/Los_Angeles", "03-09", ["09:30"]),
        ("cron(0/30 1 * * ? *)", "America/Los_Angeles", "11-01", ["08:00", "08:30"]),
        ("cron(0 7 ? * MON *)", "Asia/Kolkata", "03-02", ["01:30"]),
        ("cron(0 1 2 3 ? 2026)", "Pacific/Kiritimati", "03-01", ["11:00"]),
        ("at(2026-03-02T07:00)", "Europe/Berlin", "03-02", ["06:00"]),
    ],
    ids=["before the gap", "in the gap", "after it", "twice on the clock", "half an hour", "the day before", "once"],
)
def test_a_schedule_falls_due_in_its_zone(expression: str, zone: str, day: str, times: list[str]) -> None:
    """schedule-types.html: a time that the clocks skip is skipped, and one that comes twice is due once."""
    began = at(day, "00:00")
    found = due(expression, zone, began, began - timedelta(seconds=1), began + timedelta(hours=23, minutes=59))
    assert [f"{each:%H:%M}" for each in found] == times


def test_a_rate_counts_from_its_start_across_a_change_of_clocks() -> None:
    start = datetime(2026, 3, 7, 9, tzinfo=UTC)
    found = due("rate(1 day)", "America/Los_Angeles", start, start - timedelta(days=2), start + timedelta(days=2))
    assert [each - start for each in found] == [timedelta(days=days) for days in (0, 1, 2)]
