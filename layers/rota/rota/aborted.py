"""Executions that ended in the middle: somebody has stopped them, or their time was up, and nothing was caught. Their
history tells how far they came, and another execution finishes them: it restores in their name. Step Functions' event
of their end starts it: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rota.errors import RejectedError, TransientError
from rota.models import CaughtError, Execution, FailedDeployment, RestoreDeploymentInput

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_SENTENCES = {
    "ExecutionAborted": "somebody has stopped the execution",
    "ExecutionTimedOut": "the execution took too long",
}


def told_of(event: Any) -> str | None:
    """The ARN of the execution of whose end the event tells; None for any other input of the machine."""
    if not isinstance(event, Mapping) or event.get("source") != "aws.states":
        return None
    detail = event.get("detail")
    arn = detail.get("executionArn") if isinstance(detail, Mapping) else None
    if not isinstance(arn, str):
        raise RejectedError(f"detail.executionArn is {arn!r}, it must be the ARN of the execution to put back")
    if "dry_run" in event:
        raise RejectedError("dry_run is for a push; what puts an execution back knows none, leave it out")
    return arn


def to_put_back(request: RestoreDeploymentInput) -> str | None:
    """The ARN of the execution to put back if it is another one, also where TakeTurn could not say so."""
    if request.document.turn:
        return request.document.stopped
    try:
        return told_of(request.event)
    except RejectedError:
        return None


def request(stepfunctions: "SFNClient", execution_arn: str, retries: int) -> RestoreDeploymentInput | None:
    """What RestoreDeployment would have been handed in that execution; None if none of its steps had begun, or if
    somebody has redriven it and it went well.

    TransientError as long as its history does not show its end.
    """
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, includeExecutionData=True
    )
    return read((event for page in pages for event in page["events"]), retries)


def read(newest_first: "Iterable[HistoryEventTypeDef]", retries: int) -> RestoreDeploymentInput | None:
    """The same from the events of its history, no more of which are taken than needed. Pure."""
    error, handed, document = None, None, None
    for event in newest_first:
        if error is None and event["type"] == "ExecutionSucceeded":
            return None
        error = error or _error(event)
        # Every step is handed which execution it belongs to, as the lease and the ledger know it.
        handed = handed or event.get("lambdaFunctionScheduledEventDetails", {}).get("input")
        document = document or _document(event)
        if handed and document:
            # What had failed before the execution was stopped is told rather.
            failed = {"error": error.model_dump(), **json.loads(document)}
            return RestoreDeploymentInput(
                execution=Execution.model_validate(json.loads(handed)["execution"], extra="ignore"),
                document=FailedDeployment.model_validate(failed, extra="ignore"),
                retries=retries,
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
