"""`catch_up`: a run that was due and did not begin is started once more, late.

At most once for a minute, whatever is repeated, lost or killed. The job's item says that a sweep has taken it on,
before it calls ECS; and the client token is made of the job and the minute, so that ECS starts nothing a second time:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html. A call whose answer is lost is repeated
within the time for which ECS knows the token.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.contract.run_event import RunKind
from rota.errors import TransientError
from rota.log import logger
from rota.runs.by_job import by_job
from rota.runs.event import Overrides, TaskChange, started_by_catch_up
from rota.runs.judge import run_of
from rota.runs.missed import FIRES_WITHIN
from rota.runs.model import MISSED, STARTED, Job, Notice, Owed, Run, Span, Status, Trigger
from rota.runs.reasons import reason_of_no_catching_up
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import runs_after
from rota.tracing import TASK

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.settings import Settings

# ECS knows a client token for 24 hours, and no longer than an hour after its tasks have ended. What has no answer until
# then may run, and is left alone.
_REPEATED_FOR = timedelta(minutes=45)
# So long ECS takes at most until a Fargate task runs, mostly.
_BEGINS_WITHIN = timedelta(minutes=1)
_RAN = "it has run meanwhile"
_DID_NOT_BEGIN = (Status.NOT_STARTED, Status.MISSED)


class Verdict(NamedTuple):
    """What to do now of what is owed. Neither of the two: wait."""

    tasks: int = 0
    """How many to start."""
    never: str = ""
    """Why none is started any more."""


def catch_up(
    table: "RunTable", settings: "Settings", jobs: Iterable[Job], found: Iterable[TaskChange], now: datetime
) -> None:
    """Start what is owed and may be started now. `found` are all tasks of jobs that ECS knows."""
    tasks = by_job(found, lambda change: change.job)
    owing = [job for job in jobs if is_owing(job) and to_start(job, (), now) != Verdict()]

    def make_good(job: Job) -> None:
        try:
            _make_good(table, settings, job, tasks.get(job.task, []), now)
        except (*AWS_ERRORS, TransientError):
            logger.exception("what is owed was not started; the next sweep looks once more", task=job.task)

    in_parallel(make_good, owing)


def is_owing(job: Job) -> bool:
    """Whether something is left to do of what a job owes. Pure."""
    return bool(job.catch_up and job.owed and not job.owed.answer)


def to_start(job: Job, others: Sequence[Run], now: datetime, *, retry_age: int = 0, runs_now: bool = False) -> Verdict:
    """What to do of what a job owes. `others`: its runs since that minute; `retry_age`: its target's, in seconds;
    `runs_now`: whether a task of it runs, since whenever. Pure.
    """
    owed, span = job.owed, job.spans[-1] if job.spans else None
    # What is due has whole seconds.
    if owed is None or span is None or span.until or owed.scheduled_at < span.since.replace(microsecond=0):
        return Verdict(never="its schedule was changed or paused")
    if now > _latest(job, span, owed):
        return Verdict(never="its next run is nearer than it usually takes")
    if owed.claimed_at and now - owed.claimed_at > _REPEATED_FOR:
        return Verdict(never="ECS gave no answer for 45 minutes")
    tasks = min(owed.tasks, job.count - _begun(job, others))
    if tasks <= 0 or (owed.claimed_at and tasks < owed.tasks):
        return Verdict(never=_RAN)
    tried_for = timedelta(seconds=max(job.retry_age, retry_age)) + FIRES_WITHIN
    if not owed.given_up and now <= owed.scheduled_at + tried_for:
        return Verdict()
    return Verdict() if job.overlap == "skip" and runs_now else Verdict(tasks)


def token(app: str, task: str, due: datetime) -> str:
    """RunTask's `clientToken` of that job and minute: 64 characters, which are the most."""
    return hashlib.sha256(f"{app} {task} {due.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}".encode()).hexdigest()


def _begun(job: Job, others: Iterable[Run]) -> int:
    """How many of a start's tasks there are. One that a person started counts as all of them."""
    begun = [run for run in others if run.status not in _DID_NOT_BEGIN and run.task_id != MISSED]
    return job.count if any(run.trigger == Trigger.BY_HAND for run in begun) else len(begun)


