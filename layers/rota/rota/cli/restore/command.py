"""`rota restore`."""

import time
from datetime import timedelta

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting

_EVERY, _BEGINS_WITHIN = 1.0, 60.0
"""Seconds between two looks, and those in which EventBridge starts the execution that restores; afterwards the
command starts it.
"""
_LISTED = 25


@command(
    "restore", "rota restore --reason 'the wrong branch'", short_help="Stop a deployment, and restore what it changed."
)
@click.argument("name", metavar="[EXECUTION]", required=False)
@click.option("--print", "prints", is_flag=True, help="Start nothing; print the commands of the AWS CLI that do it.")
@asking
@waiting
def restore(
    account: Account,
    name: str | None,
    prints: bool,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> Exit:
    """Without EXECUTION: the deployment that holds the lease. One that runs is stopped; what it changed is restored,
    and each step of that is shown. One that was aborted or could not be restored is restored now.

    Exits with 0 once everything is as before, 5 if it could not be restored.
    """
    from rota.cli import execution

    stack, states = account.stack, account.client("stepfunctions")
    failed = stack.execution(name) if name else _holder(account)
    described = states.describe_execution(executionArn=failed)
    if prints:
        return _print(account, (execution.restored_by(described) or failed).rpartition(":")[2])
    short = described["name"]
    if described["status"] == "SUCCEEDED":
        raise CommandError(
            Exit.NOT_ALLOWED, f"{short} succeeded, there is nothing to restore", "to go back: rota rollback"
        )
    running = described["status"] == "RUNNING"
    restorer = (
        failed if running and execution.restored_by(described) else None if running else _restorer(account, failed)
    )
    if restorer is None:
        doing = "Stop it and restore" if running else "Restore"
        execution.confirm(account, f"{doing} what {short} has changed in {stack}?", yes=yes)
        begun = _stop(account, failed, reason) if running else None
        named = {"source": "aws.states", "detail": {"executionArn": failed}}
        restorer = begun or execution.start(account, named, "restore")
    if no_wait:
        return execution.started(account, restorer)
    return execution.follow(account, restorer, timeout, restores=True)


def _print(account: Account, name: str) -> Exit:
    from rota.cli.restore.by_hand import by_hand

    found = by_hand(account, name)
    account.output.answer(found, account.stack, found.lines)
    return Exit.DONE


def _holder(account: Account) -> str:
    """The ARN of the execution that holds the lease."""
    lease = account.table.present(0).lease
    if not lease.get("holder"):
        raise CommandError(
            Exit.NOT_ALLOWED, "nothing deploys, and nothing is half done", "name an execution: rota history --all"
        )
    return str(lease["holder"])


def _stop(account: Account, execution: str, reason: str | None) -> str | None:
    """Stop it, and wait for the execution that restores it; None if none has begun."""
    cause = f"rota restore by {account.caller}{f': {reason}' if reason else ''}"
    account.client("stepfunctions").stop_execution(executionArn=execution, error="Stopped", cause=cause)
    ends_at = time.monotonic() + _BEGINS_WITHIN
    while time.monotonic() < ends_at:
        if restorer := _restorer(account, execution):
            return restorer
        time.sleep(_EVERY)
    return None


def _restorer(account: Account, execution: str) -> str | None:
    """The execution that restores that one now, of the newest."""
    from rota.cli.execution import restored_by

    states = account.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=account.stack.machine, statusFilter="RUNNING", maxResults=_LISTED)[
        "executions"
    ]
    for each in listed:
        described = states.describe_execution(executionArn=each["executionArn"])
        if restored_by(described) == execution:
            return str(each["executionArn"])
    return None
