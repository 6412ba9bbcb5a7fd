"""Whether an execution that ended in the middle is to be put back, and by whom. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota import aborted, push
from rota.models import Verdict

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

_STOPPED = ("ABORTED", "TIMED_OUT")
# Until the execution that puts it back has taken its turn: an event, two cold starts, and some retries of them.
_PUT_BACK_WITHIN = timedelta(minutes=3)
# DescribeExecution is eventually consistent:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
_SHOWN_AFTER_SECONDS = 60


def verdict(described: "DescribeExecutionOutputTypeDef", waited: float, *, by_hand: bool = False) -> Verdict:
    """Whether there may be something to put back of the execution that Step Functions describes so.

    `waited`: seconds since this execution began; `by_hand`: a person started it, and no event.
    """
    name, status, started_with = described["name"], described["status"], _input(described)
    if status == "RUNNING" and waited < _SHOWN_AFTER_SECONDS:
        return Verdict(decision="wait", reason=f"{name} is still shown as RUNNING")
    if status not in (*_STOPPED, "FAILED"):
        return Verdict(decision="ignore", reason=f"{name} is {status}, there is nothing to put back")
    if isinstance(started_with, Mapping) and push.is_dry_run(started_with):
        return Verdict(decision="ignore", reason=f"{name} was a dry run, which changes nothing")
    if aborted.named_by(started_with, described["executionArn"]) and status in _STOPPED and not by_hand:
        return Verdict(
            decision="ignore", reason=f"{name} was to put back another one, and is not begun again by itself"
        )
    return Verdict(decision="restore", reason=f"{name} is {status}")


def to_put_back(described: "DescribeExecutionOutputTypeDef") -> str:
    """The ARN of the execution to put back: that one, or the one that it was to put back itself."""
    return aborted.named_by(_input(described), described["executionArn"]) or described["executionArn"]


def goes_on(described: "DescribeExecutionOutputTypeDef", now: datetime) -> bool:
    """Whether it runs, or was stopped so lately that another one is yet to put it back."""
    if described["status"] in _STOPPED:
        return now - described["stopDate"] < _PUT_BACK_WITHIN
    return described["status"] == "RUNNING"


def _input(described: "DescribeExecutionOutputTypeDef") -> Any:
    return json.loads(described.get("input", "null"))
