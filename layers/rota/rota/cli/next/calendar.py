"""Which runs are due when. Pure."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice, takewhile
from typing import NamedTuple

from rota.cli.next.model import Calendar, Coming, Scheduled
from rota.cli.status.model import Pause
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import in_words, runs_after
from rota.schedule_file.when import When

_MOST = 10_000


class Job(NamedTuple):
    """What is known of a job. `last` is when its newest run was due, from which a rate counts."""

    task: str
    when: When
    enabled: bool
    paused: Pause | None = None
    last: datetime | None = None


def calendar(jobs: Iterable[Job], since: datetime, until: datetime) -> Calendar:
    """The jobs' runs in that time."""
    known = sorted(jobs, key=lambda job: job.task)
    merged = heapq.merge(*(_runs_of_a_job(job, since, until) for job in known), key=lambda run: (run.at, run.task))
    runs = [*islice(merged, _MOST + 1)]
    tasks = [
        Scheduled(
            job.task, *job.when, in_words=in_words(job.when.from_now_on(since)), enabled=job.enabled, paused=job.paused
        )
        for job in known
    ]
    version = _zones() if any(job.when.timezone != "UTC" for job in known) else None
    return Calendar(since, until, tasks, runs[:_MOST], more=len(runs) > _MOST, zones=version)


def _zones() -> str:
    from rota.schedule_file import zones

    return zones.VERSION


def _runs_of_a_job(job: Job, since: datetime, until: datetime) -> Iterator[Coming]:
    period, begin = None if job.when.start else period_of(job.when.expression), since
    if period and job.last:
        begin = job.last + period * ((since - job.last) // period)
    for at in takewhile(lambda at: at <= until, runs_after(job.when, begin)):
        yield Coming(job.task, at, exact=period is None, enabled=_is_on(job, at), local=_local(at, job.when))


def _local(at: datetime, when: When) -> str:
    if when.timezone == "UTC":
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"
    from rota.schedule_file import zones

    return at.astimezone(zones.zone(when.timezone)).isoformat()


def _is_on(job: Job, at: datetime) -> bool:
    """Whether its schedule is on then: a pause ends at its time."""
    if job.paused:
        return job.paused.until is not None and at >= job.paused.until
    return job.enabled
