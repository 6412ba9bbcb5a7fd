"""`python -m bench`: measure deployments on a stage, and write bench/results.md and bench/results.svg.

A stopped run continues where it was. With --tasks, --mode or --case that part is measured, again if it was
before. What was measured of one state of the product is one run; once it is complete, both files are written.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from rich import box
from rich.console import Console
from rich.table import Table

from bench import bound, classic, ecs_deploy, kept, needs, report, runs
from bench.deployment import CASES, LATENCY_MS, Bench, Case, Mode
from bench.results import Results
from examples.guestbook.client import Client, running
from stage.client import StageError

_HERE = Path(__file__).parent
SIZES = (1, 10, 60, 300, 1000)
QUICK = (1, 30)
_SOME: tuple[Case, ...] = ("new-image", "unchanged")
# How often each case is measured, by tasks, else once: the fewer, the more it depends on what else the machine does.
_ROUNDS = {1: 5, 10: 5, 60: 3}
_TOOLS = {
    "classic script": (classic, "the AWS CLI, jq and bash"),
    "ecs-deploy": (ecs_deploy, "ecs, which `pip install ecs-deploy` puts into an environment"),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="up to 30 tasks, in some minutes; writes no files")
    parser.add_argument("--tasks", type=int, nargs="+", metavar="N", help="so many tasks only")
    parser.add_argument("--mode", choices=get_args(Mode), help="this mode only")
    parser.add_argument("--case", choices=CASES, nargs="+", help="these cases only")
    parser.add_argument("--runs", action="store_true", help="only what watching runs takes; writes bench/runs.md")
    asked = parser.parse_args()
    if asked.runs:
        return _measure_runs(Console(highlight=False, width=None if sys.stdout.isatty() else 200))
    whole = not (asked.quick or asked.tasks or asked.mode or asked.case)
    sizes = QUICK if asked.quick else tuple(sorted(asked.tasks)) if asked.tasks else SIZES
    modes: tuple[Mode, ...] = (asked.mode,) if asked.mode else get_args(Mode)
    cases: tuple[Case, ...] = tuple(asked.case or (_SOME if asked.quick else CASES))

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    place = kept.file()
    results = Results() if asked.quick else kept.read(place)
    results.failed.clear()
    with running() as stage:
        bench = Bench(stage)
        if (whole and not results.tools) or asked.quick:
            _measure_tools(console, stage, bench, results, (1,) if asked.quick else (1, 10))
        for tasks, mode in _parts(results, sizes, modes):
            rounds = min(_ROUNDS.get(tasks, 1), 2 if asked.quick else 5)
            # With one task, cold and warm functions are compared.
            wanted = tuple(case for case in CASES if case in cases or (tasks == 1 and case in _SOME))
            if whole:
                wanted = kept.lacking(results, mode, tasks, wanted, rounds)
            if not wanted:
                continue
            kept.without(results, mode, tasks, wanted)
            _measure(console, bench, results, mode, tasks, wanted * rounds)
            if tasks == 1:
                warm = tuple(case for case in wanted if case != "first")
                _measure_warm(console, bench, results, mode, warm * rounds)
            results.measured.sort(key=lambda each: (each.tasks, each.mode, CASES.index(each.case)))
            if not asked.quick:
                kept.write(place, results)
    if not asked.quick and _complete(results):
        (_HERE / "results.md").write_text(report.markdown(results, SIZES))
        (_HERE / "results.svg").write_text(report.picture(results, SIZES))
        console.print("written: bench/results.md, bench/results.svg")
    _print(console, "Deployments, seconds from the push", report.table(results))
    _print(console, "Starts, milliseconds", report.starts(results))
    _print(console, "Calls until live that the bound does not have", report.more_than_needed(results))
    _print(console, "Memory, MB", report.memory(results))
    if results.tools:
        _print(console, "Other tools, a new image", report.tools(results, sizes))
    for line in report.lines(results):
        sys.stdout.write(line + "\n")
    missed = list(results.missed())
    for line in missed:
        sys.stdout.write(f"missed: {line}\n")
    of_runs = _measure_runs(console) if whole else 0
    return bool(missed) or of_runs


def _parts(results: Results, sizes: Iterable[int], modes: Iterable[Mode]) -> Iterator[tuple[int, Mode]]:
    """What is measured, in this order. No ratio can be computed without warm functions, which one task has."""
    parts = [(tasks, mode) for tasks in sizes for mode in modes]
    warm = {each.mode for each in results.warm}
    yield from ((1, mode) for mode in modes if mode not in warm and (1, mode) not in parts)
    yield from parts


def _complete(results: Results) -> bool:
    measured = {(each.mode, each.tasks, each.case) for each in results.measured}
    return measured >= {(mode, tasks, case) for mode in get_args(Mode) for tasks in SIZES for case in CASES}


def _measure_runs(console: Console) -> int:
    """On a stage of its own: its clock is advanced by months."""
    with running() as stage:
        seen = runs.measure(stage)
    _print(console, "Runs, calls", report.calls_of_runs(seen))
    _print(console, f"Runs, {runs.RUNS_A_DAY:,} a day", report.price_of_runs(seen))
    (_HERE / "runs.md").write_text(report.of_runs(seen))
    console.print("written: bench/runs.md")
    missed = list(seen.missed())
    for line in missed:
        sys.stdout.write(f"missed: {line}\n")
    return bool(missed)


def _measure(console: Console, bench: Bench, results: Results, mode: Mode, tasks: int, cases: Iterable[Case]) -> None:
    prepared = False
    for case in cases:
        least = bound.seconds(needs.of_deployment(mode, tasks, case), lambda _call: LATENCY_MS / 1000)
        console.print(f"{time.strftime('%H:%M:%S')} {mode}, {tasks} tasks, {case}: at least {least:.1f} s ...", end=" ")
        try:
            if case == "first" or not prepared:
                bench.begin(mode, tasks)
                if case != "first":
                    bench.prepare()
            prepared = True
            one = bench.measure(mode, tasks, case)
        except (RuntimeError, StageError, TimeoutError) as fault:  # the others can be measured all the same
            console.print(f"failed: {fault}")
            results.failed.append(f"{mode} {tasks} {case}")
            prepared = False
            continue
        results.measured.append(one)
        console.print(f"live after {one.live:.1f} s")


def _measure_warm(console: Console, bench: Bench, results: Results, mode: Mode, cases: Iterable[Case]) -> None:
    """Deployments of one task, each with the functions of the one before."""
    console.print(f"{time.strftime('%H:%M:%S')} {mode}, one task, warm functions ...", end=" ")
    try:
        bench.begin(mode, 1)
        bench.prepare()
        bench.measure(mode, 1, "new-image")
        results.warm += [bench.measure(mode, 1, case, warm=True) for case in cases]
    except (RuntimeError, StageError, TimeoutError) as fault:
        console.print(f"failed: {fault}")
        results.failed.append(f"{mode} 1 warm")
    else:
        console.print("done")


def _measure_tools(console: Console, stage: Client, bench: Bench, results: Results, sizes: tuple[int, ...]) -> None:
    for name, (tool, programs) in _TOOLS.items():
        if not tool.can_run():
            console.print(f"{name} is left out: it needs {programs} on the PATH.")
            continue
        for tasks in sizes:
            console.print(f"{time.strftime('%H:%M:%S')} {name}, {tasks} tasks ...", end=" ")
            results.tools.setdefault(name, {})[tasks] = seconds = tool.measure(stage, bench, tasks)
            console.print(f"live after {seconds:.1f} s")


def _print(console: Console, title: str, rows: list[tuple[str, ...]]) -> None:
    table = Table(*rows[0], title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
