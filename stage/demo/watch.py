"""`python -m stage.demo.watch`: tell every deployment on a stage, as it happens, until Ctrl-C or the stage's end."""

import argparse
import contextlib
import os
import sys
import time

from rich.console import Console

from stage.client import NO_ANSWER, Client
from stage.demo.tell import tell

_LOOKS_EVERY_SECONDS = 0.2
# A stage that was started in another terminal at the same moment is ready by then.
_LONGEST_START_SECONDS = 30


def main() -> int:
    """Returns the exit status: 1 when no stage answers."""
    parser = argparse.ArgumentParser(prog="python -m stage.demo.watch", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "5000")), help="the stage's port")
    port = parser.parse_args().port
    stage = Client(f"http://127.0.0.1:{port}")
    console = Console(highlight=False, soft_wrap=True)
    with contextlib.suppress(KeyboardInterrupt):
        if not _is_ready(console, stage):
            sys.stderr.write(f"no stage answers on {stage.endpoint}; start one with: make stage PORT={port}\n")
            return 1
        try:
            _watch(console, stage)
        except NO_ANSWER:
            console.print("\nThe stage has ended.")
    return 0


def _is_ready(console: Console, stage: Client) -> bool:
    give_up_at = time.monotonic() + _LONGEST_START_SECONDS
    with console.status(f"waiting for a stage on {stage.endpoint}"):
        while time.monotonic() < give_up_at:
            with contextlib.suppress(*NO_ANSWER):
                return bool(stage.describe())
            time.sleep(_LOOKS_EVERY_SECONDS)
    return False


def _watch(console: Console, stage: Client) -> None:
    seen = set(stage.executions())
    console.print(f"Watching {stage.endpoint} for deployments; Ctrl-C ends it.")
    while True:
        for execution in [each for each in reversed(stage.executions()) if each not in seen]:
            seen.add(execution)
            tell(console, stage, execution, with_title=True)
        time.sleep(_LOOKS_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
