"""`rota run`."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.one_offs import KINDS
from rota.cli.options import duration, waiting

if TYPE_CHECKING:
    from rota.cli.run.start import Changes, Job
    from rota.cli.table import Item


@command("run", "rota run SendMail", short_help="Run a job now, follow its log, exit as it did.", runs_jobs=True)
@click.argument("task", metavar="[TASK]", required=False, shell_complete=names.tasks)
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1)
@click.option(
    "--release", metavar="RELEASE", help="As this release had it: v41, a tag, previous.", shell_complete=names.releases
)
@click.option("--schedule", metavar="FILE", help="Of before and after: as this file has it, with a live image.")
@click.option("-e", "--variable", "variables", metavar="NAME=VALUE", multiple=True, help="Set this variable, too.")
@click.option("--count", metavar="NUMBER", type=click.IntRange(1, 10), help="Start so many tasks.")
@click.option("--failed", is_flag=True, help="Repeat what failed of TASK, or of all jobs, with its scheduled time.")
@click.option(
    "--since",
    metavar="DURATION",
    callback=duration,
    default="6h",
    show_default=True,
    help="With --failed: how far back.",
)
@click.option("--all", "every", is_flag=True, help="With --failed: also more than ten runs of one job.")
@click.option("--stop-on-interrupt", is_flag=True, help="Ctrl-C stops the job, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@waiting
def run(
    account: Account,
    task: str | None,
    words: tuple[str, ...],
    release: str | None,
    schedule: str | None,
    variables: tuple[str, ...],
    count: int | None,
    failed: bool,
    since: timedelta,
    every: bool,
    stop_on_interrupt: bool,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> int:
    """Start TASK now as its schedule would: the same task definition, overrides, network and number of tasks. Its log
    is on stdout. What you run is recorded, and says nothing of how the job does.

    `before` and `after` mean the schedule file's one-off tasks, as they last
    ended well in a deployment. With --schedule one is tried that never ran: as
    FILE has it, with the image that is live, or that of --release, which was.

    Exits as the job's container did; with 125 if it never ran or Rota itself failed. A run with another COMMAND is not
    recorded, and its task has no ROTA_TASK.
    """
    from rota.cli import execution
    from rota.cli.run import start, wait

    if failed:
        if release or schedule or count or variables or no_wait:
            raise CommandError(Exit.MISUSED, "--failed repeats runs as they were, one after the other", "type it alone")
        tasks = tuple(filter(None, (task, *words)))
        return _repeat(account, tasks, since, timeout, every=every, yes=yes, stops=stop_on_interrupt)
    if every:
        raise CommandError(Exit.MISUSED, "--all is for --failed", "name the job, or write --failed --all")
    if not task:
        raise CommandError(Exit.MISUSED, "name the job", "rota run TASK; `rota next` lists them")
    changes = start.Changes(count, _environment(variables), words)
    if task in KINDS:
        what = _one_off(account, task, release, schedule, changes)
        return _run_once(account, task, *what, None if no_wait else timeout, yes=yes, stops=stop_on_interrupt)
    if schedule:
        raise CommandError(Exit.MISUSED, "--schedule is for before and after", "a job runs as its schedule has it")
    job = _job(account, task, release)
    at = account.now().replace(microsecond=0)
    request = start.request_of(job, account.stack.container, changes, at)
    _remarks(account, job, changes, at)
    how = f"as {release} had it" if release else "now"
    execution.confirm(account, f"Run {job.task} of {account.stack} {how}?", yes=yes)
    started = start.start(account, job.task, request)
    return wait.wait(account, job.task, at, started, None if no_wait else timeout, stops=stop_on_interrupt)


def _one_off(
    account: Account, kind: str, release: str | None, file: str | None, changes: "Changes"
) -> tuple[dict[str, Any], str]:
    """RunTask's request for the file's `before` or `after`, and what it runs, for people."""
    from rota.cli.run import one_off

    if changes.count or (release and not file):
        todo = f"rota run {kind} --schedule FILE --release {release}" if release else "leave the option out"
        raise CommandError(Exit.MISUSED, f"{kind} runs as the last deployment had it, once", todo)
    if file:
        from rota.cli.run.trial import trial_of

        request, named = trial_of(account, kind, file, release, changes)
        return request, f"as {file} has it with the image of {named}"
    request = one_off.request_of(account, kind, changes)
    return request, f"with {request['taskDefinition'].rpartition('/')[2]}"


def _run_once(
    account: Account,
    kind: str,
    request: dict[str, Any],
    how: str,
    timeout: timedelta | None,
    *,
    yes: bool,
    stops: bool,
) -> int:
    """Run the schedule file's `before` or `after` alone."""
    from rota.cli import execution
    from rota.cli.run import start, wait
    from rota.cli.run.remarks import remarks_on_migration

    account.output.notes([f"{kind} runs {how}. Nothing is switched, no job pauses, and nothing is recorded."])
    if kind == "before":
        account.output.notes(remarks_on_migration(account.table.present(0).lease))
    execution.confirm(account, f"Run {kind} of {account.stack} {how}?", yes=yes)
    started = start.start(account, kind, request)
    return wait.wait(account, kind, account.now().replace(microsecond=0), started, timeout, stops=stops)


