"""Starts a stage in a process of its own: for tests, demos and benchmarks.

with running("--scenario", "examples.guestbook") as stage:
    print(stage.describe())
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stage.client import ROOT, Client, StageError


@contextmanager
def running(*arguments: str) -> Iterator[Client]:
    """Start `python -m stage` with these arguments on a free port; it ends with the block.

    Raises StageError when it does not become ready; stderr says why.
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
