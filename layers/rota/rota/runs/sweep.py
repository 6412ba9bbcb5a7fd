"""What no event reports: what did not happen. Once a minute Sweep looks at what should have happened meanwhile.

ECS is asked for all tasks that it knows, so that a lost or late event makes no difference for an hour. What was due and
is not there is missed once its retry age and its grace are over; where Sweep itself was away for longer than ECS
remembers, it is not known. A part that fails does not keep the others, and the next sweep does it once more.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.deployment.lease.item import lease_table_of
from rota.deployment.releases import Live, releases_of
from rota.log import logger
from rota.pauses.model import noted
from rota.runs import image, migrations, reasons, running, tasks
from rota.runs.by_job import by_job
from rota.runs.due import due_between
from rota.runs.missed import COUNTED_OVER, FIRES_WITHIN, Lacking, lacking, terms
from rota.runs.model import MISSED, Job, Run, Span, Status, Swept, UnclearTime, Why
from rota.runs.record import Recorder
from rota.runs.report import report
from rota.runs.table import RunTable
from rota.schedule_file.expression import period_of

if TYPE_CHECKING:
    from rota.pauses.model import Pause
    from rota.runs import trail
    from rota.runs.event import TaskChange
    from rota.runs.model import Reason
    from rota.settings import Settings

# Younger tasks are left to RecordRun, which normally is faster.
_EVENTS_COME_WITHIN = timedelta(seconds=90)
# ECS remembers a task that has ended for "at least one hour".
_ECS_REMEMBERS = timedelta(minutes=50)
# After so long RecordRun has worked off what came while Rota was away.
_CATCHES_UP_WITHIN = timedelta(minutes=15)
# Runs that are counted are looked at so often.
_COUNTS_EVERY = timedelta(minutes=15)
# What was due before that, while Rota was away or switched off, is not judged any more.
_LOOKS_BACK = timedelta(days=1)
# So old may a run be that is found open after Rota was away.
_LONGEST_RUN = timedelta(days=14)
_UNCLEAR_FOR = timedelta(days=3)

# What has ended and is recorded, by ARN; None for a task of the service. A new process asks ECS once more.
_settled: dict[str, "TaskChange | None"] = {}
_begun: set[str] = set()
"""What runs, and is recorded to have begun."""
_Result = TypeVar("_Result")
_Written = TypeVar("_Written")


def sweep(
    settings: "Settings", now: datetime, ended: Callable[[Run], None], pauses: "Mapping[str, Pause] | None" = None
) -> None:
    """Do all that is due `now`; `ended(run)` is called for each run that is found to have ended or to be missed.
    `pauses`: by task, those that are in force and those that were in the last hour.

    Raises the first error once everything else is done.
    """
    table = RunTable(clients.dynamodb(), settings.table, settings.app, settings.run_history_days)
    # The lease first: what it says to be running may be live a moment later, and not the other way round.
    changing_since = lease_table_of(settings).read().changing_schedules_since
    live = releases_of(settings).read()
    if live is None or live.live_since is None or not live.live_watched:
        table.put_swept(Swept(at=now))  # the targets do not pass ROTA_TASK yet
        return
    swept, jobs, releases = table.swept() or Swept(at=now), table.jobs(), table.releases()
    swept = swept.model_copy(update={"at": max(swept.at, now - _LOOKS_BACK)})
    known = (pauses or {}).values()
    swept = migrations.noted(swept, known, now)
    paused = {pause.task: pause for pause in known if not pause.is_a_migrations}
    if swept.live_since != live.live_since or swept.paused != noted(paused) or not releases:
        from rota.runs import live_jobs  # noqa: PLC0415  here, because only the sweep after a deployment reads it

        swept, jobs = live_jobs.learn(table, settings, swept, jobs, live, now, paused)
        releases = table.releases()
    recorder = Recorder(table, settings, releases, ended)
    parts = _Parts()
    found = parts.do(lambda: _ask_ecs(recorder, settings, now))
    if found is not None:
        parts.do(lambda: running.judge(table, settings, jobs, found, now))
        look = _Look(table, settings, recorder, now, swept, live, changing_since)
        swept = parts.do(lambda: look.at(jobs, {change.task_arn for change in found})) or swept
        # After an absence RecordRun first works off what began meanwhile, and ECS may have forgotten.
        # Nor does anything start while a migration runs.
        if settings.starts_runs and swept.back_at is None and not migrations.lasts(swept):
            parts.do(lambda: _catch_up(table, settings, jobs, found, now))
    looked = swept
    swept = parts.do(lambda: image.look_after(settings, looked, releases, now)) or swept
    # What RecordRun writes meanwhile is for the next sweep.
    parts.do(lambda: report(table, settings, (table.jobs() if table.wrote_jobs else jobs).values(), releases, now))
    table.put_swept(swept)
    parts.raise_first()


class _Parts:
    """Parts of which each is done, whatever becomes of the others."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    def do(self, part: Callable[[], _Result]) -> _Result | None:
        try:
            return part()
        except Exception as error:
            logger.exception("a part of the sweep failed")
            self._errors.append(error)
            return None

    def raise_first(self) -> None:
        if self._errors:
            raise self._errors[0]


