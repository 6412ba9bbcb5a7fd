"""`rota logs`."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import duration

if TYPE_CHECKING:
    from rota.cli.logs.model import Line

_NEWEST = "newest"


@command("logs", "rota logs SendMail --last 2", short_help="What a job, the service or Rota itself has logged.")
@click.argument("task", metavar="[TASK]", required=False, shell_complete=names.tasks)
@click.option("--last", metavar="NUMBER", type=click.IntRange(min=1), help="The last runs of TASK. [default: 1]")
@click.option("--since", metavar="DURATION", callback=duration, help="The runs that were due since, or lines since.")
@click.option("--run", "run", metavar="RUN", help="This run: its task's ARN, or the first characters of its id.")
@click.option("-f", "--follow", "follows", is_flag=True, help="Follow the newest run to its end, or the service.")
@click.option("--service", is_flag=True, help="The service's tasks; of the last 10 minutes, or --since.")
@click.option(
    "--deployment", is_flag=False, flag_value=_NEWEST, metavar="[EXECUTION]", help="Rota's own lines of a deployment."
)
@click.option("--filter", "wanted", metavar="TEXT", default="", help="Only lines with this text.")
def logs(
    account: Account,
    task: str | None,
    last: int | None,
    since: timedelta | None,
    run: str | None,
    follows: bool,
    service: bool,
    deployment: str | None,
    wanted: str,
) -> Exit | None:
    """Show what the last run of TASK has logged, from its first line. What looks like a secret is masked, as in
    messages. `before` and `after` mean the last one-off task of a deployment, which the schedule file names so; that of
    a trial with `rota run before --schedule` is shown with --run.

    Exits with 4 where there is no such run.
    """
    from rota.cli.logs import deployment as of_deployment
    from rota.cli.logs import runs
    from rota.cli.logs import service as of_service

    if sum((bool(task or run), service, bool(deployment))) != 1 or sum((bool(last), bool(since), bool(run))) > 1:
        todo = "TASK with --last, --since or --run; or --run, --service or --deployment"
        raise CommandError(Exit.MISUSED, "name what to show", todo)
    if follows and (deployment or last or since):
        raise CommandError(
            Exit.MISUSED, "-f follows a run or the service", "a deployment: rota deploy --watch EXECUTION"
        )

    def is_wanted(line: "Line") -> bool:
        return wanted in line.message

    if deployment:
        of_deployment.show(account, None if deployment == _NEWEST else deployment, is_wanted)
    elif service:
        of_service.show(account, since or timedelta(minutes=10), is_wanted, follows=follows)
    elif follows:
        return runs.follow(account, task, run, is_wanted)
    else:
        runs.show(account, runs.Which(task, run, last or 1, since), is_wanted)
    return None
