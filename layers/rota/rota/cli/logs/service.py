"""What the service's tasks have logged."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rota.cli import time_text
from rota.cli.ecs_tasks import short
from rota.cli.events import Logged
from rota.cli.exits import CommandError, Exit
from rota.cli.logs.model import Line, Log, Logs
from rota.cli.logs.task_log import TaskLog
from rota.runs.tasks import described

if TYPE_CHECKING:
    from rota.cli.frame import Account

_SECONDS = 3.0
_LOOKS_FOR_TASKS = 5


def show(account: "Account", since: timedelta, wanted: Callable[[Line], bool], *, follows: bool) -> None:
    """Print the lines of all its tasks, by time; with `follows` until Ctrl-C. CommandError if ECS knows no task."""
    output, stack, looks = account.output, account.stack, 0
    begin = account.now() - since
    logs: dict[str, TaskLog] = {}
    account.interrupted = "Stopped watching."
    while True:
        if looks % _LOOKS_FOR_TASKS == 0:
            _find(account, logs, stopped=looks == 0)
        found = [(line, arn) for arn, log in logs.items() for line in log.news() if line.at >= begin and wanted(line)]
        found.sort(key=lambda each: each[0].at)
        if output.as_json and not follows:
            lines: dict[str, list[Line]] = {arn: [] for arn in logs}
            for line, arn in found:
                lines[arn].append(line)
            every = [Log(arn, None, None, None, None, own, logs[arn].why_not) for arn, own in lines.items()]
            output.answer(Logs(every), stack, list)
            return
        for line, arn in found:
            _print(account, arn, line)
        if not follows:
            for log in logs.values():
                if log.why_not:
                    output.say(f"{short(log.task_arn)}: {log.why_not}")
            return
        looks += 1
        time.sleep(_SECONDS)


def _find(account: "Account", logs: dict[str, TaskLog], *, stopped: bool) -> None:
    """Add the logs of the service's tasks that run and, with `stopped`, those that ECS remembers."""
    ecs, stack = account.client("ecs"), account.stack
    pages: Any = ecs.get_paginator("list_tasks")
    arns = [
        arn
        for status in ("RUNNING", *(["STOPPED"] if stopped else []))
        for page in pages.paginate(cluster=stack.cluster, serviceName=stack.service, desiredStatus=status)
        for arn in page["taskArns"]
        if arn not in logs
    ]
    for each in described(ecs, stack, arns):
        logs[each.task_arn] = TaskLog(account, each.task_arn, each.task_definition_arn)
    if not logs:
        raise CommandError(Exit.NOT_ALLOWED, "ECS knows no task of the service", "rota status", error="NoRun")


def _print(account: "Account", arn: str, line: Line) -> None:
    output = account.output
    if output.as_json:
        output.event(Logged(arn, line.at, line.message))
        return
    output.line(f"{time_text.of_line(line.at, utc=output.utc)} {short(arn)}  {line.message}")
