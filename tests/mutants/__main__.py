"""`python -m tests.mutants`: change the product in many small ways, and list the changes that no test notices."""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.mutants import coverage, of_asl, of_python, of_template
from tests.mutants.mutant import Mutant
from tests.mutants.report import AREAS, line_of, report
from tests.mutants.trees import ROOT, Run, Tree, load
from tests.mutants.trial import Selection, Tests, Verdict, trial

KEPT = ROOT / ".mutants"
SHARES = {"python": 0.75, "asl": 0.125, "template": 0.125}
"""How many of the mutants are of each area."""


def main() -> int:
    """Returns the exit status: 0 when every mutant was killed."""
    arguments = _arguments()
    KEPT.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # or the copies and the runs in them would stay
    with ExitStack() as open_:
        first, *others = (Path(open_.enter_context(tempfile.TemporaryDirectory())) for _ in range(arguments.processes))
        tree = Tree(first)
        trees = [tree, *(Tree(folder, tree) for folder in others)]
        state = coverage.key(tree.root)
        kept = Results(KEPT / f"results-{arguments.seed}-{state}.jsonl")
        measured = _measured(tree, KEPT / f"coverage-{state}.json", coverage.MEASURED)
        load(measured["modules"])
        if not arguments.no_stage:
            measured["failed"] += _measured(tree, KEPT / f"stage-{state}.json", coverage.STAGE)["failed"]
        if measured["failed"]:
            say("left out, because they fail without any change:", *(f"  {test}" for test in measured["failed"]))
        covered = coverage.Coverage(measured)
        tests = Tests(tree.root, covered, stage=not arguments.no_stage)
        areas = [arguments.only] if arguments.only else list(AREAS)
        chosen = draw(tree.root, arguments.seed, arguments.count, areas)
        _try_all(chosen, trees, tests, kept, arguments)
    ids = {mutant.id for mutant in chosen}
    done = [result for result in kept.by_id.values() if result["id"] in ids]
    say("", f"{len(done)} of {len(chosen)} mutants, seed {arguments.seed}: {kept.path.relative_to(ROOT)}", "")
    say(*report(done))
    return 1 if any(result["verdict"] == "survived" for result in done) else 0


def draw(root: Path, seed: int, count: int, areas: list[str]) -> list[Mutant]:
    """So many mutants, the same ones for the same seed and product, in the order in which they are tried."""
    drawn: list[Mutant] = []
    for area, wanted in shares(count, areas).items():
        order = random.Random(f"{seed} {area}")  # noqa: S311 - no secret
        weighted = [(order.random() ** (1 / mutant.weight), mutant) for mutant in every(root, area)]
        best_first = (mutant for _, mutant in sorted(weighted, key=lambda each: each[0], reverse=True))
        drawn += [mutant for mutant, _ in zip(_that_change(best_first), range(wanted), strict=False)]
    random.Random(seed).shuffle(drawn)  # noqa: S311 - no secret
    return drawn


def shares(count: int, areas: list[str]) -> dict[str, int]:
    """How many mutants are drawn of each of these areas."""
    return {area: round(count * SHARES[area] / sum(SHARES[each] for each in areas)) for area in areas}


def every(root: Path, area: str) -> Iterator[Mutant]:
    """All mutants of an area of the checkout at `root`."""
    if area == "asl":
        path = "statemachine/deploy.asl.json"
        yield from of_asl.mutants(path, (root / path).read_text())
    elif area == "template":
        yield from of_template.mutants("template.yaml", (root / "template.yaml").read_text())
    else:
        for file in sorted(file for folder in coverage.PRODUCT for file in (root / folder).rglob("*.py")):
            yield from of_python.mutants(str(file.relative_to(root)), file.read_text())


def _that_change(mutants: Iterator[Mutant]) -> Iterator[Mutant]:
    return (mutant for mutant in mutants if mutant.make() is not None)


class Results:
    """What came of each mutant, kept in a file, a line for each; the last line of a mutant counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.by_id: dict[str, dict[str, Any]] = {result["id"]: result for result in map(json.loads, lines)}

    def add(self, mutant: Mutant, verdict: Verdict, *, stage: bool, seconds: float) -> dict[str, Any]:
        """Keep a verdict; `stage` says whether the stage's tests were among those that the mutant could meet."""
        what = {name: getattr(mutant, name) for name in ("id", "area", "path", "line", "operator", "change")}
        result = {**what, **asdict(verdict), "stage": stage, "seconds": round(seconds, 1)}
        self.by_id[mutant.id] = result
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")
        return result


@dataclass
class _Trial:
    """A mutant that is being tried."""

    mutant: Mutant
    waiting: Generator[Selection, Run, Verdict]
    run: Run
    begun: float


def _try_all(
    chosen: list[Mutant], trees: list[Tree], tests: Tests, kept: Results, arguments: argparse.Namespace
) -> None:
    """Try each mutant that has no verdict yet, one in each tree at a time."""
    end = time.monotonic() + arguments.seconds
    pending = iter([mutant for mutant in chosen if not _is_settled(kept, mutant, stage=not arguments.no_stage)])
    busy: dict[int, _Trial] = {}
    try:
        while True:
            for slot, tree in enumerate(trees):
                if slot not in busy and time.monotonic() < end and (mutant := next(pending, None)):
                    busy[slot] = _begin(tree, mutant, tests, stage_alone=mutant.id in kept.by_id)
            if not busy:
                return
            for slot, each in [(slot, each) for slot, each in busy.items() if each.run.ended()]:
                verdict = _go_on(each, trees[slot], tests)
                if verdict:
                    del busy[slot]
                    trees[slot].restore()
                    seconds = time.monotonic() - each.begun
                    result = kept.add(each.mutant, verdict, stage=not arguments.no_stage, seconds=seconds)
                    tests.kills[verdict.by.partition("::")[0]] += 1
                    say(f"{verdict.verdict:9}{seconds:7.1f} s{line_of(result)}{verdict.by and f'  by {verdict.by}'}")
            time.sleep(0.02)
    finally:
        for each in busy.values():
            each.run.kill()


def _is_settled(kept: Results, mutant: Mutant, *, stage: bool) -> bool:
    result = kept.by_id.get(mutant.id)
    return result is not None and (result["verdict"] != "survived" or result["stage"] or not stage)


def _begin(tree: Tree, mutant: Mutant, tests: Tests, *, stage_alone: bool) -> _Trial:
    tree.change(mutant)
    waiting = trial(tests.selections(mutant, stage_alone=stage_alone))
    return _Trial(mutant, waiting, tests.start(tree, next(waiting)), time.monotonic())


def _go_on(tried: _Trial, tree: Tree, tests: Tests) -> Verdict | None:
    """Begin the next selection; the verdict where there is none."""
    try:
        tried.run = tests.start(tree, tried.waiting.send(tried.run))
    except StopIteration as ended:
        verdict: Verdict = ended.value
        return verdict
    return None


def _measured(tree: Tree, path: Path, folders: tuple[str, ...]) -> dict[str, Any]:
    if not path.exists():
        say(f"measuring {', '.join(folders)}: some minutes, once for this state of product and tests")
        path.write_text(json.dumps(coverage.measure(tree, folders)))
    measured: dict[str, Any] = json.loads(path.read_text())
    return measured


def say(*lines: str) -> None:
    """Write lines to stdout, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--only", choices=AREAS, help="mutants of one area alone")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no other mutant after so long")
    parser.add_argument("--no-stage", action="store_true", help="leave out the stage's tests, which take minutes each")
    parser.add_argument("--processes", type=int, default=2, help="how many mutants at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
