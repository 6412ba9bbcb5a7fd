"""Whether an execution that was stopped is to be restored, and by which other execution. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota.contract.deployment import Decision, Verdict, is_dry_run
from rota.errors import RejectedError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

_STOPPED = ("ABORTED", "TIMED_OUT")
# Until the execution that restores it has taken the lease: an event, two cold starts, and some retries of them. Longer
# than a schedule that moves waits for its StartDate, before which the rule must not go.
_RESTORED_WITHIN = timedelta(minutes=3)
# DescribeExecution is eventually consistent:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
_SHOWN_AFTER_SECONDS = 60


def execution_named_by(event: Any, execution_arn: str) -> str | None:
    """The ARN of the stopped execution that a Step Functions event names; None for any other input of the machine.

    `execution_arn` is that of the execution which the event started. RejectedError if the event names an execution of
    another machine.
    """
    if not isinstance(event, Mapping) or event.get("source") != "aws.states":
        return None
    detail = event.get("detail")
    arn = detail.get("executionArn") if isinstance(detail, Mapping) else None
    machine = execution_arn.rpartition(":")[0]
    if not isinstance(arn, str) or arn.rpartition(":")[0] != machine:
        raise RejectedError(f"detail.executionArn is {arn!r}, it must be an execution to restore: {machine}:...")
    if "dry_run" in event:
        raise RejectedError("dry_run is for a push, not for a restore; leave it out")
    return arn


def decide(described: "DescribeExecutionOutputTypeDef", waited: float, *, by_hand: bool) -> Verdict:
    """Whether the execution that Step Functions describes so may have to be restored.

    `waited`: seconds since this execution began; `by_hand`: a person started it, and no event.
    """
    name, status, started_with = described["name"], described["status"], _input(described)
    if status == "RUNNING" and waited < _SHOWN_AFTER_SECONDS:
        return Verdict(decision=Decision.WAIT, reason=f"{name} is still shown as RUNNING")
    if status not in (*_STOPPED, "FAILED"):
        return Verdict(decision=Decision.IGNORE, reason=f"{name} is {status}, there is nothing to restore")
    if is_dry_run(started_with):
        return Verdict(decision=Decision.IGNORE, reason=f"{name} was a dry run, which changes nothing")
    if execution_named_by(started_with, described["executionArn"]) and status in _STOPPED and not by_hand:
        return Verdict(
            decision=Decision.IGNORE, reason=f"{name} was to restore another one, and is started again by a person only"
        )
    return Verdict(decision=Decision.RESTORE, reason=f"{name} is {status}")


def execution_to_restore(described: "DescribeExecutionOutputTypeDef") -> str:
    """The ARN of the execution to restore: that one, or the one that it was to restore itself."""
    return execution_named_by(_input(described), described["executionArn"]) or described["executionArn"]


def is_active(described: "DescribeExecutionOutputTypeDef", now: datetime) -> bool:
    """Whether it runs, or was stopped less than three minutes ago, so that its restore may not have begun."""
    if described["status"] in _STOPPED:
        return now - described["stopDate"] < _RESTORED_WITHIN
    return described["status"] == "RUNNING"


def _input(described: "DescribeExecutionOutputTypeDef") -> Any:
    return json.loads(described.get("input", "null"))
