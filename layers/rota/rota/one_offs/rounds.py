"""One round of a run: start its task, or ask ECS how far it is. The state machine waits between two rounds."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from rota.aws import clients
from rota.contract.deployment import Execution
from rota.contract.step_io import OneOffRun
from rota.ecs import one_off
from rota.errors import OvertakenError, RejectedError
from rota.one_offs.words import NAMES, failed, lost, not_started, timed_out
from rota.runs import tasks
from rota.runs.event import TaskChange, task_change
from rota.runs.judge import run_of
from rota.runs.model import Job, Run, Status, Why

if TYPE_CHECKING:
    from rota.handlers.step import LeaseSession
    from rota.plan.model import PlannedRun
    from rota.settings import Settings

# Seconds after which a task that never began is followed by another one.
_TRIED_AGAIN_AFTER = (15, 30, 60, 120)
# Seconds between two looks: a tenth of what it has run, so that a day of it has few events in the execution's history.
_SHORTEST_WAIT, _LONGEST_WAIT = 5, 300
# DescribeTasks may not show a task yet that RunTask has just named:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
_SHOWN_AFTER = timedelta(minutes=2)


class OneOff(NamedTuple):
    """What one execution runs once; `revision` is an ARN."""

    settings: "Settings"
    execution: Execution
    planned: "PlannedRun"
    revision: str


def next_round(what: OneOff, run: OneOffRun, session: "LeaseSession", since: datetime, now: datetime) -> OneOffRun:
    """The run after this round; `since`: when the first began, from which its timeout counts.

    TaskFailedError or RejectedError if it did not end well; OvertakenError if a newer push waits and nothing was
    started yet. From then on it is let end: a migration that is stopped may leave half of what it does.
    """
    end = since + timedelta(minutes=what.planned.timeout)
    if not run.task_arn:
        if session.overtaken and not session.again:
            raise OvertakenError("a newer push has arrived")
        if now >= end:
            raise not_started(run, what.planned.timeout)
        return _start(what, run, session, end, now)
    change = next(iter(tasks.described(clients.ecs(), what.settings, [run.task_arn])), None)
    if change is None:
        if run.asked_at and now - run.asked_at > _SHOWN_AFTER:
            raise lost(run)
        return _later(run, end, now)
    if not change.has_ended:
        # Its process may have ended in time: its exit code decides, some 20 seconds later.
        if now >= end and change.execution_stopped_at is None:
            if not change.has_begun:
                reason = f"task {change.task_id} is {change.last_status}"
                raise not_started(run.model_copy(update={"reason": reason}), what.planned.timeout)
            raise timed_out(run, what.planned.timeout, _with_log(what, _judged(what, run, change)), what.settings)
        words = "runs" if change.has_begun else "is being started"
        return _later(run, end, now).model_copy(update={"progress": f"task {change.task_id} {words}"})
    return _ended(what, run, _judged(what, run, change), session, end, now)


def _start(what: OneOff, run: OneOffRun, session: "LeaseSession", end: datetime, now: datetime) -> OneOffRun:
    task, why = one_off.start(
        clients.ecs(), what.planned.request, what.revision, run.kind, what.execution.id, run.attempt
    )
    if task is None:
        return _again(run, session, why, end, now) or _raise_not_begun(run, why)
    change = task_change(task)
    update = {
        "task_arn": change.task_arn,
        "revision": what.revision,
        "asked_at": change.created_at,
        "reason": "",
        "progress": f"task {change.task_id} is being started",
    }
    return _later(run.model_copy(update=update), end, now)


def _ended(
    what: OneOff, run: OneOffRun, judged: Run, session: "LeaseSession", end: datetime, now: datetime
) -> OneOffRun:
    reason = judged.reason
    never_began = judged.status == Status.NOT_STARTED and not (reason and reason.why == Why.STOPPED)
    if never_began and reason and (again := _again(run, session, f"{reason.words}: {reason.aws}", end, now)):
        return again
    done = run.model_copy(
        update={
            "finished": True,
            "exit_code": judged.exit_code,
            "seconds": judged.seconds,
            "reason": reason.words if reason else "",
            "progress": f"ended with exit code {judged.exit_code}" if judged.exit_code is not None else "never ran",
            "wait_seconds": 0,
        }
    )
    if judged.status == Status.OK:
        return done
    session.note(done.facts())
    raise failed(run, _with_log(what, judged), what.settings)


def _again(run: OneOffRun, session: "LeaseSession", why: str, end: datetime, now: datetime) -> OneOffRun | None:
    """The next attempt, after one of which ECS says that nothing has begun; None if there is none. OvertakenError if a
    newer push waits.
    """
    if session.overtaken:
        raise OvertakenError("a newer push has arrived")
    if run.attempt > len(_TRIED_AGAIN_AFTER) or now >= end:
        return None
    wait = _TRIED_AGAIN_AFTER[run.attempt - 1]
    progress = f"it did not begin ({why}); tried again in {wait} s"
    update = {"attempt": run.attempt + 1, "reason": why, "task_arn": "", "wait_seconds": wait, "progress": progress}
    return run.model_copy(update=update)


def _raise_not_begun(run: OneOffRun, why: str) -> NoReturn:
    raise RejectedError(f"{NAMES[run.kind]} did not begin: ECS started nothing in {run.attempt} attempts: {why}")


def seconds_between_looks(waited: timedelta) -> int:
    """How long to wait after having waited so long. Pure."""
    return max(_SHORTEST_WAIT, min(_LONGEST_WAIT, int(waited.total_seconds() / 10)))


def _later(run: OneOffRun, end: datetime, now: datetime) -> OneOffRun:
    """The run with how long to wait until the next round, which comes when its time is up at the latest."""
    left = max(_SHORTEST_WAIT, int((end - now).total_seconds()) + 1)
    wait = seconds_between_looks(now - run.asked_at if run.asked_at else timedelta())
    return run.model_copy(update={"wait_seconds": min(left, wait)})


def _judged(what: OneOff, run: OneOffRun, change: TaskChange) -> Run:
    """The task as runs of jobs are judged, though it is none of them."""
    return run_of(change, Job(task=run.kind, retry_age=0, grace=0), what.settings.container, ())


def _with_log(what: OneOff, judged: Run) -> Run:
    from rota.runs.log_tail import with_log  # noqa: PLC0415  here, because most runs end well

    return with_log(judged, what.settings, lines=what.settings.log_tail)
