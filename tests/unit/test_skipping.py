"""`overlap: skip`: a run is skipped only for one that really runs, and only before it has begun."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


# ---------------------------------------------------------------------- whatever becomes of the events


@dataclass
class Started:
    """One task of ECS: it begins some seconds after its creation, or never; it ends by itself or is stopped."""

    slot: int
    arn: str
    created: datetime
    begins: datetime | None
    lasts: timedelta
    stopped: datetime | None = None

    @property
    def began(self) -> datetime | None:
        return None if self.begins is None or (self.stopped and self.stopped < self.begins) else self.begins

    @property
    def over(self) -> datetime:
        """When it is, if nothing stops it any more."""
        end = self.began + self.lasts if self.began else self.created + timedelta(minutes=6)
        return min(end, self.stopped) if self.stopped else end

    def runs(self, at: datetime) -> bool:
        return self.began is not None and self.began <= at < self.over

    def described(self, at: datetime) -> TaskChange:
        status = "STOPPED" if at >= self.over else "RUNNING" if self.runs(at) else "PENDING"
        return task_change(detail(status, created=self.created, taskArn=self.arn, starts=self.began is not None))


class Asked(NamedTuple):
    """RecordRun gets the event of a creation, and a stop takes some seconds; `alone`: ECS shows no other task."""

    at: datetime
    newcomer: Started
    alone: bool
    takes: timedelta


def seconds(*values: int) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(seconds=each) for each in values])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Started], list[Asked]]:
    """The tasks of five slots, some started twice or late; each event of a creation lost, once or more often, late."""
    tasks = []
    for slot in range(5):
        for number in range(draw(st.sampled_from([1, 1, 2]))):
            created = CREATED + slot * timedelta(minutes=5) + draw(seconds(0, 20, 55, 95, 300))
            begins = draw(st.none() | seconds(12, 25, 60, 320).map(created.__add__))
            tasks.append(Started(slot, f"task/{slot}{number}", created, begins, draw(seconds(10, 200, 290, 700, 3600))))
    lates = [(each, draw(st.lists(seconds(1, 2, 14, 26, 60, 400), max_size=3))) for each in tasks]
    events = [
        Asked(each.created + late, each, draw(st.sampled_from([False, False, True])), draw(seconds(0, 2, 40)))
        for each, all_late in lates
        for late in all_late
    ]
    return tasks, sorted(events, key=lambda event: event.at)


@given(histories())
def test_no_slot_goes_unstarted_unless_a_task_of_the_job_really_ran(history: tuple[list[Started], list[Asked]]) -> None:
    tasks, events = history
    skipped_at: dict[str, datetime] = {}
    for event in events:
        known = [event.newcomer] if event.alone else [each for each in tasks if each.created <= event.at]
        for arn in to_skip([each.described(event.at) for each in known], [event.newcomer.arn], PREFIX):
            skipped_at.setdefault(arn, event.at)
            assert any(each.runs(event.at) for each in tasks), "it was stopped for a task that ran in that moment"
            assert not event.newcomer.runs(event.at), "and had not begun"
            event.newcomer.stopped = min(filter(None, (event.newcomer.stopped, event.at + event.takes)))
    for each in tasks:
        assert each.began or each.begins is None or each.arn in skipped_at
