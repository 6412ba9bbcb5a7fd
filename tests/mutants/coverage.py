"""Which test executes which line of the product, and how long each test takes: measured once for a state of both."""

import hashlib
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.mutants.trees import OWN, Plugin, Tree

MEASURED = ("tests/unit", "tests/cli", "tests/board", "tests/steps")
STAGE = ("tests/stage",)
"""Here the product runs in processes of its own: of these tests only the failures are asked for."""
PRODUCT = ("layers/rota/rota", "functions")
_LONGEST = 3600


class Coverage:
    """What was measured."""

    def __init__(self, measured: Mapping[str, Any]) -> None:
        self.seconds: dict[str, float] = measured["seconds"]
        """By test, how long it takes; of those that pass."""
        self.modules: list[str] = measured["modules"]
        """The libraries that the tests load."""
        self.failed: list[str] = measured["failed"]
        """The tests that fail without any change."""
        self._lines: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for test, files in measured["lines"].items():
            for path, lines in files.items() if test in self.seconds else ():
                for line in lines:
                    self._lines[path][line].add(test)

    def of_lines(self, path: str, lines: frozenset[int]) -> set[str]:
        """The tests that execute one of these lines."""
        return {test for line in lines for test in self._lines[path].get(line, ())}

    def of_file(self, path: str) -> set[str]:
        """The tests that execute anything of a file."""
        return {test for tests in self._lines[path].values() for test in tests}


def key(root: Path) -> str:
    """A name for the state of the product and of what is measured."""
    digest = hashlib.sha256()
    for folder in (*PRODUCT, *MEASURED, "statemachine", "template.yaml"):
        place = root / folder
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in {".py", ".json", ".yaml"}:
                digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def measure(tree: Tree, folders: Sequence[str]) -> dict[str, Any]:
    """Run all tests of some folders. Raises RuntimeError where that measures nothing."""
    run = tree.start([each for each in folders if (tree.root / each).is_dir()], _Tracing(tree.root), _LONGEST)
    try:
        while not run.ended():
            time.sleep(0.1)
    finally:
        run.kill()
    measured: dict[str, Any] | None = run.answer()
    if not measured or not measured["seconds"]:
        raise RuntimeError(f"pytest ended with {run.code} and measured nothing:\n{tree.log()}")
    return measured


class _Tracing(Plugin):
    def __init__(self, root: Path) -> None:
        self._root = root
        self._product = tuple(str(root / each) for each in PRODUCT)
        self._files: dict[CodeType, str | None] = {}
        self._current: defaultdict[str, set[int]] = defaultdict(set)
        self._lines: dict[str, dict[str, list[int]]] = {}
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    def pytest_collection_finish(self) -> None:
        """Count the lines by which a test made a snapshot for all that start from it (tests/steps/snapshots.py)."""
        snapshots: Any = sys.modules.get("tests.steps.snapshots")
        if not snapshots:
            return
        keep, restore, made_by = snapshots._kept, snapshots._restored, dict[int, dict[str, set[int]]]()

        def keep_and_note(*given: Any) -> bytes:
            kept: bytes = keep(*given)
            made_by[id(kept)] = {path: set(lines) for path, lines in self._current.items()}
            return kept

        def restore_and_count(kept: bytes, given: Any) -> Any:
            for path, lines in made_by[id(kept)].items():
                self._current[path] |= lines
            return restore(kept, given)

        snapshots._kept, snapshots._restored = keep_and_note, restore_and_count

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._current.clear()
        begun = time.monotonic()
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self._seconds[item.nodeid] = round(time.monotonic() - begun, 4)
            self._lines[item.nodeid] = {path: sorted(lines) for path, lines in self._current.items()}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def answer(self) -> dict[str, Any]:
        return {
            "seconds": {test: each for test, each in self._seconds.items() if test not in self._failed},
            "lines": self._lines,
            "failed": sorted(self._failed),
            "modules": sorted(_libraries()),
        }

    def _enter(self, frame: FrameType, _event: str, _arg: object) -> Any:
        code = frame.f_code
        if code not in self._files:
            name = code.co_filename
            self._files[code] = str(Path(name).relative_to(self._root)) if name.startswith(self._product) else None
        path = self._files[code]
        if path is None:
            return None
        lines = self._current[path]
        lines.add(frame.f_lineno)

        def line(frame: FrameType, _event: str, _arg: object) -> Any:
            lines.add(frame.f_lineno)
            return line

        return line


def _libraries() -> Iterator[str]:
    for name in list(sys.modules):
        package = name.partition(".")[0]
        if package not in OWN and not name.startswith(("_", "pytest", "xdist", "test_")):
            yield name
