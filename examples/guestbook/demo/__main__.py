"""`python -m examples.guestbook.demo`: one push creates schedules and rolls the service; a second one changes them."""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from rich.console import Console

from examples.guestbook.client import Client, running
from examples.guestbook.demo.narrate import narrate
from examples.guestbook.demo.tables import difference_table, schedule_table, schedules, service_line, target_line
from stage.client import ROOT, StageError, wait_for

# The width in a log file; a terminal has its own.
_LOG_WIDTH = 140
# Shorter waits, so that the demo is short: the machine waits 5 s before it checks the service again.
_TIME_SCALE, _ROLLOUT_SECONDS = 0.2, 1.5


def main() -> int:
    """Returns the exit status: 1 when a deployment or a task fails, 130 after Ctrl-C."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)
    begun = time.monotonic()
    try:
        console.print(
            "[bold]Rota demo[/bold]: a local AWS, Rota's own template, state machine and functions. No account.\n"
        )
        with ExitStack() as until_the_end:
            with console.status("starting the local AWS and deploying template.yaml to it"):
                stage = until_the_end.enter_context(running())
            _play(console, stage)
    except StageError as wrong:
        sys.stderr.write(f"The demo has failed: {wrong}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    took = time.monotonic() - begun
    console.print(
        f"\nThat took {took:.0f} s. To look around with the AWS CLI: [bold]make stage[/bold], then see the README."
    )
    return 0


def _play(console: Console, stage: Client) -> None:
    stage.settings(time_scale=_TIME_SCALE, rollout_seconds=_ROLLOUT_SECONDS)
    console.print(f"Before the first push: {service_line(stage)}; no schedules.")

    _deploy(console, stage, "4f2a9c1", "the first push")
    before = schedules(stage)
    console.print(f"\nEventBridge now has the rules {stage.names['rule_prefix']}...:")
    console.print(
        "", schedule_table(before), "", target_line(stage, before["IngestData"]), service_line(stage), sep="\n"
    )
    _fire(console, stage, before["IngestData"])

    console.print("\nNow the schedule file changes: one task is added, one removed, one moved.")
    stage.upload_schedule((ROOT / "examples/app/scheduled_tasks.next.json").read_bytes())
    _deploy(console, stage, "b81d07e", "the second push")
    after = schedules(stage)
    console.print("", difference_table(before, after), "", service_line(stage), sep="\n")
    _fire(console, stage, after["RemoveSpam"])

    console.print("\nAnd once more the same push, as one would re-run it from the console:")
    event = stage.client("stepfunctions").describe_execution(executionArn=stage.executions()[0])["input"]
    _follow(console, stage, stage.start(json.loads(event)))


def _deploy(console: Console, stage: Client, tag: str, title: str) -> None:
    before = set(stage.executions())
    console.print(f"\n[bold]$ docker push .../{stage.names['repository']}:{tag}[/bold]   # {title}")
    console.print(f"  digest: {stage.push(tag)}", style="dim", soft_wrap=True)
    _follow(console, stage, wait_for(lambda: [e for e in stage.executions() if e not in before], 5)[0])


def _follow(console: Console, stage: Client, execution: str) -> None:
    end = narrate(console, stage, execution)
    if end.status != "SUCCEEDED":
        raise StageError(f"the deployment ended {end.status} in {end.state}")


def _fire(console: Console, stage: Client, schedule: Mapping[str, Any]) -> None:
    """Fire a rule now instead of at its time, and print the task's output."""
    fired = stage.fire(schedule["rule"])
    console.print(f"\nEventBridge fires {schedule['rule']}: {' '.join(fired['command'])}, exit {fired['exit_code']}")
    for line in fired["output"].splitlines():
        console.print(f"  | {line}", style="cyan", markup=False)
    if fired["exit_code"] != 0:
        raise StageError(f"the task of {schedule['rule']} ended with exit code {fired['exit_code']}")


if __name__ == "__main__":
    sys.exit(main())
