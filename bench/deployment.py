"""One deployment on the stage, measured: when it was live, when it was over, what it called."""

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bench.memory import Memory, peaks
from examples.guestbook.client import Client

Mode = Literal["per-task", "shared", "scheduler"]
"""The parameter RevisionMode, with all jobs in rules; or `shared` with all of them in EventBridge Scheduler."""
Case = Literal["first", "new-image", "one-changed", "unchanged"]
CASES: tuple[Case, ...] = ("first", "new-image", "one-changed", "unchanged")

LATENCY_MS = 40
_MAKES_LIVE = {"PutRule", "PutTargets", "DisableRule", "CreateSchedule", "UpdateSchedule"}
_TIMEOUT = 3600.0
_PLAIN_CALLS = 11


@dataclass(frozen=True)
class Invocation:
    """One invocation of a step's function, in seconds from the push."""

    step: str
    begun: float
    first: float
    """When its first AWS call came; where it makes none, when it ended."""
    ended: float

    @property
    def until_first_call(self) -> float:
        return self.first - self.begun

    @property
    def after_first_call(self) -> float:
        return self.ended - self.first


@dataclass(frozen=True)
class Measured:
    """What was seen of one deployment. Times in seconds from the push; *until live* is until `live`."""

    mode: Mode
    tasks: int
    case: Case
    warm: bool
    """Whether every function had a process that had served an invocation before; else none had."""
    live: float
    """Until the last write to a schedule was answered; where there is none, until the end."""
    whole: float
    """Until the execution ended, the service's rollout included."""
    estimate: float
    """What the plan said, from itself to the last schedule."""
    planned: float
    """When PlanDeployment ended."""
    invocations: tuple[Invocation, ...]
    """Those that began until live, in this order."""
    states: int
    """How many states were entered until live."""
    between: float
    """Seconds until live in which no function was invoked: the state machine changed states."""
    latency: Mapping[str, float]
    """By service and operation, the median time in which the stage answered a call of a step."""
    sdk: float
    """By how much longer a client of AWS's SDK waited for a call than the stage took."""
    calls: Mapping[str, int]
    """All calls of all steps, by service and operation."""
    calls_until_live: Mapping[str, int]
    throttles: int
    memory: Mapping[str, Memory]
    """By function; a process that has ended meanwhile is missing."""

    @property
    def cold(self) -> tuple[Invocation, ...]:
        """The first invocation of each function until live, if they were cold."""
        first = {each.step: each for each in reversed(self.invocations)}
        return () if self.warm else tuple(each for each in self.invocations if each is first[each.step])

    @property
    def since_the_plan(self) -> float:
        """Seconds from the end of the planning until live: what the plan estimates."""
        return max(0.0, self.live - self.planned)


class Bench:
    """The stage as the benchmark uses it: quotas, latency, every function cold, as on AWS for what runs once a day."""

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._pushes = self._changes = self._cold = 0
        self._functions: dict[str, dict[str, str]] = {
            each["FunctionName"]: {key: str(value) for key, value in each["Environment"]["Variables"].items()}
            for each in stage.client("lambda").list_functions()["Functions"]
        }

    def begin(self, mode: Mode, tasks: int) -> None:
        """The user's world as before the first push, with a schedule file of so many tasks and room for their rules."""
        self._stage.reset()
        self._stage.settings(latency_ms=LATENCY_MS, rules_per_bus=tasks + 100)
        for name, variables in self._functions.items():
            modes = {"REVISION_MODE": mode, "SCHEDULES_IN": "rules"}
            if mode == "scheduler":
                modes = {"REVISION_MODE": "shared", "SCHEDULES_IN": "scheduler"}
            changed = variables | modes | {"RULE_QUOTA": str(tasks + 100)}
            self._stage.client("lambda").update_function_configuration(
                FunctionName=name, Environment={"Variables": changed}
            )
        self._stage.upload_schedule(schedule(tasks))

    def prepare(self) -> None:
        """A first deployment that is not measured: no quotas, no latency, no waiting."""
        self._stage.settings(quotas=False, latency_ms=0, time_scale=0.01, rollout_seconds=0)
        self._deploy("first")
        self._stage.settings(latency_ms=LATENCY_MS, time_scale=1, rollout_seconds=2)

    def measure(self, mode: Mode, tasks: int, case: Case, *, warm: bool = False) -> Measured:
        """Deploy with full buckets and with cold functions, or with those of the deployment before.

        Raises RuntimeError when the deployment does not succeed.
        """
        if case == "one-changed":
            self._changes += 1
            self._stage.upload_schedule(schedule(tasks, changed=f"bench {self._changes}"))
        if not warm:
            self._make_cold()
        self._stage.clear_calls()
        self._stage.settings(quotas=True)
        execution = self._deploy(case)
        history, calls = self._stage.history(execution["executionArn"]), self._stage.calls()
        memory, sdk = peaks(self._stage.endpoint), self._sdk()
        return measured(mode, tasks, case, execution, history, calls, memory, sdk, warm=warm)

    def _sdk(self) -> float:
        """Seconds that a call takes in the SDK and on the way: of a client that makes one call after the other."""
        self._stage.settings(quotas=False)
        buses = self._stage.client("events").list_event_buses
        waited: list[float] = []
        for _ in range(_PLAIN_CALLS):
            self._stage.clear_calls()
            began = time.perf_counter()
            buses()
            waited.append(time.perf_counter() - began - self._stage.calls()[0]["duration_ms"] / 1000)
        return statistics.median(waited)

    def _deploy(self, case: Case) -> dict[str, Any]:
        self._pushes += case in ("first", "new-image")
        content, before = f"image {self._pushes}", len(self._stage.executions())
        execution = self._stage.deploy(f"bench-{self._pushes}-{before}", content, timeout=_TIMEOUT)
        if execution["status"] != "SUCCEEDED":
            raise RuntimeError(f"the deployment ended {execution['status']}: {execution.get('cause')}")
        return execution

    def _make_cold(self) -> None:
        self._cold += 1
        for name in self._functions:
            self._stage.client("lambda").update_function_configuration(
                FunctionName=name, Description=f"made cold for the {self._cold}. time"
            )


