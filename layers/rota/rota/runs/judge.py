"""How a run ended: a task of ECS as a run of its job. Pure."""

from collections.abc import Sequence
from datetime import datetime

from rota.runs import reasons, stops
from rota.runs.due import last_due
from rota.runs.event import TaskChange
from rota.runs.model import Job, Reason, Release, Run, Status, Trigger
from rota.schedule_file.expression import period_of


def run_of(change: TaskChange, job: Job, container: str, releases: Sequence[Release]) -> Run:
    """A task as a run of that job; `container` is the one whose end decides."""
    said = change.caught_up_for or change.overrides.scheduled_at
    due = said or (_estimated_due(job, change.created_at) if change.trigger == Trigger.SCHEDULE else None)
    status, reason = _end(change, container) if change.has_ended else (change.status, None)
    found = change.container(container)
    stopped_at = change.execution_stopped_at or change.stopped_at
    own = stops.of(change)
    return Run(
        task=job.task,
        scheduled_at=due or change.created_at.replace(microsecond=0),
        task_id=change.task_id,
        version=change.version,
        status=status,
        trigger=change.trigger,
        traced=said is not None,
        task_arn=change.task_arn,
        created_at=change.created_at,
        started_at=change.started_at,
        ended_at=(stopped_at or change.created_at) if change.has_ended else None,
        seconds=max(0.0, (stopped_at - change.started_at).total_seconds())
        if change.has_ended and change.started_at and stopped_at
        else None,
        exit_code=found.exit_code if found else None,
        stop_code=change.stop_code,
        reason=reason,
        release=release_of(change.digest(container), change.created_at, releases),
        revision=change.task_definition_arn,
        overlaps=own.because if own and own.kind == "skip" else "",
    )


def _end(change: TaskChange, name: str) -> tuple[Status, Reason | None]:
    container = change.container(name)
    code = container.exit_code if container else None
    if own := stops.of(change):
        return _own_end(own, began=change.started_at is not None or code is not None)
    stopped = reasons.reason_of_stop(change, container)
    if change.started_at is None and code is None:
        return Status.NOT_STARTED, stopped or reasons.reason_of_no_start(change, container)
    if stopped:
        return Status.FAILED, stopped
    if code is None or container is None:
        return Status.FAILED, reasons.reason_of_no_exit_code(change, container)
    return (Status.FAILED, reasons.reason_of_exit(change, container, code)) if code else (Status.OK, None)


def _own_end(own: stops.Stop, *, began: bool) -> tuple[Status, Reason]:
    """What Rota stopped has failed, unless its job's overlap says that it gives way."""
    gives_way = {"skip": Status.FAILED if began else Status.SKIPPED, "replace": Status.REPLACED}
    return gives_way.get(own.kind, Status.FAILED), reasons.reason_of_rotas_stop(own, began=began)


def release_of(digest: str, began: datetime, releases: Sequence[Release]) -> Release | None:
    """The release with which a run of that image began: the newest with it that was live then, else the newest with it,
    which was being deployed. The image alone if none is known, None without an image.
    """
    if not digest:
        return None
    alike = [each for each in releases if each.digest == digest]
    live = [each for each in alike if each.since is None or each.since <= began]
    return (live or alike or [Release(digest=digest)])[-1]


def _estimated_due(job: Job, created_at: datetime) -> datetime | None:
    """The latest minute, not after its creation, for which a task that says none was due. A rate has no such minutes:
    its run was due when it was created.
    """
    span = next((span for span in reversed(job.spans) if span.since <= created_at), next(iter(job.spans), None))
    return last_due(span.when, created_at) if span and period_of(span.expression) is None else None
