"""Runs of a job at their time, on the stage's clock, and the mails that Rota sends about them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from examples.guestbook.demo.tables import Schedule
from rota.watch.narrate import WIDTH, wrapped
from stage.client import Client, StageError, wait_for

_EVERY = 5
"""The minutes from one run of the job to the next."""
_SLOWEST_SWEEP_SECONDS = 30


def now(stage: Client) -> datetime:
    """The time of the stage's clock."""
    return datetime.fromisoformat(stage.clock())


def set_clock(stage: Client) -> None:
    """Set the clock to just after a time at which the job is due, so that the next one is minutes away."""
    stage.set_clock(_text(_next_due(stage) + timedelta(seconds=1)))


def pass_a_minute(stage: Client) -> None:
    """Advance the clock so far that Sweep runs, and wait until it has."""
    _fired(stage, 61)
    wait_for(lambda: not stage.invocations(), _SLOWEST_SWEEP_SECONDS)


def run_when_due(console: Console, stage: Client, job: Schedule) -> None:
    """Set the clock to the next time at which the job is due, and print what its task prints."""
    due = _next_due(stage)
    stage.set_clock(_text(due - timedelta(seconds=1)))
    fired = [each for each in _fired(stage, 1) if each["rule"] == job["rule"]]
    if not fired:
        raise StageError(f"EventBridge did not fire {job['rule']} at {due:%H:%M} UTC")
    print_task(console, f"This AWS's clock is set to {due:%H:%M} UTC: EventBridge fires {job['rule']}", fired[-1])


def print_task(console: Console, how: str, task: Mapping[str, Any]) -> None:
    """Print what started a task, its command, its exit code and its output."""
    console.print("", wrapped(f"{how}: {' '.join(task['command'])}, exit {task['exit_code']}", ""), sep="\n")
    for line in task["output"].splitlines():
        console.print(wrapped(line, "  | "), style="cyan", markup=False)


def show_mail(console: Console, stage: Client) -> None:
    """Advance the clock minute by minute, so that Sweep runs, until there is a mail about a job, and print that."""
    known = len(mails(stage))
    for _ in range(_EVERY - 1):
        pass_a_minute(stage)
        if new := mails(stage)[known:]:
            _print_mail(console, new[0])
            return
    raise StageError("there was no mail about the job")


def mails(stage: Client) -> list[dict[str, Any]]:
    """The mails about jobs: one about a deployment has no attributes."""
    return [each for each in stage.messages() if each["attributes"]]


def _print_mail(console: Console, mail: Mapping[str, Any]) -> None:
    """Print it as it was published, folded to the screen's width. Links do not fold, and are cut."""
    for line in (f"Subject: {mail['subject']}", "", *mail["message"].splitlines()):
        folded = wrapped(line, "  | ") if line and "https://" not in line else f"  | {line}".rstrip()
        for part in folded.splitlines():
            console.print(part if len(part) <= WIDTH else f"{part[: WIDTH - 3]}...", style="cyan", markup=False)


def _fired(stage: Client, seconds: float) -> list[dict[str, Any]]:
    """Advance the clock. Returns what EventBridge fired meanwhile."""
    stage.settings(fire_schedules=True)
    fired = stage.advance(seconds)
    stage.settings(fire_schedules=False)
    return fired


def _next_due(stage: Client) -> datetime:
    at = now(stage)
    return at.replace(second=0) + timedelta(minutes=_EVERY - at.minute % _EVERY)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
