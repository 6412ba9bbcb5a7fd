"""Runs and jobs as the table holds them, and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rota.deployment.items import plain, stored
from rota.runs import model
from rota.runs.model import Actor, Incident, Job, Reason, Run, Span, Status, Why
from rota.schedule_file.when import When

DUE = datetime(2026, 3, 1, 6, tzinfo=UTC)
REASON = Reason(why=Why.SECRET, words="a secret is missing", aws="AWS says so", todo="add it", reader=Actor.OPERATOR)
RUN = Run(
    task="IngestData",
    scheduled_at=DUE,
    task_id="0f9c",
    version=5,
    status=Status.NOT_STARTED,
    reason=REASON,
    seconds=7.25,
    tail=("line",),
)
JOB = Job(
    task="IngestData",
    spans=(Span(expression="cron(0 6 * * ? *)", since=DUE),),
    retry_age=300,
    grace=300,
    incident=Incident(id="IngestData#2026", opened_at=DUE, first=RUN, last=RUN),
)


@pytest.mark.parametrize("item", [RUN, JOB], ids=["run", "job"])
def test_an_item_comes_back_from_the_table(item: Run | Job) -> None:
    assert type(item).model_validate(plain(stored(model.attributes(item)))) == item


def test_what_an_item_without_more_says() -> None:
    """Items are stored without what is as it always is: another default would change what is there already."""
    job = Job(task="IngestData", retry_age=300, grace=300)
    assert model.attributes(job) == {"task": "IngestData", "retry_age": 300, "grace": 300}
    assert {name: value for name, value in job.model_dump().items() if value} == model.attributes(job) | {
        "count": 1,
        "overlap": "allow",
    }
    run = Run(task="IngestData", scheduled_at=DUE, task_id="0f9c", status=Status.OK)
    assert {name: value for name, value in run.model_dump(mode="json").items() if value} == {
        "task": "IngestData",
        "scheduled_at": "2026-03-01T06:00:00Z",
        "task_id": "0f9c",
        "status": "ok",
        "trigger": "schedule",
        "lacking": 1,
    }
    assert (run.traced, run.counted, run.version) == (False, False, 0)
    incident = model.Incident(id="i", opened_at=DUE, first=run, last=run)
    assert {name for name, value in incident.model_dump().items() if value} == {
        "id", "opened_at", "first", "last", "runs"
    }  # fmt: skip
    good = model.GoodRun(scheduled_at=DUE, ended_at=DUE)
    assert (incident.runs, good.runs, good.caught_up, good.revision) == (1, 1, False, "")
    swept = model.Swept(at=DUE)
    assert model.attributes(swept) == {"at": "2026-03-01T06:00:00Z"}
    assert not any(value for name, value in swept.model_dump().items() if name != "at")
    span = Span(expression="rate(1 hour)", since=DUE)
    assert span.when == When("rate(1 hour)", "UTC", None, None, 0)
    unclear = model.UnclearTime(since=DUE, until=DUE)
    assert not unclear.away


@pytest.mark.parametrize(
    ("status", "has_ended", "is_bad"),
    [
        ("starting", False, False),
        ("running", False, False),
        ("ok", True, False),
        ("failed", True, True),
        ("not_started", True, True),
        ("missed", True, True),
        ("skipped", True, False),
        ("replaced", True, False),
        ("unknown", True, False),
    ],
)
def test_what_a_status_means(status: str, has_ended: bool, is_bad: bool) -> None:
    assert (Status(status).has_ended, Status(status).is_bad) == (has_ended, is_bad)


@pytest.mark.parametrize(
    ("ended", "last_ended", "recovered", "seconds"),
    [
        pytest.param(DUE, None, DUE + timedelta(minutes=1), 60, id="until it recovered"),
        pytest.param(DUE, DUE + timedelta(seconds=30), None, 30, id="until its newest run"),
        pytest.param(DUE, None, None, 20, id="which has not ended"),
        pytest.param(None, None, None, 25, id="since it was due"),
        pytest.param(DUE + timedelta(minutes=9), DUE, None, 0, id="never less than nothing"),
    ],
)
def test_how_long_an_incident_lasts(
    ended: datetime | None, last_ended: datetime | None, recovered: datetime | None, seconds: int
) -> None:
    first = RUN.model_copy(update={"scheduled_at": DUE - timedelta(seconds=5), "ended_at": ended})
    last = RUN.model_copy(update={"scheduled_at": DUE + timedelta(seconds=20), "ended_at": last_ended})
    good = recovered and model.GoodRun(scheduled_at=DUE, ended_at=recovered)
    assert Incident(id="i", opened_at=DUE, first=first, last=last, recovered=good).seconds == seconds


def test_the_keys_of_items() -> None:
    assert model.incident_id(RUN) == "IngestData#2026-03-01T06:00:00Z"
    assert (JOB.key, model.partition("production/api")) == ("job#IngestData", "runs#production/api")


def test_what_a_later_version_adds_is_read() -> None:
    later = {**model.attributes(RUN), "reason": {**model.attributes(REASON), "why": "solar_wind"}, "mood": "good"}
    read = Run.model_validate(later)
    assert read.reason is not None
    assert (read.reason.why, read.reason.aws) == (Why.OTHER, "AWS says so")


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (DUE, "run#IngestData#2026-03-01T06:00:00Z#0f9c"),
        (DUE.astimezone(timezone(timedelta(hours=2))), "run#IngestData#2026-03-01T06:00:00Z#0f9c"),
        (DUE + timedelta(seconds=7, milliseconds=9), "run#IngestData#2026-03-01T06:00:07Z#0f9c"),
    ],
    ids=["utc", "another zone", "a rate's second"],
)
def test_a_run_is_found_by_the_second_for_which_it_was_due(at: datetime, key: str) -> None:
    assert RUN.model_copy(update={"scheduled_at": at}).key == key


@pytest.mark.parametrize(
    ("aws", "other", "same"),
    [
        ("secret a", "secret a", True),
        ("secret a", "secret b", False),
        (
            f"AccessDenied, request id: {'1' * 8}-1111-1111-1111-{'1' * 12}",
            f"AccessDenied, request id: {'2' * 8}-2222-2222-2222-{'2' * 12}",
            True,
        ),
    ],
    ids=["the same", "another secret", "another request"],
)
def test_jobs_that_miss_one_secret_have_one_reason(aws: str, other: str, same: bool) -> None:
    keys = {REASON.model_copy(update={"aws": text}).key for text in (aws, other)}
    assert (len(keys) == 1) is same
