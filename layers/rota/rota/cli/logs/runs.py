"""What runs of jobs have logged."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rota.cli import ecs_tasks, live_schedules, one_offs, time_text
from rota.cli import table as items
from rota.cli.events import Task
from rota.cli.exits import CommandError, Exit
from rota.cli.logs.follow import follow as follow_tasks
from rota.cli.logs.follow import print_line
from rota.cli.logs.model import Line, Log, Logs
from rota.cli.logs.task_log import TaskLog, secrets_of_runs
from rota.runs.judge import run_of
from rota.runs.log_place import secrets_in
from rota.runs.model import Job

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.table import Item
    from rota.runs.event import TaskChange

Wanted = Callable[[Line], bool]
_EVER = datetime.min.replace(tzinfo=UTC)


class Which(NamedTuple):
    """The runs that are meant: one, so many, or those that were due since."""

    task: str | None
    run: str | None
    last: int
    since: timedelta | None


class _Run(NamedTuple):
    arn: str
    revision: str
    job: str | None
    due: datetime | None
    status: str | None
    exit: int | None
    secrets: list[str]


def show(account: "Account", which: Which, wanted: Wanted) -> None:
    """Print the log of each run, the oldest first. CommandError if there is none."""
    output, found = account.output, [*reversed([*_runs(account, which)])]
    if not found:
        raise _no_run(account, which)
    if output.as_json:
        output.answer(Logs([_log(account, each, wanted) for each in found]), account.stack, list)
        return
    for each in found:
        log = _log(account, each, wanted)
        output.say(_title(log, account.now(), utc=output.utc))
        output.lines(line.message for line in log.lines)
        if log.note:
            output.say(log.note)


def follow(account: "Account", task: str | None, run: str | None, wanted: Wanted) -> Exit:
    """Print a run's log until it has ended. Without `run` that of the newest one of the job."""
    which = Which(task, run, 1, None)
    under_way: Sequence[TaskChange] = []
    if task in one_offs.KINDS and not run:
        newest = next(one_offs.runs(account, str(task)), None)
        found_now = newest and ecs_tasks.find(account, newest.task_arn)
        under_way = [found_now] if found_now and not found_now.has_ended else []
    elif task and not run:
        job = live_schedules.task_of(task, account.stack.rule_prefix)
        under_way = ecs_tasks.running(account, job)
        # A run that has just ended may not be recorded yet.
        if not under_way and (last := ecs_tasks.ended_last(account, job)):
            which = which._replace(run=last.task_arn)
    if under_way:
        arns = [each.task_arn for each in under_way]
    elif (found := next(_runs(account, which), None)) is None:
        raise _no_run(account, which)
    elif found.status in ("starting", "running"):
        arns = [found.arn]
    else:
        show(account, which._replace(run=found.arn), wanted)
        return Exit.DONE
    account.interrupted = (
        f"Stopped watching; the job continues. Stop it: rota stop {ecs_tasks.short(arns[0])}{account.options}"
    )
    follow_tasks(account, arns, _Shown(account, wanted, several=len(arns) > 1), None)
    return Exit.DONE


def _no_run(account: "Account", which: Which) -> CommandError:
    """Raises another one if there is no such job."""
    if which.task in one_offs.KINDS:
        todo = "a deployment runs it; a trial's log: rota logs --run ID, with the task's id that rota run has named"
        return CommandError(Exit.NOT_ALLOWED, f'no deployment has run "{which.task}" yet', todo, error="NoRun")
    live_schedules.require(
        [live_schedules.task_of(which.task or "", account.stack.rule_prefix)], live_schedules.all_tasks(account)
    )
    words = f"there is no run of {which.task}{f' in the last {which.since}' if which.since else ''}"
    return CommandError(Exit.NOT_ALLOWED, words, "`rota status` lists the jobs", error="NoRun")


class _Shown:
    """Prints lines; what becomes of the task beside them."""

    def __init__(self, account: "Account", wanted: Wanted, *, several: bool) -> None:
        self._output, self._wanted, self._several = account.output, wanted, several

    def changed(self, change: "TaskChange") -> None:
        if self._output.as_json:
            self._output.event(Task(change.task_arn, change.last_status))
        else:
            self._output.say(f"  {change.job or 'task'} {ecs_tasks.short(change.task_arn)} is {change.last_status}")

    def line(self, task_arn: str, line: Line) -> None:
        if self._wanted(line):
            print_line(self._output, task_arn, line, several=self._several)

    def unreadable(self, task_arn: str, refusal: Exception | str) -> None:
        if isinstance(refusal, Exception):
            raise refusal
        self._output.say(f"  {ecs_tasks.short(task_arn)}: {refusal}")


