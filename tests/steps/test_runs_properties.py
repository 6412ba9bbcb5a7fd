"""Whatever becomes of the events, each run is recorded once, and what ECS remembers makes good what was lost."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rota.aws import clients
from rota.runs.event import task_change
from rota.runs.model import Job, Span, Status
from rota.runs.record import Recorder
from rota.runs.table import RunTable
from tests.guestbook import APP, ENVIRONMENT, SETTINGS
from tests.run_events import DUE, detail, message
from tests.steps.local_stage import local_stage
from tests.steps.world import World, handler

HOUR = timedelta(hours=1)
STATUSES = ("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED")
ENDS: dict[str, dict[str, Any]] = {
    "ok": {"exit_code": 0},
    "failed": {"exit_code": 3},
    "not_started": {"exit_code": None, "starts": False},
}


def event_of(number: int, status: str, end: str) -> dict[str, Any]:
    """What ECS reports of the run of that hour."""
    created = DUE + number * HOUR + timedelta(seconds=20)
    more: dict[str, Any] = {"stopCode": "TaskFailedToStart"} if end == "not_started" and status == "STOPPED" else {}
    arn = f"{detail()['taskArn'][:-2]}{number:02}"
    return detail(status, created=created, taskArn=arn, **ENDS[end], **more)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("expression", ["rate(1 hour)", "cron(0 * * * ? *)"])
@pytest.mark.parametrize("status", ["RUNNING", "STOPPED"])
def test_what_cloudtrail_shows_of_a_run_that_is_recorded_is_no_other_run(expression: str, status: str) -> None:
    """The time of its event is not the second in which the task was created."""
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    table.put_settings(
        Job(task="IngestData", spans=(Span(expression=expression, since=DUE),), retry_age=600, grace=300)
    )
    recorder = Recorder(table, SETTINGS, (), lambda _run: None)
    created = task_change(event_of(0, status, "ok"))
    recorder.record(created)
    for seconds in (-1, 1):
        event_at = created.created_at + timedelta(seconds=seconds)
        recorder.note_start(created.model_copy(update={"created_at": event_at, "version": 0, "last_status": "PENDING"}))
    (run,) = table.runs("IngestData", DUE - HOUR, DUE + HOUR)
    assert run.status == (Status.OK if status == "STOPPED" else Status.RUNNING)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[list[dict[str, Any]]]]:
    """How each run ends, and the events about all of them in batches: some lost, some twice, in any order."""
    ends = draw(st.lists(st.sampled_from(list(ENDS)), min_size=1, max_size=4))
    events = [(number, status) for number in range(len(ends)) for status in STATUSES]
    come = draw(st.lists(st.sampled_from(events), max_size=2 * len(events)))
    batches: list[list[dict[str, Any]]] = [[]]
    for number, status in draw(st.permutations(come)):
        batches[-1].append(event_of(number, status, ends[number]))
        if draw(st.booleans()):
            batches.append([])
    return ends, [batch for batch in batches if batch]


@pytest.mark.usefixtures("world")
@settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_each_run_is_recorded_once(world: World, history: tuple[list[str], list[list[dict[str, Any]]]]) -> None:
    ends, batches = history
    local_stage().reset()
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    table.put_settings(
        Job(task="IngestData", spans=(Span(expression="cron(0 * * * ? *)", since=DUE),), retry_age=600, grace=300)
    )
    for batch in batches:
        records = [message(each, number) for number, each in enumerate(batch)]
        assert handler("record_run")({"Records": records}, None) == {"batchItemFailures": []}
    # What ECS shows of all of them, as Sweep reads it, twice.
    found: list[str] = []
    recorder = Recorder(table, SETTINGS, (), lambda run: found.append(run.task_id))
    for number, end in [*enumerate(ends), *enumerate(ends)]:
        recorder.record(task_change(event_of(number, "STOPPED", end)))

    runs = table.runs("IngestData", DUE, DUE + len(ends) * HOUR)
    assert [run.status for run in runs] == ends
    assert [run.scheduled_at for run in runs] == [DUE + number * HOUR for number in range(len(ends))]
    assert set(Counter(found).values()) <= {1}
    job = table.job("IngestData")
    assert job is not None
    good, bad = ends.count("ok"), len(ends) - ends.count("ok")
    assert (job.last_good.runs if job.last_good else 0) == good
    assert (job.incident is not None) is bool(bad)
    if job.incident:
        assert bool(job.incident.recovered) is (ends[-1] == Status.OK)
