"""Copies of the checkout, and runs of pytest in them: each forked from this process, which has loaded the libraries."""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
OWN = ("tests", "stage", "bench", "examples", "docs", "rota", "functions", "app")
"""Packages of the checkout: each run loads them again, from its own copy."""
_OPTIONS = ("-q", "-n", "0", "-p", "no:cacheprovider", "--tb=no")


class Tree:
    """A copy of the checkout in a folder of its own: as it is now, or as another tree is."""

    def __init__(self, folder: Path, other: "Tree | None" = None) -> None:
        self.root = folder / "tree"
        self._folder = folder
        self._before: dict[Path, bytes] = {}
        if other:
            shutil.copytree(other.root, self.root, symlinks=True)
            return
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
            source, copy = ROOT / name, self.root / name
            if name and source.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)
        (self.root / ".venv").symlink_to((ROOT / ".venv").resolve())

    def change(self, mutant: Mutant) -> None:
        """Write the mutant's file. Raises ValueError where the change makes no other program."""
        text, file = mutant.make(), self.root / mutant.path
        if text is None:
            raise ValueError(f"{mutant} changes nothing")
        self._before[file] = file.read_bytes()
        file.write_text(text)

    def restore(self) -> None:
        """Take every change back."""
        for file, content in self._before.items():
            file.write_bytes(content)
        self._before.clear()

    def start(self, arguments: Sequence[str], plugin: "Plugin", seconds: float) -> "Run":
        """Begin to run pytest with these arguments; it is killed after so many seconds."""
        answer = self._folder / "answer.json"
        answer.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            self._run(arguments, plugin, answer)
        return Run(pid, answer, time.monotonic() + seconds)

    def log(self) -> str:
        """What the last run has written, its last lines."""
        return "\n".join((self._folder / "log.txt").read_text(errors="replace").splitlines()[-20:])

    def _run(self, arguments: Sequence[str], plugin: "Plugin", answer: Path) -> NoReturn:
        code = 3  # pytest's own for an internal error
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            log = os.open(self._folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(log, stream)
            os.chdir(self.root)
            for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
                del sys.modules[name]
            sys.path[:] = [path for path in sys.path if not Path(path or ROOT).is_relative_to(ROOT) or ".venv" in path]
            sys.executable = str(self.root / ".venv/bin/python")
            sys.dont_write_bytecode = True
            os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.root / "layers/rota")}
            temporary = f"--basetemp={self._folder / 'tmp'}"
            code = int(pytest.main([*_OPTIONS, temporary, *arguments], plugins=[plugin]))
            answer.write_text(json.dumps(plugin.answer()))
        finally:
            sys.stdout.flush()
            os._exit(code)


class Plugin:
    """A plugin of pytest that reports on its run."""

    def answer(self) -> Any:
        """The report, as JSON can hold it."""
        raise NotImplementedError


@dataclass
class Run:
    """A run of pytest in a process of its own, with all that it started."""

    pid: int
    _answer: Path
    _deadline: float
    timed_out: bool = False
    code: int | None = None

    def ended(self) -> bool:
        """Whether it has ended; it is killed once its time is up."""
        if self.code is None:
            if time.monotonic() > self._deadline:
                self.timed_out = True
                self.kill()
            pid, status = os.waitpid(self.pid, 0 if self.timed_out else os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                self.kill()  # what it has left behind
        return self.code is not None

    def kill(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def answer(self) -> Any:
        """The plugin's report; None if the run ended before that."""
        return json.loads(self._answer.read_text()) if self._answer.exists() else None


def load(modules: Iterable[str]) -> None:
    """Import libraries before the runs fork, which spares each of them some seconds."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
