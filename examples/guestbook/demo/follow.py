"""Follows an execution: what each state of the machine did, how long it took, how often it was retried."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rota.contract import STEPS
from stage.client import Client

_RESULTS = {step.name: step.result for step in STEPS}


@dataclass
class Step:
    """One visit of a Lambda step: entered, perhaps retried, left."""

    state: str
    entered: datetime
    retries: int = 0
    left: datetime | None = None
    result: Mapping[str, Any] | None = None
    """What the step added to the machine's document; None when it failed or is not a step of Rota."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The machine's document when the step was left."""
    error: str | None = None
    reason: str = ""
    """The error's message."""

    @property
    def seconds(self) -> float:
        return (self.left - self.entered).total_seconds() if self.left else 0.0


@dataclass
class End:
    """How the execution ended."""

    status: str
    state: str
    """The last state: `Deployed`, `NothingToDo`, `DeploymentFailed` ..."""
    seconds: float
    cause: str


class Following:
    """One execution, looked at again and again."""

    def __init__(self, stage: Client, execution: str) -> None:
        self._stage = stage
        self._execution = execution
        self._seen = 0
        self._step: Step | None = None

    def look(self) -> Iterator[Step | End]:
        """What is new since the last look: every step when it is entered and when it is left, then the end."""
        described = self._stage.client("stepfunctions").describe_execution(executionArn=self._execution)
        events = self._stage.history(self._execution)
        for event in events[self._seen :]:
            self._step, is_news = _after(self._step, event)
            if is_news and self._step:
                yield self._step
        self._seen = len(events)
        if described["status"] != "RUNNING":
            took = (described["stopDate"] - described["startDate"]).total_seconds()
            entered = [
                event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
            ]
            yield End(described["status"], entered[-1] if entered else "", took, described.get("cause", ""))


def _after(step: Step | None, event: Mapping[str, Any]) -> tuple[Step | None, bool]:
    """The step after this event of the history, and whether it was entered or left by it."""
    kind, at = event["type"], event["timestamp"]
    if kind == "TaskStateEntered":
        return Step(event["stateEnteredEventDetails"]["name"], at), True
    if step is None or step.left:
        return step, False
    if kind in {"LambdaFunctionFailed", "LambdaFunctionTimedOut"}:
        details = event.get("lambdaFunctionFailedEventDetails") or event.get("lambdaFunctionTimedOutEventDetails") or {}
        step.error, step.reason = details.get("error", kind), _reason(details.get("cause", ""))
    elif kind == "LambdaFunctionScheduled" and step.error:
        step.retries += 1
        step.error = None
    elif kind == "TaskStateExited":
        step.left = at
        document = json.loads(event["stateExitedEventDetails"]["output"])
        step.document = document if isinstance(document, dict) else {}
        step.result = None if step.error else step.document.get(_RESULTS.get(step.state, ""))
        return step, True
    return step, False


def _reason(cause: str) -> str:
    """The message of a function's error, without its stack trace."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
