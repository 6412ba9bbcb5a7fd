"""The tasks of ECS that are runs of jobs, as ECS has them now."""

from typing import TYPE_CHECKING

from rota.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from mypy_boto3_ecs.literals import DesiredStatusType

    from rota.cli.frame import Account
    from rota.runs.event import TaskChange

_SHORTEST = 6
_SHORT = 8


def short(task: str) -> str:
    """A task's id as people see it, of its ARN: the first characters."""
    return task.rpartition("/")[2][:_SHORT]


def running(account: "Account", task: str, *, commands: bool = False) -> "list[TaskChange]":
    """The tasks of a job that run, or are about to; `commands`: also those that run another command of a person's."""
    return _changes_of_job(account, task, "RUNNING", commands=commands)


def ended_last(account: "Account", task: str) -> "TaskChange | None":
    """Of a job's tasks that have ended the newest, which may not be recorded yet; None an hour after its end."""
    return max(_changes_of_job(account, task, "STOPPED"), key=lambda each: each.created_at, default=None)


def _changes_of_job(
    account: "Account", task: str, desired: "DesiredStatusType", *, commands: bool = False
) -> "list[TaskChange]":
    from rota.runs import tasks

    ecs, stack = account.client("ecs"), account.stack
    found = tasks.described(ecs, stack, tasks.listed(ecs, stack, [desired]))
    rule = stack.rule_prefix + task
    return [
        each
        for each in found
        if not each.is_of_a_service
        and (each.job == task or each.is_started_by(rule) or (commands and each.command_of == task))
    ]


def find(account: "Account", name: str) -> "TaskChange | None":
    """The task that is meant by its ARN, its id, or the id's first characters; None if ECS knows none, which it
    forgets an hour after their end. CommandError for one of the service.
    """
    from rota.runs import tasks

    ecs, stack = account.client("ecs"), account.stack
    begin = name.rpartition("/")[2]
    arns = [
        arn for arn in tasks.listed(ecs, stack) if len(begin) >= _SHORTEST and arn.rpartition("/")[2].startswith(begin)
    ]
    if len(arns) > 1:
        raise CommandError(Exit.MISUSED, f"{name} may be {len(arns)} tasks", "type more of its id")
    found = next(iter(tasks.described(ecs, stack, arns)), None)
    if found and found.is_of_a_service:
        raise CommandError(Exit.NOT_ALLOWED, f"{name} is a task of the service", "rota logs --service", error="NoRun")
    return found
