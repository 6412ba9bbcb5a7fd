"""Following tasks of ECS to their end: what becomes of each, and what it logs."""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from rota.cli.aws_errors import is_denied
from rota.cli.ecs_tasks import short
from rota.cli.events import Logged
from rota.cli.execution import patiently
from rota.cli.exits import CommandError, Exit
from rota.cli.logs.task_log import TaskLog
from rota.runs import tasks
from rota.runs.log_place import secrets_in

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.logs.model import Line
    from rota.cli.output import Output
    from rota.runs.event import TaskChange

_FIRST_SECONDS, _SECONDS, _QUICK_LOOKS = 1.0, 3.0, 60
"""Between two looks, at first and after so many of them."""
_SETTLES_SECONDS = 3.0
"""Lines may be shown so long after a container has ended."""
_UNSEEN_SECONDS = 60.0
"""So long a task that was just started may not be seen."""


class Show(Protocol):
    """What is done with what is seen."""

    def changed(self, change: "TaskChange") -> None:
        """A task has another status, or is seen first."""

    def line(self, task_arn: str, line: "Line") -> None:
        """A task has logged a line."""

    def unreadable(self, task_arn: str, refusal: Exception | str) -> None:
        """The log of a task cannot be read: why not, or AWS's refusal. What is raised here ends the following."""


def follow(account: "Account", arns: Sequence[str], show: Show, timeout: timedelta | None) -> "list[TaskChange]":
    """Follow these tasks until all have ended. Returns them as they are then, or once `timeout` has passed."""
    ecs, stack = account.client("ecs"), account.stack
    seen: dict[str, TaskChange] = {}
    logs: dict[str, TaskLog] = {}
    begun, looks = time.monotonic(), 0
    settled = ends_at = float("inf")
    if timeout:
        ends_at = begun + timeout.total_seconds()
    while True:
        for change in patiently(lambda: tasks.described(ecs, stack, arns)):
            before, seen[change.task_arn] = seen.get(change.task_arn), change
            if before is None:
                _open(account, change, logs, show)
            if before is None or before.last_status != change.last_status:
                show.changed(change)
        _read(logs, show)
        now = time.monotonic()
        if len(seen) < len(arns) and now > begun + _UNSEEN_SECONDS:
            raise CommandError(
                Exit.NOT_ALLOWED, "ECS does not know the task", "rota history --task NAME", error="NoRun"
            )
        if len(seen) == len(arns):
            changes = [seen[arn] for arn in arns]
            if all(each.has_ended or each.execution_stopped_at for each in changes):
                settled = min(settled, now + _SETTLES_SECONDS)
            if now >= settled and all(each.has_ended for each in changes):
                return changes
        if now > ends_at:
            return [*seen.values()]
        looks += 1
        time.sleep(_FIRST_SECONDS if looks < _QUICK_LOOKS else _SECONDS)


def print_line(output: "Output", task_arn: str, line: "Line", *, several: bool) -> None:
    """Print a line of a task; one of `several` tasks is named before it."""
    if output.as_json:
        output.event(Logged(task_arn, line.at, line.message))
    else:
        output.line(f"{f'{short(task_arn)}  ' if several else ''}{line.message}")


def _open(account: "Account", change: "TaskChange", logs: dict[str, TaskLog], show: Show) -> None:
    log = TaskLog(account, change.task_arn, change.task_definition_arn, secrets_in(change))
    if log.why_not:
        show.unreadable(change.task_arn, log.why_not)
    else:
        logs[change.task_arn] = log


def _read(logs: dict[str, TaskLog], show: Show) -> None:
    for arn, log in [*logs.items()]:
        try:
            _show(arn, log.news(), show)
        except Exception as refusal:
            if not is_denied(refusal):
                raise
            del logs[arn]
            show.unreadable(arn, refusal)


def _show(arn: str, lines: "Iterable[Line]", show: Show) -> None:
    for line in lines:
        show.line(arn, line)
