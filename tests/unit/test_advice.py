"""What the author of a task should know of when it runs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.schedule_file.advice import advice
from rota.schedule_file.task import Task

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SKIPS = "on Sun 2027-03-28 the clocks of Europe/Berlin skip"
SKIPPED = f"{SKIPS} 02:00 to 03:00, and so the run of {{}}; choose another time if it must run on that day"
TWICE = (
    "on Sun 2027-10-31 the clocks of Europe/Berlin show 02:00 to 03:00 twice, and it runs the first time only; "
    "without timezone, in UTC, no run is left out"
)
ENDED = "is past, so it never runs again; take it out"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        pytest.param({"cron": "30 2 * * ? *"}, [SKIPPED.format("02:30")], id="skipped"),
        pytest.param({"cron": "0 2 * * ? *"}, [SKIPPED.format("02:00")], id="at its beginning"),
        pytest.param({"cron": "0 3 * * ? *"}, [], id="at its end"),
        pytest.param({"cron": "30 2 ? * MON *"}, [], id="on another day"),
        pytest.param({"cron": "30 2 28 3 ? *"}, [SKIPPED.format("02:30")], id="on that day alone"),
        pytest.param({"cron": "30 2 * * ? 2030"}, [], id="in another year"),
        pytest.param({"cron": "30 2 * * ? *", "end": "2027-03-01T00:00"}, [], id="it ends before"),
        pytest.param({"cron": "30 2 * * ? *", "start": "2027-04-01T00:00"}, [], id="it begins after"),
        pytest.param({"cron": "30 2 * * ? *", "timezone": "Asia/Tokyo"}, [], id="no summer time"),
        pytest.param({"cron": "30 2 * * ? *", "timezone": "UTC", "window": 5}, [], id="in UTC"),
        pytest.param({"cron": "0/15 * * * ? *"}, [TWICE], id="often"),
        pytest.param({"cron": "0 * * * ? *"}, [TWICE], id="hourly"),
        pytest.param({"cron": "0/15 9-17 ? * MON-FRI *"}, [], id="often by day"),
        pytest.param({"cron": "0/15 * * * ? *", "window": 14}, [TWICE], id="a short window"),
        pytest.param(
            {"rate": "15 minutes", "window": 15, "timezone": ...},
            [
                "its window of 15 minutes is not shorter than the time between two runs: a later one may begin before "
                "an earlier one"
            ],
            id="long",
        ),
        pytest.param(
            {"at": "2026-11-30T06:00"},
            ["its time is past: a deployment refuses it, unless its schedule is there already; take it out"],
            id="past",
        ),
        pytest.param({"at": "2027-11-30T06:00"}, [], id="once"),
        pytest.param({"cron": "0 6 * * ? *", "end": "2026-12-01T01:00"}, [f"its end {ENDED}"], id="ended"),
        pytest.param(
            {"cron": "0 6 * * ? *", "end": "2026-12-01T02:00"},
            ["it has no run before its end, so it never runs; choose a later end, or take it out"],
            id="no run before",
        ),
        pytest.param(
            {"cron": "30 2 28 3 ? 2027"},
            [f"{SKIPS} 02:30, and it has no other run to come, so it never runs; choose another time"],
            id="its only run is skipped",
        ),
        pytest.param({"cron": "0 6 1 1 ? 2026"}, [f"its last run {ENDED}"], id="last year"),
    ],
)
def test_advice(keys: dict[str, Any], said: list[str]) -> None:
    entry = {"name": "A", "task": "a", "timezone": "Europe/Berlin", **keys}
    task = Task.model_validate({key: value for key, value in entry.items() if value is not ...})
    assert [*advice(task, NOW)] == said