def _runs(account: "Account", which: Which) -> "Iterator[_Run]":
    """The newest first. Runs without a task, which were missed, have no log."""
    if which.run:
        yield _one(account, which)
        return
    if which.task in one_offs.KINDS:
        yield from islice(map(_run_of_one_off, one_offs.runs(account, which.task)), which.last)
        return
    task = live_schedules.task_of(which.task or "", account.stack.rule_prefix)
    if not account.stack.watches_runs:
        raise CommandError(Exit.NOT_ALLOWED, "runs are not watched, so they are not known", "name one with --run ARN")
    known = account.table.runs_since(task, account.now() - which.since if which.since else _EVER)
    started = (each for each in known if each.get("task_arn"))
    if which.since:
        yield from _recorded(account, task, [*started])
        return
    recorded = [*islice(started, which.last)]
    found = [*_not_recorded(account, task, recorded), *_recorded(account, task, recorded)]
    yield from found[: which.last]


def _not_recorded(account: "Account", task: str, recorded: "Sequence[Item]") -> "Iterator[_Run]":
    """The tasks of a job that began after the newest run in the table: each is recorded within seconds. A repeat may be
    recorded already, with an earlier scheduled time.
    """
    known = {each["task_arn"] for each in recorded}
    newest = items.at(recorded[0], "created_at") if recorded else None
    ended = ecs_tasks.ended_last(account, task)
    found = [*ecs_tasks.running(account, task), *([ended] if ended else [])]
    for each in sorted(found, key=lambda each: each.created_at, reverse=True):
        if each.task_arn not in known and (newest is None or each.created_at > newest):
            yield _run_of_task(account.stack.container, each)


def _one(account: "Account", which: Which) -> _Run:
    """The run that is named, from ECS or, after an hour, from the table, which knows it by its job."""
    name = which.run or ""
    if found := ecs_tasks.find(account, name):
        return _run_of_task(account.stack.container, found)
    short = name.rpartition("/")[2]
    known = (
        account.table.runs_since(live_schedules.task_of(which.task, account.stack.rule_prefix), _EVER)
        if which.task
        else ()
    )
    item = next((each for each in known if each.get("task_id", "").startswith(short)), None)
    if item is None:
        todo = (
            f"rota history --task {which.task} lists them" if which.task else "name its job, too: rota logs TASK --run"
        )
        raise CommandError(Exit.NOT_ALLOWED, f"there is no run {name}", todo, error="NoRun")
    return _recorded(account, item["task"], [item])[0]


def _run_of_one_off(run: one_offs.OneOff) -> _Run:
    status = ("ok" if run.exit == 0 else "failed") if run.finished else None
    return _Run(run.task_arn, run.revision, run.kind, None, status, run.exit, [])


def _run_of_task(container: str, task: "TaskChange") -> _Run:
    """The task as the run watcher judges it, if it is a job's."""
    code = task.container(container)
    run = run_of(task, Job(task=task.job, retry_age=0, grace=0), container, ()) if task.job else None
    status = run.status if run else None if task.has_ended else task.status
    return _Run(
        task.task_arn,
        task.task_definition_arn,
        task.job or None,
        run.scheduled_at if run and run.traced else None,
        status.value if status else None,
        code.exit_code if code else None,
        secrets_in(task),
    )


def _recorded(account: "Account", task: str, items: "Sequence[Item]") -> list[_Run]:
    """Runs of a job as the table has them."""
    if not items:
        return []
    schedule = live_schedules.Schedules(account, account.stack).read(task)
    secrets = secrets_of_runs(account, [each["task_arn"] for each in items], schedule)
    return [_run_of_item(each, secrets) for each in items]


def _run_of_item(item: "Item", secrets: list[str]) -> _Run:
    code = item.get("exit_code")
    return _Run(
        item["task_arn"],
        item["revision"],
        item["task"],
        items.at(item, "scheduled_at"),
        item["status"],
        None if code is None else int(code),
        secrets,
    )


def _log(account: "Account", run: _Run, wanted: Wanted) -> Log:
    log = TaskLog(account, run.arn, run.revision, run.secrets)
    lines = log.news()
    shown = [line for line in lines if wanted(line)]
    return Log(run.arn, run.job, run.due, run.status, run.exit, shown, log.note(lines))


def _title(log: Log, now: datetime, *, utc: bool) -> str:
    """`==> SendMail of 06:00, failed, exit code 64 (4d3e09ab)`."""
    parts = [
        " of ".join(filter(None, (log.job, time_text.clock(log.due, now, utc=utc) if log.due else ""))),
        (log.status or "").replace("_", " "),
        f"exit code {log.exit}" if log.exit is not None else "",
    ]
    return f"==> {', '.join(filter(None, parts))} ({ecs_tasks.short(log.source)})"
