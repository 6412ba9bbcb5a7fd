"""The command `rota`: the group of its commands.

A command's module imports what it works with only when it runs, so that help and completion answer at once.
"""

import click

from rota import __version__
from rota.cli.check.command import check
from rota.cli.completion.command import completion
from rota.cli.deploy.command import deploy
from rota.cli.explain.command import explain
from rota.cli.history.command import history
from rota.cli.import_rules.command import import_
from rota.cli.init.command import init
from rota.cli.logs.command import logs
from rota.cli.next.command import next_
from rota.cli.pause.command import pause
from rota.cli.plan.command import plan
from rota.cli.restore.command import restore
from rota.cli.resume.command import resume
from rota.cli.rollback.command import rollback
from rota.cli.run.command import run
from rota.cli.status.command import status
from rota.cli.stop.command import stop
from rota.cli.verify_account.command import verify_account


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="rota %(version)s")
def main() -> None:
    """For apps that Rota deploys: what is live, what deploys and how jobs do; and checks, without AWS and in it."""


for each in (
    *(status, next_, history, explain, run, logs, stop),
    *(plan, deploy, rollback, pause, resume, restore),
    *(check, init, import_, verify_account, completion),
):
    main.add_command(each)
