"""What runs for too long, and what runs twice at once."""

from datetime import datetime, timedelta

import pytest

from rota.runs.event import TaskChange, task_change
from rota.runs.model import Job
from rota.runs.running import overlap, overlong
from tests.run_events import DUE, detail

JOB = Job(task="IngestData", retry_age=300, grace=300, max_runtime=3600)


def at(minutes: float) -> datetime:
    return DUE + timedelta(minutes=minutes)


def task(name: str, created: float, minutes: float | None = 1, *, starts: bool = True) -> TaskChange:
    """A task that was created at that minute and ran for so many; None: it runs."""
    status = "RUNNING" if minutes is None else "STOPPED"
    described = detail(status, created=at(created), seconds=60 * (minutes or 0), starts=starts, taskArn=f"task/{name}")
    return task_change(described)


@pytest.mark.parametrize(
    ("tasks", "elder", "newest"),
    [
        pytest.param([], None, None, id="none"),
        pytest.param([task("a", 0)], None, "a", id="one"),
        pytest.param([task("a", 0), task("b", 5)], None, "b", id="one after the other"),
        pytest.param([task("a", 0, 9), task("b", 5)], "a", "b", id="the first ended later"),
        pytest.param([task("b", 5), task("a", 0, 9)], "a", "b", id="in any order"),
        pytest.param([task("a", 0, None), task("b", 5, None)], "a", "b", id="both run"),
        pytest.param([task("a", 0, None), task("b", 0.1, None)], None, "b", id="two tasks of one start"),
        pytest.param([task("a", 0, 9), task("b", 5), task("c", 20)], None, "c", id="no longer"),
        pytest.param([task("a", 0, None), task("b", 5, starts=False)], None, "a", id="the second never ran"),
        pytest.param([task("a", 0, starts=False), task("b", 5, None)], None, "b", id="the first never ran"),
    ],
)
def test_overlap(tasks: list[TaskChange], elder: str | None, newest: str | None) -> None:
    assert tuple(found and found.task_id for found in overlap(tasks)) == (elder, newest)


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        pytest.param(task("a", 0, None), 60, False, id="not yet: it counts from its start"),
        pytest.param(task("a", 0, None), 61, True, id="too long"),
        pytest.param(task("a", 0, 90), 200, False, id="it has ended"),
    ],
)
def test_overlong(found: TaskChange, now: float, expected: bool) -> None:
    assert bool(overlong(JOB, [found], at(now))) is expected
    assert overlong(JOB.model_copy(update={"max_runtime": None}), [found], at(now)) == []
