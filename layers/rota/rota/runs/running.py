"""What runs for too long, and what runs twice at once: by the times that ECS gives."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.contract import RunKind
from rota.runs.by_job import by_job
from rota.runs.event import TaskChange
from rota.runs.judge import run_of
from rota.runs.model import Job, Notice, Run

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.settings import Settings

# Tasks of one start, and a start that comes twice, are no further apart.
_ONE_START = timedelta(seconds=30)


def judge(
    table: "RunTable", settings: "Settings", jobs: Mapping[str, Job], found: Iterable[TaskChange], now: datetime
) -> None:
    """Note what is overlong and what overlaps, each once. A job that is written meanwhile is left to the next sweep."""
    for task, changes in by_job(found, lambda change: change.job).items():
        job = jobs.get(task)
        if job is None:
            continue
        elder, newest = overlap(changes)
        if newest and job.overlapping != bool(elder):
            _note_overlap(table, settings, job, newest, elder)
        for change in overlong(job, changes, now):
            _note_overlong(table, settings, job, change, now)


def overlap(changes: Sequence[TaskChange]) -> tuple[TaskChange | None, TaskChange | None]:
    """Of a job's tasks: one that still ran as the newest began, and the newest that began. Pure."""
    began = sorted((change for change in changes if change.started_at), key=lambda change: change.created_at)
    if not began:
        return None, None
    newest = began[-1]
    for change in began[:-1]:
        ended = change.execution_stopped_at or change.stopped_at
        apart = newest.created_at - change.created_at > _ONE_START
        if apart and newest.started_at and (ended is None or ended > newest.started_at):
            return change, newest
    return None, newest


def overlong(job: Job, changes: Iterable[TaskChange], now: datetime) -> list[TaskChange]:
    """Of a job's tasks: those that run for longer than they may. Pure."""
    if job.max_runtime is None:
        return []
    longest = timedelta(seconds=job.max_runtime)
    return [
        change
        for change in changes
        if change.started_at and not change.execution_stopped_at and now - change.started_at > longest
    ]


def _note_overlap(
    table: "RunTable", settings: "Settings", seen_job: Job, newest: TaskChange, elder: TaskChange | None
) -> None:
    fresh = table.job(seen_job.task)
    if fresh is None or fresh.overlapping == bool(elder):
        return
    if elder is None:
        table.update_state(fresh.model_copy(update={"overlapping": False}), fresh)
        return
    seen = table.run(run_of(newest, fresh, settings.container, ()).key)
    if seen:
        run = seen.model_copy(update={"overlaps": elder.task_id})
        job = _with_notice(fresh, RunKind.OVERLAPPING, run).model_copy(update={"overlapping": True})
        table.end(run, seen, job, fresh)


def _note_overlong(table: "RunTable", settings: "Settings", seen_job: Job, change: TaskChange, now: datetime) -> None:
    fresh = table.job(seen_job.task)
    seen = fresh and table.run(run_of(change, fresh, settings.container, ()).key)
    if fresh and seen and seen.overlong_since is None and not seen.status.has_ended:
        run = seen.model_copy(update={"overlong_since": now, "started_at": change.started_at})
        table.end(run, seen, _with_notice(fresh, RunKind.OVERLONG, run), fresh)


def _with_notice(job: Job, kind: RunKind, run: Run) -> Job:
    return job.model_copy(update={"notices": (*job.notices, Notice(kind=kind, run=run))})
