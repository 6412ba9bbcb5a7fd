"""Following what `rota run` has started to its end, and what it came to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from rota.cli import time_text
from rota.cli.aws_errors import denial
from rota.cli.ecs_tasks import short
from rota.cli.events import Task
from rota.cli.exits import CommandError, Exit
from rota.cli.logs.follow import follow, print_line
from rota.cli.run.model import OneRun, Ran
from rota.cli.stop.stop import stop
from rota.runs.judge import run_of
from rota.runs.model import Job

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.logs.model import Line
    from rota.runs.event import TaskChange

_DOES = {
    "PROVISIONING": "gets its network interface",
    "PENDING": "pulls the image",
    "RUNNING": "runs",
    "DEPROVISIONING": "has ended; ECS removes its network interface",
}


class _Shown:
    """Prints what becomes of the tasks: their log on stdout, all else on stderr."""

    def __init__(self, account: "Account", *, several: bool) -> None:
        self._output = account.output
        self._several = several

    def changed(self, change: "TaskChange") -> None:
        if self._output.as_json:
            self._output.event(Task(change.task_arn, change.last_status))
        elif words := _DOES.get(change.last_status):
            self._output.notes([f"  {short(change.task_arn)} {words}"])

    def line(self, task_arn: str, line: "Line") -> None:
        print_line(self._output, task_arn, line, several=self._several)

    def unreadable(self, task_arn: str, refusal: Exception | str) -> None:
        """The job runs all the same."""
        why = f"{denial(refusal)} is denied" if isinstance(refusal, ClientError) else refusal
        self._output.notes([f"  {short(task_arn)}: its log is not to be seen: {why}"])


def wait(
    account: "Account",
    task: str,
    due: datetime,
    started: Sequence["TaskChange"],
    timeout: timedelta | None,
    *,
    stops: bool,
) -> int:
    """Follow what was started, due then, unless `timeout` is None. Returns the exit code of the command. With `stops`
    Ctrl-C stops it.
    """
    output, ids = account.output, [short(each.task_arn) for each in started]
    revision = started[0].task_definition_arn.rpartition("/")[2]
    which = f"--run {ids[0]}" if len(ids) == 1 else task
    stopping = "; ".join(f"rota stop {each}{account.options}" for each in ids)
    after = f"Its log: rota logs {which} -f{account.options}   Stop it: {stopping}"
    output.notes([f"{task} is started: {revision}, {'task' if len(ids) == 1 else 'tasks'} {' '.join(ids)}"])
    if timeout is None:
        output.notes([after])
        return answer(account, [_one(account, task, due, each) for each in started], None)
    account.interrupted = f"The job continues. {after}"
    try:
        arns = [each.task_arn for each in started]
        ended = follow(account, arns, _Shown(account, several=len(started) > 1), timeout)
    except KeyboardInterrupt:
        if stops:
            try:
                for each in started:
                    stop(account, each.task_arn, "Ctrl-C")
            except (BotoCoreError, ClientError) as refusal:
                account.interrupted = f"{task} could not be stopped: {refusal}. {account.interrupted}"
            else:
                account.interrupted = f"Stopped watching, and {task} is being stopped. {after.partition('   ')[0]}"
        raise
    if not all(each.has_ended for each in ended) or len(ended) < len(started):
        raise CommandError(Exit.TIMED_OUT, f"{task} has not ended after {timeout}", account.interrupted)
    runs = [_one(account, task, due, each) for each in ended]
    for ran in runs:
        took = f" after {time_text.duration(ran.seconds)}" if ran.seconds is not None else ""
        how = f"ended with exit code {ran.exit}" if ran.exit is not None else "never ran"
        why = f": {ran.reason}" if ran.reason and ran.exit is None else ""
        output.notes([f"{task} {how}{took}{why}"])
    return answer(account, runs, next((code for code in map(_exit, runs) if code), 0))


def answer(account: "Account", runs: list[OneRun], code: int | None) -> int:
    """Print what the runs came to, for programs. Returns the exit code; 0 if nothing was waited for."""
    if account.output.as_json:
        account.output.document_event("run", Ran(runs, code), account.stack)
    return code or 0


def _exit(run: OneRun) -> int:
    return int(Exit.NOT_RUN) if run.exit is None else run.exit


def _one(account: "Account", task: str, due: datetime, change: "TaskChange") -> OneRun:
    """The task as the run watcher judges it."""
    run = run_of(change, Job(task=task, retry_age=0, grace=0), account.stack.container, ())
    return OneRun(
        task=task,
        arn=change.task_arn,
        due=due,
        status=run.status.value,
        exit=run.exit_code if change.has_ended else None,
        seconds=run.seconds,
        stop_code=run.stop_code,
        reason=f"{run.reason.words}; {run.reason.aws}".strip("; ") if run.reason else "",
    )
