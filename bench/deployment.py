"""One deployment on the stage, measured: when it was live, when it was over, what it called."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bench.memory import Memory, peaks
from examples.guestbook.client import Client

Mode = Literal["per-task", "shared"]
Case = Literal["first", "new-image", "one-changed", "unchanged"]
CASES: tuple[Case, ...] = ("first", "new-image", "one-changed", "unchanged")

LATENCY_MS = 40
_MAKES_LIVE = {"PutRule", "PutTargets", "RemoveTargets", "DeleteRule"}
_TIMEOUT = 3600.0


@dataclass(frozen=True)
class Measured:
    """What was seen of one deployment. Times in seconds from the push."""

    mode: Mode
    tasks: int
    case: Case
    live: float
    """Until the last write to a schedule was answered; where there is none, until the end."""
    whole: float
    """Until the execution ended, the service's rollout included."""
    estimate: float
    """What the plan said, from itself to the last schedule."""
    calls: Mapping[str, int]
    """All calls of all steps, by operation."""
    throttles: int
    steps: Mapping[str, tuple[float, float]]
    """Of each step, when its first call came and its last was answered."""
    memory: Mapping[str, Memory]
    """By function; a process that has ended by then is not told of."""

    @property
    def since_the_plan(self) -> float:
        """Seconds from the end of the planning until it was live: what the plan estimates."""
        return max(0.0, self.live - self.steps["PlanDeployment"][1])

    @property
    def starts(self) -> float:
        """Seconds until it was live in which no step was at work at AWS: functions started, states changed."""
        at_work = sorted(span for span in self.steps.values() if span[0] < self.live)
        idle, until = 0.0, 0.0
        for first, last in at_work:
            idle += max(0.0, first - until)
            until = max(until, last)
        return idle + max(0.0, self.live - until)


class Bench:
    """The stage as the benchmark uses it: quotas, latency, every function cold, as on AWS for what runs once a day."""

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._pushes = 0
        self._functions: dict[str, dict[str, str]] = {
            each["FunctionName"]: {key: str(value) for key, value in each["Environment"]["Variables"].items()}
            for each in stage.client("lambda").list_functions()["Functions"]
        }

    def begin(self, mode: Mode, tasks: int) -> None:
        """The user's world as before the first push, with a schedule file of so many tasks and room for their rules."""
        self._stage.reset()
        self._stage.settings(latency_ms=LATENCY_MS, rules_per_bus=tasks + 100)
        for name, variables in self._functions.items():
            changed = variables | {"REVISION_MODE": mode, "RULE_QUOTA": str(tasks + 100)}
            self._stage.client("lambda").update_function_configuration(
                FunctionName=name, Environment={"Variables": changed}
            )
        self._stage.upload_schedule(schedule(tasks))

    def prepare(self) -> None:
        """A first deployment that nobody measures: no quotas, no latency, no waiting."""
        self._stage.settings(quotas=False, latency_ms=0, time_scale=0.01, rollout_seconds=0)
        self._deploy("first")
        self._stage.settings(latency_ms=LATENCY_MS, time_scale=1, rollout_seconds=2)

    def measure(self, mode: Mode, tasks: int, case: Case) -> Measured:
        """Deploy with full buckets and cold functions. Raises RuntimeError when the deployment does not succeed."""
        if case == "one-changed":
            self._stage.upload_schedule(schedule(tasks, changed=f"bench {self._pushes}"))
        self._make_cold()
        self._stage.clear_calls()
        self._stage.settings(quotas=True)
        execution = self._deploy(case)
        return _measured(mode, tasks, case, execution, self._stage.calls(), peaks(self._stage.endpoint))

    def _deploy(self, case: Case) -> dict[str, Any]:
        self._pushes += case in ("first", "new-image")
        content, before = f"image {self._pushes}", len(self._stage.executions())
        execution = self._stage.deploy(f"bench-{self._pushes}-{before}", content, timeout=_TIMEOUT)
        if execution["status"] != "SUCCEEDED":
            raise RuntimeError(f"the deployment ended {execution['status']}: {execution.get('cause')}")
        return execution

    def _make_cold(self) -> None:
        for name in self._functions:
            self._stage.client("lambda").update_function_configuration(
                FunctionName=name, Description=f"cold since push {self._pushes}, {len(self._stage.calls())}"
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


def _measured(
    mode: Mode,
    tasks: int,
    case: Case,
    execution: Mapping[str, Any],
    calls: list[dict[str, Any]],
    memory: Mapping[str, Memory],
) -> Measured:
    pushed = next(ended(call) for call in calls if call["operation"] == "PutImage")
    ours = [call for call in calls if call["caller"]]
    over = execution["stopDate"].timestamp() - pushed
    live = [ended(call) - pushed for call in ours if call["operation"] in _MAKES_LIVE and not call["error"]]
    steps: dict[str, tuple[float, float]] = {}
    for call in ours:
        first, last = steps.get(call["caller"], (began(call) - pushed, 0.0))
        steps[call["caller"]] = (min(first, began(call) - pushed), max(last, ended(call) - pushed))
    return Measured(
        mode=mode,
        tasks=tasks,
        case=case,
        live=max(live, default=over),
        whole=over,
        estimate=float(execution["output"].get("plan", {}).get("estimated_seconds", 0)),
        calls=dict(Counter(f"{call['service']} {call['operation']}" for call in ours if not call["error"])),
        throttles=sum("Throttl" in (call["error"] or "") for call in ours),
        steps=steps,
        memory=memory,
    )
