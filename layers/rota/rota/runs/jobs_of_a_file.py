"""What the schedule file that is live says of each job, with since when. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.runs.model import Job, Span
from rota.schedule_file.retry_age import retry_age
from rota.schedule_file.task import Task, Watch

# EventBridge's longest retry age, a day, and the grace: no run of a span that ended before is missed any more.
_REMEMBERED = timedelta(days=3)


class Paused(NamedTuple):
    """Which tasks are paused, by name: since when no due minute counts. `over`: those that were, and whose
    pause began after the last look.
    """

    now: Mapping[str, datetime] = {}
    over: Mapping[str, datetime] = {}


_NONE = Paused()


def changed_jobs(
    known: Mapping[str, Job], tasks: Iterable[Task], changing_since: datetime, now: datetime, paused: Paused = _NONE
) -> list[Job]:
    """The jobs that differ from what is `known`; `changing_since`: when the deployment began to change schedules.

    A new schedule counts from now on, when everybody who records runs can know it. From `changing_since` until now it
    is not known which of the two was in force, and no minute counts. Nor does one in a pause.
    """
    wanted = {task.name: task for task in tasks}
    jobs = [_as_the_file_says(known.get(name), task, changing_since, now, paused) for name, task in wanted.items()]
    jobs += [_closed(job, changing_since) for name, job in known.items() if name not in wanted]
    return [job for job in jobs if job != known.get(job.task)]


def _as_the_file_says(job: Job | None, task: Task, changing_since: datetime, now: datetime, paused: Paused) -> Job:
    given = task.retry.age if task.retry else None
    age = timedelta(seconds=given) if given else retry_age(task.expression)
    watch = task.watch or Watch()
    said = {
        "count": task.count,
        "retry_age": int(age.total_seconds()),
        "grace": watch.grace,
        "max_runtime": watch.max_runtime,
        "overlap": task.overlap,
        "catch_up": task.catch_up,
        "tolerance": watch.tolerance,
        "owner": task.owner or "",
    }
    job = job.model_copy(update=said) if job else Job.model_validate({"task": task.name, **said})
    if task.name in paused.over:
        job = _closed(job, paused.over[task.name])
    is_on = task.enabled and task.name not in paused.now
    current = job.spans[-1] if job.spans and job.spans[-1].until is None else None
    if (current.when if current else None) == (task.when if is_on else None):
        return job
    job = _closed(job, paused.now.get(task.name, changing_since))
    if not is_on:
        return job
    spans = [span for span in job.spans if span.until and span.until > now - _REMEMBERED]
    return job.model_copy(update={"spans": (*spans, Span(**task.when._asdict(), since=now))})


def _closed(job: Job, at: datetime) -> Job:
    if not job.spans or job.spans[-1].until is not None:
        return job
    last = job.spans[-1]
    closed = last.model_copy(update={"until": max(at, last.since)})
    return job.model_copy(update={"spans": (*job.spans[:-1], closed)})
