"""Runs that Rota stops and starts, on a stage whose stack lets it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

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
TAGGED = {**LATE, "name": "Tagged", "tags": {"cost-centre": "12"}, "enable_execute_command": True}
_STOPPED, _STARTED = {("Stuck", "skipped"), ("Stuck", "failed")}, {("Late", "caught up"), ("Tagged", "caught up")}
BECOMES = {"stop": _STOPPED, "start": _STARTED, "both": _STOPPED | _STARTED}
"""By the parameter: each job, and what becomes of a run of it."""


@contextmanager
def played(parameter: str) -> Iterator[Client]:
    """A stage whose stack has that value of RunActions, once all that is to become of its runs has."""
    os.environ[VALUE] = parameter
    try:
        with process.running("--scenario", "tests.stage.with_actions", *FORKS) as served:
            stage = Client(served.endpoint)
            _play(stage, parameter)
            yield stage
    finally:
        del os.environ[VALUE]


def _play(stage: Client, parameter: str) -> None:
    stops, starts = parameter in ("stop", "both"), parameter in ("start", "both")
    stage.upload_schedule({"tasks": [*([STUCK] if stops else []), *([LATE, TAGGED] if starts else [])]})
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    stage.settings(tasks="scripted", script={"seconds": 600}, start_seconds=25, fire_schedules=True)
    stage.advance(60)  # to the first minute of Sweep's rule
    if starts:
        a_minute(stage)
        _give_up_a_start(stage)
    for _ in range(8):
        a_minute(stage)
        if BECOMES[parameter] <= statuses(stage):
            return
    raise AssertionError(f"of {BECOMES[parameter]} there is {statuses(stage)}")


def _give_up_a_start(stage: Client) -> None:
    """ECS refuses the hourly jobs once."""
    stage.settings(run_task="refused")
    for job in (LATE, TAGGED):
        stage.fire(f"{PREFIX}{job['name']}")
    stage.settings(run_task="ok")
    wait_for(lambda: {("Late", "missed"), ("Tagged", "missed")} <= statuses(stage), 20)


def statuses(stage: Client) -> set[tuple[str, str]]:
    """What became of runs: the job and how it is judged, or that it was started once more."""
    found = {(run["task"]["S"], run["status"]["S"]) for run in runs(stage)}
    return found | {(run["task"]["S"], "caught up") for run in runs(stage) if run.get("trigger") == {"S": "catch_up"}}