def _job(account: Account, task: str, release: str | None) -> "Job":
    """The job as its rule has it now, or as that release had it."""
    from rota.cli.run import start

    if release is None:
        return start.find(account, task)
    from rota.cli.run.release import find

    return find(account, task, release)


def _repeat(
    account: Account,
    tasks: tuple[str, ...],
    since: timedelta,
    timeout: timedelta,
    *,
    every: bool,
    yes: bool,
    stops: bool,
) -> int:
    """Run what failed, one after the other. Returns the first exit code that is not 0."""
    from rota.cli import execution, time_text
    from rota.cli.run import start, wait
    from rota.cli.run.failed import counted, left_out, require_few, to_repeat

    runs, now = _runs(account, tasks, since), account.now()
    repeats = to_repeat(runs)
    account.output.notes(not_repeated := left_out(runs))
    if not repeats:
        account.output.notes(
            [
                f"Nothing {'else ' if not_repeated else ''}failed that was not repeated since.",
                "What was due in a pause or was stopped does not count: rota run TASK starts a job once.",
            ]
        )
        return wait.answer(account, [], Exit.DONE)
    if not every:
        require_few(repeats)
    for each in repeats:
        account.output.notes([f"  {time_text.clock(each.due, now, utc=account.output.utc)}  {each.task}  {each.why}"])
    number = f"{len(repeats)} runs" if len(repeats) > 1 else "1 run"
    execution.confirm(
        account, f"Repeat {number} of {account.stack} ({counted(repeats)}), one after the other?", yes=yes
    )
    jobs = {task: start.find(account, task) for task in sorted({each.task for each in repeats})}
    codes = []
    for each in repeats:
        changes = start.Changes(count=each.tasks)
        request = start.request_of(jobs[each.task], account.stack.container, changes, each.due, late=True)
        started = start.start(account, each.task, request)
        codes.append(wait.wait(account, each.task, each.due, started, timeout, stops=stops))
    return next(filter(None, codes), 0)


def _runs(account: Account, tasks: tuple[str, ...], since: timedelta) -> "list[Item]":
    """The runs of these tasks, or of all, that were due since then."""
    from rota.aws.parallel import in_parallel
    from rota.cli import live_schedules

    stack, table = account.stack, account.table
    if not stack.watches_runs:
        raise CommandError(Exit.NOT_ALLOWED, "runs are not watched", "the stack's parameter WatchRuns is false")
    known = live_schedules.Schedules(account, stack).listed()
    names = [live_schedules.task_of(each, stack.rule_prefix) for each in tasks] or [*known]
    live_schedules.require(names, known)
    begin = account.now() - since
    found = in_parallel(lambda name: [*table.runs_since(name, begin)], names)
    return [run for runs in found for run in runs]


def _environment(variables: tuple[str, ...]) -> dict[str, str]:
    """The variables of `--variable`. CommandError for one without a name or a `=`."""
    pairs = [each.partition("=") for each in variables]
    for each, (name, equals, _) in zip(variables, pairs, strict=True):
        if not (name and equals):
            lacks = "value" if name else "name"
            raise CommandError(Exit.MISUSED, f"--variable {each} has no {lacks}", "write it as --variable NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _remarks(account: Account, job: "Job", changes: "Changes", now: datetime) -> None:
    """What a person should know before the job runs."""
    from rota.cli.run.remarks import remarks

    account.output.notes(remarks(account, job, now))
    if changes.command:
        account.output.notes(["With another command it is no run of the job: it is not recorded."])
