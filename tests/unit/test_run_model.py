"""Runs and jobs as the table holds them, and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rota.deployment.items import plain, stored
from rota.runs import model
from rota.runs.model import Actor, Incident, Job, Reason, Run, Span, Status, Why

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
