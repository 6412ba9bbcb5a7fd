"""`rota init`."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command

if TYPE_CHECKING:
    from rota.cli.init.jobs import Jobs
    from rota.cli.init.model import Initialised
    from rota.cli.init.parameters import Read

_ENVIRONMENT = r"[A-Za-z0-9_-]+"


@command("init", "rota init production/shop-api", short_help="First parameters and schedule file of an app.")
@click.argument("service", metavar="CLUSTER/SERVICE")
@click.option("--container", metavar="NAME", help="The app's container; default: the load balancer's, or the only one.")
@click.option("--rule-prefix", metavar="TEXT", help="How the rules' names begin; default: as those that exist do.")
@click.option(
    "--start-command", metavar="TEXT", help="What a job's `task` is added to; default: as most commands begin."
)
@click.option("--schedule", metavar="FILE", default="scheduled_tasks.json", show_default=True, help="Or a .yaml file.")
@click.option("--yes", is_flag=True, help="Do not ask; write over what is there.")
def init(
    account: Account,
    service: str,
    container: str | None,
    rule_prefix: str | None,
    start_command: str | None,
    schedule: str,
    yes: bool,
) -> Exit:
    """Read an ECS service that runs, and the rules that start its jobs; write the parameters of Rota's stack into
    samconfig.toml, for the environment --env (default: the cluster's name), and the jobs into a first schedule file. It
    needs no stack, and changes nothing in AWS. --stack names the stack that will be made. Of an environment that is
    there, the parameters that no service says are kept; the example with which samconfig.toml is delivered is replaced.

    Exits with 0 if everything could be read, 1 if something is left for you to write or to do.
    """
    from rota.cli.init import text
    from rota.cli.init.parameters import named, read

    cluster, name = named(service)
    environment = account.named_env or cluster
    if not re.fullmatch(_ENVIRONMENT, environment):
        raise CommandError(Exit.MISUSED, f"{environment!r} cannot be an environment", "write letters, digits, - and _")
    found = read(account, cluster, name, container)
    given = {"RulePrefix": rule_prefix, "StartCommand": start_command}
    jobs = _with_rules(account, found, {key: value for key, value in given.items() if value})
    stack = account.named_stack or f"rota-{environment}"
    initialised = text.initialised(environment, stack, found, jobs, schedule)
    initialised = _write(account, initialised, yes=yes)
    account.output.notes(text.remarks(initialised, account.output.width))
    account.output.answer(initialised, None, lambda: text.lines(initialised))
    return Exit.FAILED if initialised.not_taken or initialised.remarks else Exit.DONE


def _with_rules(account: Account, found: "Read", given: dict[str, str]) -> "Jobs":
    """What the rules say that start the app's jobs; at a terminal the caller says what they do not."""
    from rota.cli.init import jobs

    read = jobs.read(account, found, given)
    if "StartCommand" not in read.parameters and account.output.interactive:
        question = "Jobs with the key task run this and its value"
        read.parameters["StartCommand"] = click.prompt(question, default="./bin/start", err=True)
    return read


def _write(account: Account, initialised: "Initialised", *, yes: bool) -> "Initialised":
    """Write both files, once the caller agrees to what is written over. Returns the answer with what became of the
    parameters that were there. CommandError if one cannot be written.
    """
    from rota.cli.execution import confirm
    from rota.cli.init import samconfig
    from rota.cli.init.text import ORDER, STAY, proposed
    from rota.cli.local_file.writer import write

    config, schedule = map(Path, initialised.files)
    region = account.region
    try:
        text = config.read_text(encoding="utf-8") if config.exists() else ""
        had = samconfig.overrides_of(text, initialised.environment)
        is_example = samconfig.is_example(had or {})
        stay = {name: value for name, value in (had or {}).items() if name not in ORDER or name in STAY}
        kept, replaced = ({}, stay) if is_example else (stay, {})
        parameters = {**kept, **initialised.parameters}
        lacking = proposed(initialised.environment, parameters)
        made = samconfig.with_environment(text, initialised.environment, initialised.stack, region, parameters, lacking)
    except (OSError, UnicodeDecodeError, samconfig.SamconfigError) as error:
        unread = isinstance(error, OSError | UnicodeDecodeError)
        what = f"{config} cannot be read: {getattr(error, 'strerror', error)}" if unread else str(error)
        raise CommandError(Exit.MISUSED, what, "correct that, or run it in another directory") from error
    there = [f"[{initialised.environment}] of {config}"] if had is not None and not is_example else []
    there += [str(schedule)] if schedule.exists() else []
    if there:
        confirm(account, f"Write over {' and '.join(there)}?", yes=yes)
    account.interrupted = f"{config} and {schedule} may be written."
    write(str(schedule), initialised.tasks, overwrite=True)
    config.write_text(made, encoding="utf-8")
    kept = {name: value for name, value in kept.items() if name not in initialised.parameters}
    return replace(initialised, kept=kept, proposed=lacking, replaced=replaced)
