"""The sweep's output: the table, and the command that runs one trial again."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.sweep.script import KINDS, Conditions
from tests.sweep.trial import Verdict

Cell = tuple[str, str]
# To be run in the root of the checkout.
_SWEEP = ".venv/bin/python -m tests.sweep"


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Survived/tried, a row for each call of each step and a column for each kind of fault.

    Two faults in one deployment count for the call of the second.
    """
    tried: Counter[Cell] = Counter()
    survived: Counter[Cell] = Counter()
    for verdict in verdicts:
        fault = verdict.faults[-1]
        name = f"{fault['caller'] or 'Step Functions'} {fault['service']} {fault['operation']}"
        for cell in ((name, fault["fault"]), (name, "all"), ("all", fault["fault"]), ("all", "all")):
            tried[cell] += 1
            survived[cell] += not verdict.wrong
    columns = (*KINDS, "all")
    rows = [*sorted({name for name, _ in tried} - {"all"}), "all"]
    width = max(map(len, rows))
    yield " " * width + "".join(f"{column:>12}" for column in columns)
    for row in rows:
        cells = (f"{survived[row, column]}/{tried[row, column]}" if tried[row, column] else "" for column in columns)
        yield f"{row:{width}}" + "".join(f"{cell:>12}" for cell in cells)


def summary(name: str, verdicts: Sequence[Verdict]) -> str:
    """One line for one part of the sweep."""
    tried = [verdict for verdict in verdicts if verdict.reached]
    new = sum(verdict.new for verdict in tried)
    gave_up = sum(verdict.gave_up for verdict in tried)
    text = f"{name}: {len(tried)} tried, {sum(not verdict.wrong for verdict in tried)} survived"
    text += f" ({new} all new, {len(tried) - new - gave_up} all old"
    text += f", {gave_up} gave up with a snapshot to restore by hand)" if gave_up else ")"
    missed = len(verdicts) - len(tried)
    return text + (f"; {missed} more were drawn for calls that did not come" if missed else "")


def violation(verdict: Verdict, conditions: Conditions) -> Iterator[str]:
    """The broken promises and the command that runs the trial again."""
    yield f"VIOLATION: {verdict.status} {verdict.cause}"
    for sentence in verdict.wrong:
        yield f"  - {sentence}"
    yield f"  again: {recipe(verdict.faults, conditions, verdict.scenario)}"


def recipe(faults: Sequence[Mapping[str, Any]], conditions: Conditions, scenario: str = "") -> str:
    """The command that runs this trial again."""
    script = [{name: value for name, value in fault.items() if value is not None} for fault in faults]
    played = f" --scenario {shlex.quote(scenario)}" if scenario else ""
    return f"{_SWEEP}{played} --only {shlex.quote(json.dumps(script))} {conditions.options()}"


def race_recipe(number: int, conditions: Conditions) -> str:
    """The command that runs this race again."""
    return f"{_SWEEP} --races --round {number} {conditions.options()}"
