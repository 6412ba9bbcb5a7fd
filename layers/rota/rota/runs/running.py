"""What runs for too long, and what runs twice at once, by the times that ECS gives; and what Rota stops for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract.run_event import RunKind
from rota.log import logger
from rota.runs import stops, tasks
from rota.runs.by_job import by_job
from rota.runs.event import TaskChange
from rota.runs.judge import run_of
from rota.runs.model import Job, Notice, Run

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.settings import Settings


def judge(
    table: "RunTable", settings: "Settings", jobs: Mapping[str, Job], found: Iterable[TaskChange], now: datetime
) -> None:
    """Stop what the schedule file has stopped, and note what else is overlong or overlaps, each once. A job that is
    written meanwhile is left to the next sweep.
    """
    for task, known in by_job(found, lambda change: change.job).items():
        job = jobs.get(task)
        if job is None:
            continue
        stopped = _stop(settings, job, known, now) if settings.stops_runs else set()
        changes = [each for each in known if each.task_arn not in stopped and not _is_replaced(each)]
        earlier, newest = overlap(changes)
        if newest and job.overlapping != bool(earlier):
            _note_overlap(table, settings, job, newest, earlier)
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
        apart = newest.created_at - change.created_at > stops.ONE_START
        if apart and newest.started_at and (ended is None or ended > newest.started_at):
            return change, newest
    return None, newest


def overlong(job: Job, changes: Iterable[TaskChange], now: datetime) -> list[TaskChange]:
    """Of a job's tasks: those that run for longer than they may, and are not being stopped. Pure."""
    if job.max_runtime is None:
        return []
    longest = timedelta(seconds=job.max_runtime)
    return [
        change
        for change in changes
        if change.started_at and not change.is_stopping and now - change.started_at > longest
    ]


def to_stop(job: Job, changes: Sequence[TaskChange], rule_prefix: str, now: datetime) -> dict[str, stops.Stop]:
    """Of a job's tasks, by ARN, those to be stopped: what is overlong, and with `overlap: replace` what began before
    the newest that runs. What a person started is left alone, and replaces nothing. Pure.
    """
    running = [each for each in changes if each.is_running and stops.is_the_apps(each, rule_prefix)]
    wanted = {
        each.task_arn: stops.Stop("max_runtime", job.task, str(job.max_runtime)) for each in overlong(job, running, now)
    }
    if job.overlap == "replace" and running:
        newest = max(running, key=lambda each: each.created_at)
        for each in running:
            if newest.created_at - each.created_at > stops.ONE_START:
                wanted.setdefault(each.task_arn, stops.Stop("replace", job.task, newest.task_id))
    return wanted


def _stop(settings: "Settings", job: Job, changes: Sequence[TaskChange], now: datetime) -> set[str]:
    """Stop what is to be stopped of a job. Returns the ARNs of those that ECS stops now.

    ECS is asked once more, in this moment, for a few of a job's tasks: the sweep may have asked some time ago.
    """
    if not to_stop(job, changes, settings.rule_prefix, now):
        return set()
    try:
        fresh = tasks.described(clients.ecs(), settings, [each.task_arn for each in changes if not each.has_ended])
    except AWS_ERRORS:
        logger.exception("ECS could not be asked once more; nothing is stopped", task=job.task)
        return set()
    return tasks.stop(settings, to_stop(job, fresh, settings.rule_prefix, now))


def _is_replaced(change: TaskChange) -> bool:
    own = stops.of(change)
    return own is not None and own.kind == "replace"


def _note_overlap(
    table: "RunTable", settings: "Settings", seen_job: Job, newest: TaskChange, earlier: TaskChange | None
) -> None:
    fresh = table.job(seen_job.task)
    if fresh is None or fresh.overlapping == bool(earlier):
        return
    if earlier is None:
        table.update_state(fresh.model_copy(update={"overlapping": False}), fresh)
        return
    seen = table.run(run_of(newest, fresh, settings.container, ()).key)
    if seen:
        run = seen.model_copy(update={"overlaps": earlier.task_id})
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
