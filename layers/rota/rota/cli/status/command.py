"""`rota status`."""

import time
from typing import TYPE_CHECKING

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command

if TYPE_CHECKING:
    from rota.cli.status.model import Status

_SECONDS = 5.0


@command("status", "rota status --watch", short_help="What is live, what deploys, how each job does.")
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--all", "every", is_flag=True, help="Every Rota stack of the Region, a line each.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the last run of a job was bad.")
def status(account: Account, watch: bool, every: bool, exit_code: bool) -> Exit:
    """Show what is live since when and by whom, what deploys, and each job's last runs and next one.

    Of the last 20 runs, the newest right, each is `.` (ok), `x` (failed), `!` (it did not start), `-` (missed), `/`
    (skipped or replaced), `>` (under way) or `?` (not known). Exits with 5 if a deployment is half done.
    """
    if every:
        if watch:
            raise CommandError(Exit.MISUSED, "--watch shows one stack, --all all of them", "type one of them")
        return _all(account)
    if watch:
        _watch(account)
    found = _show(account)
    return Exit.HALF_DONE if found.half_done else Exit.FAILED if exit_code and found.fails else Exit.DONE


def _show(account: Account) -> "Status":
    from rota.cli.status.gather import CLIENTS, gather
    from rota.cli.status.text import lines

    stack, output = account.stack_beside(*CLIENTS), account.output
    found = gather(account, stack)
    output.answer(found, stack, lambda: lines(stack.app, found, account.now(), output.width, utc=output.utc))
    return found


def _all(account: Account) -> Exit:
    from rota.cli.status.everything import gather_all
    from rota.cli.status.text import all_lines

    found = gather_all(account)
    account.output.answer(found, None, lambda: all_lines(found, account.output.width))
    return Exit.HALF_DONE if any(each.half_done for each in found.stacks) else Exit.DONE


def _watch(account: Account) -> None:
    """Until Ctrl-C: on a terminal on one screen, else whenever something has changed."""
    from rota.cli.status.gather import CLIENTS, gather
    from rota.cli.status.text import lines

    stack, output, shown = account.stack_beside(*CLIENTS), account.output, ""
    while True:
        found = gather(account, stack)
        if output.as_json:
            output.document_event("status", found, stack)
        else:
            text = "\n".join(lines(stack.app, found, account.now(), output.width, utc=output.utc))
            if output.redraws:
                click.clear()
            if output.redraws or text != shown:
                output.line(text)
            shown = text
        time.sleep(_SECONDS)
