"""`rota explain`."""

from typing import TYPE_CHECKING

import click

from rota.cli.completion import names
from rota.cli.frame import Account, command

if TYPE_CHECKING:
    from rota.cli.explain.model import Explanation

_NOT_WELL = ("failed", "aborted", "restoring")
_LOOKS_BACK = 10


@command("explain", "rota explain IngestData", short_help="Why a task, a release or an execution is as it is.")
@click.argument(
    "name", metavar="[TASK|RULE|RELEASE|EXECUTION]", required=False, shell_complete=names.tasks_and_releases
)
def explain(account: Account, name: str | None) -> None:
    """Explain from what is recorded: of a task its rule, the line of the schedule file, the release and its runs; of a
    release or an execution who started it and why, each step, the cause, what was restored and who acts now.

    Without a name: what deploys now, else the newest deployment that failed, else what is live.
    """
    from rota.cli.explain import text

    output = account.output
    found = _named(account, name) if name else _what_comes_first(account)
    output.answer(found, account.stack, lambda: text.lines(found, output.width))


def _named(account: Account, name: str) -> "Explanation":
    from rota.cli import live_schedules, releases
    from rota.cli.exits import CommandError
    from rota.cli.explain import deployment, task

    stack, utc = account.stack, account.output.utc
    if not name.startswith("arn:aws:states") and name != releases.PREVIOUS:
        facts = task.TaskFacts(account, live_schedules.task_of(name, stack.rule_prefix))
        if facts.is_known:
            return task.explain(facts, utc=utc)
    table = account.table
    try:
        present = table.present(0)
        entry = releases.find(table.deployments(), name, present.live)
        return deployment.explain_entry(account, entry, present.live, present.gates.get("bars", ()), utc=utc)
    except CommandError:
        states = account.client("stepfunctions")
        try:
            described = states.describe_execution(executionArn=stack.execution(name))
        except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
            described = None
        if described is None:
            raise
        return deployment.explain_execution(described, utc=utc)


def _what_comes_first(account: Account) -> "Explanation":
    """What deploys now, else the newest deployment that failed, else what is live."""
    from rota.cli.exits import CommandError, Exit
    from rota.cli.explain import deployment
    from rota.cli.table import is_deployment

    utc = account.output.utc
    table = account.table
    present = table.present(_LOOKS_BACK)
    entries = [*filter(is_deployment, present.deployments)]
    if present.lease.get("holder"):
        return deployment.explain_holder(account, present.lease, utc=utc)
    if not entries:
        raise CommandError(
            Exit.NOT_ALLOWED, "nothing was deployed yet", "`rota plan --image TAG` shows what would change"
        )
    newest = entries[0]
    if newest["outcome"] not in _NOT_WELL:
        newest = next((each for each in table.deployments() if each["outcome"] == "deployed"), newest)
    return deployment.explain_entry(account, newest, present.live, present.gates.get("bars", ()), utc=utc)
