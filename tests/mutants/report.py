"""The report on all mutants: a table by area, and those that survived."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

AREAS = ("python", "asl", "template")
EQUIVALENT = Path(__file__).with_name("equivalent.txt")

Result = Mapping[str, Any]


def equivalents() -> dict[tuple[str, str], str]:
    """By path and change, why a mutant is no other program than the product: one a line, with tabs between."""
    lines = [line.split("\t") for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")]
    return {(path, change): reason for path, change, reason in lines}


def report(results: Iterable[Result]) -> Iterator[str]:
    """The table, then every survivor: where it is, what it changes."""
    same = equivalents()
    counted: Counter[tuple[str, str]] = Counter()
    survivors = []
    for each in results:
        equivalent = each["verdict"] == "survived" and (each["path"], each["change"]) in same
        counted[each["area"], "equivalent" if equivalent else each["verdict"]] += 1
        if each["verdict"] == "survived" and not equivalent:
            survivors.append(each)
    yield f"{'':10}{'mutants':>9}{'killed':>9}{'timeout':>9}{'survived':>10}{'equivalent':>12}{'score':>8}"
    for area in AREAS:
        killed, timeout, survived, equivalent = (
            counted[area, verdict] for verdict in ("killed", "timeout", "survived", "equivalent")
        )
        noticed, meant = killed + timeout, killed + timeout + survived
        if meant + equivalent:
            score = f"{noticed / meant:.0%}" if meant else ""
            total = meant + equivalent
            yield f"{area:10}{total:9}{killed:9}{timeout:9}{survived:10}{equivalent:12}{score:>8}"
    if survivors:
        yield ""
        yield "Survived:"
    for each in sorted(survivors, key=lambda each: (AREAS.index(each["area"]), each["path"], each["line"])):
        yield line_of(each)


def line_of(result: Result) -> str:
    """One mutant in a line."""
    unfinished = "" if result["stage"] or result["verdict"] != "survived" else "  (without the stage's tests)"
    return f"  {result['path']}:{result['line']} [{result['operator']}] {result['change']}{unfinished}"
