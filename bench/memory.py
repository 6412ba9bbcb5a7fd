"""What the functions have used, as Linux counts it: memory and time of a CPU; empty on other systems."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """MB: the most that a process has held, and what the function is given."""

    peak: int
    given: int


def peaks(endpoint: str) -> dict[str, Memory]:
    """By step, of the processes that serve the stage at `endpoint`."""
    found: dict[str, Memory] = {}
    for process, step, given in _functions(endpoint):
        if peak := re.search(r"VmHWM:\s+(\d+) kB", _read(process, "status")):
            memory = Memory(int(peak[1]) // 1024, given)
            found[step] = max(found.get(step, memory), memory)
    return found


def cpu_seconds(endpoint: str) -> dict[str, float]:
    """By step, of the same processes: how long they have used a CPU, however busy the machine is."""
    found: dict[str, float] = {}
    for process, step, _ in _functions(endpoint):
        if fields := _read(process, "stat").rpartition(") ")[2].split():
            ticks = int(fields[11]) + int(fields[12])  # utime and stime of proc_pid_stat(5)
            found[step] = found.get(step, 0.0) + ticks / os.sysconf("SC_CLK_TCK")
    return found


def _functions(endpoint: str) -> Iterator[tuple[Path, str, int]]:
    """The processes, the step of each, and its MB."""
    for process in Path("/proc").glob("[0-9]*"):
        variables = dict(variable.partition("=")[::2] for variable in _read(process, "environ").split("\0"))
        if variables.get("AWS_ENDPOINT_URL") == endpoint and "AWS_LAMBDA_FUNCTION_NAME" in variables:
            step = re.sub(r".*?(\w+)Function-.*", r"\1", variables["AWS_LAMBDA_FUNCTION_NAME"])
            yield process, step, int(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])


def _read(process: Path, name: str) -> str:
    """Empty for a process that has ended, or is another user's."""
    try:
        return process.joinpath(name).read_text()
    except OSError:
        return ""
