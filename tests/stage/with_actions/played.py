"""Runs that Rota stops and starts, on a stage whose stack lets it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from examples.guestbook.client import Client
from stage import process
from stage.client import wait_for
from tests.processes import FORKS
from tests.stage.account import PREFIX
from tests.stage.scenarios import runs
from tests.stage.test_runs import a_minute
from tests.stage.with_actions.scenario import VALUE

STUCK = {"name": "Stuck", "task": "spam_task", "cron": "* * * * ? *", "overlap": "skip", "watch": {"max_runtime": 60}}
LATE = {"name": "Late", "task": "spam_task", "rate": "1 hour", "catch_up": "missed"}
TAGGED = {**LATE, "name": "Tagged", "tags": {"cost-centre": "12"}}
ENTERED = {**LATE, "name": "Entered", "enable_execute_command": True}
JOBS: dict[str, list[dict[str, Any]]] = {
    "stop": [STUCK],
    "start": [LATE, TAGGED, ENTERED],
    "both": [STUCK, LATE, TAGGED, ENTERED],
}
"""By the parameter: the jobs that ask for it."""


@contextmanager
def played(parameter: str) -> Iterator[Client]:
    """A stage whose stack has that value of RunActions, once all that is to become of its runs has."""
    os.environ[VALUE] = parameter
    try:
        with process.running("--scenario", "tests.stage.with_actions", *FORKS) as served:
            stage = Client(served.endpoint)
            play(stage, JOBS[parameter])
            yield stage
    finally:
        del os.environ[VALUE]


def play(stage: Client, jobs: Sequence[Mapping[str, Any]]) -> None:
    """Deploy these jobs and let minutes pass, until Rota has stopped and started what they ask for."""
    stage.upload_schedule({"tasks": jobs})
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    stage.settings(tasks="scripted", script={"seconds": 600}, start_seconds=25, fire_schedules=True)
    stage.advance(60)  # to the first minute of Sweep's rule
    becomes = {("Stuck", "skipped"), ("Stuck", "failed")} if STUCK in jobs else set()
    if late := [job["name"] for job in jobs if "catch_up" in job]:
        a_minute(stage)
        _give_up_a_start(stage, late)
        becomes |= {(name, "caught up") for name in late}
    for _ in range(8):
        a_minute(stage)
        if becomes <= statuses(stage):
            return
    raise AssertionError(f"of {becomes} there is {statuses(stage)}")


def _give_up_a_start(stage: Client, names: Sequence[str]) -> None:
    """ECS refuses these hourly jobs once."""
    stage.settings(run_task="refused")
    for name in names:
        stage.fire(PREFIX + name)
    stage.settings(run_task="ok")
    wait_for(lambda: {(name, "missed") for name in names} <= statuses(stage), 20)


def statuses(stage: Client) -> set[tuple[str, str]]:
    """What became of runs: the job and how it is judged, or that it was started once more."""
    found = {(run["task"]["S"], run["status"]["S"]) for run in runs(stage)}
    return found | {(run["task"]["S"], "caught up") for run in runs(stage) if run.get("trigger") == {"S": "catch_up"}}
