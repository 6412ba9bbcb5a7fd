"""What a person changes of what is live, with faults: a rollback, a hold with its push and its end, a push that is to
be approved and then is, the answer to it, a pause, a resume, an upload; and deployments of a task with every key, and
of jobs that move between rules and EventBridge Scheduler.

Each trial begins at the same snapshot. It ends as without the faults, or as if it had not begun; what Sweep is to make
up for it does before that is looked at.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.guestbook.client import Client
from rota.deployment.items import plain
from stage.client import StageError, wait_for
from tests.stage.scenarios import sweep
from tests.stage.updated import update
from tests.stage.with_every_key.keys import keys_of, others
from tests.stage.with_every_key.rights import RIGHTS
from tests.sweep.app import App
from tests.sweep.judge import Fault, Seen, gaps, hopeless, not_closed, unexplained
from tests.sweep.script import LAST_STRAW, Script, bursts, of_restore, singles
from tests.sweep.trial import LONGEST_SECONDS, Verdict

_READY = "ready"
# What is tried again by the frame of every step is tried in a deployment.
_KINDS = ("denied", "lost", "kill_after", "abort")
_WRITES = re.compile("Put|Update|Transact|Enable|Disable|Delete|Remove|Register|Deregister")
_MOVES = {"caller": "CreateTargets", "service": "events"}
_BY = {"by": "ann", "reason": "the sale"}
_PUSHED = "v2"
Tasks = list[dict[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """What is made ready, then what is started with faults; None: a push of the second image.

    `steps`: whose calls are new, all others are as in a deployment. `outcomes` are those that the ledger may have in
    the end. `or_done`: it may be done although its execution failed. `aborted`: what it may have ended although the
    deployment that it started was aborted, whose entry then names the image. `tasks`: what the two schedule files have
    beside their own, by which a deployment changes more than others do; then the calls of a restore are tried too.
    `parameters`: those of the stack, for both; then what the push has beside them. `jobs`: the tasks that must have a
    schedule that is on, all the time. `whole`: every fault of every call of the steps is tried. `migrations`: how many
    may run; None: the file has none. If one may, every fault of every call of the steps is tried, and of the restore
    while it runs.
    """

    ready: tuple[Mapping[str, Any] | None, ...]
    start: Mapping[str, Any] | None
    outcomes: tuple[str, ...]
    steps: tuple[str, ...] = ("TakeTurn", "ChangePauses", "RestoreDeployment", "FinishDeployment")
    or_done: bool = False
    aborted: Mapping[str, Any] = field(default_factory=dict)
    tasks: Callable[[Client], tuple[Tasks, Tasks]] | None = None
    parameters: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
    jobs: tuple[str, ...] = ()
    migrations: int | None = None
    whole: bool = False


_DEPLOYING = ("ReadConfig", "PlanDeployment", "ClearRules", "RegisterRevisions", "CreateTargets", "FinishDeployment")
_KEYED = {"name": "Keyed", "task": "spam_task", "rate": "1 day"}


def _every_key(**more: Any) -> Callable[[Client], tuple[Tasks, Tasks]]:
    def tasks(stage: Client) -> tuple[Tasks, Tasks]:
        keys = keys_of(stage) | more
        return [_KEYED | keys], [_KEYED | others(keys)]

    return tasks


def _moving(*, there: bool) -> Callable[[Client], tuple[Tasks, Tasks]]:
    """Beside the tasks that `SchedulesIn` moves: one that a key moves, and ones in Scheduler that stay, come and go."""
    keyed = [_RARELY, _RARELY | {"timezone": "Africa/Abidjan"}]
    before, after = keyed if there else reversed(keyed)
    zoned = {**_ZONED, "name": "Zoned", "rate": "2 hours", "start": "2026-01-01T00:00:00"}
    comes, goes = (
        {**_ZONED, "name": "Comes", "cron": "0 7 * * ? *"},
        {**_ZONED, "name": "Goes", "at": "2099-01-01T07:00"},
    )
    return lambda _stage: ([before, zoned, goes], [after, zoned | {"window": 5}, comes])


_RARELY = {"name": "Rarely", "task": "spam_task", "cron": "30 3 29 2 ? *"}
_ZONED = {"task": "spam_task", "timezone": "Europe/Berlin"}
_MOVING_JOBS = ("Stays", "Moves", "Rarely", "Zoned")


def _moves(*, there: bool) -> "Scenario":
    inside, outside = {"SchedulesIn": "scheduler"}, {"SchedulesIn": "rules"}
    return Scenario(
        (),
        None,
        ("deployed",),
        steps=_DEPLOYING,
        tasks=_moving(there=there),
        parameters=(outside, inside) if there else (inside, outside),
        jobs=_MOVING_JOBS,
    )


def _pause() -> dict[str, Any]:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    return {"kind": "pause", "pause": {"tasks": ["Stays", "Moves"], "until": until}, **_BY}


_HOLD = {"kind": "pause", "hold": {}, **_BY}
_ASKS: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {"Approval": "required"})
_APPROVAL: dict[str, Any] = {}
"""Not the input of an execution: what waits is approved, and not started."""
_ANSWERS: Mapping[str, Any] = {"approves": True}
"""The same; and Approve starts it, or Sweep."""
_UPLOADS: Mapping[str, Any] = {"file": 1}
"""Nor is this one: a schedule file is uploaded, and Sweep starts its deployment."""
_STARTS_NOTHING = {
    "service": "stepfunctions",
    "operation": "StartExecution",
    "caller": "Approve",
    "count": 0,
    "fault": "denied",
}
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
    "push to be approved": Scenario(
        (),
        None,
        ("held",),
        steps=("TakeTurn", "PlanDeployment", "RestoreDeployment"),
        parameters=_ASKS,
        aborted={"pending": None},
    ),
    "approved push": Scenario(
        (None, _APPROVAL),
        {"kind": "resume", **_BY},
        ("deployed",),
        or_done=True,
        parameters=_ASKS,
        aborted={"pending": None, "answered": False},
    ),
    "approval": Scenario((None,), _ANSWERS, ("deployed",), steps=("Approve",), parameters=_ASKS, whole=True),
    "upload": Scenario((), _UPLOADS, ("deployed",), or_done=True, parameters=({}, {"DeployOnScheduleChange": "true"})),
    "pause": Scenario((), _pause(), ("done",)),
    "resume": Scenario((_pause(),), {"kind": "resume", "pause": {}, **_BY}, ("done",), or_done=True),
    "every key": Scenario((), None, ("deployed",), steps=_DEPLOYING, tasks=_every_key(), parameters=(RIGHTS, {})),
    "every key in Scheduler": Scenario(
        (),
        None,
        ("deployed",),
        steps=_DEPLOYING,
        tasks=_every_key(end="2099-01-01T00:00:00Z", window=5),
        parameters=(RIGHTS, {}),
        jobs=("Stays", "Moves", "Keyed"),
    ),
    "moves to Scheduler": _moves(there=True),
    "moves to rules": _moves(there=False),
    "gates": Scenario((), None, ("deployed",), steps=("RunBefore", "RunAfter"), migrations=1),
    "rollback with gates": Scenario(
        (None,),
        {"kind": "rollback", "release": "previous", **_BY},
        ("deployed",),
        steps=("TakeTurn", "RunAfter"),
        migrations=0,
    ),
}
_ONE_OFFS = {"before": {"task": "migrate", "pause_tasks": True}, "after": {"task": "smoke_test"}}
# Long enough that the first look at it sees it run.
_SCRIPTED = {"tasks": "scripted", "script": {"seconds": 0.2}}
_STRAW_OF_MIGRATION: dict[str, Any] = {
    "service": "ecs",
    "operation": "DescribeTasks",
    "caller": "RunBefore",
    "count": 0,
    "fault": "denied",
}
"""Makes a deployment fail while its migration runs."""
# What the restore calls to stop the migration and to end its pause; all else it calls in any deployment that fails.
_OF_THE_RESTORE = {
    "ListTasks",
    "DescribeTasks",
    "StopTask",
    "Query",
    "GetItem",
    "PutItem",
    "DescribeRule",
    "EnableRule",
}
# Of each call of a step: a task that runs is looked at again and again.
_MOST_ALIKE = 6


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
        """Of the scenario's own steps every write that fails once, and every call that AWS denies for good; of calls to
        EventBridge Scheduler, and of what CreateTargets does beside them, every call with every fault.
        """
        self._make_ready()
        calls = [call for call in self._calls if call["caller"] in self._scenario.steps]
        if self._scenario.migrations:
            return [*self._of_migrations(calls)]
        if self._scenario.whole:
            return [each for each in (*singles(calls), *bursts(calls)) if each[0]["fault"] != "abort"]
        scripts = [each for each in (*singles(calls), *bursts(calls)) if self._is_tried(each[-1])]
        if self._scenario.tasks:
            self._played((LAST_STRAW,))
            restoring = of_restore(self._stage.calls(), LAST_STRAW)
            scripts += [each for each in restoring if self._is_tried(each[-1], of_restore=True)]
        return scripts

    def _of_migrations(self, calls: Sequence[Mapping[str, Any]]) -> Iterable[Script]:
        yield from (each for each in (*singles(calls), *bursts(calls)) if each[0]["skip"] < _MOST_ALIKE)
        self._played((_STRAW_OF_MIGRATION,))
        restoring = [call for call in self._stage.calls() if call["operation"] in _OF_THE_RESTORE]
        yield from of_restore(restoring, _STRAW_OF_MIGRATION)

    def _is_tried(self, fault: Fault, *, of_restore: bool = False) -> bool:
        if self._scenario.jobs and (fault["service"] == "scheduler" or _MOVES.items() <= fault.items()):
            return True
        for_good = fault["count"] == 0 and fault["fault"] == "denied"
        return _is_tried_once(fault) or (for_good and not of_restore)

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
        if self._scenario.start is _UPLOADS:  # its deployment could not begin: it is tried again an hour later
            wanted.append(self._before | {"pending_schedule": True})
        if seen.aborted and seen.entry.get("digest") == self._before["pending"]:
            wanted.append({**self._before, **self._scenario.aborted})
        if shown not in wanted:
            for name in shown:
                yield from _differing(name, shown[name], wanted[0][name])
        yield from gaps(seen)
        if self._scenario.migrations is not None:
            tasks = self._app.one_offs("before", str(seen.execution["executionArn"]))
            if len(tasks) > self._scenario.migrations:
                yield f"the migration ran {len(tasks)} times"
            if any(task["desiredStatus"] == "RUNNING" for task in tasks):
                yield "the migration still runs"
        undone = ["held"] if self._scenario.start is _ANSWERS else ["failed", "refused", "aborted"]
        yield from not_closed(seen, *self._scenario.outcomes, *([] if done else undone))
        if not (done or seen.aborted):
            yield from unexplained(seen)

    def _kept(self) -> bool:
        """Whether the stage could be kept: what runs once may still be recorded."""
        try:
            self._app.stage.keep(_READY)
        except StageError:
            return False
        return True

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        app, stage = self._app, self._stage
        update(stage)  # a reset leaves the stack as another scenario has updated it, but not its functions
        app.begin()
        parameters, others_ = self._scenario.parameters
        update(stage, **parameters)
        before, after = self._scenario.tasks(stage) if self._scenario.tasks else ([], [])
        one_offs = None if self._scenario.migrations is None else _ONE_OFFS
        self._script()
        app.want(0, before, one_offs)
        self._end(stage.deploy("v1", timeout=LONGEST_SECONDS))
        app.want(1, after, one_offs)
        update(stage, **{**parameters, **others_})
        for number, given in enumerate(self._scenario.ready):
            self._end(
                self._started(given, f"ready-{number}")
                if given is not None
                else stage.deploy(_PUSHED, timeout=LONGEST_SECONDS)
            )
        wait_for(self._kept, LONGEST_SECONDS)
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
        self._script()
        if self._scenario.jobs:
            # No task of the schedule files is due at noon, so that one that moves does not wait.
            stage.set_clock(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}T12:00:00Z")
        before = app.state()
        app.watch_jobs(self._scenario.jobs)
        stage.clear_calls()
        stage.faults(faults)
        with app.time_passing():
            given, told = self._scenario.start, ""
            if given is _ANSWERS:
                execution, told = self._answered()
            elif given is _UPLOADS:
                execution = self._uploaded()
            else:
                execution = self._started(given, "tried") if given else stage.deploy(_PUSHED, timeout=LONGEST_SECONDS)
            ended_by = {**execution, "cause": told} if told else execution
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
            gaps=stage.watched()["violations"],
        )

    def _script(self) -> None:
        if self._scenario.migrations is not None:
            self._stage.settings(**_SCRIPTED)

    def _started(self, given: Mapping[str, Any], name: str) -> dict[str, Any]:
        if given is _APPROVAL:
            return self._approved()
        return self._stage.wait(self._stage.start(given, name), LONGEST_SECONDS)

    def _approved(self) -> dict[str, Any]:
        """Approve what waits, with Approve kept from starting it. Returns the execution that was held."""
        stage, pending = self._stage, plain(self._app.lease()["gates"])["pending"]
        given = {"changes": pending["asks"]["changes"], "approves": True, **_BY}
        stage.faults([_STARTS_NOTHING])
        name = stage.names["outputs"]["ApproveFunctionName"]
        stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(given).encode())
        stage.faults([])
        return stage.wait(pending["execution"], LONGEST_SECONDS)

    def _answered(self) -> tuple[dict[str, Any], str]:
        """Approve what waits, and let Sweep start what Approve has not. Returns the execution that deploys it, or else
        the one that was held; and what the person was told instead of an answer.
        """
        stage, pending, before = self._stage, plain(self._app.lease()["gates"])["pending"], {*self._stage.executions()}
        given = {"changes": pending["asks"]["changes"], "approves": True, **_BY}
        name = stage.names["outputs"]["ApproveFunctionName"]
        reply = stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(given).encode())
        answer = json.loads(reply["Payload"].read())
        told = f"Approve: {answer['errorMessage']}" if "FunctionError" in reply else ""
        sweep(stage)
        begun = [each for each in stage.executions() if each not in before]
        return stage.wait(begun[-1] if begun else pending["execution"], LONGEST_SECONDS), told

    def _uploaded(self) -> dict[str, Any]:
        """Upload the file again; two minutes later Sweep starts its deployment. Returns that, or what came before."""
        stage, before = self._stage, {*self._stage.executions()}
        self._app.want(1)

        def begun() -> list[str]:
            return [each for each in stage.executions() if each not in before]

        first = stage.wait(wait_for(begun, 10)[-1], LONGEST_SECONDS)
        if first["status"] == "ABORTED":
            stage.restored_by(str(first["executionArn"]), LONGEST_SECONDS)
        stage.advance(121)
        known = {*stage.executions()}
        sweep(stage)
        started = [each for each in stage.executions() if each not in known]
        return stage.wait(started[-1], LONGEST_SECONDS) if started else first

    def _end(self, execution: Mapping[str, Any]) -> None:
        if execution["status"] != "SUCCEEDED":
            raise RuntimeError(f"even without faults it failed: {execution['cause']}")

    def _shown(self) -> dict[str, Any]:
        """All that a person sees of it, without what is new each time, such as the number of a revision."""
        app = self._app
        state, gates = app.state(), plain(app.lease().get("gates", {"M": {}}))

        # A rate that is new counts from the moment in which it was made.
        known = self._before.get("schedules", state.schedules)

        def started(target: Mapping[str, Any]) -> dict[str, Any]:
            parameters = dict(target["EcsParameters"])
            return {**target, "EcsParameters": parameters, "runs": app.runs(parameters.pop("TaskDefinitionArn"))}

        return {
            "rules": {
                name: (rule["ScheduleExpression"], rule["State"], [started(target) for target in rule["Targets"]])
                for name, rule in state.rules.items()
            },
            "schedules": {
                name: {
                    **{member: value for member, value in each.items() if member != "phase" or name in known},
                    "Target": started(each["Target"]),
                }
                for name, each in state.schedules.items()
            },
            "service": app.runs(state.service),
            "bars": sorted(bar["digest"] for bar in gates.get("bars", ())),
            "hold": gates.get("hold", {}).get("by"),
            "pending": gates.get("pending", {}).get("image", {}).get("digest"),
            "answered": bool(gates.get("pending", {}).get("answer")),
            "pending_schedule": bool(gates.get("pending_schedule")),
            "pauses": app.paused(),
        }


def _differing(name: str, found: Any, wanted: Any) -> Iterable[str]:
    """A sentence for each part that is not as it should be."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({**found, **wanted}):
            yield from _differing(f"{name} {key}", found.get(key), wanted.get(key))
    elif found != wanted:
        yield f"{name}: {found}, not {wanted}"
