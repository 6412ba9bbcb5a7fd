"""`python -m examples.guestbook.demo.failures`: a push that migrates, one whose migration fails, and one whose smoke
test does. After each of the two everything is as it was.
"""

import json
import sys
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.text import Text

from examples.guestbook.client import Client, running
from examples.guestbook.demo import tables
from rota.watch.narrate import WIDTH, Narrator
from stage.client import ROOT, StageError

_FILE: dict[str, Any] = json.loads((ROOT / "examples/app/scheduled_tasks.migrating.json").read_text())
_SETTINGS = {"time_scale": 0.05, "rollout_seconds": 0.1}


def main() -> int:
    """Returns the exit status: 1 when a push ends otherwise than it should, 130 after Ctrl-C."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    try:
        with ExitStack() as until_the_end:
            with console.status("starting the local AWS and deploying template.yaml to it"):
                stage = until_the_end.enter_context(running("--scenario", "examples.guestbook.demo"))
            _play(console, stage)
    except StageError as wrong:
        sys.stderr.write(f"The demo has failed: {wrong}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _play(console: Console, stage: Client) -> None:
    stage.settings(**_SETTINGS)
    stage.upload_schedule(_FILE)
    _push(console, stage, "4f2a9c1", "A push with a migration and a smoke test", fails=False)
    for _ in range(12):
        stage.fire(f"{stage.names['rule_prefix']}IngestData")  # until guests have signed twice
    console.print("\nA colleague wants each guest in the book once. The entries know better:")
    migration = _FILE["before"] | {"environment": {"DRAFTS": "1"}}
    stage.upload_schedule(_FILE | {"before": migration})
    _push(console, stage, "b81d07e", "A push whose migration fails", fails=True)
    console.print("\nAnd now the smoke test looks for an API where none is:")
    test = _FILE["after"] | {"environment": {"GUESTBOOK_URL": "http://127.0.0.1:9"}}
    stage.upload_schedule(_FILE | {"after": test})
    _push(console, stage, "c7f3e20", "A push whose smoke test fails", fails=True)


def _push(console: Console, stage: Client, tag: str, title: str, *, fails: bool) -> None:
    """Push, show each step, why it failed, and that nothing has changed then."""
    before = _state(stage)
    console.print(f"\n[bold]{title}: ECR receives {stage.names['repository']}:{tag}[/bold]")
    ended = stage.deploy(tag)
    narrator = Narrator(stage.client("stepfunctions"), str(ended["executionArn"]))
    for line in narrator.look():
        console.print(Text.from_ansi(line))
    if (ended["status"] == "FAILED") is not fails:
        raise StageError(f"the deployment ended {ended['status']}: {ended['cause']}")
    if fails:
        same = "as before" if _state(stage) == before else "not as before"
        console.print(f"Rules and schedules are {same}.", tables.service_line(stage), sep="\n")


def _state(stage: Client) -> object:
    return {name: {**schedule, "next": None} for name, schedule in tables.schedules(stage).items()}


if __name__ == "__main__":
    sys.exit(main())
