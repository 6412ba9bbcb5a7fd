"""Recording what events report of runs: each change once, in any order, also if events are repeated, late or lost."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from rota.errors import TransientError
from rota.runs.due import last_due
from rota.runs.event import GivenUp, TaskChange
from rota.runs.incidents import after_run
from rota.runs.judge import run_of
from rota.runs.model import MISSED, Job, Reason, Release, Run, Status, Trigger, Why, job_key
from rota.runs.reasons import reason_of_dead_letter, reason_of_unseen_end
from rota.schedule_file.when import When

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.settings import Settings

# CloudTrail's time of a start and the task's own are not the same second; a run of a rate is found by the second.
_TIMES_DIFFER = timedelta(minutes=1)
# Two functions rarely want the same job at once, and of those one always succeeds.
_ATTEMPTS = 10


class Recorder:
    """Writes runs and how their jobs do. `ended(run)` is called once for each run that has ended,
    `still_runs(job, change)` at least once for each change of a task that has not.
    """

    def __init__(
        self,
        table: "RunTable",
        settings: "Settings",
        releases: Sequence[Release],
        ended: Callable[[Run], None],
        still_runs: Callable[[Job, TaskChange], None] = lambda _job, _change: None,
    ) -> None:
        self._table = table
        self._settings = settings
        self._releases = releases
        self._ended = ended
        self._still_runs = still_runs

    def record(self, change: TaskChange) -> Run | None:
        """Write what a task's change says, unless a later one is written already. None if it is no run of a job."""
        if change.is_of_a_service or not (task := change.job or self._task_by_rule(change)):
            return None

        def write(job: Job, known: bool) -> Run | None:
            if not change.has_ended:
                self._still_runs(job, change)
            run = run_of(change, job, self._settings.container, self._releases)
            seen = self._table.run(run.key)
            if seen and not _is_news(run, seen):
                return seen
            if seen:
                kept = {"overlong_since": seen.overlong_since, "overlaps": run.overlaps or seen.overlaps}
                run = run.model_copy(update=kept)
            return self._write(run, seen, job, known=known)

        return self._persist(task, write)

    def give_up(self, letter: GivenUp) -> Run | None:
        """Write that a start of a job was given up, and why. None if the rule is none of a job's."""
        prefix = self._settings.rule_prefix
        if not letter.rule.startswith(prefix):
            return None

        def write(job: Job, known: bool) -> Run | None:
            spans = [span for span in job.spans if span.since <= letter.sent_at] or job.spans
            due = letter.at or (last_due(spans[-1].when, letter.sent_at) if spans else None)
            run = Run(
                task=job.task,
                scheduled_at=(due or letter.sent_at).replace(microsecond=0),
                task_id=MISSED,
                status=Status.MISSED,
                reason=reason_of_dead_letter(letter),
                lacking=job.count,
                counted=bool(spans) and _may_be_of_an_earlier_minute(letter, job, spans[-1].when),
            )
            return self._miss(run, job, known=known)

        return self._persist(letter.rule.removeprefix(prefix), write)

    def note_start(self, change: TaskChange) -> Run:
        """Write that a task of a job was started, whose end cannot be seen any more, unless more is known of it."""
        reason = reason_of_unseen_end(change.created_at)

        def write(job: Job, known: bool) -> Run | None:
            run = run_of(change, job, self._settings.container, self._releases)
            run = run.model_copy(update={"status": Status.UNKNOWN, "reason": reason})
            near = self._table.runs(job.task, run.scheduled_at - _TIMES_DIFFER, run.scheduled_at + _TIMES_DIFFER)
            seen = next((each for each in near if each.task_id == run.task_id), None)
            return seen or self._write(run, None, job, known=known)

        return self._persist(change.job, write)

    def miss(self, run: Run) -> Run:
        """Write that a run is lacking, unless that is written already."""
        return self._persist(run.task, lambda job, known: self._miss(run, job, known=known))

    def _miss(self, run: Run, job: Job, *, known: bool) -> Run | None:
        seen = self._table.run(run.key)
        if seen is None:
            return self._write(run, None, job, known=known)
        if _says_more(run.reason, seen.reason):
            explained = seen.model_copy(update={"reason": run.reason})
            return explained if self._table.put(explained, seen) else None
        return seen

    def lose(self, run: Run, reason: Reason) -> None:
        """Write that the end of a run was not seen, and cannot be any more."""
        self._table.put(run.model_copy(update={"status": Status.UNKNOWN, "reason": reason}), run)

    def _persist(self, task: str, write: Callable[[Job, bool], Run | None]) -> Run:
        """What `write(job, known)` returns for the job as it is; None means that something else was written since. A
        job is not `known` until Sweep has written what the schedule file says of it: its runs are recorded, not judged.
        """
        for _ in range(_ATTEMPTS):
            job = self._table.job(task)
            if run := write(job or Job(task=task, retry_age=0, grace=0), job is not None):
                return run
        raise TransientError(f"{job_key(task)} is written too often to record a run")

    def _write(self, run: Run, seen: Run | None, job: Job, *, known: bool) -> Run | None:
        if known and run.status.has_ended:
            after = after_run(job, run)
            if not self._settings.starts_runs:
                after = after.model_copy(update={"owed": None})  # it will not be started, and no mail may promise it
            written = self._table.end(run, seen, after, job)
        else:
            written = self._table.put(run, seen)
        if written and run.status.has_ended:
            self._ended(run)
        return run if written else None

    def _task_by_rule(self, change: TaskChange) -> str:
        """The task of a run that does not say it: that of the one rule which may have started it."""
        if change.trigger != Trigger.SCHEDULE:
            return ""
        jobs = self._table.jobs()
        tasks = [task for task in jobs if change.is_started_by(self._settings.rule_prefix + task)]
        return tasks[0] if len(tasks) == 1 else ""


def _may_be_of_an_earlier_minute(letter: GivenUp, job: Job, when: When) -> bool:
    """Whether a start was tried until the next one was due, and its letter does not say when it was due itself."""
    if letter.at or not letter.exhausted:
        return False
    from rota.runs.missed import terms  # noqa: PLC0415  here, because starts are rarely given up

    return terms(job, when).counted


def _is_news(run: Run, seen: Run) -> bool:
    """Whether a change is to be written: a run is written as it is first seen, and as it has ended."""
    if not run.status.has_ended or run.version <= seen.version:
        return False
    return not seen.status.has_ended or seen.status == Status.UNKNOWN


def _says_more(reason: Reason | None, before: Reason | None) -> bool:
    """Whether a missed run has a better reason now than that there is no trace of it."""
    guesses = {Why.NO_TRACE, Why.AWAY}
    return bool(reason and reason.why not in guesses and (before is None or before.why in guesses))
