"""What a run found, as a table in Markdown that can be pasted, or as JSON. It names neither account nor caller."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rota import __version__
from rota.cli.verify_account.account import PREFIX, Account
from rota.cli.verify_account.rows.catalogue import NOT_TESTABLE, ROWS
from rota.cli.verify_account.run import Outcome, Verdict

_ORDER: tuple[Verdict, ...] = ("otherwise", "not tried", "as assumed")
_ANYONE = "123456789012"
_CALLER = re.compile(rf"(?<=User: )(?!\S*/{PREFIX})arn:\S+")
"""Who was denied, in AWS's words, where that is no role of the run."""


def markdown(account: Account, outcomes: Sequence[Outcome]) -> str:
    """The table: what is otherwise first, then what was not tried, then what is as assumed."""
    heads = ("row", "assumption", "expected", "seen", "what it means for Rota", "what to set or do")
    lines = [
        f"# rota verify-account {account.run}",
        "",
        f"rota {__version__}, {account.journal.place.region}, {account.clock.now():%Y-%m-%d}: {summary(outcomes)}.",
        "",
        *_table(heads, [_cells(account, each) for each in _sorted(outcomes)]),
        "",
        "Not testable:",
        "",
        *_table(
            ("row", "assumption", "why not"), [(f"`{each.id}`", each.assumption, each.reason) for each in NOT_TESTABLE]
        ),
    ]
    return "\n".join(lines)


def as_json(account: Account, outcomes: Sequence[Outcome], left: Sequence[str]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "rota": 1,
        "kind": "verify-account",
        "version": __version__,
        "run": account.run,
        "region": account.journal.place.region,
        "at": f"{account.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "rows": [
            {
                "id": each.row.id,
                "group": each.row.group,
                "verdict": each.verdict,
                "assumption": each.row.assumption,
                "expected": each.row.expected,
                "seen": _masked(account, str(each.seen)) if each.seen else None,
                "problem": _masked(account, each.problem) or None,
                "meaning": each.row.meaning,
                "then": each.row.then,
            }
            for each in outcomes
        ],
        "not_testable": [
            {"id": each.id, "assumption": each.assumption, "reason": each.reason} for each in NOT_TESTABLE
        ],
        "left": [_masked(account, each) for each in left],
    }


def line(outcome: Outcome) -> str:
    """One row in a line, for whoever waits."""
    shown = f"{outcome.seen}" if outcome.seen else outcome.problem
    return f"  {outcome.verdict:<11} {outcome.row.id:<24} {shown}"


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many rows are as assumed, how many are not, and how many were left out."""
    counts = Counter(each.verdict for each in outcomes)
    counted = [f"{counts[verdict]} {verdict}" for verdict in reversed(_ORDER)]
    tried = {each.row.id for each in outcomes}
    left_out = Counter(row.group for row in ROWS if row.id not in tried)
    return ", ".join([*counted, *(f"{number} of the group {group} left out" for group, number in left_out.items())])


def _sorted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda each: _ORDER.index(each.verdict))


def _cells(account: Account, outcome: Outcome) -> tuple[str, ...]:
    row, seen = outcome.row, outcome.seen
    seen_or_problem = _masked(account, str(seen) if seen else f"not tried: {outcome.problem}")
    after = {
        "as assumed": ("", ""),
        "otherwise": (row.meaning, row.then),
        "not tried": (f"If it is otherwise: {row.meaning}", ""),
    }[outcome.verdict]
    shown = f"**{seen_or_problem}**" if outcome.verdict == "otherwise" else seen_or_problem
    return (f"`{row.id}`", row.assumption, row.expected, shown, *after)


def _masked(account: Account, text: str) -> str:
    return _CALLER.sub("the caller", text).replace(account.journal.place.account, _ANYONE)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"

    return [line(heads), "|---" * len(heads) + "|", *map(line, rows)]
