"""What Rota's own functions have logged of a deployment."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.cli import time_text
from rota.cli.exits import CommandError, Exit
from rota.cli.logs.model import Line, Log, Logs
from rota.cli.logs.task_log import Masked

if TYPE_CHECKING:
    from rota.cli.frame import Account

_OF_LAMBDA = {"level", "location", "message", "timestamp", "service", "cold_start", "execution", "xray_trace_id"}
_OF_LAMBDA |= {"function_name", "function_arn", "function_memory_size", "function_request_id"}
_FUNCTION = re.compile(r"-(\w+)Function-\w+\[")
_AROUND = timedelta(minutes=1)


def show(account: "Account", name: str | None, wanted: Callable[[Line], bool]) -> None:
    """Print them in their order. CommandError if there is no such execution."""
    stack, output = account.stack, account.output
    states = account.client("stepfunctions")
    execution = stack.execution(name) if name else _newest(account)
    try:
        described = states.describe_execution(executionArn=execution)
    except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn) as error:
        todo = "`rota history --all` lists them"
        raise CommandError(Exit.NOT_ALLOWED, f"there is no execution {name}", todo, error="NoRelease") from error
    until = described.get("stopDate", account.now())
    pages = (
        account.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=stack.log_group,
            filterPattern=f'"{described["name"]}"',
            startTime=_milliseconds(described["startDate"] - _AROUND),
            endTime=_milliseconds(until + _AROUND),
        )
    )
    masked = Masked()
    events = sorted((event for page in pages for event in page["events"]), key=lambda each: each["timestamp"])
    found = [(_step(each["logStreamName"]), masked.line(each["timestamp"], each["message"])) for each in events]
    shown = [(step, line) for step, line in found if wanted(line)]
    lines = [line for _, line in shown]
    note = "" if lines else "Nothing was logged, or it is not kept any more."
    log = Log(execution, None, None, described["status"], None, lines, note)
    if output.as_json:
        output.answer(Logs([log]), stack, list)
        return
    output.say(f"==> {described['name']} is {described['status']}")
    output.lines(_text(step, line, utc=output.utc) for step, line in shown)
    if note:
        output.say(note)


def _newest(account: "Account") -> str:
    present = account.table.present(1)
    newest = present.lease.get("holder") or next((each["execution"] for each in present.deployments), None)
    if newest is None:
        raise CommandError(Exit.NOT_ALLOWED, "nothing was deployed yet", "push an image", error="NoRelease")
    return str(newest)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _step(stream: str) -> str:
    """The step whose function has that stream, `2026/11/30/rota-CreateTargetsFunction-1ABC[$LATEST]0f1e...`.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    """
    found = _FUNCTION.search(stream)
    return found[1] if found else ""


def _text(step: str, line: Line, *, utc: bool) -> str:
    """A function's line for people: when, who, what, and its further members."""
    at = time_text.of_line(line.at, utc=utc)
    try:
        read = json.loads(line.message)
    except ValueError:
        read = None
    if not isinstance(read, dict) or "message" not in read:
        return f"{at} {step:<17} {line.message}"
    level = "" if read.get("level") == "INFO" else f"{read.get('level')} "
    more = {name: value for name, value in read.items() if name not in _OF_LAMBDA}
    rest = "".join(f"  {name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in more.items())
    return f"{at} {step:<17} {level}{read['message']}{rest}"
