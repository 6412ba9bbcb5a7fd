"""Stopped executions: what the event of their end starts, and which execution is restored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Execution, Outcome
from rota.contract.step_io import CaughtError, FailedDeployment, RestoreDeploymentInput
from rota.errors import RejectedError, TransientError
from rota.stepfunctions import failed, recover, stopped
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
def test_which_execution_the_event_names(event: Any, arn: str | None) -> None:
    assert stopped.execution_named_by(event, ANOTHER) == arn


@pytest.mark.parametrize(
    "detail",
    [None, {}, {"executionArn": 1}, {"executionArn": "x"}, {"executionArn": ARN.replace("rota-deploy", "x")}, "x"],
)
def test_one_that_names_no_execution_is_refused(detail: Any) -> None:
    with pytest.raises(RejectedError, match="executionArn is"):
        stopped.execution_named_by({"source": "aws.states", "detail": detail}, ANOTHER)


def test_a_dry_run_of_a_restore_is_refused() -> None:
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
        pytest.param("ABORTED", CHANGE, "ignore", id="a restore that was aborted"),
        pytest.param("FAILED", CHANGE, "restore", id="a restore that failed"),
        pytest.param("ABORTED", "v1", "restore", id="no object"),
    ],
)
def test_whether_an_execution_may_have_to_be_restored(status: Any, given: Any, decision: str) -> None:
    described: Any = {"name": "x", "executionArn": ANOTHER, "status": status, "input": json.dumps(given)}
    assert stopped.decide(described, 10).decision == decision
    assert stopped.decide(described, 10, by_hand=True).decision == ("restore" if given == CHANGE else decision)
    if decision == "wait":
        assert stopped.decide(described, 61).decision == "ignore"


@pytest.mark.parametrize(("given", "arn"), [(PUSH, ANOTHER), (CHANGE, ARN)], ids=["a push", "another"])
def test_which_execution_is_to_be_restored(given: Any, arn: str) -> None:
    assert stopped.execution_to_restore({"executionArn": ANOTHER, "input": json.dumps(given)}) == arn  # type: ignore[typeddict-item]  # what is looked at


@pytest.mark.parametrize(
    ("status", "minutes", "goes_on"),
    [("RUNNING", 0, True), ("ABORTED", 1, True), ("TIMED_OUT", 1, True), ("ABORTED", 4, False), ("FAILED", 0, False)],
)
def test_which_execution_is_active(status: Any, minutes: int, goes_on: bool) -> None:
    now = datetime.now(UTC)
    described: Any = {"status": status, "stopDate": now - timedelta(minutes=minutes)}
    assert stopped.is_active(described, now) is goes_on


class _StepFunctions:
    """Describes executions, by their ARN."""

    class exceptions:  # noqa: N801 - as botocore names it
        class ExecutionDoesNotExist(Exception):  # noqa: N818 - as botocore names it
            pass

    def __init__(self, described: dict[str, dict[str, Any]]) -> None:
        self._described = described

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 - as AWS names it
        try:
            described = self._described[executionArn]
        except KeyError:
            raise self.exceptions.ExecutionDoesNotExist from None
        return {"executionArn": executionArn, "name": executionArn.rpartition(":")[2], "startDate": START, **described}


DENIED = CaughtError(Error="RejectedError", Cause="DescribeExecution was denied")
START = datetime(2026, 11, 24, 6, 0, 2, 123456, tzinfo=UTC)


def described(given: Any, status: str = "ABORTED", **more: Any) -> dict[str, Any]:
    return {"status": status, "input": json.dumps(given), **more}


def asked(event: Any, restores: str | None = None, by: str = ANOTHER) -> RestoreDeploymentInput:
    """What RestoreDeployment is handed in the execution `by`, which failed in TakeTurn or went past it."""
    turn = ANSWERS["TakeTurn"].model_copy(update={"image": None, "restores": restores})
    document = FailedDeployment.model_validate({"turn": turn} if restores else {"error": DENIED})
    execution = Execution.model_validate({**EXECUTION, "id": by})
    return RestoreDeploymentInput(execution=execution, document=document, event=event)


@pytest.mark.parametrize(
    ("ended", "error"),
    [
        pytest.param(
            described(PUSH, cause="the wrong branch"),
            ("ExecutionAborted", "the execution was aborted: the wrong branch"),
            id="aborted, with a reason",
        ),
        pytest.param(
            described(PUSH), ("ExecutionAborted", "the execution was aborted"), id="aborted, without a reason"
        ),
        pytest.param(
            described(PUSH, "TIMED_OUT"), ("ExecutionTimedOut", "the execution took too long"), id="timed out"
        ),
        pytest.param(
            described(PUSH, "FAILED", error="States.Runtime", cause="no path"),
            ("States.Runtime", "no path"),
            id="failed past every Catch",
        ),
    ],
)
@pytest.mark.parametrize("restores", [ARN, None], ids=["TakeTurn said so", "TakeTurn failed"])
def test_which_execution_is_restored_and_why(ended: Any, error: tuple[str, str], restores: str | None) -> None:
    aws: Any = _StepFunctions({ARN: ended})
    found = failed.find_failed(aws, asked(CHANGE, restores))
    assert isinstance(found, failed.Failed)
    assert (found.execution.id, found.event, found.document) == (ARN, PUSH, None)
    assert found.execution.started_at == START.replace(microsecond=123000), "as the context object has it"
    assert found.error == CaughtError(Error=error[0], Cause=error[1])


def test_its_own_failure_comes_from_what_the_catch_hands_over() -> None:
    aws: Any = _StepFunctions({})
    found = failed.find_failed(aws, asked(PUSH))
    assert isinstance(found, failed.Failed)
    assert (found.execution.id, found.error) == (ANOTHER, DENIED)
    assert found.document


def test_an_end_that_is_not_shown_yet_is_waited_for() -> None:
    aws: Any = _StepFunctions({ARN: described(PUSH, "RUNNING")})
    with pytest.raises(TransientError, match="is RUNNING, and Step Functions shows no end of it yet"):
        failed.find_failed(aws, asked(CHANGE))


@pytest.mark.parametrize(
    ("known", "outcome", "reason"),
    [
        pytest.param({ARN: described(PUSH, "SUCCEEDED")}, Outcome.ABORTED, "succeeded", id="it succeeded"),
        pytest.param({ARN: described(PUSH | {"dry_run": True})}, Outcome.ABORTED, "was a dry run", id="a dry run"),
        pytest.param({}, Outcome.FAILED, "knows no execution", id="there is none"),
        pytest.param({ARN: described(end_of(ANOTHER))}, Outcome.FAILED, "would restore itself", id="each other"),
    ],
)
def test_when_there_is_nothing_to_restore(known: Any, outcome: Outcome, reason: str) -> None:
    aws: Any = _StepFunctions(known)
    found = failed.find_failed(aws, asked(CHANGE))
    assert isinstance(found, failed.NothingToRestore)
    assert (found.outcome, reason in found.reason) == (outcome, True)


def test_a_chain_of_restoring_executions_leads_to_the_deployment() -> None:
    first, second, third = (f"{ARN}-{number}" for number in (1, 2, 3))
    gave_up = described(end_of(ARN), "FAILED", error="RestoreFailed", cause="denied")
    aws: Any = _StepFunctions({ARN: described(PUSH), first: gave_up, second: described(end_of(first))})
    found = failed.find_failed(aws, asked(end_of(second), by=third))
    assert isinstance(found, failed.Failed)
    assert found.execution.id == ARN


@pytest.mark.parametrize(
    ("events", "keys"),
    [
        pytest.param([], set(), id="nothing"),
        pytest.param([*BEGUN[:2], ABORTED], set(), id="before its first step"),
        pytest.param([entered("BeginDocument", ["x"]), ABORTED], set(), id="an input that is no object"),
        pytest.param([*BEGUN, entered("TakeTurn", {}), SCHEDULED, ABORTED], set(), id="in its first step"),
        pytest.param([*BEGUN, entered("TakeTurn", {}), left("TakeTurn", TURN), TIMED_OUT], {"turn"}, id="between two"),
        pytest.param(
            [*BEGUN, SCHEDULED, entered("RestoreDeployment", TURN | {"error": {"Error": "X"}}), ABORTED],
            {"turn", "error"},
            id="while it was restored",
        ),
    ],
)
def test_the_history_has_the_document_of_an_earlier_version(events: list[Any], keys: set[str]) -> None:
    document = recover.last_document(reversed(events))
    assert {key for key in FailedDeployment.model_fields if getattr(document, key)} == keys
