"""A stage of one's own, in a process of its own: for tests, the demo and the benchmark.

with running() as stage:
    stage.push("v1")
    print(stage.wait(stage.executions()[0])["status"])
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stage.client import ROOT, Client, StageError


@contextmanager
def running(*arguments: str) -> Iterator[Client]:
    """A stage of one's own, on a free port, as `python -m stage` with these arguments; it ends with the block.

    Raises StageError when it does not become ready; what it says of that is on stderr.
    """
    command = [sys.executable, "-m", "stage", "--port", "0", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
        try:
            ready = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
            if ready is None:
                raise StageError("the stage did not become ready")
            yield Client(ready[0])
        finally:
            process.terminate()
