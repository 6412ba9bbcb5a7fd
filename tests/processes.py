"""The processes of this machine: from Linux's /proc, elsewhere from `ps`, a program that a slim machine may lack."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
FORKS = () if sys.platform == "darwin" else ("--runtime", "fork")
"""How a stage of tests starts functions: a fork takes a quarter of a cold start's processor time. Libraries of macOS do
not survive it.
"""


class Process(NamedTuple):
    """One that runs, or that has ended and that its parent has not asked after yet: its state begins with Z."""

    pid: int
    parent: int
    state: str


def children(parent: int) -> set[int]:
    """The processes that it has started and has not waited for."""
    return {each.pid for each in _all() if each.parent == parent}


def alive(pid: int) -> bool:
    """Whether it still runs. A process that has ended does not, even if it was not waited for."""
    return any(each.pid == pid and not each.state.startswith("Z") for each in _all())


def _all() -> Iterator[Process]:
    if PROC.joinpath("self/stat").exists():
        return _in_proc()
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    return (Process(int(pid), int(parent), state) for pid, parent, state in map(str.split, listed.splitlines()))


def _in_proc() -> Iterator[Process]:
    """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    for entry in PROC.glob("[0-9]*"):
        try:
            stat = entry.joinpath("stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        # The program's name, in brackets before these two, may hold anything.
        state, parent = stat.rpartition(")")[2].split()[:2]
        yield Process(int(entry.name), int(parent), state)
