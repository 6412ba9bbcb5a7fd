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
@click.option("--since", metavar="TIME", help="From then on: 18:00, or 2026-12-24T06:00, with a zone or in yours.")
@click.option("--file", metavar="FILE", help="A schedule file instead of what is live.", shell_complete=names.files)
@click.option("--all", "every", is_flag=True, help="Every run, also of jobs that run often on a day.")
@click.option("--ics", "as_ics", is_flag=True, help="Print an iCalendar file, for a calendar to subscribe to.")
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
    rule counts.
    """
    from rota.cli.next import gather, text
    from rota.cli.next.calendar import calendar

    output = account.output
    if as_ics and output.as_json:
        raise CommandError(Exit.MISUSED, "--ics and --json both print on standard output", "type one of them")
    if lasts and until:
        raise CommandError(Exit.MISUSED, "--for and --until both say when it ends", "type one of them")
    jobs = gather.of_a_file(file, tasks) if file else gather.of_the_app(account, tasks)
    stack, now = None if file else account.stack, account.now()
    begin = _time(since, now) or now.replace(microsecond=0)
    end = _time(until, max(begin, now)) or begin + (lasts or _LASTS[as_ics])
    if end <= begin:
        raise CommandError(Exit.MISUSED, f"{until} is not after {minute(begin)}", "name a later time")
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


def _time(text: str | None, now: datetime) -> datetime | None:
    """The time that is meant; one of the day alone is the next one. CommandError for what is no time."""
    from rota.cli.times import parse_time

    try:
        return parse_time(text, now.astimezone()) if text else None
    except ValueError as wrong:
        raise CommandError(Exit.MISUSED, str(wrong)) from wrong
