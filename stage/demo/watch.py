"""`python -m stage.demo.watch`: tell every deployment on a stage that runs already, as it happens, until Ctrl-C."""

import argparse
import contextlib
import os
import sys
import time
import urllib.error

from rich.console import Console

from stage.client import Client, StageError
from stage.demo.tell import tell

_LOOKS_EVERY_SECONDS = 0.2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m stage.demo.watch", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "5000")), help="the stage's port")
    stage = Client(f"http://127.0.0.1:{parser.parse_args().port}")
    console = Console(highlight=False, soft_wrap=True)
    try:
        seen = set(stage.executions())
    except (urllib.error.URLError, StageError):
        sys.stderr.write(f"no stage answers on {stage.endpoint}; start one with: make stage\n")
        return 1
    console.print(f"Watching {stage.endpoint} for deployments; Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for execution in [each for each in reversed(stage.executions()) if each not in seen]:
                seen.add(execution)
                console.print(f"\n[bold]{execution.rsplit(':', 1)[1]}[/bold]")
                tell(console, stage, execution)
            time.sleep(_LOOKS_EVERY_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
