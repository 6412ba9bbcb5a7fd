"""Executions that ended in the middle and are to be put back: stopped, timed out, or failed and named by a person.

Their history tells how far they came, and another execution restores in their name. Step Functions' event of the end
starts that one: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rota.contract import CaughtError, Execution, FailedDeployment, Outcome, RestoreDeploymentInput
from rota.errors import RejectedError, TransientError
from rota.stepfunctions.stopped import execution_named_by

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_SENTENCES = {
    "ExecutionAborted": "somebody has stopped the execution",
    "ExecutionTimedOut": "the execution took too long",
}


class NothingToRestore(NamedTuple):
    """Why, and how the execution ends that was to restore."""

    outcome: Outcome
    reason: str


def resolve_failed_execution(
    stepfunctions: "SFNClient", request: RestoreDeploymentInput
) -> RestoreDeploymentInput | NothingToRestore:
    """What RestoreDeployment would have been handed in the execution to restore: this one, or the one that its event
    names, also where TakeTurn failed before it could say so. If that was itself to restore another, the chain is
    followed to the deployment.

    There is nothing to restore if none of its steps had begun, if it went well after all, or if there is none.
    TransientError as long as its history does not show its end.
    """
    followed_already = {request.execution.id}
    while stopped := request.document.restores or _named(request):
        if stopped in followed_already:
            return NothingToRestore(
                Outcome.FAILED,
                f"{stopped} is to restore itself. For the operator: start this with the deployment's ARN.",
            )
        followed_already.add(stopped)
        try:
            found = _request(stepfunctions, stopped, request.retries)
        except stepfunctions.exceptions.ExecutionDoesNotExist:
            return NothingToRestore(
                Outcome.FAILED,
                f"Step Functions knows no execution {stopped}. For the operator: start this with the deployment's ARN.",
            )
        if found is None:
            return NothingToRestore(Outcome.ABORTED, "It had changed nothing.")
        request = found
    return request


def _named(request: RestoreDeploymentInput) -> str | None:
    try:
        return execution_named_by(request.event, request.execution.id)
    except RejectedError:
        return None


def _request(stepfunctions: "SFNClient", execution_arn: str, retries: int) -> RestoreDeploymentInput | None:
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, includeExecutionData=True
    )
    return read_failure((event for page in pages for event in page["events"]), retries)


def read_failure(newest_first: "Iterable[HistoryEventTypeDef]", retries: int) -> RestoreDeploymentInput | None:
    """What RestoreDeployment would have been handed in an execution, from the events of its history, no more of which
    are taken than needed; None if none of its steps had begun, or if somebody has redriven it and it went well. Pure.
    """
    error, handed, document = None, None, None
    for event in newest_first:
        if error is None and event["type"] == "ExecutionSucceeded":
            return None
        error = error or _error(event)
        # Every step is handed which execution it belongs to, as the lease and the ledger know it.
        handed = handed or event.get("lambdaFunctionScheduledEventDetails", {}).get("input")
        document = document or _document(event)
        if handed and document:
            given = json.loads(handed)
            # What had failed before the execution was stopped is told rather.
            failed = {"error": error.model_dump(), **json.loads(document)}
            return RestoreDeploymentInput(
                execution=Execution.model_validate(given["execution"], extra="ignore"),
                document=FailedDeployment.model_validate(failed, extra="ignore"),
                retries=retries,
                event=given.get("event"),  # of the two steps that an execution takes which puts back another
            )
    return None


def _error(end: "HistoryEventTypeDef") -> CaughtError:
    """How an execution ended, from its newest event."""
    kind = end["type"]
    if kind == "ExecutionFailed":
        failed = end.get("executionFailedEventDetails", {})
        return CaughtError(Error=failed.get("error", ""), Cause=failed.get("cause", ""))
    if kind not in _SENTENCES:
        raise TransientError(f"the history of the execution to put back ends with {kind}, and shows no end of it yet")
    told = end.get("executionAbortedEventDetails") or end.get("executionTimedOutEventDetails") or {}
    return CaughtError(Error=kind, Cause=": ".join([_SENTENCES[kind], *filter(None, [told.get("cause")])]))


def _document(event: "HistoryEventTypeDef") -> str | None:
    """The machine's document as JSON, where a state was entered or left."""
    if entered := event.get("stateEnteredEventDetails"):
        return entered.get("input")
    if left := event.get("stateExitedEventDetails"):
        return left.get("output")
    return None