def _catch_up(
    table: RunTable, settings: "Settings", jobs: Mapping[str, Job], found: "list[TaskChange]", now: datetime
) -> None:
    """Start what is owed: also what was found to be missed a moment ago, so that its message says what became of it."""
    jobs = table.jobs() if table.wrote_jobs else jobs
    if any(job.owed for job in jobs.values()):
        from rota.runs import catching_up  # noqa: PLC0415  here, because runs are rarely caught up

        catching_up.catch_up(table, settings, jobs.values(), found, now)


def _ask_ecs(recorder: Recorder, settings: "Settings", now: datetime) -> "list[TaskChange]":
    """Record what ECS knows and no event has reported, and return all tasks of jobs."""
    ecs = clients.ecs()
    arns = tasks.listed(ecs, settings)
    for arn in _settled.keys() - set(arns):
        del _settled[arn]
    found = tasks.described(ecs, settings, (arn for arn in arns if arn not in _settled))
    old = [change for change in found if now - (change.stopped_at or change.created_at) > _EVENTS_COME_WITHIN]
    unreported = [change for change in old if change.has_ended or change.task_arn not in _begun]
    _job_by_job(recorder.record, unreported, lambda change: change.job)
    ended = (change for change in old if change.has_ended)
    _settled.update({change.task_arn: None if change.is_of_a_service else change for change in ended})
    _begun.clear()
    _begun.update(change.task_arn for change in old if not change.has_ended)
    known = {**_settled, **{change.task_arn: change for change in found}}
    return [change for change in known.values() if change and not change.is_of_a_service]


def _job_by_job(write: Callable[[_Written], object], items: Iterable[_Written], job: Callable[[_Written], str]) -> None:
    """Write the items of each job one after the other, because each writes the job's own; the jobs in parallel."""
    in_parallel(lambda group: [write(item) for item in group], by_job(items, job).values())


