"""`rota board`."""

from pathlib import Path

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command

_PAGE = click.Path(dir_okay=False, writable=True, path_type=Path)


@command("board", "rota board --out board.html", short_help="All of it as a page: what is live, runs and failed.")
@click.option("--out", metavar="FILE", type=_PAGE, help="Write the page into this file, whole, and end.")
@click.option("--week", is_flag=True, help="With --out: seven days to each side of now; default: one.")
@click.option("--allow-writes", is_flag=True, help="Also roll back, run, pause, resume, hold and stop.")
@click.option("--port", metavar="NUMBER", type=click.IntRange(0, 65535), default=0, help="Default: a free one.")
@click.option("--open/--no-open", "opens", default=None, help="Open it in your browser; default: at a terminal.")
def board(account: Account, out: Path | None, week: bool, allow_writes: bool, port: int, opens: bool | None) -> None:
    """Show on one page what is live, what deploys, what runs when, who released what, and what is wrong.

    It is served on this machine alone, with your credentials, until Ctrl-C. The address that is printed works once,
    in one browser. It only shows, unless --allow-writes says otherwise. With --out the page is one file that needs
    nothing else.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as missing:
        todo = "pip install jinja2"
        raise CommandError(Exit.MISUSED, "the board needs the package jinja2", todo, error="NoJinja2") from missing
    if out is None:
        if week:
            raise CommandError(Exit.MISUSED, "--week is about the file of --out", "the board itself shows both")
        _serve(account, port, writes=allow_writes, opens=account.output.interactive if opens is None else opens)
    elif allow_writes:
        raise CommandError(Exit.MISUSED, "a file only shows", "leave out --allow-writes, or --out")
    else:
        _write(account, out, 168 if week else 24)


def _serve(account: Account, port: int, *, writes: bool, opens: bool) -> None:
    from rota.board.serve import Server
    from rota.cli.board.gather import Source
    from rota.cli.board.model import Serving

    source = Source(account, served=True, writes=writes)
    try:
        server = Server(source, port=port, writes=writes)
    except OSError as taken:
        raise CommandError(Exit.FAILED, f"port {port} is taken: {taken.strerror}", "leave out --port") from taken
    account.interrupted = "The board is closed."
    does = "shows, and does what you confirm" if writes else "only shows"
    lines = [f"The board of {account.stack.app} is at", f"  {server.address}", f"It {does}. Ctrl-C ends it."]
    account.output.answer(Serving(server.address, writes), account.stack, lambda: lines)
    if opens:
        click.launch(server.address)
    server.run()


def _write(account: Account, out: Path, hours: int) -> None:
    from rota.board import pages
    from rota.cli.board.gather import Source
    from rota.cli.board.model import Written

    page = Source(account, served=False, writes=False).front(hours)
    out.write_text(pages.front(page), encoding="utf-8")
    account.output.answer(Written(str(out), page.headline), account.stack, lambda: [f"{out}: {page.headline}"])
