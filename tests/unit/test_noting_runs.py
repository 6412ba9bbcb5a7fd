"""What Sweep writes of runs: what is lacking, what was lost, what runs for too long and what runs twice at once."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.runs import running
from rota.runs.event import GivenUp, TaskChange, task_change
from rota.runs.model import Actor, Job, Notice, Owed, Reason, Run, Span, Status, Why
from rota.runs.record import Recorder
from rota.runs.table import RunTable
from tests.guestbook import SETTINGS
from tests.log_lines import Line, logged
from tests.run_events import CREATED, DUE, TASK_ID, detail
from tests.run_tables import table_with
from tests.stubs import asked

STARTS = SETTINGS.model_copy(update={"run_actions": "start"})
JOB = Job(
    task="IngestData",
    spans=(Span(expression="cron(0 6 * * ? *)", since=DUE - timedelta(days=9)),),
    retry_age=60,
    grace=300,
    max_runtime=60,
    catch_up="both",
)
MISSED = Run(task="IngestData", scheduled_at=DUE, task_id="missed", status=Status.MISSED)


def reason(why: Why) -> Reason:
    return Reason(why=why, words=f"because of {why}", todo="look", reader=Actor.OPERATOR)


@pytest.fixture
def table() -> RunTable:
    return table_with(JOB)


def a_task(name: str = TASK_ID, **members: Any) -> TaskChange:
    arn = detail()["taskArn"].replace(TASK_ID, name)
    return task_change(detail(**{"taskArn": arn, **members}))


def the_job(table: RunTable) -> Job:
    job = table.job("IngestData")
    assert job is not None
    return job


@pytest.fixture
def ended() -> list[Run]:
    """The runs that have ended, each as often as that was said."""
    return []


@pytest.fixture
def recorder(table: RunTable, ended: list[Run]) -> Recorder:
    return Recorder(table, STARTS, (), ended.append)


# ---------------------------------------------------------------------- what is lacking, and what was lost


def test_what_is_lacking_is_written_once(table: RunTable, recorder: Recorder, ended: list[Run]) -> None:
    missed = MISSED.model_copy(update={"reason": reason(Why.NO_TRACE)})
    assert [recorder.miss(missed) for _ in range(2)] == [missed, missed]
    assert ended == [missed]
    job = the_job(table)
    assert (job.bad_runs, job.owed) == (1, Owed(scheduled_at=DUE, tasks=1, given_up=True))
    assert table.run(missed.key) == missed


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (Why.NO_TRACE, Why.CAPACITY, Why.CAPACITY),
        (Why.AWAY, Why.CAPACITY, Why.CAPACITY),
        (None, Why.CAPACITY, Why.CAPACITY),
        (Why.NO_TRACE, Why.AWAY, Why.NO_TRACE),
        (Why.NO_TRACE, None, Why.NO_TRACE),
        (Why.CAPACITY, Why.REFUSED, Why.CAPACITY),
    ],
)
def test_a_better_reason_is_written_later(
    table: RunTable, recorder: Recorder, ended: list[Run], before: Why | None, after: Why | None, kept: Why
) -> None:
    for why in (before, after):
        found = recorder.miss(MISSED.model_copy(update={"reason": why and reason(why)}))
    assert found.reason == reason(kept)
    assert table.run(MISSED.key) == found
    assert the_job(table).bad_runs == len(ended) == 1


@pytest.mark.parametrize("actions", ["none", "stop"])
def test_nothing_is_owed_where_rota_starts_nothing(table: RunTable, ended: list[Run], actions: str) -> None:
    settings = SETTINGS.model_copy(update={"run_actions": actions})
    Recorder(table, settings, (), ended.append).miss(MISSED)
    assert the_job(table).owed is None


def test_a_start_whose_end_cannot_be_seen_is_unknown(table: RunTable, recorder: Recorder, ended: list[Run]) -> None:
    noted = [recorder.note_start(a_task("a", status="PENDING")) for _ in range(2)]
    assert noted[0] == noted[1] == table.run(noted[0].key)
    assert (noted[0].status, noted[0].reason and noted[0].reason.words) == (
        Status.UNKNOWN,
        "it was started at 06:00 UTC, and Rota was not looking when it ended",
    )
    assert ended == [noted[0]]
    assert the_job(table).notices == (Notice(kind="unknown", run=noted[0]),)


@pytest.mark.parametrize(("seconds", "is_the_same"), [(-60, True), (60, True), (61, False), (-61, False)])
def test_a_start_is_known_within_a_minute(table: RunTable, recorder: Recorder, seconds: int, is_the_same: bool) -> None:
    """CloudTrail's time of a start and the task's own are not the same."""
    at = DUE + timedelta(seconds=seconds)
    known = Run(task="IngestData", scheduled_at=at, task_id=TASK_ID, status=Status.OK)
    table.put(known, None)
    assert (recorder.note_start(a_task(status="PENDING")) == known) is is_the_same
    other = recorder.note_start(a_task("another", status="PENDING"))
    assert other.task_id == "another"


def test_a_run_whose_end_was_lost_is_unknown(table: RunTable, recorder: Recorder) -> None:
    run = recorder.record(a_task(status="RUNNING"))
    assert run is not None
    recorder.lose(run, reason(Why.AWAY))
    lost = table.run(run.key)
    assert lost == run.model_copy(update={"status": Status.UNKNOWN, "reason": reason(Why.AWAY)})
    assert lost is not None
    assert recorder.record(a_task(exit_code=0, version=lost.version)) == lost, "no newer change"
    found = recorder.record(a_task(exit_code=0, version=lost.version + 1))
    assert found is not None
    assert (found.status, table.run(run.key)) == (Status.OK, found), "its event came after all"
    recorder.lose(run, reason(Why.AWAY))
    assert table.run(run.key) == found


@pytest.mark.parametrize(
    ("since", "expression", "at", "due"),
    [
        pytest.param(-9 * 1440, "cron(0 6 * * ? *)", None, DUE, id="the latest due minute"),
        pytest.param(60, "cron(0 6 * * ? *)", None, DUE, id="by the schedule that came later"),
        pytest.param(-9 * 1440, "rate(1 hour)", None, CREATED.replace(microsecond=0), id="of a rate none is known"),
        pytest.param(-9 * 1440, "cron(0 6 * * ? *)", DUE - timedelta(days=1), DUE - timedelta(days=1), id="it says so"),
    ],
)
def test_when_a_start_was_due_that_was_given_up(
    recorder: Recorder, table: RunTable, since: float, expression: str, at: datetime | None, due: datetime
) -> None:
    span = Span(expression=expression, since=DUE + timedelta(minutes=since))
    table.put_settings(JOB.model_copy(update={"spans": (span,), "count": 2}))
    run = recorder.give_up(GivenUp(rule="production__guestbook__IngestData", at=at, sent_at=CREATED))
    assert run is not None
    assert run == Run(
        task="IngestData",
        scheduled_at=due,
        task_id="missed",
        status=Status.MISSED,
        lacking=2,
        reason=run.reason,
    )
    assert run.reason is not None
    assert run.reason.why == Why.REFUSED
    assert recorder.give_up(GivenUp(rule="another__IngestData", sent_at=CREATED)) is None


# ---------------------------------------------------------------------- what runs


LATER = CREATED + timedelta(seconds=120)


def look(table: RunTable, *changes: TaskChange, now: Any = LATER) -> Job:
    """The job after a sweep that found these tasks."""
    running.judge(table, SETTINGS, {"IngestData": the_job(table)}, changes, now)
    return the_job(table)


def test_what_runs_for_too_long_is_noted_once(table: RunTable, recorder: Recorder) -> None:
    change = a_task(status="RUNNING", startedAt=DUE.isoformat())
    assert look(table, change).notices == (), "the run is not recorded yet"
    recorder.record(a_task(status="PENDING"))
    for _ in range(2):
        (notice,) = look(table, change).notices
        assert notice.kind == "overlong"
        assert table.run(notice.run.key) == notice.run
        assert (notice.run.overlong_since, notice.run.started_at, notice.run.status) == (LATER, DUE, Status.STARTING)
    run = recorder.record(a_task(exit_code=0))
    assert run is not None
    assert (run.status, run.overlong_since) == (Status.OK, LATER)


def test_a_run_that_has_ended_meanwhile_is_not_overlong(table: RunTable, recorder: Recorder) -> None:
    recorder.record(a_task(exit_code=0))
    assert look(table, a_task(status="RUNNING")).notices == ()
    running.judge(table, SETTINGS, {}, [a_task(status="RUNNING")], LATER)


def test_what_runs_twice_is_noted_until_it_does_not(table: RunTable, recorder: Recorder) -> None:
    begun = CREATED + timedelta(seconds=60)
    first, second = a_task("a", status="RUNNING"), a_task("b", status="RUNNING", created=begun)
    recorder.record(first)
    soon = CREATED + timedelta(seconds=80)
    assert look(table, first, second, now=soon).notices == (), "the second is not recorded yet"
    recorder.record(second)
    for _ in range(2):
        job = look(table, first, second, now=soon)
        (notice,) = job.notices
        assert (job.overlapping, notice.kind) == (True, "overlapping")
        assert (notice.run.task_id, notice.run.overlaps) == ("b", "a")
        assert table.run(notice.run.key) == notice.run
    job = look(table, second, now=soon)
    assert (job.overlapping, len(job.notices)) == (False, 1)
    replaced = a_task("a", stopCode="UserInitiated", stoppedReason="Rota replaced IngestData: its overlap is replace, "
                      "and its task b runs", seconds=55)  # fmt: skip
    assert not look(table, replaced, second, now=soon).overlapping, "Rota has stopped the first"
    by_hand = a_task("a", stopCode="UserInitiated", stoppedReason="rota stop by ann", seconds=100)
    assert look(table, by_hand, second, now=soon).overlapping
    ended = recorder.record(a_task("b", created=begun))
    assert ended is not None
    assert (ended.status, ended.overlaps) == (Status.OK, "a"), "that is still known of it"


TOO_LONG = "Rota stopped IngestData: it ran for longer than its max_runtime, 60 s"
ASKED_FOR: dict[str, Any] = {"task": detail()["taskArn"].replace(TASK_ID, "a"), "reason": TOO_LONG}


@pytest.mark.parametrize(
    ("fresh", "answer", "line"),
    [
        pytest.param({"status": "RUNNING"}, "", ("INFO", "stopped a task", ASKED_FOR), id="it still runs"),
        pytest.param(
            {"status": "RUNNING"},
            "AccessDeniedException",
            ("ERROR", "a task was not stopped", ASKED_FOR),
            id="ECS refuses it",
        ),
        pytest.param({"status": "STOPPED"}, None, None, id="it has ended meanwhile"),
        pytest.param(
            None,
            None,
            ("ERROR", "ECS could not be asked once more; nothing is stopped", {"task": "IngestData"}),
            id="ECS does not answer",
        ),
    ],
)
def test_what_is_to_be_stopped_is_asked_for_once_more(
    table: RunTable,
    recorder: Recorder,
    fresh: dict[str, Any] | None,
    answer: str | None,
    line: Line | None,
    new_clients: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`answer`: the error with which ECS refuses to stop it; None: it is not asked to."""
    caplog.set_level(logging.INFO)
    stops = SETTINGS.model_copy(update={"run_actions": "stop"})
    runs, over = a_task("a", status="RUNNING"), a_task("b")
    recorder.record(runs)
    with asked(clients.ecs()) as ecs, asked(clients.ecs(attempts=1)) as once:
        if fresh is None:
            ecs.add_client_error("describe_tasks", "AccessDeniedException")
        else:
            found = detail(**fresh, taskArn=runs.task_arn)
            ecs.add_response("describe_tasks", {"tasks": [found]}, {"cluster": "production", "tasks": [runs.task_arn]})
        stop = {"cluster": "production", **ASKED_FOR}
        if answer:
            once.add_client_error("stop_task", answer, expected_params=stop)
        elif answer is not None:
            once.add_response("stop_task", {}, stop)
        running.judge(table, stops, {"IngestData": the_job(table)}, [runs, over], LATER)
    assert [each.kind for each in the_job(table).notices] == ([] if answer == "" else ["overlong"])
    assert logged(caplog) == ([line] if line else [])
