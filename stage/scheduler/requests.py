"""What EventBridge Scheduler refuses of a schedule, beside what its model says, in AWS's words where they are known.

docs.aws.amazon.com/scheduler/latest/UserGuide. AWS's words for an unknown zone and for the default group are not known.
Whether the target exists is not looked at before a schedule fires.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from stage.moto.clients import REGION
from stage.scheduler.expressions import is_expression

Request = Mapping[str, Any]
UNIVERSAL = re.compile(r"arn:aws:scheduler:([^:]*):([^:]*):aws-sdk:(\w+):(\w+)")
# managing-targets-universal.html
_READS = (
    *("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover"),
    *("validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "testMigration"),
    *("retrieve", "testConnection", "translateDocument", "isAuthorized", "invokeModel"),
)
_EARLIEST = timedelta(minutes=5)


def problems(request: Request, now: datetime) -> Iterator[str]:
    """What is wrong with CreateSchedule or UpdateSchedule, the first thing that AWS names first."""
    if not is_expression(request["ScheduleExpression"]):
        yield f"Invalid Schedule Expression {request['ScheduleExpression']}."
    zone = request.get("ScheduleExpressionTimezone", "UTC")
    if zone not in available_timezones():
        yield f"Invalid ScheduleExpressionTimezone {zone}."
    yield from _of_window(request["FlexibleTimeWindow"])
    yield from _of_dates(request, now)
    yield from _of_target(request["Target"])


def _of_window(window: Request) -> Iterator[str]:
    given, mode = "MaximumWindowInMinutes" in window, window["Mode"]
    if given != (mode == "FLEXIBLE"):
        must = "must not" if given else "must"
        yield f"MaximumWindowInMinutes {must} be provided when FlexibleTimeWindowMode is set to {mode}"


def _of_dates(request: Request, now: datetime) -> Iterator[str]:
    start, end = request.get("StartDate"), request.get("EndDate")
    if start and start < now - _EARLIEST:
        yield "The StartDate you specify cannot be earlier than 5 minutes ago."
    if start and end and start >= end:
        yield "The StartDate you specify must come before the EndDate."


def _of_target(target: Request) -> Iterator[str]:
    arn, input_ = target["Arn"], target.get("Input")
    service, region = arn.split(":")[2], arn.split(":")[3]
    if region not in ("", REGION):
        yield f"The target ARN provided does not match the current region {REGION}."
    parameters = target.get("EcsParameters")
    if parameters is not None and (service, ":cluster/" in arn) != ("ecs", True):
        yield "Parameters EcsParameters not supported for the target"
    if parameters and parameters.get("LaunchType") == "FARGATE" and "NetworkConfiguration" not in parameters:
        yield "Parameter NetworkConfiguration must be specified for the target when launch type is FARGATE"
    if service == "scheduler":
        yield from _of_universal(arn, input_)
    elif input_ is not None and not _is_json(input_):
        yield "JSON syntax error in input for the target"


def _of_universal(arn: str, input_: str | None) -> Iterator[str]:
    found = UNIVERSAL.fullmatch(arn)
    if found is None or found[1] or found[2]:
        yield "scheduler is not a supported service for a target"
    elif found[4].startswith(_READS):
        yield f"{found[4]} API is not supported"
    elif input_ is None:
        yield "You must provide an input to set this target for your schedule"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
