"""The children of a process and whether one lives, on a machine without `ps` and on one without /proc."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stage.client import wait_for
from tests import processes


@pytest.mark.skipif(not processes.PROC.exists(), reason="without /proc it takes ps")
def test_without_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    sees_a_child_until_it_is_waited_for()


@pytest.mark.skipif(shutil.which("ps") is None, reason="without ps it takes /proc")
def test_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    sees_a_child_until_it_is_waited_for()


def sees_a_child_until_it_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        assert child.pid in processes.children(os.getpid())
        assert processes.alive(child.pid)
        assert child.stdin
        child.stdin.close()
        assert wait_for(lambda: not processes.alive(child.pid), 10)
        assert child.pid in processes.children(os.getpid())
    assert child.pid not in processes.children(os.getpid())
