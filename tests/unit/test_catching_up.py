"""`catch_up`: when what is owed is started once more, how many tasks, and when not any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.runs.catching_up import Verdict, to_start, token
from rota.runs.model import MISSED, Job, Owed, Run, Span, Status, Trigger

DUE = datetime(2026, 3, 1, 6, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURLY, WAIT = "cron(0 * * * ? *)", Verdict()


def job(
    *, owed: dict[str, Any] | None = None, expression: str = HOURLY, until: datetime | None = None, **more: Any
) -> Job:
    """A job that owes one task of six o'clock, which EventBridge gave up."""
    spans = (Span(expression=expression, since=DUE - timedelta(days=9), until=until),)
    owes = Owed(**{"scheduled_at": DUE, "tasks": 1, "given_up": True, **(owed or {})})
    return Job(**{"task": "IngestData", "spans": spans, "retry_age": 1800, "grace": 300, "owed": owes, **more})


def run(status: str = "ok", at: datetime = DUE, trigger: str = "schedule") -> Run:
    return Run(
        task="IngestData", scheduled_at=at, task_id=f"{status} {at}", status=Status(status), trigger=Trigger(trigger)
    )


MIGRATED = run("skipped").model_copy(update={"task_id": MISSED})
NOT_STARTED = {"given_up": False}
CHANGED, NEAR, RAN, NO_ANSWER = (
    "its schedule was changed or paused",
    "its next run is nearer than it usually takes",
    "it has run meanwhile",
    "ECS gave no answer for 45 minutes",
)


@pytest.mark.parametrize(
    ("job", "others", "minutes", "verdict"),
    [
        pytest.param(job(), [], 1, Verdict(1), id="EventBridge gave up"),
        pytest.param(job(owed=NOT_STARTED), [], 31, WAIT, id="EventBridge may still try"),
        pytest.param(job(owed=NOT_STARTED), [], 31.1, Verdict(1), id="the retry age is over"),
        pytest.param(job(), [run("not_started"), run("missed")], 1, Verdict(1), id="those that did not begin"),
        pytest.param(job(), [MIGRATED], 1, Verdict(1), id="its schedule was off"),
        pytest.param(job(), [run("ok")], 1, Verdict(never=RAN), id="it came late"),
        pytest.param(job(), [run("failed")], 1, Verdict(never=RAN), id="it came late and failed"),
        pytest.param(job(), [run("starting")], 1, Verdict(never=RAN), id="it begins"),
        pytest.param(job(), [run("unknown")], 1, Verdict(never=RAN), id="it may have run"),
        pytest.param(job(), [run("skipped")], 1, Verdict(never=RAN), id="it was skipped"),
        pytest.param(job(), [run("ok", DUE + MINUTE, "by_hand")], 2, Verdict(never=RAN), id="a person ran it"),
        pytest.param(job(), [run("starting", trigger="catch_up")], 1, Verdict(never=RAN), id="it is caught up"),
        pytest.param(job(owed={"tasks": 2}, count=3), [run()], 1, Verdict(2), id="two of three"),
        pytest.param(job(owed={"tasks": 3}, count=3), [run()], 1, Verdict(2), id="one came late"),
        pytest.param(
            job(owed={"tasks": 2}, count=3),
            [run("ok", DUE + MINUTE, "by_hand")],
            2,
            Verdict(never=RAN),
            id="by hand, all",
        ),
        pytest.param(job(), [], 59, Verdict(1), id="just before the next"),
        pytest.param(job(), [], 59.1, Verdict(never=NEAR), id="too near to the next"),
        pytest.param(job(lasted=(60.0, 600.0, 6000.0)), [], 49, Verdict(1), id="it usually takes ten minutes"),
        pytest.param(job(lasted=(60.0, 600.0, 6000.0)), [], 49.1, Verdict(never=NEAR), id="and ten are not left"),
        pytest.param(job(max_runtime=1200), [], 39.1, Verdict(never=NEAR), id="it may take as long as it may"),
        pytest.param(job(expression="rate(1 hour)"), [], 59.1, Verdict(never=NEAR), id="a rate"),
        pytest.param(job(expression="cron(0 6 1 3 ? 2026)"), [], 90_000, Verdict(1), id="there is no next"),
        pytest.param(job(until=DUE + MINUTE), [], 2, Verdict(never=CHANGED), id="it left the file"),
        pytest.param(
            job(owed={"scheduled_at": DUE - timedelta(days=10)}),
            [],
            1,
            Verdict(never=CHANGED),
            id="of a schedule before",
        ),
        pytest.param(job(owed={"claimed_at": DUE}), [], 30, Verdict(1), id="the answer was lost"),
        pytest.param(job(owed={"claimed_at": DUE}), [], 45, Verdict(1), id="45 minutes ago"),
        pytest.param(job(owed={"claimed_at": DUE}), [], 45.1, Verdict(never=NO_ANSWER), id="more than that"),
        pytest.param(
            job(owed={"claimed_at": DUE - HOUR}),
            [],
            1,
            Verdict(never=NO_ANSWER),
            id="for long",
        ),
        pytest.param(
            job(owed={"claimed_at": DUE, "tasks": 2}, count=3),
            [run(), run("starting", DUE + MINUTE)],
            2,
            Verdict(never=RAN),
            id="the answer was lost, and it begins",
        ),
    ],
)
def test_what_is_started(job: Job, others: list[Run], minutes: float, verdict: Verdict) -> None:
    assert to_start(job, others, DUE + minutes * MINUTE) == verdict


@pytest.mark.parametrize(("overlap", "verdict"), [("allow", Verdict(1)), ("skip", WAIT), ("replace", Verdict(1))])
def test_a_job_that_is_skipped_waits_for_its_earlier_run(overlap: str, verdict: Verdict) -> None:
    assert to_start(job(overlap=overlap), [], DUE + MINUTE, runs_now=True) == verdict


def test_a_target_that_is_tried_for_longer_is_waited_for() -> None:
    owing = job(owed=NOT_STARTED, expression="cron(0 6 * * ? *)")
    assert to_start(owing, [], DUE + 3 * HOUR, retry_age=4 * 3600) == WAIT
    assert to_start(owing, [], DUE + 5 * HOUR, retry_age=4 * 3600) == Verdict(1)


def test_the_token_is_that_of_the_job_and_the_minute() -> None:
    tokens = {
        token("production/api", "IngestData", DUE),
        token("production/api", "IngestData", DUE + MINUTE),
        token("production/api", "SendMail", DUE),
        token("staging/api", "IngestData", DUE),
    }
    assert {len(each) for each in tokens} == {64}
    assert len(tokens) == 4
    assert token("production/api", "IngestData", DUE.astimezone()) in tokens


@pytest.mark.parametrize(
    ("later", "verdict"), [(timedelta(milliseconds=900), Verdict(1)), (timedelta(seconds=1), Verdict(never=CHANGED))]
)
def test_what_was_due_as_its_schedule_began_is_of_it(later: timedelta, verdict: Verdict) -> None:
    """What is due has whole seconds, and a schedule counts from when a sweep learned it."""
    spans = (Span(expression=HOURLY, since=DUE + later),)
    assert to_start(job().model_copy(update={"spans": spans}), [], DUE + MINUTE) == verdict
    assert to_start(job().model_copy(update={"spans": ()}), [], DUE + MINUTE) == Verdict(never=CHANGED)
    assert to_start(job().model_copy(update={"owed": None}), [], DUE + MINUTE) == Verdict(never=CHANGED)
