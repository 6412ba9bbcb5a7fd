"""`python -m examples.guestbook.watch`: print each deployment on a stage as it happens, until the stage ends."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator

from rich.console import Console

from examples.guestbook.client import Client
from examples.guestbook.demo.narrate import Teller
from stage.client import NO_ANSWER

_LOOKS_EVERY_SECONDS = 0.2
# A stage that was started in another terminal at the same moment is ready by then.
_LONGEST_START_SECONDS = 30


class Watch:
    """Every deployment that begins on a stage from now on, also where several are under way."""

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._seen = set(stage.executions())
        self._told: list[Teller] = []
        self._told_last: Teller | None = None

    @property
    def under_way(self) -> str:
        """The steps in which deployments are."""
        return ", ".join(f"{each.state} ..." for each in self._told)

    def look(self) -> Iterator[str]:
        """What there is to print since the last look: a title wherever the lines of another deployment begin."""
        new = [each for each in reversed(self._stage.executions()) if each not in self._seen]
        self._seen.update(new)
        for each in new:
            with contextlib.suppress(self._stage.client("stepfunctions").exceptions.ExecutionDoesNotExist):
                self._told.append(Teller(self._stage, each))
        for deployment in self._told:
            for line in self._look(deployment):
                if deployment is not self._told_last:
                    yield f"\n{deployment.title}"
                    self._told_last = deployment
                yield line
        self._told = [each for each in self._told if each.end is None and not each.gone]

    def _look(self, deployment: Teller) -> Iterator[str]:
        try:
            yield from deployment.look()
        except self._stage.client("stepfunctions").exceptions.ExecutionDoesNotExist:
            deployment.gone = True
            yield "  [dim]the stage was reset[/dim]"


def main() -> int:
    """Returns the exit status: 1 when no stage answers."""
    parser = argparse.ArgumentParser(prog="python -m examples.guestbook.watch", description=__doc__)
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "5000"), help="the stage's port")
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
    watch = Watch(stage)
    console.print(f"Watching {stage.endpoint} for deployments; Ctrl-C ends it.")
    with console.status("") as status:
        while True:
            for line in watch.look():
                console.print(line)
            status.update(watch.under_way or "no deployment is under way")
            time.sleep(_LOOKS_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
