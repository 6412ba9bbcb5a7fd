"""Which execution RestoreDeployment restores: its own, or another that was stopped."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.contract.deployment import Execution, Outcome, is_dry_run
from rota.contract.step_io import CaughtError, FailedDeployment, RestoreDeploymentInput
from rota.errors import RejectedError, TransientError
from rota.stepfunctions.stopped import execution_named_by

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

_SENTENCES = {"ABORTED": "the execution was aborted", "TIMED_OUT": "the execution took too long"}
_WHO_ACTS = "For the operator: start this with the deployment's ARN."
_NAMES = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut"}


class Failed(NamedTuple):
    """An execution that did not end well, and what it was started with.

    `document` is what its own Catch hands over; None for another execution, which the record in the lease describes.
    `error` is None if TakeTurn ended it: it was overtaken, held or barred, or is done.
    """

    execution: Execution
    event: Any
    error: CaughtError | None
    document: FailedDeployment | None = None


class NothingToRestore(NamedTuple):
    """Why, and how the execution ends that was to restore: FAILED if a person has to act; ABORTED leads to the state
    Restored, also where nothing was aborted but no more is to be done.
    """

    outcome: Outcome
    reason: str


def find_failed(stepfunctions: "SFNClient", request: RestoreDeploymentInput) -> Failed | NothingToRestore:
    """This execution, or the one that its event names, also where TakeTurn failed before it could say so. If that one
    was itself to restore another, the chain is followed to the deployment.

    TransientError as long as Step Functions does not show its end.
    """
    failed = Failed(request.execution, request.event, request.document.error, request.document)
    named = request.document.restores or _named(failed)
    seen = {request.execution.id}
    while named:
        if named in seen:
            return NothingToRestore(Outcome.FAILED, f"{named} would restore itself. {_WHO_ACTS}")
        seen.add(named)
        try:
            described = stepfunctions.describe_execution(executionArn=named)
        except stepfunctions.exceptions.ExecutionDoesNotExist:
            return NothingToRestore(Outcome.FAILED, f"Step Functions knows no execution {named}. {_WHO_ACTS}")
        failed = _failed(described)
        if described["status"] == "SUCCEEDED":
            return NothingToRestore(Outcome.ABORTED, f"{failed.execution.name} succeeded.")
        named = _named(failed)
    if failed.document is None and is_dry_run(failed.event):
        return NothingToRestore(Outcome.ABORTED, f"{failed.execution.name} was a dry run, which changes nothing.")
    return failed


def _named(failed: Failed) -> str | None:
    try:
        return execution_named_by(failed.event, failed.execution.id)
    except RejectedError:  # the input of an execution that has failed for it
        return None


def _failed(described: "DescribeExecutionOutputTypeDef") -> Failed:
    name, status, started = described["name"], described["status"], described["startDate"]
    if status not in ("FAILED", "SUCCEEDED", *_SENTENCES):
        raise TransientError(f"{name} is {status}, and Step Functions shows no end of it yet")
    # The context object, by which steps and ledger know an execution, gives milliseconds.
    started = started.replace(microsecond=started.microsecond // 1000 * 1000)
    cause = described.get("cause") or ""
    if status in _SENTENCES:
        error = CaughtError(Error=_NAMES[status], Cause=": ".join(filter(None, [_SENTENCES[status], cause])))
    else:
        error = CaughtError(Error=described.get("error") or "", Cause=cause)
    execution = Execution(id=described["executionArn"], name=name, started_at=started)
    return Failed(execution, json.loads(described.get("input", "null")), error)
