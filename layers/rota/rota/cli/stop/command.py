"""`rota stop`."""

from typing import TYPE_CHECKING

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking

if TYPE_CHECKING:
    from rota.runs.event import TaskChange


@command("stop", "rota stop SendMail --reason 'it hangs'", short_help="Stop one run of a job.")
@click.argument("name", metavar="TASK|RUN", shell_complete=names.tasks)
@asking
def stop(account: Account, name: str, reason: str | None, yes: bool) -> None:
    """Stop the run of TASK that is under way, also one with another command of `rota run TASK -- COMMAND`; or RUN: a
    task's ARN, or its id's first characters. Of several it stops none and lists them.

    It gets a SIGTERM, and a SIGKILL after its container's stopTimeout. The run is recorded as stopped by you; the next
    one begins at its time.
    """
    from rota.cli import execution
    from rota.cli.ecs_tasks import short
    from rota.cli.stop import stop as stops
    from rota.cli.stop.model import Stopped

    found = _running(account, name)
    named = f"the command of {found.command_of}" if found.command_of else found.job or "the run"
    what = f"{named} (task {short(found.task_arn)})"
    execution.confirm(account, f"Stop {what} of {account.stack}?", yes=yes)
    see = f"rota logs --run {short(found.task_arn)} -f{account.options}"
    with account.attempting(f"{what} may be stopping. See: {see}"):
        stops.stop(account, found.task_arn, reason)
    said = f"{what} is being stopped. Its log: rota logs --run {short(found.task_arn)}{account.options}"
    account.output.answer(Stopped(found.job, found.task_arn), account.stack, lambda: [said])


def _running(account: Account, name: str) -> "TaskChange":
    """The run that is meant. CommandError if none runs, or several do."""
    from rota.cli import ecs_tasks, live_schedules

    task = live_schedules.task_of(name, account.stack.rule_prefix)
    found = ecs_tasks.running(account, task, commands=True)
    if len(found) > 1:
        listed = "\n".join(
            f"  rota stop {ecs_tasks.short(each.task_arn)}   {each.last_status}"
            + (", with another command" if each.command_of else "")
            for each in found
        )
        raise CommandError(
            Exit.MISUSED, f"{len(found)} runs of {task} are under way:", "type one of these", listed=listed
        )
    one = found[0] if found else ecs_tasks.find(account, name)
    if one is None or one.has_ended:
        words = f"no run of {name} is under way" if one is None else f"the run {name} has ended"
        raise CommandError(Exit.NOT_ALLOWED, words, "`rota status` shows the jobs' last runs", error="NoRun")
    return one
