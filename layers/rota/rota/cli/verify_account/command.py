"""`rota verify-account`: shows what it costs, asks, tries the rows, deletes what it made, and prints a table."""

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

    from rota.cli.verify_account.account import Account, Network
    from rota.cli.verify_account.journal import Place
    from rota.cli.verify_account.row import Row
    from rota.cli.verify_account.run import Outcome

FINE, OTHERWISE, MISUSE, NOT_TRIED, LEFT = 0, 1, 2, 4, 5
_SIGNALLED = 128


@click.command("verify-account", short_help="Try in your account what Rota assumes of AWS.")
@click.option("--subnets", default="", help="Subnets for tasks, with commas: tries the rows that start some, too.")
@click.option("--security-groups", default="", help="The tasks' security groups; default: that of the VPC.")
@click.option(
    "--public-ip/--no-public-ip", default=True, help="Whether tasks get a public address; with NAT they need none."
)
@click.option("--image", help="The image that tasks run, which has the command sleep.")
@click.option("--region", envvar="AWS_REGION", help="The Region; default: $AWS_REGION, or what the SDK finds.")
@click.option("--slow", is_flag=True, help="Also try the rows that wait for minutes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--clean", "run", metavar="RUN", help="Only delete what this run has left.")
@click.option(
    "--journals",
    type=click.Path(path_type=Path, file_okay=False),
    default=".rota-verify",
    show_default=True,
    help="The folder in which each run writes down what it makes.",
)
@click.option("--policy", is_flag=True, help="Print the IAM policy that it needs, and do nothing.")
def verify_account(
    subnets: str,
    security_groups: str,
    public_ip: bool,
    image: str | None,
    region: str | None,
    slow: bool,
    yes: bool,
    as_json: bool,
    run: str | None,
    journals: Path,
    policy: bool,
) -> None:
    """Try in your account what no document says of AWS, and Rota assumes. It runs with your own permissions.

    It writes every name to a journal before it makes it, tags everything with rota:verify, and deletes it in the end.

    Exits with 0 if everything is as assumed, 1 if something is otherwise, 4 if something could not be tried, 5 if
    something could not be deleted.
    """
    from rota.cli.verify_account import policy as permissions
    from rota.cli.verify_account.account import SMALL_IMAGE, Account, Clock
    from rota.cli.verify_account.journal import Journal
    from rota.cli.verify_account.rows.catalogue import ROWS

    if policy:
        click.echo(json.dumps(permissions.policy(ROWS), indent=2))
        return
    session, place, arn = _session(region)
    if run:
        sys.exit(_clean(session, place, journals, run))
    network = _network(subnets, security_groups, public_ip)
    rows = _chosen(tasks=network is not None, slow=slow)
    click.echo(f"Account {place.account}, Region {place.region}, as {arn}.\n{_offer(rows)}", err=True)
    if not yes and not _agreed():
        click.echo("Nothing was tried. --yes does not ask.", err=True)
        sys.exit(NOT_TRIED)
    journal = Journal.begin(journals, uuid.uuid4().hex[:8], place)
    sys.exit(_verify(Account(session, journal, Clock(), network, image or SMALL_IMAGE), rows, as_json=as_json))


def _network(subnets: str, security_groups: str, public_ip: bool) -> "Network | None":
    from rota.cli.verify_account.account import Network

    given, groups = ([each for each in text.split(",") if each] for text in (subnets, security_groups))
    return Network(given, groups, public_ip) if given else None


def _verify(account: "Account", rows: "Sequence[Row]", *, as_json: bool) -> int:
    """Try the rows, delete what that has made, and print what was seen. Returns the exit status."""
    from rota.cli.verify_account import report
    from rota.cli.verify_account.run import StoppedError, clean, stopped_by_signals, try_rows

    outcomes: list[Outcome] = []

    def told(outcome: "Outcome") -> None:
        outcomes.append(outcome)
        click.echo(report.line(outcome), err=True)

    click.echo(f"The run {account.run} begins; {account.journal.path} has the names of all that it makes.", err=True)
    stopped = 0
    try:
        with stopped_by_signals():
            try_rows(account, rows, told)
    except StoppedError as signal:
        stopped = _SIGNALLED + signal.number
        click.echo(f"{signal}.", err=True)
    finally:
        click.echo(f"Deleting it again. If that is interrupted: rota verify-account --clean {account.run}", err=True)
        left = _told_of_left(account, clean(account))
    if as_json:
        click.echo(json.dumps(report.as_json(account, outcomes, left), indent=2))
    else:
        click.echo(report.markdown(account, outcomes))
    return stopped or (LEFT if left else status(outcomes))


def _agreed() -> bool:
    try:
        return click.confirm("Go on?", err=True)
    except click.Abort:  # Ctrl-C, or no terminal to ask at
        return False


def _clean(session: "boto3.Session", place: "Place", journals: Path, run: str) -> int:
    """Delete what a run has left. Returns the exit status."""
    from rota.cli.verify_account.account import Account, Clock
    from rota.cli.verify_account.journal import Journal, JournalError
    from rota.cli.verify_account.run import clean

    try:
        account = Account(session, Journal.find(journals, run, place), Clock())
    except JournalError as problem:
        click.echo(f"{problem}", err=True)
        return MISUSE
    if _told_of_left(account, clean(account)):
        return LEFT
    click.echo(f"Nothing of the run {run} is left but INACTIVE revisions.", err=True)
    return FINE


def _session(region: str | None) -> "tuple[boto3.Session, Place, str]":
    """The caller's session, and where and who it is. Exits where there is no account."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

    from rota.cli.verify_account.account import caller

    try:
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise NoRegionError
        return session, *caller(session)
    except (BotoCoreError, ClientError) as problem:
        click.echo(f"No account to try it in: {problem}", err=True)
        sys.exit(NOT_TRIED)


def _chosen(*, tasks: bool, slow: bool) -> "list[Row]":
    from rota.cli.verify_account.rows.catalogue import ROWS

    groups = ["free"] + ["tasks"] * tasks + ["slow"] * slow
    return [row for row in ROWS if row.group in groups]


def _offer(rows: "Sequence[Row]") -> str:
    """What each group costs and takes, and how to choose it."""
    from rota.cli.verify_account.rows.catalogue import GROUPS

    lines = []
    for group, price in GROUPS.items():
        number = sum(row.group == group for row in rows)
        chosen = f"{number} rows" if number else {"tasks": "not without --subnets", "slow": "not without --slow"}[group]
        lines.append(f"  {group:<6} {chosen:<22} {price.costs:<14} {price.minutes:>2} minutes  {price.does}")
    return "\n".join(lines)


def _told_of_left(account: "Account", left: "list[str]") -> "list[str]":
    for each in left:
        click.echo(f"Left: {each}", err=True)
    if left:
        click.echo(f"Once that is possible: rota verify-account --clean {account.run}", err=True)
    return left


def status(outcomes: "Sequence[Outcome]") -> int:
    """The exit status for these outcomes, where everything was deleted."""
    verdicts = {outcome.verdict for outcome in outcomes}
    return OTHERWISE if "otherwise" in verdicts else NOT_TRIED if "not tried" in verdicts else FINE
