"""How much memory the functions have used, as Linux counts it; empty on other systems."""

import re
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """MB: the most that a process has held, and what the function is given."""

    peak: int
    given: int


def peaks(endpoint: str) -> dict[str, Memory]:
    """By step, of the processes that serve the stage at `endpoint`."""
    found: dict[str, Memory] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = process.joinpath("environ").read_text().split("\0")
            peak = re.search(r"VmHWM:\s+(\d+) kB", process.joinpath("status").read_text())
        except OSError:  # it has ended, or is another user's
            continue
        variables = dict(variable.partition("=")[::2] for variable in environment)
        if peak and variables.get("AWS_ENDPOINT_URL") == endpoint and "AWS_LAMBDA_FUNCTION_NAME" in variables:
            memory = Memory(int(peak[1]) // 1024, int(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
            step = re.sub(r".*?(\w+)Function-.*", r"\1", variables["AWS_LAMBDA_FUNCTION_NAME"])
            found[step] = max(found.get(step, memory), memory)
    return found