class _Look(NamedTuple):
    """What was due, against what there is."""

    table: RunTable
    settings: "Settings"
    recorder: Recorder
    now: datetime
    swept: Swept
    live: Live
    changing_since: datetime | None
    """Since when a deployment that is running changes schedules."""

    def at(self, jobs: Mapping[str, Job], known: "set[str]") -> Swept:
        """Find what is missed. Returns how far it has looked; `known` are the tasks of which ECS knows."""
        was_away = self.now - (self.swept.asked_at or self.swept.at) > _ECS_REMEMBERS
        back_at = self.now if was_away else self.swept.back_at
        if back_at and self.now - back_at < _CATCHES_UP_WITHIN:
            return self.swept.model_copy(update={"back_at": back_at, "asked_at": self.now})
        swept = self._with_what_is_unclear(back_at)
        if back_at:
            in_parallel(lambda job: self._lose(job, known, back_at), jobs.values())
        history = self._fill(jobs, known) if back_at and self.settings.explain_missed else None
        due = [(job, after) for job in jobs.values() if (after := self._not_judged_since(job))]
        missed = [run for runs in in_parallel(lambda each: self._missed(*each, swept, history), due) for run in runs]
        _job_by_job(self.recorder.miss, self._explained(missed, jobs, history), lambda run: run.task)
        return swept.model_copy(
            update={"at": self.now, "asked_at": self.now, "back_at": None, "changing_since": self.changing_since}
        )

    def _with_what_is_unclear(self, back_at: datetime | None) -> Swept:
        unclear = [each for each in self.swept.unclear if each.until > self.now - _UNCLEAR_FOR]
        if back_at:
            unclear.append(UnclearTime(since=self.swept.at - _UNCLEAR_FOR, until=back_at - _ECS_REMEMBERS, away=True))
        since = self.swept.changing_since
        if since and self.changing_since is None and self.live.live_since and self.live.live_since < since:
            unclear.append(UnclearTime(since=since, until=self.now))  # it has ended, and is not live
        return self.swept.model_copy(update={"unclear": tuple(unclear)})

    def _fill(self, jobs: Mapping[str, Job], known: "set[str]") -> "trail.History":
        """Note what was started while Rota was away and ECS has forgotten. Returns what CloudTrail has of that time."""
        from rota.runs import trail  # noqa: PLC0415  here, because Rota is rarely away

        history = trail.read(clients.cloudtrail(), self.swept.at - _EVENTS_COME_WITHIN, self.now)
        started = history.tasks_of(self.settings.cluster, self.settings.family)
        forgotten = [task for task in started if task.job in jobs and task.task_arn not in known]
        _job_by_job(self.recorder.note_start, forgotten, lambda task: task.job)
        return history

    def _missed(self, job: Job, after: datetime, swept: Swept, history: "trail.History | None") -> list[Run]:
        """What is missed of a job that was due later than `after`."""
        runs = self.table.runs(job.task, after - _reads_before(job), self.now)
        found = lacking(job, runs, after, self.now)
        if self.changing_since:
            found = [each for each in found if each.due < self.changing_since]
        unclear = {each: between for each in found if (between := self._unclear(each, swept, history))}
        skipped = [each for each in found if each not in unclear and migrations.was_in_one(swept, each.due)]
        rest = [each for each in found if each not in unclear and each not in skipped]
        reason = self._why(job) if rest else None
        return [
            *(_run(job, each, Status.MISSED, reason) for each in rest if reason),
            *(_run(job, each, Status.SKIPPED, reasons.reason_of_migration()) for each in skipped),
            *(
                _run(job, each, Status.UNKNOWN, reasons.reason_of_absence(away=between.away))
                for each, between in unclear.items()
            ),
        ]

    def _explained(self, missed: list[Run], jobs: Mapping[str, Job], history: "trail.History | None") -> list[Run]:
        """With what CloudTrail knows of those of which there is no trace, if Rota may read it."""
        traceless = [run for run in missed if run.reason and run.reason.why == Why.NO_TRACE]
        if not (traceless and self.settings.explain_missed):
            return missed
        from rota.runs import trail  # noqa: PLC0415  here, because runs are rarely missed

        schedules = {task: job.spans[-1].when for task, job in jobs.items() if job.spans}
        since = min(run.scheduled_at for run in traceless) - FIRES_WITHIN
        found = (history or trail.read(clients.cloudtrail(), since, self.now)).asked

        def explained(run: Run) -> Run:
            rule = self.settings.rule_prefix + run.task
            # A rate's minute is known by its other runs, which may have begun later in theirs.
            early = FIRES_WITHIN if period_of(schedules[run.task].expression) else timedelta()
            late = COUNTED_OVER if run.counted else terms(jobs[run.task], schedules[run.task]).late
            reason = trail.reason_in(found, run.task, rule, run.scheduled_at - early, run.scheduled_at + late)
            return run.model_copy(update={"reason": reason}) if reason and run in traceless else run

        return [explained(run) for run in missed]

    def _not_judged_since(self, job: Job) -> datetime | None:
        """From when on what was due is to be judged now; None if there is nothing."""
        times = [since for span in job.spans if (since := self._span_not_judged_since(job, span))]
        if not times:
            return None
        return min(times)

    def _span_not_judged_since(self, job: Job, span: Span) -> datetime | None:
        horizon, period = terms(job, span.when).horizon, period_of(span.expression)
        after, until = self.swept.at - horizon, self.now - horizon
        if self.swept.changing_since:
            after = min(after, self.swept.changing_since)
        if terms(job, span.when).counted:
            # Those that say when they were due are not counted: then it is their own horizon that is over.
            quarter = _COUNTS_EVERY.total_seconds()
            looks = self.swept.at.timestamp() // quarter != self.now.timestamp() // quarter
            return after - 2 * _COUNTS_EVERY if looks else None
        if span.until and span.until <= after:
            return None
        if period:
            # Its phase is not known exactly, and what is judged twice is written once.
            anchor = span.start or job.last_run_at or span.since
            return after - period if (until - anchor) // period > (after - anchor) // period else None
        due = next(due_between(span.when, max(after, span.since - timedelta(seconds=1)), until), None)
        return after if due and (span.until is None or due < span.until) else None

    def _unclear(self, found: Lacking, swept: Swept, history: "trail.History | None") -> UnclearTime | None:
        between = (each for each in swept.unclear if each.since <= found.due < each.until)
        return next((each for each in between if not (each.away and history and history.covers(found.due))), None)

    def _why(self, job: Job) -> "Reason | None":
        """Why a job has missed a run; None if it has not yet, because its target is tried for longer than Rota sets."""
        from rota.schedules import backend  # noqa: PLC0415  here, because runs are rarely missed

        schedule = backend.connect(self.settings).read(self.settings.rule_prefix + job.task)
        if schedule is None or not backend.is_enabled(schedule):
            return reasons.reason_of_schedule(exists=schedule is not None)
        if (age := backend.retry_age_of(schedule)) > job.retry_age:
            self.table.put_settings(job.model_copy(update={"retry_age": age}))
            return None
        return reasons.reason_of_no_trace()

    def _lose(self, job: Job, known: "set[str]", back_at: datetime) -> None:
        """Give up the runs that were open before Rota was away and that ECS has forgotten."""
        runs = self.table.runs(job.task, self.swept.at - _LONGEST_RUN, back_at - _ECS_REMEMBERS)
        for run in runs:
            if not run.status.has_ended and run.task_arn not in known:
                self.recorder.lose(run, reasons.reason_of_absence(away=True))


def _reads_before(job: Job) -> timedelta:
    """How far before what is judged a job's runs are read."""
    of_spans = (2 * (period_of(span.expression) or timedelta()) + terms(job, span.when).horizon for span in job.spans)
    return max(of_spans, default=timedelta())


def _run(job: Job, found: Lacking, status: Status, reason: "Reason") -> Run:
    return Run(
        task=job.task,
        scheduled_at=found.due.replace(microsecond=0),
        task_id=MISSED,
        status=status,
        reason=reason,
        lacking=found.tasks,
        counted=found.counted,
    )