def schedule(tasks: int, changed: str | None = None) -> dict[str, Any]:
    """A schedule file; `changed` is what the first task's description says, and part of its command."""
    entries: list[dict[str, Any]] = [
        {"name": f"Task{number:04}", "task": f"task_{number}", "cron": f"{number % 60} {number // 60 % 24} * * ? *"}
        for number in range(tasks)
    ]
    if changed:
        del entries[0]["task"]
        entries[0]["command"] = ["./bin/start", changed]
    return {"tasks": entries}


def began(call: Mapping[str, Any]) -> float:
    """When a call came to AWS, seconds since the epoch."""
    return datetime.fromisoformat(call["time"]).timestamp()


def ended(call: Mapping[str, Any]) -> float:
    """When it was answered."""
    return began(call) + float(call["duration_ms"]) / 1000


def measured(
    mode: Mode,
    tasks: int,
    case: Case,
    execution: Mapping[str, Any],
    history: Iterable[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    memory: Mapping[str, Memory],
    sdk: float,
    *,
    warm: bool,
) -> Measured:
    """What DescribeExecution, the execution's history and the stage's record of calls say of a deployment. Pure."""
    history = sorted(history, key=lambda event: event["id"])
    push = execution["startDate"].timestamp()  # ECR's event starts it at once
    of_steps = [call for call in calls if call["caller"]]
    whole = execution["stopDate"].timestamp() - push
    writes = [call for call in of_steps if call["operation"] in _MAKES_LIVE and not call["error"]]
    live = max((ended(call) - push for call in writes), default=whole)
    every = tuple(_invocations(history, calls, push))
    invocations = tuple(each for each in every if each.begun < live)
    return Measured(
        mode=mode,
        tasks=tasks,
        case=case,
        warm=warm,
        live=live,
        whole=whole,
        estimate=float(execution["output"].get("plan", {}).get("estimated_seconds", 0)),
        planned=max((each.ended for each in every if each.step == "PlanDeployment"), default=0.0),
        invocations=invocations,
        states=sum(
            event["type"].endswith("StateEntered") and event["timestamp"].timestamp() - push < live for event in history
        ),
        between=live - sum(min(each.ended, live) - each.begun for each in invocations),
        latency=_latency(of_steps),
        sdk=sdk,
        calls=_by_operation(of_steps),
        calls_until_live=_by_operation(call for call in of_steps if began(call) - push < live),
        throttles=sum("Throttl" in (call["error"] or "") for call in of_steps),
        memory=memory,
    )


def _latency(calls: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds, the median of the calls that were answered without an error."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for call in calls:
        if not call["error"]:
            found[f"{call['service']} {call['operation']}"].append(float(call["duration_ms"]) / 1000)
    return {operation: statistics.median(times) for operation, times in found.items()}


def _by_operation(calls: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many were answered without an error."""
    return dict(Counter(f"{call['service']} {call['operation']}" for call in calls if not call["error"]))


def _invocations(
    history: Iterable[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]], push: float
) -> Iterator[Invocation]:
    """The machine's invocations. The history says whose they are, the record when Lambda's Invoke came and ended."""
    steps, step = [], ""
    for event in history:
        if event["type"] == "TaskStateEntered":
            step = event["stateEnteredEventDetails"]["name"]
        elif event["type"] == "LambdaFunctionScheduled":
            steps.append(step)
    invokes = sorted((call for call in calls if call["operation"] == "Invoke"), key=began)
    for step, invoke in zip(steps, invokes, strict=True):
        first = (began(call) for call in calls if call["caller"] == step and began(invoke) <= began(call))
        yield Invocation(step, began(invoke) - push, min(*first, ended(invoke)) - push, ended(invoke) - push)
