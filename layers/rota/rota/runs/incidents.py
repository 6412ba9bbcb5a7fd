"""The state of a job after a run: when an incident begins, continues and ends. Pure.

Runs may be judged in any order: one that is older than the newest judged is *late*.
"""

from datetime import timedelta

from rota.runs.model import GoodRun, Incident, Job, Notice, Owed, Run, Status, Trigger, Why, incident_id

# So many good runs say how long a job usually takes.
_LASTED = 5
_GIVES_WAY = (Status.SKIPPED, Status.REPLACED)
# How often it is reported that runs give way, while they do.
_GIVES_WAY_EVERY = timedelta(days=1)
# What a person has disabled, removed or stopped is not to be started.
_NOT_WANTED = {Why.DISABLED, Why.GONE, Why.STOPPED}


def after_run(job: Job, run: Run) -> Job:
    """The job after one more of its runs has ended, or is known to be missed. Each is to be counted once; one that a
    person started is that person's, and says nothing of the job.
    """
    if run.trigger == Trigger.BY_HAND:
        return job
    if run.status == Status.OK:
        return _after_good(job, run)
    if run.status.is_bad:
        return _after_bad(job, run).model_copy(update={"owed": _owed(job, run)})
    if _is_of_a_migration(run):
        return job.model_copy(update={"owed": _owed(job, run)})
    if run.status in _GIVES_WAY:
        return _after_giving_way(job, run)
    noted = any(notice.kind == Status.UNKNOWN for notice in job.notices)
    return job if noted else job.model_copy(update={"notices": (*job.notices, Notice(kind=Status.UNKNOWN, run=run))})


def begin_incident(
    run: Run, runs: int, *, last_good: GoodRun | None = None, recovered: GoodRun | None = None
) -> Incident:
    """The incident that begins with that run, the last of so many bad ones."""
    return Incident(
        id=incident_id(run),
        opened_at=run.ended_at or run.scheduled_at,
        first=run.model_copy(update={"tail": ()}),
        last=run,
        runs=runs,
        last_good=last_good,
        recovered=recovered,
    )


def _after_good(job: Job, run: Run) -> Job:
    late = _is_late(job, run)
    good = job.last_run_good + 1 if run.scheduled_at == job.last_run_at else 1
    whole = job.count == 1 if late else good >= job.count
    changed: dict[str, object] = {}
    if not late:
        changed |= {"last_run_at": run.scheduled_at, "last_run_good": good}
    if run.seconds is not None:
        changed["lasted"] = (*job.lasted, run.seconds)[-_LASTED:]
    if whole:
        changed["last_good"] = last = _last_good(job.last_good, run, late=late)
        if not late:
            changed["bad_runs"] = 0
        if job.incident and not job.incident.recovered and _is_after(run, job.incident.last):
            changed["incident"] = job.incident.model_copy(update={"recovered": last})
    return job.model_copy(update=changed)


def _after_bad(job: Job, run: Run) -> Job:
    late = _is_late(job, run)
    changed: dict[str, object] = {}
    if not late:
        again = run.scheduled_at == job.last_run_at
        changed |= {"last_run_at": run.scheduled_at, "last_run_good": job.last_run_good if again else 0}
    bad_runs = job.bad_runs + 1
    incident = job.incident
    well_since = job.last_good if job.last_good and job.last_good.scheduled_at > run.scheduled_at else None
    if incident:
        # One that was over and is not reported yet is open again.
        newer = run.scheduled_at >= incident.last.scheduled_at
        changed["incident"] = incident.model_copy(
            update={
                "runs": incident.runs + 1,
                "last": run if newer else incident.last,
                "recovered": incident.recovered if well_since else None,
            }
        )
    elif job.tolerance == 0 if well_since else bad_runs > job.tolerance:
        changed["incident"] = (
            begin_incident(run, 1, recovered=well_since)
            if well_since
            else begin_incident(run, bad_runs, last_good=job.last_good)
        )
    if not well_since:
        changed["bad_runs"] = bad_runs
    return job.model_copy(update=changed)


def _after_giving_way(job: Job, run: Run) -> Job:
    """That is reported once a day, and not of each run: also if it never ends, because a run hangs."""
    if job.gave_way_at and run.scheduled_at - job.gave_way_at < _GIVES_WAY_EVERY:
        return job
    notices = (*job.notices, Notice(kind=run.status, run=run))
    return job.model_copy(update={"gave_way_at": run.scheduled_at, "notices": notices})


def _owed(job: Job, run: Run) -> Owed | None:
    """What catch_up is to start once more, after a run that did not begin. Of two minutes the newer one counts."""
    owed = job.owed
    status = Status.MISSED if _is_of_a_migration(run) else run.status
    wanted = job.catch_up in ("both", status)
    not_begun = status in (Status.NOT_STARTED, Status.MISSED)
    unwanted = run.reason is not None and run.reason.why in _NOT_WANTED
    if not (wanted and not_begun) or unwanted or run.trigger != Trigger.SCHEDULE or run.counted:
        return owed
    given_up = status == Status.MISSED
    if owed is None or run.scheduled_at > owed.scheduled_at:
        return Owed(scheduled_at=run.scheduled_at, tasks=run.lacking, given_up=given_up)
    if run.scheduled_at < owed.scheduled_at or owed.claimed_at:
        return owed
    return owed.model_copy(update={"tasks": owed.tasks + run.lacking, "given_up": owed.given_up or given_up})


def _is_of_a_migration(run: Run) -> bool:
    return run.reason is not None and run.reason.why == Why.MIGRATION


def _is_after(run: Run, bad: Run) -> bool:
    """Whether a run comes after a bad one: at a later minute, or started once more for the same."""
    if run.trigger == Trigger.CATCH_UP and run.scheduled_at == bad.scheduled_at:
        return bad.trigger != Trigger.CATCH_UP
    return run.scheduled_at > bad.scheduled_at


def _is_late(job: Job, run: Run) -> bool:
    return job.last_run_at is not None and run.scheduled_at < job.last_run_at


def _last_good(before: GoodRun | None, run: Run, *, late: bool) -> GoodRun:
    same = bool(before and before.release and run.release and before.release.digest == run.release.digest)
    if before and late:
        return before.model_copy(update={"runs": before.runs + same})
    return GoodRun(
        scheduled_at=run.scheduled_at,
        ended_at=run.ended_at or run.scheduled_at,
        release=run.release,
        revision=run.revision,
        runs=before.runs + 1 if before and same else 1,
        caught_up=run.trigger == Trigger.CATCH_UP,
    )
