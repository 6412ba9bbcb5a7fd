"""`rota next`."""

from datetime import datetime, timedelta

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import duration
from rota.times import minute

_LASTS = {False: timedelta(days=1), True: timedelta(days=7)}
"""How long the calendar is, by whether it is for a calendar program."""


@command("next", "rota next --for 7d", short_help="What runs when, as a calendar.")
@click.argument("tasks", metavar="[TASK]...", nargs=-1, shell_complete=names.tasks)
@click.option("--for", "lasts", metavar="DURATION", callback=duration, help="So long; default: 1d, with --ics 7d.")
@click.option("--until", metavar="TIME", help="Until then, instead of --for.")
@click.option(
    "--since",
    metavar="TIME",
    help="From then on: 18:00 of today, tomorrow 06:00, or 2026-12-24T06:00, with a zone or in yours.",
)
@click.option("--file", metavar="FILE", help="A schedule file instead of what is live.", shell_complete=names.files)
@click.option("--all", "every", is_flag=True, help="Every run, also of jobs that run often on a day.")
@click.option("--ics", "as_ics", is_flag=True, help="Print an iCalendar file, without what runs often, but with --all.")
def next_(
    account: Account,
    tasks: tuple[str, ...],
    lasts: timedelta | None,
    until: str | None,
    since: str | None,
    file: str | None,
    every: bool,
    as_ics: bool,
) -> None:
    """List when each TASK, or every job, runs next, a row for each job and day. Schedules are in UTC or in a zone of
    their own, times in yours.

    What is paused or disabled is named at the end. A rate is shown as about, because AWS does not show from when a
    rule counts. Since a time that is past it lists what was due by the schedules as they are now: whether it ran,
    `rota history --task TASK` says.

    With --ics a calendar program gets an event for each run. A job that runs more than three times on a day has none of
    that day, and is named on stderr.
    """
    from rota.cli.next import gather, text
    from rota.cli.next.calendar import calendar

    output = account.output
    if as_ics and output.as_json:
        raise CommandError(Exit.MISUSED, "--ics and --json both print on standard output", "type one of them")
    if lasts and until:
        raise CommandError(Exit.MISUSED, "--for and --until both say when it ends", "type one of them")
    jobs = gather.jobs_of_file(file, tasks) if file else gather.jobs_of_app(account, tasks)
    stack, now = None if file else account.stack, account.now()
    begin, end = span(since, until, lasts or _LASTS[as_ics], now.astimezone())
    found = calendar(jobs, begin, end)
    if as_ics:
        if often := [] if every else text.often(found):
            output.say(f"left out, because they run often: {', '.join(often)}; --all has them, too")
        if found.more:
            output.say(f"it ends at {minute(found.runs[-1].at)}: there are more; name a job")
        for line in text.ics(found, stack.app if stack else str(file), now, every=every):
            click.echo(f"{line}\r\n", nl=False)
        return
    output.answer(found, stack, lambda: text.lines(found, now, output.width, utc=output.utc, every=every))


def span(since: str | None, until: str | None, lasts: timedelta, now: datetime) -> tuple[datetime, datetime]:
    """From when until when. Times without a zone are in that of `now`. CommandError for what is no time, or ends before
    it begins.
    """
    from rota.cli.time_text import parse_time

    try:
        begin = parse_time(since, now, past=True) if since else now.replace(microsecond=0)
        # Of --since 18:00 --until 20:00 both are today; tomorrow is tomorrow, also since a day that is past.
        end = parse_time(until, begin if begin.date() == now.date() else max(begin, now)) if until else begin + lasts
    except ValueError as wrong:
        raise CommandError(Exit.MISUSED, str(wrong)) from wrong
    if end <= begin:
        raise CommandError(Exit.MISUSED, f"{until} is not after {minute(begin)}", "name a later time")
    return begin, end
