"""`rota pause`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting
from rota.times import minute


@command(
    "pause", "rota pause SendMail --until 18:00 --reason 'it mails twice'", short_help="Pause jobs, or deployments."
)
@click.argument("tasks", metavar="[TASK]...", nargs=-1, shell_complete=names.tasks)
@click.option("--deployments", is_flag=True, help="Hold deployments: a push ends in Held, and the newest one waits.")
@click.option("--for", "lasts", metavar="DURATION", help="For so long: 2h, 1d.")
@click.option(
    "--until", metavar="TIME", help="Until then: 18:00, Mon 06:00, or 2026-12-24T06:00, with a zone or in yours."
)
@asking
@waiting
def pause(
    account: Account,
    tasks: tuple[str, ...],
    deployments: bool,
    lasts: str | None,
    until: str | None,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> Exit:
    """Pause jobs: their schedules are off, whatever deploys, until a time or until `rota resume TASK`.

    With --deployments: hold deployments. A running one continues; rollbacks pass. The newest push that arrives
    meanwhile is deployed when the hold ends.
    """
    from rota.cli import execution, live_schedules

    if deployments and tasks:
        raise CommandError(Exit.MISUSED, "jobs are paused, or deployments are held", "type TASK... or --deployments")
    if not (deployments or tasks):
        raise CommandError(Exit.MISUSED, "name what to pause", "TASK..., or --deployments, which holds deployments")
    if not reason:
        raise CommandError(Exit.MISUSED, "a pause needs a reason", "add --reason TEXT; whoever meets it reads it")
    stack = account.stack
    ends = end_of(lasts, until, account.now().astimezone())
    time: dict[str, Any] = {"until": ends.isoformat().replace("+00:00", "Z")} if ends else {}
    if tasks:
        tasks = tuple(live_schedules.task_of(each, stack.rule_prefix) for each in tasks)
        live_schedules.require(tasks, live_schedules.Schedules(account, stack).listed())
    event = {"pause": {"tasks": list(tasks), **time}} if tasks else {"hold": time}
    resumes = f"rota resume {' '.join(tasks) or '--deployments'}{account.options}"
    when = f" until {minute(ends)}" if ends else f" until {resumes}"
    if deployments:
        execution.confirm(account, f"Hold the deployments of {stack}{when}?", yes=yes)
    started = execution.start(account, execution.signed(account, event, "pause", reason), "pause")
    code = execution.started(account, started) if no_wait else execution.follow(account, started, timeout)
    if code is Exit.DONE and not (no_wait or account.output.as_json):
        what = f"Paused: {', '.join(tasks)}" if tasks else "Deployments are held"
        account.output.line(f"{what}{when if ends else ''}. End it: {resumes}")
    return code


def end_of(lasts: str | None, until: str | None, now: datetime) -> datetime | None:
    """When the hold ends, in UTC; None if it says no end. A time of the day is the next one; one without a zone is in
    that of `now`. CommandError for one that is past or cannot be read.
    """
    from rota.cli.time_text import parse_duration, parse_time

    if lasts and until:
        raise CommandError(Exit.MISUSED, "--for and --until both say when it ends", "type one of them")
    try:
        ends = now + parse_duration(lasts) if lasts else parse_time(until, now) if until else None
    except ValueError as wrong:
        raise CommandError(Exit.MISUSED, str(wrong)) from wrong
    if ends and ends <= now:
        raise CommandError(Exit.MISUSED, f"{until} is past", "name a time that is to come")
    return ends.astimezone(UTC).replace(microsecond=0) if ends else None
