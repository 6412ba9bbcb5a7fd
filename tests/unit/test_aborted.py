"""Executions that ended in the middle: what their end starts, and what is read from their history."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract import CaughtError, Execution, FailedDeployment, Outcome, RestoreDeploymentInput
from rota.errors import RejectedError, TransientError
from rota.stepfunctions import recover, stopped
from tests.examples import ANSWERS, CONTEXT, PUSH, end_of

ARN = CONTEXT["Execution"]["Id"]
ANOTHER = f"{ARN}-2"
EXECUTION = {"id": ARN, "name": CONTEXT["Execution"]["Name"], "started_at": CONTEXT["Execution"]["StartTime"]}
CHANGE = {"source": "aws.states", "detail": {"executionArn": ARN, "status": "ABORTED"}}
TURN = {"turn": ANSWERS["TakeTurn"].model_dump(mode="json")}


def entered(state: str, document: Any) -> dict[str, Any]:
    return {"type": "StateEntered", "stateEnteredEventDetails": {"name": state, "input": json.dumps(document)}}


def left(state: str, document: Any) -> dict[str, Any]:
    return {"type": "StateExited", "stateExitedEventDetails": {"name": state, "output": json.dumps(document)}}


SCHEDULED = {
    "type": "LambdaFunctionScheduled",
    "lambdaFunctionScheduledEventDetails": {"input": json.dumps({"execution": EXECUTION, "plan": {}})},
}
ABORTED = {"type": "ExecutionAborted", "executionAbortedEventDetails": {"cause": "the wrong branch"}}
TIMED_OUT = {"type": "ExecutionTimedOut"}
BEGUN = [{"type": "ExecutionStarted"}, entered("BeginDocument", PUSH), left("BeginDocument", {})]


@pytest.mark.parametrize(
    ("event", "arn"),
    [
        pytest.param(CHANGE, ARN, id="an execution has ended"),
        pytest.param(PUSH, None, id="a push"),
        pytest.param([CHANGE], None, id="a list"),
        pytest.param(None, None, id="null"),
    ],
)
def test_which_execution_the_event_tells_of(event: Any, arn: str | None) -> None:
    assert stopped.execution_named_by(event, ANOTHER) == arn


@pytest.mark.parametrize(
    "detail",
    [None, {}, {"executionArn": 1}, {"executionArn": "x"}, {"executionArn": ARN.replace("rota-deploy", "x")}, "x"],
)
def test_one_that_names_no_execution_is_refused(detail: Any) -> None:
    with pytest.raises(RejectedError, match="executionArn is"):
        stopped.execution_named_by({"source": "aws.states", "detail": detail}, ANOTHER)


def test_a_dry_run_of_putting_back_is_refused() -> None:
    with pytest.raises(RejectedError, match="dry_run is for a push"):
        stopped.execution_named_by({**CHANGE, "dry_run": True}, ANOTHER)


@pytest.mark.parametrize(
    ("status", "given", "decision"),
    [
        ("ABORTED", PUSH, "restore"),
        ("TIMED_OUT", PUSH, "restore"),
        ("FAILED", PUSH, "restore"),
        ("RUNNING", PUSH, "wait"),
        ("PENDING_REDRIVE", PUSH, "ignore"),
        ("SUCCEEDED", PUSH, "ignore"),
        pytest.param("ABORTED", {**PUSH, "dry_run": True}, "ignore", id="a dry run"),
        pytest.param("ABORTED", CHANGE, "ignore", id="what put back another"),
        pytest.param("FAILED", CHANGE, "restore", id="what could not put back another"),
        pytest.param("ABORTED", "v1", "restore", id="no object"),
    ],
)
def test_whether_there_may_be_something_to_put_back(status: Any, given: Any, decision: str) -> None:
    described: Any = {"name": "x", "executionArn": ANOTHER, "status": status, "input": json.dumps(given)}
    assert stopped.decide(described, 10).decision == decision
    assert stopped.decide(described, 10, by_hand=True).decision == ("restore" if given == CHANGE else decision)
    if decision == "wait":
        assert stopped.decide(described, 61).decision == "ignore"


@pytest.mark.parametrize(("given", "arn"), [(PUSH, ANOTHER), (CHANGE, ARN)], ids=["a push", "another"])
def test_which_one_is_put_back(given: Any, arn: str) -> None:
    assert stopped.execution_to_restore({"executionArn": ANOTHER, "input": json.dumps(given)}) == arn  # type: ignore[typeddict-item]  # what is looked at


@pytest.mark.parametrize(
    ("status", "minutes", "goes_on"),
    [("RUNNING", 0, True), ("ABORTED", 1, True), ("TIMED_OUT", 1, True), ("ABORTED", 4, False), ("FAILED", 0, False)],
)
def test_who_goes_on(status: Any, minutes: int, goes_on: bool) -> None:
    now = datetime.now(UTC)
    described: Any = {"status": status, "stopDate": now - timedelta(minutes=minutes)}
    assert stopped.is_active(described, now) is goes_on


@pytest.mark.parametrize(
    ("events", "keys", "error"),
    [
        pytest.param(
            [*BEGUN, entered("TakeTurn", {}), SCHEDULED, ABORTED],
            set(),
            ("ExecutionAborted", "somebody has stopped the execution: the wrong branch"),
            id="in its first step",
        ),
        pytest.param(
            [*BEGUN, entered("TakeTurn", {}), SCHEDULED, left("TakeTurn", TURN), TIMED_OUT],
            {"turn"},
            ("ExecutionTimedOut", "the execution took too long"),
            id="between two states",
        ),
        pytest.param(
            [
                *BEGUN,
                SCHEDULED,
                entered("ReadConfig", TURN),
                SCHEDULED,
                TIMED_OUT,
                {"type": "ExecutionRedriven"},
                ABORTED,
            ],
            {"turn"},
            ("ExecutionAborted", "somebody has stopped the execution: the wrong branch"),
            id="aborted twice",
        ),
        pytest.param(
            [*BEGUN, SCHEDULED, entered("RestoreDeployment", TURN | {"error": {"Error": "X", "Cause": "y"}}), ABORTED],
            {"turn"},
            ("X", "y"),
            id="while it was put back",
        ),
    ],
)
def test_the_history_tells_how_far_it_came(events: list[Any], keys: set[str], error: tuple[str, str]) -> None:
    found = recover.read_failure(reversed(events), retries=3)
    assert found is not None
    assert found.execution == Execution.model_validate(EXECUTION)
    assert found.retries == 3
    assert {key for key in ("turn", "config", "plan") if getattr(found.document, key)} == keys
    assert found.document.error is not None
    assert (found.document.error.Error, found.document.error.Cause) == error


def test_an_execution_that_failed_past_every_catch_is_told_with_its_error() -> None:
    failed = {"type": "ExecutionFailed", "executionFailedEventDetails": {"error": "States.Runtime", "cause": "no path"}}
    found = recover.read_failure([failed, SCHEDULED, entered("ReadConfig", TURN)], retries=0)  # type: ignore[list-item]  # as boto3 has it
    assert found is not None
    assert found.document.error == CaughtError(Error="States.Runtime", Cause="no path")


def test_a_history_that_does_not_show_the_end_yet_is_not_believed() -> None:
    with pytest.raises(TransientError, match="ends with LambdaFunctionScheduled"):
        recover.read_failure([SCHEDULED, entered("ReadConfig", TURN)], retries=0)  # type: ignore[list-item]  # as boto3 has it


@pytest.mark.parametrize(
    "events",
    [
        *([], [*BEGUN, ABORTED], [entered("BeginDocument", ["x"]), ABORTED]),
        [*BEGUN, SCHEDULED, ABORTED, {"type": "ExecutionRedriven"}, {"type": "ExecutionSucceeded"}],
    ],
)
def test_where_no_step_had_begun_or_all_went_well_there_is_nothing_to_put_back(events: list[Any]) -> None:
    assert recover.read_failure(reversed(events), retries=0) is None


class _StepFunctions:
    """Answers for AWS, with a history for each execution."""

    class exceptions:  # noqa: N801 - as botocore names it
        class ExecutionDoesNotExist(Exception):  # noqa: N818 - as botocore names it
            pass

    def __init__(self, histories: dict[str, list[Any]]) -> None:
        self._histories = histories

    def get_paginator(self, _operation: str) -> "_StepFunctions":
        return self

    def paginate(self, executionArn: str, **_: Any) -> list[Any]:  # noqa: N803 - as AWS names it
        return [{"events": self._histories[executionArn][::-1]}]


def given(arn: str, event: Any) -> dict[str, Any]:
    handed = {"execution": {**EXECUTION, "id": arn}, "event": event}
    return {"type": "LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails": {"input": json.dumps(handed)}}


DENIED = {"error": {"Error": "RejectedError", "Cause": "DescribeExecution was denied"}}
WAITS = {"turn": {**TURN["turn"], "decision": "wait", "image": None, "restores": None}}
GAVE_UP = {"type": "ExecutionFailed", "executionFailedEventDetails": {"error": "RestoreFailed", "cause": "denied"}}


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param([entered("RestoreDeployment", DENIED), GAVE_UP], id="TakeTurn was denied"),
        pytest.param([entered("WaitForTurn", WAITS), ABORTED], id="stopped while it waited"),
    ],
)
def test_a_chain_of_executions_that_put_back_another_leads_to_the_deployment(ended: list[Any]) -> None:
    first, second, third = (f"{ARN}-{number}" for number in (1, 2, 3))

    told: Any = _StepFunctions(
        {
            ARN: [entered("ReadConfig", TURN), SCHEDULED, ABORTED],
            first: [given(first, end_of(ARN)), *ended],
            second: [given(second, end_of(first)), *ended],
        }
    )
    failed = FailedDeployment.model_validate(DENIED)
    by = Execution.model_validate({**EXECUTION, "id": third})
    asked = RestoreDeploymentInput(execution=by, document=failed, event=end_of(second))
    assert recover.resolve_failed_execution(told, asked).execution.id == ARN


def test_executions_that_are_to_put_back_each_other_end() -> None:
    another = end_of(ANOTHER)
    told: Any = _StepFunctions(
        {
            ANOTHER: [given(ANOTHER, CHANGE), entered("RestoreDeployment", DENIED), GAVE_UP],
            ARN: [given(ARN, another), entered("RestoreDeployment", DENIED), GAVE_UP],
        }
    )
    failed = FailedDeployment.model_validate(DENIED)
    asked = RestoreDeploymentInput(execution=Execution.model_validate(EXECUTION), document=failed, event=another)
    found = recover.resolve_failed_execution(told, asked)
    assert isinstance(found, recover.NothingToRestore)
    assert (found.outcome, "is to restore itself" in found.reason) == (Outcome.FAILED, True)
