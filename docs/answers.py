"""The table of recorded answers in docs/stage.md, from the rows that tests/stage/recorded asks of the stage."""

import re
from collections import defaultdict
from collections.abc import Iterator

from tests.stage.recorded.rows import Row, files, rows

MATCHER = "an event pattern, by EventBridge's published matcher"
PATTERN = "TestEventPattern, PutRule: a pattern"
HISTORY = "GetExecutionHistory: a history"


def table() -> str:
    """One row for each call or event: how many answers of it are recorded and documented, and where."""
    found: dict[str, list[Row]] = defaultdict(list)
    for file in files():
        for row in rows(file):
            found[_call(file, row)].append(row)
    lines = [_line(call, each) for call, each in sorted(found.items(), key=lambda item: item[0].lower())]
    return "\n".join(["| call or event | recorded | documented | sources |", "|---|---|---|---|", *lines])


def differing() -> str:
    """The rows that the stage answers otherwise, with the reason."""
    lines = [f"| {row.case} | {row.differs} |" for file in files() for row in rows(file) if row.differs]
    return "\n".join(["| answer | why the stage differs |", "|---|---|", *lines])


def _call(file: str, row: Row) -> str:
    if file in ("patterns", "matcher", "histories"):
        return {"patterns": PATTERN, "matcher": MATCHER, "histories": HISTORY}[file]
    words = row.case.split()
    if words[0][0].isupper() and not words[0].isupper():
        return re.sub(r"\W", "", words[0])
    return row.case.partition(":")[0]


def _line(call: str, of_call: list[Row]) -> str:
    kinds = [row.kind for row in of_call]
    sources = dict.fromkeys(source for row in of_call for source in _short(row))
    return f"| {call} | {kinds.count('recorded')} | {kinds.count('documented') or ''} | {', '.join(sources)} |"


def _short(row: Row) -> Iterator[str]:
    """Where a row comes from, in a few words: its own `source` says the file and the test."""
    if row.source.startswith("docs."):
        yield f"[{row.source.rpartition('/')[2].removesuffix('.html')}](https://{row.source})"
    elif found := re.match(r"[\w.-]+/[\w.-]+", row.source):
        yield f"[{found[0]}](https://github.com/{found[0]})"
    else:
        yield "public logs"
