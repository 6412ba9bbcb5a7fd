"""Tables for a terminal of any width, and for a pipe. Cells are text; a style is added after the widths are known."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

_GAP = "  "
_BETWEEN = "   "
_BEGINNING = 160
"""Characters of a text that another command shows in full."""
_NARROWEST = 24
"""Columns that the last column of a table needs, or the table is shown as blocks."""


@dataclass(frozen=True)
class Cell:
    """Text with a colour, bold or dim, which a pipe does not get."""

    text: str
    colour: str | None = None
    bold: bool = False
    dim: bool = False

    def styled(self, text: str) -> str:
        """That part of the text in the cell's style."""
        if not (self.colour or self.bold or self.dim) or not text.strip():
            return text
        return click.style(text, fg=self.colour, bold=self.bold or None, dim=self.dim or None)


Row = Sequence[str | Cell]


def table(titles: Sequence[str], rows: Sequence[Row], width: int) -> list[str]:
    """The lines of a table, with a title for each column; none for a table without titles.

    The last column is folded where it does not fit; on a terminal too narrow for that each row is a block of lines.
    """
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    head = [[Cell(title, dim=True) for title in titles]] if any(titles) else []
    if not cells:
        return []
    columns = len(cells[0])
    widths = [max(len(row[column].text) for row in [*head, *cells]) for column in range(columns)]
    room = width - sum(widths[:-1]) - len(_GAP) * (columns - 1)
    if room < min(widths[-1], _NARROWEST):
        return _blocks(titles, cells, width)
    widths[-1] = min(widths[-1], room)
    return [line for row in [*head, *cells] for line in _lines(row, widths)]


def packed(facts: Iterable[str], width: int) -> list[str]:
    """As many facts on each line as fit; one that is longer than a line is folded."""
    lines: list[str] = []
    for fact in facts:
        if lines and len(lines[-1]) + len(_BETWEEN) + len(fact) <= width:
            lines[-1] += _BETWEEN + fact
        else:
            lines += folded(fact, width)
    return lines


def folded(text: str, width: int, indent: str = "") -> list[str]:
    """The lines of a text, none longer than the width unless a word is, each with the indent."""
    fill = textwrap.TextWrapper(max(width, 2 * len(indent) + 1), indent, indent, break_long_words=False)
    fill.break_on_hyphens = False
    return [line for part in text.splitlines() for line in fill.wrap(part) or [""]]


def beginning(text: str) -> str:
    """The first line of a text, or of a long one the first words."""
    first, *_ = text.splitlines() or [""]
    if len(first) <= _BEGINNING:
        return first
    return textwrap.shorten(first, _BEGINNING, placeholder=" ...", break_on_hyphens=False)


def _lines(row: Sequence[Cell], widths: Sequence[int]) -> list[str]:
    *others, last = row
    parts = folded(last.text, widths[-1]) or [""]
    lines = []
    for number, part in enumerate(parts):
        before = [
            each.styled(each.text) + " " * (width - len(each.text)) if number == 0 else " " * width
            for each, width in zip(others, widths, strict=False)
        ]
        lines.append(_GAP.join([*before, last.styled(part)]).rstrip())
    return lines


def _blocks(titles: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> list[str]:
    lines = []
    for first, *others in rows:
        lines.append(first.styled(first.text))
        for title, cell in zip(titles[1:] or [""] * len(others), others, strict=True):
            if cell.text.strip():
                text = f"{title}: {cell.text}" if title else cell.text
                lines += [cell.styled(line) for line in folded(text, width, "  ")]
    return lines
