"""`rota plan`."""

import click

from rota.cli.completion import names
from rota.cli.exits import Exit
from rota.cli.frame import Account, command


@command("plan", "rota plan --image b81d07e", short_help="What a deployment would change; it changes nothing.")
@click.option(
    "--image",
    metavar="IMAGE",
    help="A tag or a digest in ECR, or a release; default: what is live.",
    shell_complete=names.releases,
)
@click.option(
    "--file",
    metavar="FILE",
    help="A schedule file that is not uploaded, JSON or YAML; - is standard input.",
    shell_complete=names.files,
)
@click.option("--details", is_flag=True, help="Also each field that differs, and what each task runs.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 if something would change.")
def plan(account: Account, image: str | None, file: str | None, details: bool, exit_code: bool) -> Exit:
    """Show what deploying an image with the schedule file in the bucket would change: the machine's own dry run. With
    --file: what it would change with another file, which is stored for the dry run and is never deployed.

    `+` a new schedule, `~` a changed one or one whose job changes, `=` only another image, `-` one that is removed.
    """
    from rota.cli import execution, releases
    from rota.cli.plan import run, text
    from rota.cli.plan.proposal import store

    stack, output, table = account.stack, account.output, account.table
    if image:
        chosen = releases.image(account, image, table.deployments())
    else:
        chosen = releases.live_image(table.present(0).live)
    proposal = store(account, file) if file else None
    found = run.dry_run(account, execution.push_of(account, chosen), proposal)
    if not found.changes_nothing:
        found.remarks.extend(run.held(account))
    output.answer(
        found,
        stack,
        lambda: text.lines(
            found, account.now(), output.width, details=details, utc=output.utc, options=account.options
        ),
    )
    return Exit.DIFFERS if exit_code and not found.changes_nothing else Exit.DONE
