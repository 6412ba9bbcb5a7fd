"""The table of AWS's limits in docs/stage.md, from the rows that tests/stage/test_limits.py asks of the stage."""

from collections.abc import Iterator

from tests.stage import limits
from tests.stage.limits.limit import Limit


def table() -> str:
    """One row for each limit, by service."""
    return "\n".join(
        ["| call and rule | AWS answers | source |", "|---|---|---|", *map(_row, limits.ALL), *_elsewhere()]
    )


def _row(limit: Limit) -> str:
    says = limit.says.replace("|", "\\|")
    mark = "" if limit.words == "AWS" else " *"
    return f"| {limit.call[1]}: {limit.rule} | `{limit.code}`: {says}{mark} | {_link(limit.source)} |"


def _elsewhere() -> Iterator[str]:
    for rule, answer, source, test in limits.ELSEWHERE:
        yield f"| {rule} | {answer} | {_link(source)}; `{test}` |"


def _link(source: str) -> str:
    page = source.rpartition("/")[2].removesuffix(".html")
    return f"[{page}]({source})"
