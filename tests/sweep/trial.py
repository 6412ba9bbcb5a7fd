"""One deployment with faults, from the same start every time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.sweep.app import FILES, App
from tests.sweep.judge import Fault, Seen, left_behind, wrong

LONGEST_SECONDS = 150
# A stage becomes slower with each deployment, because it keeps all that they made.
_TRIALS_PER_START = 25


@dataclass(frozen=True)
class Verdict:
    """How a trial ended."""

    faults: Sequence[Fault]
    status: str
    cause: str
    reached: bool
    """Whether every fault has hit a call."""
    wrong: tuple[str, ...]
    """The broken promises; empty when all held."""
    new: bool = False
    """Whether it is deployed."""
    gave_up: bool = False
    """Whether it ended in RestoreFailed, as it may where AWS refuses RestoreDeployment itself for good."""
    scenario: str = ""
    """What was played, if it was no deployment (`tests.sweep.steering`)."""


class Trials:
    """Makes trials on one stage, one after the other.

    Each deployment goes from one schedule file to the other, so one begins with what the last has left, all new or all
    old. After a violation, and after every 25 trials, the stage is reset.
    """

    def __init__(self, stage: Client, late: float = 0) -> None:
        self._app = App(stage, late)
        self.stage = self._stage = stage
        self.late = late
        self._file = 0
        self._left = 0
        self._pushes = 0

    def run(self, faults: Sequence[Fault]) -> Verdict:
        """Deploy with these faults and judge the result."""
        if not self._left:
            self.start()
        self._left -= 1
        seen = self._deploy(faults)
        found = tuple(wrong(seen))
        if seen.deployed:
            self._file = 1 - self._file
        gave_up = seen.ended_by.get("error") == "RestoreFailed"
        if found or gave_up or (left_behind(seen) and not seen.deployed):
            self._left = 0
        return Verdict(
            faults=faults,
            status=seen.execution["status"],
            new=seen.deployed,
            cause=seen.cause,
            reached=all(fault["hit"] for fault in seen.faults),
            wrong=found,
            gave_up=gave_up,
        )

    def start(self) -> None:
        """Reset the stage and deploy the first file."""
        self._app.begin()
        self._file = 0
        self._app.want(0)
        self._pushes += 1
        first = self._stage.deploy(f"first-{self._pushes}")
        if first["status"] != "SUCCEEDED":
            raise RuntimeError(f"even without faults the deployment failed: {first['cause']}")
        self._left = _TRIALS_PER_START

    def calls(self) -> list[dict[str, Any]]:
        """The calls of the last deployment, of all functions and of Step Functions."""
        return [call for call in self._stage.calls() if call["caller"] or call["operation"] == "Invoke"]

    def _deploy(self, faults: Sequence[Fault]) -> Seen:
        app, stage = self._app, self._stage
        before = app.state()
        wanted = 1 - self._file
        app.want(wanted)
        app.watch()
        self._pushes += 1
        tag = f"v{self._pushes}"
        stage.clear_calls()
        stage.faults(faults)
        with app.time_passing():
            execution = stage.deploy(tag, timeout=LONGEST_SECONDS)
            ended_by = execution
            if execution["status"] == "ABORTED":
                ended_by = stage.restored_by(str(execution["executionArn"]), LONGEST_SECONDS)
        # If RestoreDeployment's last response was lost, its function is still running after the execution's end.
        wait_for(lambda: not stage.invocations(), LONGEST_SECONDS)
        hit = stage.faults_so_far()
        stage.faults([])
        after = app.state()
        return Seen(
            faults=hit,
            execution=execution,
            ended_by=ended_by,
            before=before,
            after=after,
            digest=str(execution["input"]["detail"]["image-digest"]),
            tasks=FILES[wanted],
            prefix=str(stage.names["rule_prefix"]),
            runs={revision: app.runs(revision) for revision in {after.service, *after.revisions()}},
            lease=app.lease(),
            entry=app.entry(execution),
            heard=app.heard(execution),
            has_snapshot=app.has_snapshot(execution),
            gaps=stage.watched()["violations"],
        )
