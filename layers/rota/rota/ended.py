"""Step Functions' event that an execution has ended; it starts another one, which puts back what was left half done.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rota import push
from rota.errors import RejectedError
from rota.lease import Turn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef


def execution(event: Any) -> str | None:
    """The ARN of the execution of whose end the event tells; None for any other input of the machine."""
    if not isinstance(event, Mapping) or event.get("source") != "aws.states":
        return None
    detail = event.get("detail")
    arn = detail.get("executionArn") if isinstance(detail, Mapping) else None
    if not isinstance(arn, str):
        raise RejectedError(f"detail.executionArn is {arn!r}, it must be the ARN of the execution to put back")
    return arn


def turn(described: "DescribeExecutionOutputTypeDef") -> Turn:
    """Whether there may be something to put back of the execution that Step Functions describes so. Pure."""
    name, status = described["name"], described["status"]
    started_with = json.loads(described.get("input", "null"))
    if status not in ("ABORTED", "TIMED_OUT", "FAILED"):
        return Turn(decision="ignore", reason=f"{name} is {status}, there is nothing to put back")
    if isinstance(started_with, Mapping) and push.is_dry_run(started_with):
        return Turn(decision="ignore", reason=f"{name} was a dry run, which changes nothing")
    if execution(started_with):
        return Turn(decision="ignore", reason=f"{name} was to put back another one, and is not begun again by itself")
    return Turn(decision="restore", reason=f"{name} is {status}")
