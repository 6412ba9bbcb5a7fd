"""The status of every Rota stack of the Region, a line each."""

from typing import TYPE_CHECKING

from rota.cli import stack as stacks
from rota.cli.exits import CommandError, Exit
from rota.cli.status.gather import gather
from rota.cli.status.model import AllStatus, StackStatus

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack


def gather_all(account: "Account") -> AllStatus:
    """CommandError if there is no Rota stack."""
    found = stacks.every(account.client("cloudformation"))
    region = account.region
    if not found:
        raise CommandError(
            Exit.NOT_ALLOWED, f"there is no Rota stack in {region}", "name the Region with --region", error="NoStack"
        )
    return AllStatus(region=region, stacks=[_status_of(account, stack) for stack in found])


def _status_of(account: "Account", stack: "Stack") -> StackStatus:
    status = gather(account, stack)
    failing = [task.task for task in status.tasks if task.bad_runs]
    return StackStatus(
        stack=stack.name,
        app=stack.app,
        release=status.release.release if status.release else None,
        tag=status.release.tag if status.release else None,
        deploying=status.deploying is not None,
        half_done=status.half_done,
        running=status.service.running if status.service else None,
        desired=status.service.desired if status.service else None,
        failing=failing,
    )
