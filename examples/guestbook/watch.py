"""`python -m examples.guestbook.watch`: prints each deployment on a stage, and the mails about jobs, until it ends."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator

from click import style
from rich.console import Console
from rich.text import Text

from examples.guestbook.demo.runs import mails
from rota.watch.narrate import Narrator
from stage.client import NO_ANSWER, Client, NotAStageError, StageError

_POLL_SECONDS = 0.2
# A stage that is being started in another terminal is ready after that time.
_LONGEST_START_SECONDS = 30


class Watch:
    """Every execution that starts on a stage from now on, of every state machine, also several at once; and the subject
    of each mail about a job.
    """

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._states = stage.client("stepfunctions")
        self._machines: list[str] = []
        self._seen = set(self._executions())
        self._mails = len(mails(stage))
        self._active: list[Narrator] = []
        self._gone: list[Narrator] = []
        self._printed_last: Narrator | None = None

    @property
    def status(self) -> str:
        """The states in which the executions are."""
        return ", ".join(f"{each.state} ..." for each in self._active)

    def look(self) -> Iterator[str]:
        """What is new since the last look. A title precedes the lines wherever another execution's lines begin."""
        new = [each for each in self._executions() if each not in self._seen]
        self._seen.update(new)
        for each in new:
            with contextlib.suppress(self._states.exceptions.ExecutionDoesNotExist):
                self._active.append(Narrator(self._states, each))
        for execution in self._active:
            for line in self._look(execution):
                if execution is not self._printed_last:
                    yield f"\n{self._machine(execution)}{execution.title}"
                    self._printed_last = execution
                yield line
        self._active = [each for each in self._active if each.end is None and each not in self._gone]
        sent = mails(self._stage)
        for mail in sent[self._mails :]:
            yield f"\n{style('a mail', bold=True)}: {mail['subject']}"
            self._printed_last = None
        self._mails = len(sent)

    def _executions(self) -> Iterator[str]:
        """The ARNs of all executions on the stage, of each machine the oldest first."""
        pages = self._states.get_paginator("list_state_machines").paginate()
        machines = [machine for page in pages for machine in page["stateMachines"] if machine["type"] == "STANDARD"]
        self._machines = [machine["stateMachineArn"] for machine in machines]
        for machine in self._machines:
            with contextlib.suppress(self._states.exceptions.StateMachineDoesNotExist):  # deleted meanwhile
                listed = self._states.get_paginator("list_executions").paginate(stateMachineArn=machine)
                yield from reversed([each["executionArn"] for page in listed for each in page["executions"]])

    def _machine(self, execution: Narrator) -> str:
        """The name of the state machine, where there are several."""
        return f"{execution.machine}: " if len(self._machines) > 1 else ""

    def _look(self, execution: Narrator) -> Iterator[str]:
        try:
            yield from execution.look()
        except self._states.exceptions.ExecutionDoesNotExist:
            self._gone.append(execution)
            yield style("  the stage was reset", dim=True)


def main() -> int:
    """Returns the exit status: 1 when no stage answers."""
    parser = argparse.ArgumentParser(prog="python -m examples.guestbook.watch", description=__doc__)
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "5000"), help="the stage's port")
    stage = Client(f"http://127.0.0.1:{parser.parse_args().port}")
    console = Console(highlight=False, soft_wrap=True)
    with contextlib.suppress(KeyboardInterrupt):
        if not _wait_until_ready(stage):
            return 1
        try:
            _watch(console, stage)
        except NO_ANSWER:
            console.print("\nThe stage has ended.")
    return 0


def _wait_until_ready(stage: Client) -> bool:
    """Wait for a stage that is being started. Says at once, on stderr, when there is none."""
    give_up_at, said = time.monotonic() + _LONGEST_START_SECONDS, False
    while time.monotonic() < give_up_at:
        try:
            return bool(stage.describe())
        except NotAStageError as other:
            sys.stderr.write(f"{other}; for a stage on another port: make stage PORT=5001 and make watch PORT=5001\n")
            return False
        except StageError:  # it is being started
            said = True
        except NO_ANSWER:
            if not said:
                port = stage.endpoint.rpartition(":")[2]
                sys.stderr.write(
                    f"There is no stage on {stage.endpoint}. Start one in another terminal: make stage PORT={port}\n"
                    f"Waiting {_LONGEST_START_SECONDS} seconds for it ...\n"
                )
                sys.stderr.flush()
                said = True
        time.sleep(_POLL_SECONDS)
    sys.stderr.write(f"Still no stage on {stage.endpoint}.\n")
    return False


def _watch(console: Console, stage: Client) -> None:
    watch = Watch(stage)
    console.print(f"Watching {stage.endpoint} for deployments; Ctrl-C ends it.")
    with console.status("") as status:
        while True:
            for line in watch.look():
                console.print(Text.from_ansi(line))
            status.update(watch.status or "no deployment is running")
            time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
