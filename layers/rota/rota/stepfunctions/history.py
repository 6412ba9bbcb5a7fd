"""Which invocations of a deployment have ended, from the history that Step Functions keeps."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
_EVENTS_PER_CALL = 1000


def read(stepfunctions: "SFNClient", execution_arn: str) -> "list[HistoryEventTypeDef]":
    """Every event of the execution so far, the first one first, without what the states were handed and answered.

    Empty for an execution that Step Functions does not know: the step was called alone, as `sam local invoke` does.
    """
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, includeExecutionData=False, PaginationConfig={"PageSize": _EVENTS_PER_CALL}
    )
    try:
        return [event for page in pages for event in page["events"]]
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return []


def any_active(stepfunctions: "SFNClient", execution_arns: Iterable[str], invocations: Collection[str]) -> bool:
    """True if any of these invocations, by their ids, may not have ended. No call is made when there are none."""
    left = set(invocations)
    for arn in execution_arns:
        if left:
            left -= ended(read(stepfunctions, arn), left)
    return bool(left)


def ended(events: "Iterable[HistoryEventTypeDef]", invocations: Collection[str]) -> set[str]:
    """The invocations that Lambda has reported as failed, or as killed at their time limit. Pure.

    Its message names the invocation. An error of Lambda's API (`Lambda.SdkClientException` and others) says that no
    response came, and nothing of the function, which may still run. `Lambda.Unknown` is the function's: that was the
    error of one that had reached its time limit until 2025, and may still be in some Regions.
    """
    failures = [
        event["lambdaFunctionFailedEventDetails"] for event in events if event["type"] == "LambdaFunctionFailed"
    ]
    causes = [each.get("cause", "") for each in failures if not _is_of_lambdas_api(each.get("error", ""))]
    return {each for each in invocations if any(each in cause for cause in causes)}


def _is_of_lambdas_api(error: str) -> bool:
    return error.startswith("Lambda.") and error != "Lambda.Unknown"
