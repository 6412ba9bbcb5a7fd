"""`python -m examples.guestbook.demo`: one push creates schedules and rolls the service, a second one changes them,
a third one breaks a job, and the fourth fixes it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.text import Text

from examples.guestbook.client import Client, running
from examples.guestbook.demo import runs, tables
from examples.guestbook.demo.tables import print_table, schedules
from rota.watch.narrate import WIDTH, Narrator
from stage.client import ROOT, StageError, wait_for

# Shorter waits, so that the demo is short: the machine waits 5 s before it checks the service again.
_TIME_SCALE, _ROLLOUT_SECONDS = 0.2, 1.5
# Shorter still for the deployments whose steps are not shown.
_QUICK = {"time_scale": 0.02, "rollout_seconds": 0.1}
_POLL_SECONDS = 0.1
_BOARD = ROOT / "build" / "board.html"
_SHORT_DIGEST = len("sha256:") + 12


def main() -> int:
    """Returns the exit status: 1 when a deployment or a task fails, 130 after Ctrl-C."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    begun = time.monotonic()
    try:
        console.print(
            "[bold]Rota demo[/bold]: a local AWS with Rota's template, state machine and functions. No account.\n"
        )
        with ExitStack() as until_the_end:
            with console.status("starting the local AWS and deploying template.yaml to it"):
                stage = until_the_end.enter_context(running("--scenario", "examples.guestbook.demo"))
            _play(console, stage)
            _draw(console, stage)
    except StageError as wrong:
        sys.stderr.write(f"The demo has failed: {wrong}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    took = time.monotonic() - begun
    console.print(
        f"\nThat took {took:.0f} s. To try this local AWS yourself: [bold]make stage[/bold].\n"
        "In another terminal, with the export line that it prints:\n"
        "  [bold].venv/bin/rota deploy --image initial --yes[/bold]\n"
        "  [bold].venv/bin/rota run IngestData --yes[/bold]\n"
        "  [bold].venv/bin/rota explain IngestData[/bold]\n"
        "docs/stage.md has a tour, docs/cli.md every command."
    )
    return 0


def _play(console: Console, stage: Client) -> None:
    stage.settings(time_scale=_TIME_SCALE, rollout_seconds=_ROLLOUT_SECONDS)
    runs.set_clock(stage)
    console.print("Before the first push there are no schedules.")
    console.print(tables.service_line(stage))

    _deploy(console, stage, "4f2a9c1", "The first push")
    before = schedules(stage)
    console.print(f"\nEventBridge now has these rules, named {stage.names['rule_prefix']}...:\n")
    print_table(console, tables.schedule_table(before, runs.now(stage)))
    console.print("", tables.target_line(stage, before["IngestData"]), tables.service_line(stage), sep="\n")
    _fire(console, stage, before["IngestData"])

    console.print("\nNow the schedule file changes: one task is new, one is gone, one runs at other times.")
    stage.upload_schedule((ROOT / "examples/app/scheduled_tasks.next.json").read_bytes())
    _deploy(console, stage, "b81d07e", "The second push")
    after = schedules(stage)
    console.print()
    print_table(console, tables.difference_table(before, after))
    console.print("", tables.service_line(stage), sep="\n")
    runs.pass_a_minute(stage)  # Sweep sees within a minute which jobs there are
    runs.run_when_due(console, stage, after["RemoveSpam"])

    console.print("\nThe same deployment once more, started by hand. Nothing differs, so nothing is written:")
    event = stage.client("stepfunctions").describe_execution(executionArn=stage.executions()[0])["input"]
    _follow(console, stage, stage.start(json.loads(event)))
    _break_and_repair(console, stage, after["RemoveSpam"])


def _break_and_repair(console: Console, stage: Client, job: tables.Schedule) -> None:
    """Push a release with which the job fails, and one with which it recovers; show the mail about each."""
    stage.settings(**_QUICK)
    right = (ROOT / "examples/app/scheduled_tasks.next.json").read_bytes()
    console.print(
        "\nNow a colleague renames RemoveSpam's task in the schedule file, and forgets to do so in the code.\n"
        "No check before the deployment can see that:"
    )
    stage.upload_schedule(right.replace(b'"spam_task"', b'"spam_spam_spam_task"'))
    _deploy_unseen(console, stage, "c7f3e20", "The third push")
    runs.run_when_due(console, stage, job)
    console.print("\nWho reads that log? Rota does, and sends one mail, however often the job fails:")
    runs.show_mail(console, stage)

    console.print("\nThe task gets its old name back:")
    stage.upload_schedule(right)
    _deploy_unseen(console, stage, "d0e4b92", "The fourth push")
    runs.run_when_due(console, stage, job)
    console.print("\nThe recovery is reported, too:")
    runs.show_mail(console, stage)


def _draw(console: Console, stage: Client) -> None:
    """Write the board's page of all that was played."""
    _BOARD.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "rota", "board", "--utc", "--out", str(_BOARD)]
    own = {"AWS_ENDPOINT_URL": stage.endpoint, "AWS_REGION": stage.names["region"]}
    credentials = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "me"}
    drawn = subprocess.run(command, env=os.environ | own | credentials, capture_output=True, text=True, check=False)
    if drawn.returncode:
        raise StageError(f"rota board --out: {drawn.stderr.strip()}")
    console.print(f"\nAll of it on one page, the board: [bold]{_BOARD.relative_to(ROOT)}[/bold]. Open it in a browser.")


def _deploy_unseen(console: Console, stage: Client, tag: str, title: str) -> None:
    """The same as `_deploy` without the steps."""
    ended = stage.deploy(tag)
    if ended["status"] != "SUCCEEDED":
        raise StageError(f"the deployment ended {ended['status']}: {ended['cause']}")
    name = f"{stage.names['repository']}:{tag}"
    console.print(f"[bold]{title}: ECR receives {name}[/bold], and it is {ended['output']['outcome']['outcome']}")


def _deploy(console: Console, stage: Client, tag: str, title: str) -> None:
    before = set(stage.executions())
    digest = stage.push(tag)
    console.print(
        f"\n[bold]{title}: ECR receives {stage.names['repository']}:{tag}[/bold], {digest[:_SHORT_DIGEST]}..."
    )
    _follow(console, stage, wait_for(lambda: [e for e in stage.executions() if e not in before], 5)[0])


def _follow(console: Console, stage: Client, execution: str) -> None:
    narrator = Narrator(stage.client("stepfunctions"), execution)
    with console.status("") as status:
        while (end := narrator.end) is None:
            for line in narrator.look():
                console.print(Text.from_ansi(line))
            status.update(f"{narrator.state} ...")
            time.sleep(_POLL_SECONDS)
    if end.status != "SUCCEEDED":
        raise StageError(f"the deployment ended {end.status} in {end.state}")


def _fire(console: Console, stage: Client, schedule: Mapping[str, Any]) -> None:
    """Fire a rule now instead of at its time, and print the task's output."""
    fired = stage.fire(schedule["rule"])
    runs.print_task(console, f"EventBridge fires {schedule['rule']}", fired)
    if fired["exit_code"] != 0:
        raise StageError(f"the task of {schedule['rule']} ended with exit code {fired['exit_code']}")


if __name__ == "__main__":
    sys.exit(main())
