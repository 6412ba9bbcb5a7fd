"""`rota check` of a stack, for people. Pure."""

from collections.abc import Iterator

import click

from rota.cli.check.model import Checked, Finding, Verdict
from rota.cli.columns import folded

_MARKS: dict[Verdict, tuple[str, str | None]] = {
    "ok": ("OK", "green"),
    "fail": ("NG", "red"),
    "unknown": ("? ", "yellow"),
}

_INDENT = "    "


def lines(checked: Checked, width: int) -> Iterator[str]:
    """A line for each finding, and how many there are of each kind."""
    for each in checked.checks:
        mark, colour = _MARKS[each.status]
        first, *others = folded(f"{each.name}: {each.message}{_acts(each)}", width - len(_INDENT))
        yield f"{click.style(mark, fg=colour)}  {first}"
        yield from (f"{_INDENT}{line}" for line in others)
    counts = [f"{checked.count('ok')} OK", f"{checked.count('fail')} NG", f"{checked.count('unknown')} not seen"]
    yield ", ".join(counts)


def _acts(finding: Finding) -> str:
    return f"   the {finding.acts} acts" if finding.status == "fail" and finding.acts in ("operator", "author") else ""
