"""What a job becomes when the schedule file that is live says something else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.runs.jobs_of_a_file import Paused, changed_jobs
from rota.runs.model import GoodRun, Job, Span
from rota.schedule_file.task import Task

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANGING = NOW - timedelta(minutes=4)
LONG_AGO = NOW - timedelta(days=30)
DAILY, HOURLY = "cron(0 6 * * ? *)", "cron(0 * * * ? *)"
KNOWN = Job(
    task="IngestData",
    spans=(Span(expression=DAILY, since=LONG_AGO),),
    retry_age=21_600,
    grace=300,
    last_good=GoodRun(scheduled_at=LONG_AGO, ended_at=LONG_AGO),
)


def task(cron: str = "0 6 * * ? *", **more: Any) -> Task:
    return Task.model_validate({"name": "IngestData", "task": "t", "cron": cron, **more})


def changed(*tasks: Task, known: Job | None = KNOWN) -> list[Job]:
    return changed_jobs({known.task: known} if known else {}, tasks, CHANGING, NOW)


def test_a_task_that_says_the_same_is_not_written() -> None:
    assert changed(task()) == []


def test_a_new_task_counts_from_now() -> None:
    (job,) = changed(task(), known=None)
    assert job == Job(task="IngestData", spans=(Span(expression=DAILY, since=NOW),), retry_age=21_600, grace=300)


def test_a_new_schedule_ends_the_former_when_it_was_changed() -> None:
    (job,) = changed(task("0 * * * ? *"))
    assert job.spans == (
        Span(expression=DAILY, since=LONG_AGO, until=CHANGING),
        Span(expression=HOURLY, since=NOW),
    )
    assert (job.retry_age, job.last_good) == (1800, KNOWN.last_good)


def test_another_zone_is_another_schedule() -> None:
    zoned: dict[str, Any] = {"timezone": "Asia/Tokyo", "start": "2026-04-01T00:00", "window": 5}
    (job,) = changed(task(**zoned))
    start = datetime(2026, 3, 31, 15, tzinfo=UTC)
    span = Span(expression=DAILY, timezone="Asia/Tokyo", start=start, window=5, since=NOW)
    assert job.spans == (KNOWN.spans[0].model_copy(update={"until": CHANGING}), span)
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert changed(task(**zoned), known=job) == []


def test_a_task_that_is_disabled_or_gone_has_no_open_span() -> None:
    for tasks in ([task(enabled=False)], []):
        (job,) = changed(*tasks)
        assert [span.until for span in job.spans] == [CHANGING]
        assert changed_jobs({job.task: job}, tasks, CHANGING, NOW) == []


def test_a_task_that_comes_back_counts_from_now() -> None:
    gone = KNOWN.model_copy(update={"spans": (Span(expression=DAILY, since=LONG_AGO, until=CHANGING),)})
    (job,) = changed(task(), known=gone)
    assert job.spans == (*gone.spans, Span(expression=DAILY, since=NOW))


def test_what_no_run_can_be_of_any_more_is_forgotten() -> None:
    old = KNOWN.model_copy(update={"spans": (Span(expression=DAILY, since=LONG_AGO, until=LONG_AGO),)})
    (job,) = changed(task(), known=old)
    assert job.spans == (Span(expression=DAILY, since=NOW),)


def test_settings_alone_change_no_span() -> None:
    watch = {"grace": 60, "max_runtime": 3600, "tolerance": 2}
    acts = {"overlap": "skip", "catch_up": "missed"}
    (job,) = changed(task(count=3, retry={"age": 120}, watch=watch, owner="data-team", **acts))
    assert (job.count, job.retry_age, job.spans) == (3, 120, KNOWN.spans)
    assert (job.grace, job.max_runtime, job.tolerance, job.owner) == (60, 3600, 2, "data-team")
    assert (job.overlap, job.catch_up) == ("skip", "missed")


def test_a_retry_policy_without_an_age_has_the_schedules_own() -> None:
    assert changed(task(retry={"attempts": 3})) == []


def test_a_job_that_is_paused_has_no_open_span() -> None:
    since = NOW - timedelta(minutes=2)
    known = {KNOWN.task: KNOWN}
    (paused,) = changed_jobs(known, [task()], CHANGING, NOW, Paused(now={"IngestData": since}))
    assert paused.spans == (Span(expression=DAILY, since=LONG_AGO, until=since),)
    assert changed_jobs({paused.task: paused}, [task()], CHANGING, NOW, Paused(now={"IngestData": since})) == []
    (resumed,) = changed_jobs({paused.task: paused}, [task()], CHANGING, NOW)
    assert resumed.spans == (*paused.spans, Span(expression=DAILY, since=NOW))
    (other,) = changed_jobs(known, [task("0 * * * ? *")], CHANGING, NOW, Paused(now={"SendMail": since}))
    assert other.spans[-1] == Span(expression=HOURLY, since=NOW)


def test_a_pause_that_began_and_ended_since_the_last_look_leaves_a_gap() -> None:
    since = NOW - timedelta(minutes=2)
    (job,) = changed_jobs({KNOWN.task: KNOWN}, [task()], CHANGING, NOW, Paused(over={"IngestData": since}))
    assert job.spans == (
        Span(expression=DAILY, since=LONG_AGO, until=since),
        Span(expression=DAILY, since=NOW),
    )


def test_a_span_ends_no_earlier_than_it_began() -> None:
    young = KNOWN.model_copy(update={"spans": (Span(expression=DAILY, since=NOW),)})
    (job,) = changed(known=young)
    assert job.spans == (Span(expression=DAILY, since=NOW, until=NOW),)
    assert changed(known=KNOWN.model_copy(update={"spans": ()})) == []


@pytest.mark.parametrize(("ago", "is_kept"), [(timedelta(days=3), False), (timedelta(days=3, seconds=-1), True)])
def test_a_span_is_remembered_for_three_days(ago: timedelta, is_kept: bool) -> None:
    ended = Span(expression=DAILY, since=LONG_AGO, until=NOW - ago)
    (job,) = changed(task(), known=KNOWN.model_copy(update={"spans": (ended,)}))
    assert job.spans == ((ended,) if is_kept else ()) + (Span(expression=DAILY, since=NOW),)