def _latest(job: Job, span: Span, owed: Owed) -> datetime:
    """Until when a run still ends before the next one is due, if it takes as long as usually."""
    following = next(iter(runs_after(span.when, owed.scheduled_at)), None)
    if following is None:
        return datetime.max.replace(tzinfo=UTC)
    usual = sorted(job.lasted)[len(job.lasted) // 2] if job.lasted else job.max_runtime or 0
    return following - timedelta(seconds=usual) - _BEGINS_WITHIN


def _make_good(table: "RunTable", settings: "Settings", job: Job, found: Sequence[TaskChange], now: datetime) -> None:
    from rota.schedules import backend  # noqa: PLC0415  here, because runs are rarely caught up

    owed = job.owed
    if owed is None:
        return
    schedule = backend.connect(settings).read(settings.rule_prefix + job.task)
    request = backend.start_of(schedule, owed.scheduled_at) if schedule and backend.is_enabled(schedule) else None
    if schedule is None or request is None or Overrides.model_validate(request["overrides"]).variable(TASK) != job.task:
        _note(table, job, "its schedule is disabled or gone, or does not name the job")
        return
    live, known = backend.when_of(schedule), job.spans[-1].when
    if live is None or (live.expression, live.timezone) != (known.expression, known.timezone):
        return  # a deployment is changing it; the sweep after that knows whether this is still owed
    others = _since(table, settings, job, owed, found, now)
    age, runs_now = backend.retry_age_of(schedule), any(not change.has_ended for change in found)
    verdict = to_start(job, others, now, retry_age=age, runs_now=runs_now)
    if verdict.never:
        started = any(run.trigger == Trigger.CATCH_UP for run in others)
        _note(table, job, STARTED if started else verdict.never)
    elif verdict.tasks and (claimed := _claimed(table, job, owed, verdict.tasks, now)):
        answer = _start(settings, job.task, owed.scheduled_at, {**request, "count": verdict.tasks})
        logger.info("caught up", task=job.task, scheduled_at=owed.scheduled_at, answer=answer)
        _note(table, claimed, answer)


def _since(
    table: "RunTable", settings: "Settings", job: Job, owed: Owed, found: Iterable[TaskChange], now: datetime
) -> list[Run]:
    """The job's runs since the minute that it owes, by the table and by ECS, which is asked last and knows better."""
    # The phase of a rate is known to a minute.
    since = owed.scheduled_at - (FIRES_WITHIN if period_of(job.spans[-1].expression) else timedelta())
    runs: dict[str, Run] = {run.key: run for run in table.runs(job.task, since, now)}
    runs |= {run.key: run for run in (run_of(change, job, settings.container, ()) for change in found)}
    return [run for run in runs.values() if run.scheduled_at >= since]


def _claimed(table: "RunTable", job: Job, owed: Owed, tasks: int, now: datetime) -> Job | None:
    """The job once this sweep has taken on what it owes, or an earlier one has; None if it changes meanwhile."""
    if owed.claimed_at:
        return job
    claimed = job.model_copy(update={"owed": owed.model_copy(update={"claimed_at": now, "tasks": tasks})})
    return claimed if table.update_state(claimed, job) else None


def _start(settings: "Settings", task: str, due: datetime, request: Mapping[str, Any]) -> str:
    """Call RunTask. Returns what became of it. TransientError, or an error of AWS, if that is not known."""
    try:
        reply = clients.ecs().run_task(
            **request, startedBy=started_by_catch_up(due), clientToken=token(settings.app, task, due)
        )
    except ClientError as error:
        # The token was used, with a target that was another one then: it was started by a call whose answer was lost.
        if error.response["Error"]["Code"] == "ConflictException":
            return STARTED
        if isinstance(found := translate(error), TransientError):
            raise found from error
        return str(found)
    begun, wanted = len(reply["tasks"]), request["count"]
    failures = "; ".join(dict.fromkeys(str(failure.get("reason", "")) for failure in reply.get("failures", [])))
    if begun == wanted:
        return STARTED
    return f"ECS started {f'{begun} of {wanted} tasks' if begun else 'nothing'}: {failures}"


def _note(table: "RunTable", job: Job, answer: str) -> None:
    """Write what became of it. If that fails, the next sweep calls ECS once more, which starts nothing twice."""
    due = job.owed and job.owed.scheduled_at
    if answer != STARTED:
        logger.warning("not caught up", task=job.task, scheduled_at=due, answer=answer)

    def answered(fresh: Job) -> Job | None:
        owed = fresh.owed
        return None if owed is None or owed.scheduled_at != due or owed.answer else _answered(fresh, owed, answer)

    table.change_state(job.task, answered)


def _answered(job: Job, owed: Owed, answer: str) -> Job:
    """The job once that became of what it owes. If a message has said that it will be started, another says no."""
    update: dict[str, object] = {"owed": owed.model_copy(update={"answer": answer})}
    incident = job.incident
    if answer not in (STARTED, _RAN) and incident and incident.reported_at:
        run = incident.last
        if run.scheduled_at == owed.scheduled_at:
            run = run.model_copy(update={"reason": reason_of_no_catching_up(run.reason, answer)})
            update["notices"] = (*job.notices, Notice(kind=RunKind.NOT_CAUGHT_UP, run=run))
    return job.model_copy(update=update)
