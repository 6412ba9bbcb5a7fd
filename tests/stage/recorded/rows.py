"""The rows of `answers/`: what was asked of AWS, its answer, and where that was recorded or documented."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ANSWERS = Path(__file__).parent / "answers"


@dataclass(frozen=True)
class Row:
    """One question and AWS's answer."""

    case: str
    """What is asked, in a few words."""
    source: str
    """The public recording, or the page of AWS's documentation."""
    kind: str
    """`recorded` or `documented`."""
    answer: Any
    """AWS's answer, normalised (`tests.stage.recorded.normalise`)."""
    asked: dict[str, Any] = field(default_factory=dict)
    """The other members of the row."""
    differs: str | None = None
    """Why the stage answers otherwise."""


@cache
def rows(file: str) -> list[Row]:
    """The rows of a file. A source that all rows have in common stands once, beside them."""
    read = json.loads((ANSWERS / f"{file}.json").read_text())
    common = {name: read[name] for name in ("source", "kind") if name in read}
    return [_row({"case": f"{number}", **common, **each}) for number, each in enumerate(read["rows"], 1)]


def files() -> list[str]:
    """The names of all files of rows."""
    return sorted(path.stem for path in ANSWERS.glob("*.json"))


def each(file: str) -> pytest.MarkDecorator:
    """The test gets each row of the file as `row`."""
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.case) for row in rows(file)])


def compare(row: Row, answer: Any) -> None:
    """The answer is AWS's, or differs for the reason that the row gives."""
    if row.differs:
        assert answer != row.answer, "the stage answers as AWS now: the row needs no `differs` any more"
    else:
        assert answer == row.answer, f"{row.source}\nAWS:   {json.dumps(row.answer)}\nstage: {json.dumps(answer)}"


def _row(read: dict[str, Any]) -> Row:
    known = {name: read.pop(name) for name in ("case", "source", "kind", "answer", "differs") if name in read}
    return Row(**known, asked=read)
