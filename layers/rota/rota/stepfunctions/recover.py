"""How far an execution came that has no record: read from its history.

An earlier version of Rota began it, which made no record; or its lease was deleted by hand.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.contract.step_io import FailedDeployment

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_FIRST_STATE = "BeginDocument"


def read_document(stepfunctions: "SFNClient", execution_arn: str) -> FailedDeployment:
    """The machine's document when the execution ended, as a Catch would have handed it over."""
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, includeExecutionData=True
    )
    return last_document(event for page in pages for event in page["events"])


def last_document(newest_first: "Iterable[HistoryEventTypeDef]") -> FailedDeployment:
    """The document where a state was last entered or left; empty if none was. Pure."""
    for event in newest_first:
        if entered := event.get("stateEnteredEventDetails"):
            if entered["name"] == _FIRST_STATE:  # what it is entered with is the execution's input
                break
            document = entered.get("input")
        else:
            document = event.get("stateExitedEventDetails", {}).get("output")
        if document:
            return FailedDeployment.model_validate_json(document, extra="ignore")
    return FailedDeployment()
