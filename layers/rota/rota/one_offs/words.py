"""What a deployment says that failed because of its migration or its smoke test. Pure."""

from typing import TYPE_CHECKING

from rota.contract.step_io import OneOffRun
from rota.errors import RejectedError, TaskFailedError
from rota.runs.model import Actor, Run, Status, Why
from rota.sanitise import clean

if TYPE_CHECKING:
    from rota.settings import Settings

NAMES = {"before": "the migration", "after": "the smoke test"}
"""What people call a run of that kind."""


def failed(run: OneOffRun, judged: Run, settings: "Settings") -> Exception:
    """The error for a run that has ended, and not well; `judged` has the last lines of its log."""
    name, reason = NAMES[run.kind], judged.reason
    if reason is None:
        return RejectedError(f"{name} ended, and why is not known")
    words = reason.words.replace("the job", name)
    if not words.startswith(name):
        began = "did not begin" if judged.status == Status.NOT_STARTED else "failed"
        words = f"{name} {began}: {words}"
    took = f" after {judged.seconds:.0f} s" if judged.seconds is not None else ""
    aws = f" ({clean(reason.aws)})" if reason.aws and reason.why != Why.EXIT_CODE else ""
    tries = f"; that was attempt {run.attempt}" if run.attempt > 1 else ""
    message = f"{words}{took}{aws}{tries}{_log(run, judged, settings)}"
    return TaskFailedError(message) if reason.reader == Actor.AUTHOR else RejectedError(message)


def timed_out(run: OneOffRun, minutes: int, judged: Run, settings: "Settings") -> TaskFailedError:
    """The error for a run whose time is up; the restore stops it."""
    return TaskFailedError(
        f"{NAMES[run.kind]} did not end within its timeout of {minutes} minutes, and is stopped"
        f"{_log(run, judged, settings)}"
    )


def not_started(run: OneOffRun, minutes: int) -> RejectedError:
    """The error for a run that did not begin before its time was up."""
    why = f": {clean(run.reason)}" if run.reason else ""
    return RejectedError(f"{NAMES[run.kind]} did not begin within its timeout of {minutes} minutes{why}")


def lost(run: OneOffRun) -> RejectedError:
    """The error for a run whose task ECS does not know."""
    return RejectedError(
        f"ECS does not know the task {run.task_arn} of {NAMES[run.kind]} any more, so it is not known how it ended: "
        "look at its log"
    )


def _log(run: OneOffRun, judged: Run, settings: "Settings") -> str:
    """The last lines of its log, each on a line of its own; or how to read it, and which parameter would give them."""
    if judged.tail:
        from rota.notifications.message import log_lines  # noqa: PLC0415  here, because most runs end well

        lines = "\n".join(f"  {line}" for line in log_lines(judged.tail))
        return f". The last lines of its log:\n{lines}"
    place = judged.log
    if not (place and place.group and settings.log_tail and judged.status != Status.NOT_STARTED):
        return ""
    if not settings.job_log_groups:
        reads = f"Read its log, in {place.group}: rota logs {run.kind}"
        return f". {reads}. Its last lines are shown here if JobLogGroups names it"
    return f". Its log is in {place.group}{f', stream {place.stream}' if place.stream else ''}"
