"""What runs for too long, and what runs twice at once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.runs.event import TaskChange, task_change
from rota.runs.model import Job
from rota.runs.running import overlap, overlong, to_stop
from rota.runs.stops import Stop
from tests.guestbook import PREFIX
from tests.run_events import DUE, detail

JOB = Job(task="IngestData", retry_age=300, grace=300, max_runtime=3600)


def at(minutes: float) -> datetime:
    return DUE + timedelta(minutes=minutes)


def task(name: str, created: float, minutes: float | None = 1, *, starts: bool = True, **more: Any) -> TaskChange:
    """A task that was created at that minute and ran for so many; None: it runs."""
    status = "RUNNING" if minutes is None else "STOPPED"
    lasts = 60 * (minutes or 0)
    return task_change(
        detail(status, created=at(created), seconds=lasts, starts=starts, taskArn=f"task/{name}", **more)
    )


@pytest.mark.parametrize(
    ("tasks", "earlier", "newest"),
    [
        pytest.param([], None, None, id="none"),
        pytest.param([task("a", 0)], None, "a", id="one"),
        pytest.param([task("a", 0), task("b", 5)], None, "b", id="one after the other"),
        pytest.param([task("a", 0, 9), task("b", 5)], "a", "b", id="the first ended later"),
        pytest.param([task("b", 5), task("a", 0, 9)], "a", "b", id="in any order"),
        pytest.param([task("a", 0, None), task("b", 5, None)], "a", "b", id="both run"),
        pytest.param([task("a", 0, None), task("b", 0.1, None)], None, "b", id="two tasks of one start"),
        pytest.param([task("a", 0, None), task("b", 0.5, None)], None, "b", id="half a minute apart"),
        pytest.param([task("a", 0, None), task("b", 0.51, None)], "a", "b", id="more than that"),
        pytest.param(
            [task("a", 0, 9, executionStoppedAt=None, stoppedAt=at(3).isoformat()), task("b", 5)], None, "b", id="gone"
        ),
        pytest.param([task("a", 0, 9), task("b", 5), task("c", 20)], None, "c", id="no longer"),
        pytest.param([task("a", 0, None), task("b", 5, starts=False)], None, "a", id="the second never ran"),
        pytest.param([task("a", 0, starts=False), task("b", 5, None)], None, "b", id="the first never ran"),
    ],
)
def test_overlap(tasks: list[TaskChange], earlier: str | None, newest: str | None) -> None:
    assert tuple(found and found.task_id for found in overlap(tasks)) == (earlier, newest)


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        pytest.param(task("a", 0, None), 60, False, id="not yet: it counts from its start"),
        pytest.param(task("a", 0, None), 60.5, False, id="as long as it may"),
        pytest.param(task("a", 0, None), 61, True, id="too long"),
        pytest.param(task("a", 0, 90), 200, False, id="it has ended"),
        pytest.param(task("a", 0, None, starts=False), 61, False, id="it has not begun"),
        pytest.param(task("a", 0, None, desiredStatus="STOPPED"), 61, False, id="it is being stopped"),
    ],
)
def test_overlong(found: TaskChange, now: float, expected: bool) -> None:
    assert bool(overlong(JOB, [found], at(now))) is expected
    assert overlong(JOB.model_copy(update={"max_runtime": None}), [found], at(now)) == []


MAX, REPLACES = {"max_runtime": 3600}, {"overlap": "replace", "max_runtime": None}
BY_HAND: dict[str, Any] = {"startedBy": "by-hand"}
SPOT: dict[str, Any] = {"stopCode": "SpotInterruption"}
OTHER_APP: dict[str, Any] = {"startedBy": "events-rule/staging__guestbook__Inge"}
CAUGHT_UP: dict[str, Any] = {"startedBy": "rota/catch-up/20260301T060000Z"}


@pytest.mark.parametrize(
    ("settings", "tasks", "stopped"),
    [
        pytest.param(MAX, [task("a", 0, None)], {"task/a": ("max_runtime", "3600")}, id="too long"),
        pytest.param(
            MAX, [task("a", 0, None, **CAUGHT_UP)], {"task/a": ("max_runtime", "3600")}, id="that Rota started"
        ),
        pytest.param(MAX, [task("a", 0, None, **BY_HAND)], {}, id="that a person started"),
        pytest.param(MAX, [task("a", 0, None, **OTHER_APP)], {}, id="that another app started"),
        pytest.param(MAX, [task("a", 0, None, **SPOT)], {}, id="that is being stopped"),
        pytest.param(MAX, [task("a", 60, None)], {}, id="not too long"),
        pytest.param({}, [task("a", 0, None), task("b", 60, None)], {}, id="overlap is allowed"),
        pytest.param(
            REPLACES, [task("a", 0, None), task("b", 60, None)], {"task/a": ("replace", "b")}, id="the later one runs"
        ),
        pytest.param(REPLACES, [task("a", 0, None), task("b", 60, starts=False)], {}, id="the later one never began"),
        pytest.param(REPLACES, [task("a", 0, None), task("b", 60, None, **SPOT)], {}, id="the later one is stopping"),
        pytest.param(REPLACES, [task("a", 0, None), task("b", 60, 1)], {}, id="the later one is over"),
        pytest.param(REPLACES, [task("a", 0, None), task("b", 60, None, **BY_HAND)], {}, id="the later one by hand"),
        pytest.param(REPLACES, [task("a", 0, None, **BY_HAND), task("b", 60, None)], {}, id="the earlier one by hand"),
        pytest.param(REPLACES, [task("a", 0, None), task("b", 0.4, None)], {}, id="two tasks of one start"),
        pytest.param(REPLACES, [], {}, id="none"),
        pytest.param(REPLACES, [task("a", 0, 9)], {}, id="none that runs"),
        pytest.param(
            MAX | {"overlap": "replace"},
            [task("a", 0, None), task("b", 60, None)],
            {"task/a": ("max_runtime", "3600")},
            id="too long, while a later one runs",
        ),
        pytest.param(
            REPLACES,
            [task("b", 60, None), task("a", 0, None), task("c", 60.1, None)],
            {"task/a": ("replace", "c")},
            id="by two tasks of one start",
        ),
    ],
)
def test_what_is_stopped(
    settings: dict[str, Any], tasks: list[TaskChange], stopped: dict[str, tuple[str, str]]
) -> None:
    found = to_stop(Job(task="IngestData", retry_age=300, grace=300, **settings), tasks, PREFIX, at(61))
    assert found == {arn: Stop(kind, "IngestData", because) for arn, (kind, because) in stopped.items()}  # type: ignore[arg-type]  # of a table
