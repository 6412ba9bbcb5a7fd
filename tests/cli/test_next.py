"""The calendar of `rota next`."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from rota.cli.exits import CommandError
from rota.cli.next.calendar import Job, calendar
from rota.cli.next.command import span
from rota.cli.next.gather import jobs_of_file
from rota.cli.next.text import ics, lines, often
from rota.cli.resume.missed import due_in_a_pause
from rota.cli.status.model import Pause
from rota.schedule_file.when import When

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAILY, OFTEN, RATE = "cron(0 6 * * ? *)", "cron(0/5 * * * ? *)", "rate(1 hour)"
DOWN = Pause("ana", "the supplier is down", NOW, None)


def due(job: Job, hours: int = 48) -> list[tuple[str, bool, bool]]:
    found = calendar([job], NOW, NOW + timedelta(hours=hours)).runs
    return [(f"{run.at:%d %H:%M}", run.exact, run.enabled) for run in found]


@pytest.mark.parametrize(
    ("job", "hours", "runs"),
    [
        (Job("A", When(DAILY), True), 48, [("01 06:00", True, True), ("02 06:00", True, True)]),
        (Job("A", When(DAILY), True, None, NOW - timedelta(hours=6)), 24, [("01 06:00", True, True)]),
        (Job("A", When(DAILY), False), 24, [("01 06:00", True, False)]),
        (Job("A", When(DAILY), False, DOWN), 24, [("01 06:00", True, False)]),
        (
            Job("A", When(DAILY), False, Pause("ana", "", NOW, datetime(2026, 12, 2, tzinfo=UTC))),
            48,
            [("01 06:00", True, False), ("02 06:00", True, True)],
        ),
        (
            Job("A", When(RATE), True, None, NOW - timedelta(minutes=130)),
            2,
            [("30 12:50", False, True), ("30 13:50", False, True)],
        ),
        (Job("A", When(RATE), True), 1, [("30 13:00", False, True)]),
        (Job("A", When(RATE), True, None, NOW - timedelta(hours=2)), 1, [("30 13:00", False, True)]),
        (Job("A", When(RATE), True, None, NOW + timedelta(minutes=30)), 1, [("30 12:30", False, True)]),
        (Job("A", When("cron(0 12 * * ? *)"), True), 24, [("01 12:00", True, True)]),
        (
            Job("A", When("cron(0 6,7 * * ? *)"), False, Pause("", "", NOW, datetime(2026, 12, 1, 7, tzinfo=UTC))),
            24,
            [("01 06:00", True, False), ("01 07:00", True, True)],
        ),
        (Job("A", When("cron(0 6 1 1 ? 2020)"), True), 48, []),
    ],
    ids=[
        *(
            "daily",
            "daily, by its last run",
            "disabled",
            "paused",
            "paused for a day",
            "a rate, by its last run",
            "a rate, no run",
        ),
        *("a rate that is due now", "a rate of a run to come", "at both ends", "as its pause ends", "never again"),
    ],
)
def test_what_is_due_when(job: Job, hours: int, runs: list[tuple[str, bool, bool]]) -> None:
    assert due(job, hours) == runs


@pytest.mark.parametrize(
    ("names", "jobs"), [([], ["A", "B"]), (["B"], ["B"]), (["B", "A", "B"], ["A", "B"])], ids=["all", "one", "twice"]
)
def test_jobs_of_a_file_by_their_names(tmp_path: Path, names: list[str], jobs: list[str]) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(
        '{"tasks": [{"name": "A", "task": "a", "rate": "1 hour"}, {"name": "B", "task": "b", "rate": "1 day"}]}'
    )
    assert [each.task for each in jobs_of_file(str(file), names)] == jobs
    with pytest.raises(CommandError, match="there is no job C"):
        jobs_of_file(str(file), [*names, "C"])


def test_a_long_calendar_says_that_there_is_more() -> None:
    found = calendar([Job("A", When("cron(* * * * ? *)"), True)], NOW, NOW + timedelta(days=30))
    assert (len(found.runs), found.more) == (10_000, True)


JOBS = [
    Job("Often", When(OFTEN), True),
    Job("Daily", When(DAILY), True),
    Job("Off", When(DAILY), False),
    Job("Sick", When(DAILY), False, DOWN),
]


def shown(*jobs: Job, every: bool = False, width: int = 100) -> list[str]:
    found = calendar(jobs, NOW, NOW + timedelta(days=1))
    return [click.unstyle(line) for line in lines(found, NOW, width, utc=True, every=every)]


def test_a_row_for_each_job_and_day() -> None:
    assert shown(*JOBS) == [
        "          when           task   schedule",
        "today     12:05 - 23:55  Often  every 5 minutes (143 times)",
        "tomorrow  00:00 - 12:00  Often  every 5 minutes (145 times)",
        "          06:00          Daily  every day at 06:00 UTC",
        "disabled: Off",
        'paused: Sick by ana: "the supplier is down"',
    ]
    assert len(shown(*JOBS, every=True)) == 1 + 288 + 1 + 2


def test_many_jobs_in_one_minute_are_named() -> None:
    assert shown(*(Job(f"J{number}", When(DAILY), True) for number in range(5)))[-1] == (
        "5 jobs start in one minute: tomorrow 06:00"
    )


def test_an_icalendar_has_an_event_for_each_run_that_starts() -> None:
    found = calendar(JOBS, NOW, NOW + timedelta(days=1))
    text = [*ics(found, "production/shop", NOW, every=False)]
    assert (text[0], text[-1], text.count("BEGIN:VEVENT"), text.count("END:VEVENT")) == (
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        1,
        1,
    )
    assert "DTSTART:20261201T060000Z" in text
    assert "UID:Daily-20261201T060000Z@production/shop" in text
    assert max(map(len, text)) <= 75
    assert [*ics(found, "a", NOW, every=True)].count("BEGIN:VEVENT") == 289


@pytest.mark.parametrize(
    ("since", "until", "begin", "end"),
    [
        (None, None, "30 12:00", "01 12:00"),
        ("08:00", None, "30 08:00", "01 08:00"),
        ("18:00", "20:00", "30 18:00", "30 20:00"),
        ("08:00", "10:00", "30 08:00", "30 10:00"),
        ("08:00", "tomorrow 06:00", "30 08:00", "01 06:00"),
        ("tomorrow 08:00", "10:00", "01 08:00", "01 10:00"),
        ("2026-11-20T08:00", "20:00", "20 08:00", "30 20:00"),
        ("2026-11-20T08:00", "2026-11-20T09:00", "20 08:00", "20 09:00"),
    ],
    ids=[
        "now",
        "past",
        "to come",
        "both past",
        "until tomorrow",
        "since tomorrow",
        "since a day",
        "a day that is past",
    ],
)
def test_from_when_until_when(since: str | None, until: str | None, begin: str, end: str) -> None:
    found = span(since, until, timedelta(days=1), NOW)
    assert [f"{each:%d %H:%M}" for each in found] == [begin, end]


@pytest.mark.parametrize(("since", "words"), [("25:00", "is no time"), ("2026-12-02T06:00", "is not after 2026-12-02")])
def test_what_is_no_span_is_refused(since: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        span(since, "2026-12-01T06:00", timedelta(days=1), NOW)


@pytest.mark.parametrize(
    ("pause", "expression", "started"),
    [
        ({"since": "2026-11-30T05:00:00+00:00"}, DAILY, "2026-11-30T06:00:00+00:00"),
        ({"since": "2026-11-28T05:00:00+00:00"}, DAILY, "2026-11-30T06:00:00+00:00"),
        ({"since": "2026-11-30T07:00:00+00:00"}, DAILY, None),
        ({"since": "2026-11-30T05:00:00+00:00", "enabled": False}, DAILY, None),
        ({"since": "2026-11-30T10:00:00+00:00"}, RATE, "2026-11-30T12:00:00+00:00"),
        ({"since": "2026-11-30T11:30:00+00:00"}, RATE, None),
    ],
    ids=["due", "due three times", "not due", "disabled in the file", "a rate", "a rate, not due"],
)
def test_what_a_pause_has_missed_is_started_once(
    pause: dict[str, object], expression: str, started: str | None
) -> None:
    found = due_in_a_pause(pause, When(expression), NOW)
    assert (found and found.isoformat()) == started


def test_what_is_due_later_is_named() -> None:
    weekly = Job("Weekly", When("cron(0 22 ? * SUN *)"), True)
    assert shown(weekly) == ["Nothing is due in that time.", "later: Weekly Sun 22:00"]
    assert shown(Job("Never", When("cron(0 6 1 1 ? 2020)"), True)) == ["Nothing is due in that time."]


def test_a_calendar_file_says_what_it_leaves_out() -> None:
    assert often(calendar(JOBS, NOW, NOW + timedelta(days=1))) == ["Often"]


def test_a_job_in_a_zone_has_its_time_in_both() -> None:
    daily = Job("Daily", When("cron(0 7 * * ? *)", "Europe/Berlin"), True)
    weekly = Job("Weekly", When("rate(7 days)", start=NOW + timedelta(hours=1)), True)
    found = calendar([daily, weekly], NOW, NOW + timedelta(days=1))
    assert [(f"{run.at:%d %H:%M}", run.local, run.exact) for run in found.runs] == [
        ("30 13:00", "2026-11-30T13:00:00Z", True),
        ("01 06:00", "2026-12-01T07:00:00+01:00", True),
    ]
    *_, zoned, database = shown(daily)
    assert re.fullmatch(r"tomorrow +06:00 +Daily +every day at 07:00 Europe/Berlin", zoned)
    assert re.fullmatch(r"time zones: IANA 20\d\d[a-z]", database)
    assert calendar([weekly], NOW, NOW).zones is None


def test_lines_of_a_calendar_are_short_and_escaped() -> None:
    long = Job("A" * 60, When(DAILY), True)
    found = calendar([long], NOW, NOW + timedelta(days=1))
    text = [*ics(found, "X;b,c\\d", NOW, every=False)]
    assert text[2] == "PRODID:-//rota//X\\;b\\,c\\\\d//EN"
    uid = f"UID:{'A' * 60}-20261201T060000Z@X\\;b\\,c\\\\d"
    assert text[5:7] == [uid[:70], f" {uid[70:]}"]


def test_what_is_due_at_once_is_in_the_order_of_names() -> None:
    found = calendar([Job(name, When(DAILY), True) for name in "BAC"], NOW, NOW + timedelta(days=1))
    assert ([run.task for run in found.runs], [each.task for each in found.tasks]) == ([*"ABC"], [*"ABC"])


def test_rows_of_several_days() -> None:
    jobs = [Job("Three", When("cron(0 1,2,3 * * ? *)"), True), Job("Four", When("cron(0 1,2,3,4 * * ? *)"), True)]
    found = calendar(jobs, NOW, NOW + timedelta(days=2))
    rows = [click.unstyle(line).split("  ") for line in lines(found, NOW, 200, utc=True)]
    assert [[cell.strip() for cell in row if cell][:3] for row in rows[1:]] == [
        ["tomorrow", "01:00 - 04:00", "Four"],
        ["01:00, 02:00, 03:00", "Three", "every day at 01:00, 02:00 and 03:00 UTC"],
        ["Wed 02 Dec", "01:00 - 04:00", "Four"],
        ["01:00, 02:00, 03:00", "Three", "every day at 01:00, 02:00 and 03:00 UTC"],
    ]
    assert [
        len([line for line in ics(found, "a", NOW, every=False) if line == f"SUMMARY:{name}"])
        for name in (
            "Three",
            "Four",
        )
    ] == [6, 0]


FIVE = [Job(f"J{number}", When(DAILY), True) for number in range(5)]


@pytest.mark.parametrize(
    ("jobs", "days", "said"),
    [
        (FIVE[:4], 1, []),
        ([*FIVE[:4], Job("Rate", When(RATE), True, None, NOW.replace(hour=6))], 1, []),
        (FIVE, 2, ["5 jobs start in one minute: at 06:00 on 2 days"]),
        (
            [*FIVE, Job("J5", When("cron(0 6 2 12 ? *)"), True)],
            2,
            ["5 jobs start in one minute: tomorrow 06:00", "6 jobs start in one minute: Wed 06:00"],
        ),
    ],
    ids=["four", "a rate is not known exactly", "each day", "one more on a day"],
)
def test_how_many_jobs_in_one_minute_are_worth_a_remark(jobs: list[Job], days: int, said: list[str]) -> None:
    found = lines(calendar(jobs, NOW, NOW + timedelta(days=days)), NOW, 100, utc=True)
    assert [line for line in found if "in one minute" in line] == said


MONTHLY = "cron(0 22 1 1 ? *)"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (Job("A", When(MONTHLY), True), ["later: A 01 Jan 2027 22:00"]),
        (Job("A", When(MONTHLY), False), ["disabled: A"]),
        (Job("A", When(MONTHLY), False, DOWN), ['paused: A by ana: "the supplier is down"']),
        (Job("A", When("rate(7 days)"), True), []),
        (Job("A", When("rate(7 days)", start=NOW - timedelta(days=1)), True), ["later: A Sun 12:00"]),
    ],
    ids=["a cron", "disabled", "paused", "a rate", "a rate with a start"],
)
def test_when_what_is_not_due_runs_next(job: Job, said: list[str]) -> None:
    assert shown(job) == ["Nothing is due in that time.", *said]


@pytest.mark.parametrize("since", ["2026-12-01T06:00", "2026-12-01T06:01"], ids=["at once", "before it begins"])
def test_what_ends_as_it_begins_is_no_span(since: str) -> None:
    with pytest.raises(CommandError, match=r"2026-12-01T06:00 is not after 2026-12-01") as refused:
        span(since, "2026-12-01T06:00", timedelta(days=1), NOW)
    assert refused.value.todo == "name a later time"
