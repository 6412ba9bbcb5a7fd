"""`rota explain` for people. Pure."""

from collections.abc import Iterator

import click

from rota.cli.columns import Cell, Row, folded, table
from rota.cli.explain.model import Explanation, Link
from rota.watch.wording import for_people

_COLOURS = {"cause": "red", "failed": "red", "by hand": "yellow", "paused": "yellow", "incident": "red"}


def lines(explanation: Explanation, width: int) -> Iterator[str]:
    """The headline, a line for each link, and what to do."""
    for line in folded(explanation.headline, width):
        yield click.style(line, bold=True)
    # How long each step took is in one line, once the deployment has ended.
    ended = any(link.what == "took" for link in explanation.chain)
    rows: list[Row] = [
        [f"  {link.what}", Cell(": ".join(filter(None, (link.name, because(link)))), _COLOURS.get(link.what))]
        for link in explanation.chain
        if not (ended and link.what == "step")
    ]
    yield from table(["", ""], rows, width)
    for each in explanation.advice:
        yield from folded(each[0].upper() + each[1:], width)


def because(link: Link) -> str:
    """Why, for people. An input is shown where it is the subject alone, and what an app has logged is the app's."""
    return link.because if link.what in ("input", "log") else for_people(link.because)
