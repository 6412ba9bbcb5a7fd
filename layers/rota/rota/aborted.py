"""Executions that ended in the middle: somebody has stopped them, or their time was up, and nothing was caught. Their
history tells how far they came, and another execution finishes them: it restores in their name.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.models import CaughtError, Execution, FailedDeployment, RestoreDeploymentInput

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_SENTENCES = {
    "ExecutionAborted": "somebody has stopped the execution",
    "ExecutionTimedOut": "the execution took too long",
}


def request(stepfunctions: "SFNClient", execution_arn: str, retries: int) -> RestoreDeploymentInput | None:
    """What RestoreDeployment would have been handed in that execution; None if none of its steps had begun."""
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, includeExecutionData=True
    )
    return read((event for page in pages for event in page["events"]), retries)


def read(newest_first: "Iterable[HistoryEventTypeDef]", retries: int) -> RestoreDeploymentInput | None:
    """The same from the events of its history, no more of which are taken than needed. Pure."""
    error, handed, document = CaughtError(Error=""), None, None
    for event in newest_first:
        if event["type"] in _SENTENCES:
            told = event.get("executionAbortedEventDetails") or event.get("executionTimedOutEventDetails") or {}
            cause = ": ".join([_SENTENCES[event["type"]], *filter(None, [told.get("cause")])])
            error = CaughtError(Error=event["type"], Cause=cause)
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


def _document(event: "HistoryEventTypeDef") -> str | None:
    """The machine's document as JSON, where a state was entered or left."""
    if entered := event.get("stateEnteredEventDetails"):
        return entered.get("input")
    if left := event.get("stateExitedEventDetails"):
        return left.get("output")
    return None
