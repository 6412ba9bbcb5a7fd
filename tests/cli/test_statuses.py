"""The command knows every status that a run may have, and says when a job runs next."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from rota.cli.status.model import RunStatus, Task
from rota.cli.status.tasks import _MARKS
from rota.cli.status.text import _next
from rota.runs.model import Status

NOW = datetime(2026, 12, 1, 1, tzinfo=UTC)


def test_every_status_of_a_run_is_known() -> None:
    assert {*get_args(RunStatus)} == _MARKS.keys() == {*Status}


@pytest.mark.parametrize(
    ("hour", "timezone", "shown"),
    [
        (6, "UTC", "06:00"),
        (6, "Europe/Amsterdam", "06:00 (07:00 Europe/Amsterdam)"),
        (1, "Asia/Kolkata", "in 30 min"),
    ],
    ids=["UTC", "a zone", "soon"],
)
def test_the_next_run_in_its_zone_too(hour: int, timezone: str, shown: str) -> None:
    at = NOW.replace(hour=hour, minute=30 if hour == 1 else 0)
    task = Task("A", "", timezone, "", True, None, None, "", [], 0, at, True, "", [], "", False)
    assert _next(task, NOW, utc=True) == shown
