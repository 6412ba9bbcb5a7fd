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
    named = detail.get("executionArn") if isinstance(detail, dict) else None
    with pytest.raises(RejectedError) as refused:
        stopped.execution_named_by({"source": "aws.states", "detail": detail}, ANOTHER)
    machine = ARN.rpartition(":")[0]
    assert str(refused.value) == (
        f"detail.executionArn is {named!r}, it must be an execution to restore: {machine}:..."
    )


def test_a_dry_run_of_a_restore_is_refused() -> None:
    with pytest.raises(RejectedError, match=r"^dry_run is for a push, not for a restore; leave it out$"):
        stopped.execution_named_by({**CHANGE, "dry_run": True}, ANOTHER)


@pytest.mark.parametrize(
    ("status", "given", "by_itself", "by_hand"),
    [
        ("ABORTED", PUSH, "restore: x is ABORTED", None),
        ("TIMED_OUT", PUSH, "restore: x is TIMED_OUT", None),
        ("FAILED", PUSH, "restore: x is FAILED", None),
        ("RUNNING", PUSH, "wait: x is still shown as RUNNING", None),
        ("PENDING_REDRIVE", PUSH, "ignore: x is PENDING_REDRIVE, there is nothing to restore", None),
        ("SUCCEEDED", PUSH, "ignore: x is SUCCEEDED, there is nothing to restore", None),
        pytest.param(
            "ABORTED",
            {**PUSH, "dry_run": True},
            "ignore: x was a dry run, which changes nothing",
            None,
            id="a dry run",
        ),
        pytest.param(
            "TIMED_OUT",
            CHANGE,
            "ignore: x was to restore another one, and is started again by a person only",
            "restore: x is TIMED_OUT",
            id="a restore that was stopped",
        ),
        pytest.param("FAILED", CHANGE, "restore: x is FAILED", None, id="a restore that failed"),
        pytest.param("ABORTED", "v1", "restore: x is ABORTED", None, id="no object"),
        pytest.param("ABORTED", None, "restore: x is ABORTED", None, id="an input that is not shown"),
    ],
)
def test_whether_an_execution_may_have_to_be_restored(
    status: Any, given: Any, by_itself: str, by_hand: str | None
) -> None:
    described: Any = {"name": "x", "executionArn": ANOTHER, "status": status}
    if given:
        described["input"] = json.dumps(given)
    found = [stopped.decide(described, 59, by_hand=person) for person in (False, True)]
    assert [f"{each.decision}: {each.reason}" for each in found] == [by_itself, by_hand or by_itself]


def test_an_execution_is_shown_as_it_is_within_a_minute() -> None:
    described: Any = {"name": "x", "executionArn": ANOTHER, "status": "RUNNING", "input": json.dumps(PUSH)}
    assert [stopped.decide(described, waited, by_hand=False).decision for waited in (59.9, 60)] == ["wait", "ignore"]


@pytest.mark.parametrize(("given", "arn"), [(PUSH, ANOTHER), (CHANGE, ARN)], ids=["a push", "another"])
def test_which_execution_is_to_be_restored(given: Any, arn: str) -> None:
    assert stopped.execution_to_restore({"executionArn": ANOTHER, "input": json.dumps(given)}) == arn  # type: ignore[typeddict-item]  # what is looked at


@pytest.mark.parametrize(
    ("status", "minutes", "goes_on"),
    [("RUNNING", 9, True), ("ABORTED", 2, True), ("TIMED_OUT", 2, True), ("ABORTED", 3, False), ("FAILED", 0, False)],
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
START = datetime(2026, 11, 24, 6, 0, 2, 123999, tzinfo=UTC)
NAME = ARN.rpartition(":")[2]
WHO_ACTS = "For the operator: start this with the deployment's ARN."


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
        pytest.param(described(PUSH, "FAILED"), ("", ""), id="failed without a word"),
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


@pytest.mark.parametrize("more", [{}, {"dry_run": True}], ids=["a deployment", "a dry run"])
def test_its_own_failure_comes_from_what_the_catch_hands_over(more: dict[str, Any]) -> None:
    aws: Any = _StepFunctions({})
    found = failed.find_failed(aws, asked({**PUSH, **more}))
    assert isinstance(found, failed.Failed)
    assert (found.execution.id, found.error) == (ANOTHER, DENIED)
    assert found.document


def test_an_end_that_is_not_shown_yet_is_waited_for() -> None:
    aws: Any = _StepFunctions({ARN: described(PUSH, "RUNNING")})
    with pytest.raises(TransientError, match=f"^{NAME} is RUNNING, and Step Functions shows no end of it yet$"):
        failed.find_failed(aws, asked(CHANGE))


@pytest.mark.parametrize(
    ("known", "outcome", "reason"),
    [
        pytest.param({ARN: described(PUSH, "SUCCEEDED")}, Outcome.ABORTED, f"{NAME} succeeded.", id="it succeeded"),
        pytest.param(
            {ARN: described(PUSH | {"dry_run": True})},
            Outcome.ABORTED,
            f"{NAME} was a dry run, which changes nothing.",
            id="a dry run",
        ),
        pytest.param({}, Outcome.FAILED, f"Step Functions knows no execution {ARN}. {WHO_ACTS}", id="there is none"),
        pytest.param(
            {ARN: described(end_of(ANOTHER))},
            Outcome.FAILED,
            f"{ANOTHER} would restore itself. {WHO_ACTS}",
            id="each other",
        ),
        pytest.param(
            {ARN: described(end_of(f"{ARN}-3")), f"{ARN}-3": described(end_of(ARN))},
            Outcome.FAILED,
            f"{ARN} would restore itself. {WHO_ACTS}",
            id="two others each other",
        ),
    ],
)
def test_when_there_is_nothing_to_restore(known: Any, outcome: Outcome, reason: str) -> None:
    aws: Any = _StepFunctions(known)
    assert failed.find_failed(aws, asked(CHANGE)) == failed.NothingToRestore(outcome, reason)


def test_an_input_that_is_not_shown_is_none() -> None:
    aws: Any = _StepFunctions({ARN: {"status": "ABORTED"}})
    found = failed.find_failed(aws, asked(CHANGE))
    assert isinstance(found, failed.Failed)
    assert found.event is None


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
