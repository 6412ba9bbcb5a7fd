"""Which tests a mutant meets, the cheapest first, and what came of it."""

import re
import signal
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.coverage import Coverage
from tests.mutants.mutant import Mutant
from tests.mutants.trees import Plugin, Run, Tree

LONGEST_STAGE = 1800
_READS_THE_TEMPLATE = re.compile(r"\btemplate\b")
_READS_THE_MACHINE = re.compile(r"\basl\b|deploy\.asl\.json")
_DEPLOYS = re.compile(r"\bdeployed\b|\.deploy\(|\bv1\b|\brunning\(")


@dataclass(frozen=True)
class Selection:
    """Some tests, in the order in which they are run."""

    name: str
    tests: tuple[str, ...]
    """Tests, or files of which all are run."""
    seconds: float
    """After how long it counts as a loop without an end."""


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant."""

    verdict: str
    """killed, timeout or survived."""
    by: str = ""
    """The first test that failed."""


class Selected(Plugin):
    """Runs the chosen tests in their order and returns the first that failed."""

    def __init__(self, tests: Iterable[str], without: Iterable[str]) -> None:
        self._without = frozenset(without)
        self._rank = {test: rank for rank, test in enumerate(tests)}
        self._failed = ""

    @property
    def arguments(self) -> list[str]:
        """What pytest collects: the files of the tests, each once."""
        return ["-x", *dict.fromkeys(test.partition("::")[0] for test in self._rank)]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Tests by their names, or by that of their file."""
        rank = {item: self._rank.get(item.nodeid, self._rank.get(item.nodeid.partition("::")[0])) for item in items}
        rank |= {item: None for item in items if item.nodeid in self._without}
        items[:] = sorted((item for item in items if rank[item] is not None), key=lambda item: rank[item] or 0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed = self._failed or f"{report.nodeid} (cannot be loaded)"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    def answer(self) -> str:
        return self._failed


class Tests:
    """All tests, with what is known of them; the stage's where `stage` says so."""

    def __init__(self, root: Path, coverage: Coverage, *, stage: bool) -> None:
        self._root = root
        self._coverage = coverage
        self._stage = stage
        self.kills: Counter[str] = Counter()
        """How many mutants the tests of each file have killed."""

    def selections(self, mutant: Mutant, *, stage_alone: bool = False) -> Iterator[Selection]:
        """The tests that a mutant meets until one fails: those that can notice it, then those that may, then the
        stage's.
        """
        if not stage_alone:
            yield from self._of_python(mutant) if mutant.area == "python" else self._of_documents(mutant)
        if self._stage:
            files, own = self._files("tests/stage", _DEPLOYS), Path(mutant.path).parts[3:-1]
            first = sorted(files, key=lambda file: (not any(part in file for part in own), -self.kills[file]))
            yield Selection("stage", tuple(first), LONGEST_STAGE)

    def start(self, tree: Tree, selection: Selection) -> Run:
        """Begin to run the selected tests, but those that fail without any change."""
        selected = Selected(selection.tests, self._coverage.failed)
        return tree.start(selected.arguments, selected, selection.seconds)

    def _of_python(self, mutant: Mutant) -> Iterator[Selection]:
        anywhere = self._coverage.of_file(mutant.path)
        first = self._coverage.of_lines(mutant.path, mutant.lines) or anywhere
        rest = (anywhere if mutant.lines else self._coverage.seconds.keys()) - first
        steps, own = {test for test in first if test.startswith("tests/steps/")}, _module(mutant.path)
        # No line of a function: the shapes and constants that all share, which the machine's examples show first.
        shared = () if mutant.lines else ("tests/unit/test_machine.py",)
        yield self._selection("unit", first - steps, "tests/unit/test_contract.py", *shared, own=own)
        yield self._selection("steps", steps, own=own)
        yield self._selection("rest", self._one_of_each_file(rest), own=own)

    def _of_documents(self, mutant: Mutant) -> Iterator[Selection]:
        reads = _READS_THE_MACHINE if mutant.area == "asl" else _READS_THE_TEMPLATE
        files = self._files("tests/unit", reads)
        tests = [test for test in self._coverage.seconds if test.partition("::")[0] in files]
        yield self._selection("unit", tests, *files)
        if mutant.area == "asl":
            steps = (test for test in self._coverage.seconds if test.startswith("tests/steps/"))
            yield self._selection("steps", self._one_of_each_file(steps))

    def _one_of_each_file(self, tests: Iterable[str]) -> list[str]:
        """The quickest of each file: what does not execute a line itself meets it only in what its file prepares."""
        quickest: dict[str, str] = {}
        for test in sorted(tests, key=lambda test: self._coverage.seconds[test]):
            quickest.setdefault(test.partition("::")[0], test)
        return [*quickest.values()]

    def _selection(self, name: str, tests: Iterable[str], *files: str, own: str = "") -> Selection:
        """Those of the mutant's own module first, then those that cost least for what they have noticed so far."""
        seconds = self._coverage.seconds

        def cost(test: str) -> tuple[bool, float]:
            file = test.partition("::")[0]
            return not (own and own in file), seconds[test] / (1 + self.kills[file])

        known = sorted(tests, key=cost)
        return Selection(name, (*known, *files), 60 + 5 * sum(seconds[test] for test in known))

    def _files(self, folder: str, content: re.Pattern[str]) -> list[str]:
        found = sorted((self._root / folder).glob("test_*.py"))
        return [str(path.relative_to(self._root)) for path in found if content.search(path.read_text())]


def _module(path: str) -> str:
    """By which name tests know a module: a function's is that of its folder."""
    place = Path(path)
    return f"test_{place.parent.name if place.stem == 'app' else place.stem}"


def trial(selections: Iterable[Selection]) -> Generator[Selection, Run, Verdict]:
    """Run one selection after the other until one fails."""
    for selection in selections:
        if not selection.tests:
            continue
        while (run := (yield selection)).code == -signal.SIGTERM:
            continue  # what ends a run from outside says nothing of the mutant
        if run.timed_out:
            return Verdict("timeout", selection.name)
        failed: Any = run.answer()
        if failed or run.code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            return Verdict("killed", failed or f"{selection.name}: pytest ended with {run.code}")
    return Verdict("survived")
