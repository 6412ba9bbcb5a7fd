"""`python -m bench [--quick]`: measure deployments on a stage, and write bench/results.md and bench/results.svg."""

import argparse
import sys
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench import bound, classic, report
from bench.deployment import CASES, Bench, Case, Mode
from stage.client import Client, running

_HERE = Path(__file__).parent
# What is measured for so many tasks. 1,000 registrations take a quarter of an hour, so those are made only once.
FULL: dict[int, tuple[Case, ...]] = {
    1: CASES * 3,
    10: CASES,
    60: CASES,
    300: CASES,
    1000: ("new-image", "unchanged"),
}
QUICK: dict[int, tuple[Case, ...]] = {1: ("new-image", "unchanged"), 30: ("new-image", "unchanged")}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 30 tasks, within three minutes; writes no files")
    quick = parser.parse_args().quick
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    plan, results = (QUICK if quick else FULL), report.Results()
    with running() as stage:
        bench = Bench(stage)
        _measure_script(console, stage, bench, results, (1,) if quick else (1, 10))
        for tasks, cases in plan.items():
            for mode in bench.modes:
                _measure(console, bench, results, mode, tasks, cases)
            if not quick:  # so that a run that is ended early was not for nothing
                (_HERE / "results.md").write_text(report.markdown(results, list(plan)))
                (_HERE / "results.svg").write_text(report.picture(results, list(plan)))
    _print(console, "Deployments, seconds from the push", report.table(results))
    if results.script:
        _print(console, "The classic script, a new image", report.script(results, plan))
    if not quick:
        console.print("written: bench/results.md, bench/results.svg")
    for line in report.lines(results):
        sys.stdout.write(line + "\n")
    return 0


def _measure(
    console: Console, bench: Bench, results: report.Results, mode: Mode, tasks: int, cases: tuple[Case, ...]
) -> None:
    prepared = False
    for case in cases:
        if case == "first" or not prepared:
            bench.begin(mode, tasks)
            prepared = True
            if case != "first":
                bench.prepare()
        least = bound.of_quotas(mode, tasks, case)
        console.print(f"{time.strftime('%H:%M:%S')} {mode}, {tasks} tasks, {case}: at least {least:.0f} s ...", end=" ")
        one = bench.measure(mode, tasks, case)
        results.measured.append(one)
        console.print(f"live after {one.live:.1f} s")


def _measure_script(
    console: Console, stage: Client, bench: Bench, results: report.Results, sizes: tuple[int, ...]
) -> None:
    if not classic.can_run():
        console.print("The classic script is left out: it needs the AWS CLI, jq and bash on the PATH.")
        return
    for tasks in sizes:
        console.print(f"{time.strftime('%H:%M:%S')} the classic script, {tasks} tasks ...", end=" ")
        results.script[tasks] = classic.measure(stage, bench, tasks)
        console.print(f"live after {results.script[tasks]:.1f} s")


def _print(console: Console, title: str, rows: list[tuple[str, ...]]) -> None:
    table = Table(*rows[0], title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
