"""`rota history`."""

import click

from rota.cli.completion import names
from rota.cli.frame import Account, command


@command("history", "rota history --all -n 30", short_help="The releases, and with --all every deployment.")
@click.option(
    "-n", "most", metavar="NUMBER", default=15, show_default=True, type=click.IntRange(min=1), help="How many at most."
)
@click.option("--all", "every", is_flag=True, help="Also those that failed, were overtaken or aborted.")
@click.option("--task", metavar="NAME", help="The runs of this task instead.", shell_complete=names.tasks)
def history(account: Account, most: int, every: bool, task: str | None) -> None:
    """List what went live, the newest first: when, by whom and why, and what it changed."""
    from rota.cli.history import gather, text

    stack, output = account.stack, account.output
    if task:
        runs = gather.runs(account, task, most)
        output.answer(runs, stack, lambda: text.run_lines(runs, most, account.now(), output.width, utc=output.utc))
    else:
        found = gather.history(account.table, most, every=every)
        output.answer(found, stack, lambda: text.lines(found, account.now(), output.width, every=every))
