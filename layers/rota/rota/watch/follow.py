"""Follows an execution: what each state of the machine did, how long it took, how often it was retried."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rota.contract.steps import STEPS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_RESULTS = {step.name: step.result for step in STEPS}
_EVENTS_PER_CALL = 200
_LOOKS_FOR_THE_END = 10
"""The history is eventually consistent: so often its last event is waited for."""


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
    error: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)


class Following:
    """One execution, looked at again and again."""

    def __init__(self, stepfunctions: "SFNClient", execution: str) -> None:
        self._stepfunctions = stepfunctions
        self._execution = execution
        self._seen = 0
        self._step: Step | None = None
        self._state = ""
        self._looks_at_the_end = 0

    def look(self) -> Iterator[Step | End]:
        """What is new since the last look: every step when it is entered and when it is left, then the end."""
        described = self._stepfunctions.describe_execution(executionArn=self._execution)
        events = self._new_events()
        for event in events:
            self._state = event.get("stateEnteredEventDetails", {}).get("name", self._state)
            self._step, is_news = _after(self._step, event)
            if is_news and self._step:
                yield self._step
        if described["status"] != "RUNNING" and self._is_all(events):
            yield self._end(described)

    def _new_events(self) -> list[Mapping[str, Any]]:
        """The events of the history that were not read yet, the oldest first."""
        pages = self._stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=self._execution, reverseOrder=True, PaginationConfig={"PageSize": _EVENTS_PER_CALL}
        )
        newest_first = (event for page in pages for event in page["events"])
        new: list[Mapping[str, Any]] = [*takewhile(lambda event: event["id"] > self._seen, newest_first)]
        self._seen = new[0]["id"] if new else self._seen
        return new[::-1]

    def _is_all(self, events: list[Mapping[str, Any]]) -> bool:
        """Whether the history shows the end too, or has had the time to."""
        self._looks_at_the_end += 1
        ended = bool(events) and events[-1]["type"].startswith("Execution")
        return ended or self._looks_at_the_end > _LOOKS_FOR_THE_END

    def _end(self, described: Mapping[str, Any]) -> End:
        took = (described["stopDate"] - described["startDate"]).total_seconds()
        cause, error = (described.get(name, "") for name in ("cause", "error"))
        output = json.loads(described.get("output") or "{}")
        return End(described["status"], self._state, took, cause, error, output if isinstance(output, dict) else {})


def _after(step: Step | None, event: Mapping[str, Any]) -> tuple[Step | None, bool]:
    """The step after this event of the history, and whether it was entered or left by it."""
    kind, at = event["type"], event["timestamp"]
    if kind == "TaskStateEntered":
        return Step(event["stateEnteredEventDetails"]["name"], at), True
    if step is None:
        return None, False
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
