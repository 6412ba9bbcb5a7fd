"""`overlap: skip`: a run is skipped only for one that really runs, and only before it has begun."""

from datetime import timedelta
from typing import Any

import pytest

from rota.runs.event import TaskChange, task_change
from rota.runs.skipping import to_skip
from rota.runs.stops import Stop
from tests.guestbook import PREFIX
from tests.run_events import CREATED, detail

NEW = "task/new"


def task(status: str, minutes: float, arn: str = "task/old", **more: Any) -> TaskChange:
    """A task that was created so many minutes before the newcomer."""
    return task_change(detail(status, created=CREATED - timedelta(minutes=minutes), taskArn=arn, **more))


OLD, YOUNG = task("RUNNING", 60), task("PROVISIONING", 0, NEW)


@pytest.mark.parametrize(
    ("tasks", "skipped"),
    [
        pytest.param([OLD, YOUNG], True, id="the earlier one runs"),
        pytest.param([OLD, task("PENDING", 0, NEW)], True, id="on its way up"),
        pytest.param([task("RUNNING", 60, startedBy="by-hand"), YOUNG], True, id="that a person started"),
        pytest.param([YOUNG], False, id="alone"),
        pytest.param([OLD], False, id="ECS does not know it"),
        pytest.param([OLD, task("RUNNING", 0, NEW)], False, id="it has begun"),
        pytest.param([OLD, task("STOPPED", 0, NEW, starts=False)], False, id="it is over"),
        pytest.param([OLD, task("PROVISIONING", 0, NEW, desiredStatus="STOPPED")], False, id="it is being stopped"),
        pytest.param([OLD, task("PROVISIONING", 0, NEW, startedBy="by-hand")], False, id="a person started it"),
        pytest.param(
            [OLD, task("PROVISIONING", 0, NEW, startedBy="events-rule/x")], False, id="another app started it"
        ),
        pytest.param([OLD, task("PROVISIONING", 0, NEW, task=None)], False, id="it does not say its job"),
        pytest.param([task("RUNNING", 60, desiredStatus="STOPPED"), YOUNG], False, id="the earlier one is stopping"),
        pytest.param([task("RUNNING", 60, stopCode="SpotInterruption"), YOUNG], False, id="it is warned"),
        pytest.param([task("DEPROVISIONING", 60), YOUNG], False, id="it has ended"),
        pytest.param([task("STOPPED", 60), YOUNG], False, id="it is gone"),
        pytest.param([task("PENDING", 60), YOUNG], False, id="it has not begun"),
        pytest.param([task("RUNNING", 60, task="Other"), YOUNG], False, id="another job runs"),
        pytest.param([task("RUNNING", 0.4), YOUNG], False, id="of the same start"),
        pytest.param([task("RUNNING", -60), YOUNG], False, id="it is the later one"),
    ],
)
def test_what_is_skipped(tasks: list[TaskChange], skipped: bool) -> None:
    wanted = {NEW: Stop("skip", "IngestData", "old")} if skipped else {}
    assert to_skip(tasks, [NEW], PREFIX) == wanted
