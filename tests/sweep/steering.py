"""What a person changes of what is live, with faults: a rollback, a hold with its push and its end, a pause, a resume;
and the deployment of a task with every key.

Each trial begins at the same snapshot. It ends as without the faults, or as if it had not begun; what Sweep is to make
up for it does before that is looked at.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.guestbook.client import Client
from rota.deployment.items import plain
from stage.client import wait_for
from tests.stage.scenarios import sweep
from tests.stage.updated import update
from tests.stage.with_every_key.keys import keys_of, others
from tests.stage.with_every_key.scenario import RIGHTS
from tests.sweep.app import App
from tests.sweep.judge import Fault, Seen, hopeless, not_closed, unexplained
from tests.sweep.script import LAST_STRAW, Script, bursts, of_restore, singles
from tests.sweep.trial import LONGEST_SECONDS, Verdict

_READY = "ready"
# What is tried again by the frame of every step is tried in a deployment.
_KINDS = ("denied", "lost", "kill_after", "abort")
_WRITES = re.compile("Put|Update|Transact|Enable|Disable|Delete|Remove|Register|Deregister")
_BY = {"by": "ann", "reason": "the sale"}
_PUSHED = "v2"


@dataclass(frozen=True)
class Scenario:
    """What is made ready, then what is started with faults; None: a push of the second image.

    `steps`: whose calls are new, all others are as in a deployment. `outcomes` are those that the ledger may have in
    the end. `or_done`: it may be done although its execution failed. `aborted`: what it may have ended although the
    deployment that it started was aborted, whose entry then names the image. `every_key`: a task has every key, other
    ones than before, and the calls of a restore are tried too.
    """

    ready: tuple[Mapping[str, Any] | None, ...]
    start: Mapping[str, Any] | None
    outcomes: tuple[str, ...]
    steps: tuple[str, ...] = ("TakeTurn", "ChangePauses", "RestoreDeployment", "FinishDeployment")
    or_done: bool = False
    aborted: Mapping[str, Any] = field(default_factory=dict)
    every_key: bool = False


def _pause() -> dict[str, Any]:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    return {"kind": "pause", "pause": {"tasks": ["Stays", "Moves"], "until": until}, **_BY}


_HOLD = {"kind": "pause", "hold": {}, **_BY}
SCENARIOS: Mapping[str, Scenario] = {
    "rollback": Scenario((None,), {"kind": "rollback", "release": "previous", **_BY}, ("deployed",)),
    "hold": Scenario((), _HOLD, ("done",), or_done=True),
    "held push": Scenario((_HOLD,), None, ("held",), or_done=True),
    "resume of a hold": Scenario(
        (_HOLD, None),
        {"kind": "resume", "hold": {}, **_BY},
        ("deployed",),
        or_done=True,
        aborted={"hold": None, "pending": None},
    ),
    "pause": Scenario((), _pause(), ("done",)),
    "resume": Scenario((_pause(),), {"kind": "resume", "pause": {}, **_BY}, ("done",), or_done=True),
    "every key": Scenario(
        (),
        None,
        ("deployed",),
        steps=("ReadConfig", "PlanDeployment", "RegisterRevisions", "CreateTargets"),
        every_key=True,
    ),
}
_KEYED = {"name": "Keyed", "task": "spam_task", "rate": "1 day"}


def _is_tried_once(fault: Fault) -> bool:
    return fault["count"] == 1 and fault["fault"] in _KINDS and bool(_WRITES.match(fault["operation"]))


class Steering:
    """Makes trials of one scenario on one stage."""

    def __init__(self, stage: Client, name: str, late: float = 0) -> None:
        self._stage, self._name, self._scenario = stage, name, SCENARIOS[name]
        self._app = App(stage, late)
        self._is_ready = False
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}
        self._calls: list[dict[str, Any]] = []

    def scripts(self) -> Iterable[Script]:
        """Of the scenario's own steps every write that fails once, and every call that AWS denies for good."""
        self._make_ready()
        calls = [call for call in self._calls if call["caller"] in self._scenario.steps]
        once = [each for each in singles(calls) if _is_tried_once(each[-1])]
        for_good = [each for each in bursts(calls) if each[0]["fault"] == "denied"]
        if not self._scenario.every_key:
            return [*once, *for_good]
        self._played((LAST_STRAW,))
        restoring = of_restore(self._stage.calls(), LAST_STRAW)
        return [*once, *for_good, *(each for each in restoring if _is_tried_once(each[-1]))]

    def run(self, faults: Sequence[Fault]) -> Verdict:
        """Play it with these faults and judge the result."""
        self._make_ready()
        seen = self._played(faults)
        shown = self._shown()
        done = seen.entry.get("outcome") in self._scenario.outcomes
        gave_up = seen.ended_by.get("error") == "RestoreFailed"
        found = [] if gave_up and hopeless(seen.faults) else [*self._wrong(seen, shown, done=done)]
        return Verdict(
            faults=faults,
            status=seen.execution["status"],
            new=done,
            cause=seen.cause,
            reached=all(fault["hit"] for fault in seen.faults),
            wrong=tuple(found),
            gave_up=gave_up,
            scenario=self._name,
        )

    def _wrong(self, seen: Seen, shown: Mapping[str, Any], *, done: bool) -> Iterable[str]:
        wanted = [self._after] if done else [self._before, *([self._after] if self._scenario.or_done else [])]
        if seen.aborted and seen.entry.get("digest") == self._before["pending"]:
            wanted.append(self._before | self._scenario.aborted)
        if shown not in wanted:
            for name in shown:
                if shown[name] != wanted[0][name]:
                    yield f"{name}: {shown[name]}, not {wanted[0][name]}"
        yield from not_closed(seen, *self._scenario.outcomes, *([] if done else ["failed", "refused", "aborted"]))
        if not (done or seen.aborted):
            yield from unexplained(seen)

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        app, stage = self._app, self._stage
        app.begin()
        update(stage, **(RIGHTS if self._scenario.every_key else {}))
        keys = keys_of(stage) if self._scenario.every_key else {}
        app.want(0, [_KEYED | keys] if keys else [])
        self._end(stage.deploy("v1", timeout=LONGEST_SECONDS))
        app.want(1, [_KEYED | others(keys)] if keys else [])
        for number, given in enumerate(self._scenario.ready):
            self._end(
                self._started(given, f"ready-{number}") if given else stage.deploy(_PUSHED, timeout=LONGEST_SECONDS)
            )
        stage.keep(_READY)
        self._is_ready, self._before = True, self._shown()
        clean = self._played(())
        if clean.entry.get("outcome") not in self._scenario.outcomes:
            raise RuntimeError(f"without faults it did not end as expected: {clean}")
        self._calls = [call for call in stage.calls() if call["caller"]]
        self._after = self._shown()

    def _played(self, faults: Sequence[Fault]) -> Seen:
        app, stage = self._app, self._stage
        stage.reset(_READY)
        app.go_on()
        before = app.state()
        stage.clear_calls()
        stage.faults(faults)
        with app.time_passing():
            given = self._scenario.start
            execution = self._started(given, "tried") if given else stage.deploy(_PUSHED, timeout=LONGEST_SECONDS)
            ended_by = execution
            if execution["status"] == "ABORTED":
                ended_by = stage.restored_by(str(execution["executionArn"]), LONGEST_SECONDS)
        wait_for(lambda: not stage.invocations(), LONGEST_SECONDS)
        hit = stage.faults_so_far()
        stage.faults([])
        entry, heard = app.entry(execution), app.heard(execution)
        if faults:
            sweep(stage)
            for started in stage.executions():
                stage.wait(started, LONGEST_SECONDS)
        return Seen(
            faults=hit,
            execution=execution,
            ended_by=ended_by,
            before=before,
            after=before,
            digest="",
            tasks=(),
            prefix="",
            runs={},
            lease=app.lease(),
            entry=entry,
            heard=heard,
            has_snapshot=False,
        )

    def _started(self, given: Mapping[str, Any], name: str) -> dict[str, Any]:
        return self._stage.wait(self._stage.start(given, name), LONGEST_SECONDS)

    def _end(self, execution: Mapping[str, Any]) -> None:
        if execution["status"] != "SUCCEEDED":
            raise RuntimeError(f"even without faults it failed: {execution['cause']}")

    def _shown(self) -> dict[str, Any]:
        """All that a person sees of it, without what is new each time, such as the number of a revision."""
        app = self._app
        state, gates = app.state(), plain(app.lease().get("gates", {"M": {}}))

        def started(target: Mapping[str, Any]) -> dict[str, Any]:
            parameters = dict(target["EcsParameters"])
            return target | {"EcsParameters": parameters, "runs": app.runs(parameters.pop("TaskDefinitionArn"))}

        return {
            "rules": {
                name: (rule["ScheduleExpression"], rule["State"], [started(target) for target in rule["Targets"]])
                for name, rule in state.rules.items()
            },
            "service": app.runs(state.service),
            "bars": sorted(bar["digest"] for bar in gates.get("bars", ())),
            "hold": gates.get("hold", {}).get("by"),
            "pending": gates.get("pending", {}).get("image", {}).get("digest"),
            "pauses": app.paused(),
        }
