"""The machine's history: how long each step took."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rota.stepfunctions import history


def happened(*events: tuple[float, str, str]) -> list[Any]:
    """Events, each of seconds after the start, its type and its state."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "timestamp": start + timedelta(seconds=seconds),
            "type": kind,
            **({f"state{kind.partition('State')[2]}EventDetails": {"name": state}} if state else {}),
        }
        for seconds, kind, state in events
    ]


def test_every_turn_and_every_attempt_of_a_step_counts() -> None:
    events = happened(
        (0, "ExecutionStarted", ""),
        (0, "TaskStateEntered", "TakeTurn"),
        (0.5, "TaskStateExited", "TakeTurn"),
        (0.5, "ChoiceStateEntered", "IsItThisDeploymentsTurn"),
        (0.5, "ChoiceStateExited", "IsItThisDeploymentsTurn"),
        (0.5, "WaitStateEntered", "WaitForTurn"),
        (20.5, "WaitStateExited", "WaitForTurn"),
        (20.5, "TaskStateEntered", "TakeTurn"),
        (20.6, "LambdaFunctionFailed", ""),
        (22.6, "LambdaFunctionScheduled", ""),
        (23.0, "TaskStateExited", "TakeTurn"),
        (23.0, "TaskStateEntered", "FinishDeployment"),
    )
    assert history.durations(events) == "TakeTurn 3.0 s, WaitForTurn 20.0 s"


def test_an_execution_that_has_just_begun_has_no_durations() -> None:
    assert history.durations([]) == ""
