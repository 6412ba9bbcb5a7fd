"""`rota verify-account`: shows what it costs, asks, tries the rows, deletes what it made, and prints a table."""

import json
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

    from rota.cli.verify_account.account import Account, Caller, Network
    from rota.cli.verify_account.journal import Place
    from rota.cli.verify_account.row import Row
    from rota.cli.verify_account.run import Outcome

FINE, OTHERWISE, MISUSE, NOT_TRIED, LEFT = 0, 1, 2, 4, 5
_SIGNALLED = 128
_JOURNALS = Path(".rota-verify")
_COLUMNS = 80
_BY_MAKE = {"--clean ": "CLEAN=", "--subnets": "SUBNETS=", "--slow": "SLOW=1", "--yes": "YES=1"}
"""How the Makefile's target spells the options that messages name."""
_MOST_AHEAD = 30
"""By how many seconds the clock may be wrong: rows are due by it, a minute and a half ahead at least."""


@click.command(
    "verify-account",
    epilog="\b\nExample:\n  rota verify-account --subnets subnet-0a1b2c3d",
    short_help="Try in your account what Rota assumes of AWS.",
)
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
    default=_JOURNALS,
    show_default=True,
    help="The folder in which each run writes down what it makes.",
)
@click.option("--policy", is_flag=True, help="Print the IAM policy that it needs, and do nothing.")
@click.option("--by-make", is_flag=True, hidden=True, help="Name options as `make verify-account` has them.")
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
    by_make: bool,
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
        click.echo(json.dumps(permissions.policy(ROWS, _partition(region)), indent=2))
        return
    session, caller = _session(region)
    place = caller.place
    if run:
        sys.exit(_clean(session, place, journals, run, by_make=by_make))
    if abs(caller.clock_ahead) > _MOST_AHEAD:
        click.echo(f"This machine's clock is {caller.clock_ahead:+.0f} s from AWS's: set it, then try again.", err=True)
        sys.exit(NOT_TRIED)
    network = _network(subnets, security_groups, public_ip)
    rows = _chosen(tasks=network is not None, slow=slow)
    click.echo(f"Account {place.account}, Region {place.region}, as {caller.arn}.", err=True)
    click.echo(_offer(rows, by_make=by_make), err=True)
    if not yes and not _agreed():
        click.echo(f"Nothing was tried. {_spelt('--yes', by_make=by_make)} does not ask.", err=True)
        sys.exit(NOT_TRIED)
    import uuid

    try:
        journal = Journal.begin(journals, uuid.uuid4().hex[:8], place)
    except OSError as problem:
        click.echo(f"No journal can be written, so nothing was tried: {problem}.", err=True)
        click.echo("It needs a folder of yours with some room; --journals FOLDER names another one.", err=True)
        sys.exit(NOT_TRIED)
    with journal.held():
        account = Account(session, journal, Clock(), network, image or SMALL_IMAGE)
        sys.exit(_verify(account, rows, as_json=as_json, by_make=by_make))


def _partition(region: str | None) -> str:
    """`aws`, but for Regions in China and of governments."""
    import boto3

    session = boto3.Session(region_name=region)
    return session.get_partition_for_region(session.region_name) if session.region_name else "aws"


def _network(subnets: str, security_groups: str, public_ip: bool) -> "Network | None":
    from rota.cli.verify_account.account import Network

    given, groups = ([each.strip() for each in text.split(",") if each.strip()] for text in (subnets, security_groups))
    return Network(given, groups, public_ip) if given else None


def _verify(account: "Account", rows: "Sequence[Row]", *, as_json: bool, by_make: bool) -> int:
    """Try the rows, delete what that has made, and print what was seen. Returns the exit status."""
    from rota.cli.verify_account import report
    from rota.cli.verify_account.run import StoppedError, clean, stopped_by_signals, try_rows

    outcomes: list[Outcome] = []

    def show(outcome: "Outcome") -> None:
        outcomes.append(outcome)
        _say(report.line(outcome))

    _say(f"The run {account.run} begins; {account.journal.path} has the names of all that it makes.")
    _say("Some rows take minutes. Ctrl-C ends the run, and deletes what it has made.")
    stopped = 0
    try:
        with stopped_by_signals():
            try:
                try_rows(account, rows, show)
            except StoppedError as signal:
                stopped = _SIGNALLED + signal.number
                _say(f"{signal}.")
            finally:
                _say("Deleting it again ...")
                left = clean(account)
    except StoppedError as signal:
        _say(f"{signal} before everything was deleted. Delete the rest: {_clean_command(account, by_make=by_make)}")
        return _SIGNALLED + signal.number
    try:
        if as_json:
            click.echo(json.dumps(report.as_json(account, outcomes, left), indent=2))
        else:
            click.echo(report.markdown(account, outcomes))
    finally:
        _report_left(account, left, by_make=by_make)
    _say(f"{report.summary(outcomes)}.")
    return stopped or (LEFT if left else status(outcomes))


def _say(text: str) -> None:
    """Print to whoever waits. If that is gone (a closed terminal or pipe), the run continues, and deletes."""
    with suppress(OSError):
        click.echo(text, err=True)


def _agreed() -> bool:
    try:
        return click.confirm("Continue?", err=True)
    except click.Abort:  # Ctrl-C, or no terminal to ask at
        return False


def _clean(session: "boto3.Session", place: "Place", journals: Path, run: str, *, by_make: bool) -> int:
    """Delete what a run has left. Returns the exit status."""
    from rota.cli.verify_account.account import Account, Clock
    from rota.cli.verify_account.journal import Journal, JournalError
    from rota.cli.verify_account.run import clean

    try:
        journal = Journal.find(journals, run, place)
        with journal.held():
            account = Account(session, journal, Clock())
            left = clean(account)
    except JournalError as problem:
        click.echo(f"{problem}", err=True)
        return MISUSE
    _report_left(account, left, by_make=by_make)
    return LEFT if left else FINE


def _session(region: str | None) -> "tuple[boto3.Session, Caller]":
    """The caller's session. Exits where there is no account."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

    from rota.cli.verify_account.account import Clock, caller

    try:
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise NoRegionError
        return session, caller(session, Clock())
    except (BotoCoreError, ClientError) as problem:
        click.echo(f"No account to try it in: {problem}", err=True)
        click.echo(
            "Export AWS_PROFILE and AWS_DEFAULT_REGION; `aws sts get-caller-identity` says who you are.", err=True
        )
        sys.exit(NOT_TRIED)


def _chosen(*, tasks: bool, slow: bool) -> "list[Row]":
    from rota.cli.verify_account.rows.catalogue import ROWS

    groups = ["free"] + ["tasks"] * tasks + ["slow"] * slow
    return [row for row in ROWS if row.group in groups]


def _offer(rows: "Sequence[Row]", *, by_make: bool) -> str:
    """What each group costs and takes, how to choose it, and what those that are chosen come to."""
    from rota.cli.verify_account.rows.catalogue import BILLED_BY_OTHERS, GROUPS

    lines, minutes, costs = [], 0, "0 $"
    for group, price in GROUPS.items():
        number = sum(row.group == group for row in rows)
        if number:
            chosen, minutes = f"{number} row{'s' if number > 1 else ''}", minutes + price.minutes
            costs = price.costs if price.costs != "0 $" else costs
        else:
            chosen = f"needs {_spelt({'tasks': '--subnets', 'slow': '--slow'}[group], by_make=by_make)}"
        facts = f"  {group:<6} {chosen:<15} {price.costs:<12} {price.minutes:>2} minutes  "
        lines += textwrap.wrap(price.does, _COLUMNS, initial_indent=facts, subsequent_indent=" " * len(facts))
    return "\n".join([*lines, f"This run: {costs}, {minutes} minutes.", *textwrap.wrap(BILLED_BY_OTHERS, _COLUMNS)])


def _spelt(option: str, *, by_make: bool) -> str:
    """An option as whoever reads the message typed it."""
    return _BY_MAKE[option] if by_make else option


def _clean_command(account: "Account", *, by_make: bool) -> str:
    """The command that deletes what the run has left."""
    words = f"{'make' if by_make else 'rota'} verify-account {_spelt('--clean ', by_make=by_make)}{account.run}"
    folder = account.journal.path.parent
    if folder == _JOURNALS:
        return words
    return f'{words} OPTIONS="--journals {folder}"' if by_make else f"{words} --journals {folder}"


def _report_left(account: "Account", left: "list[str]", *, by_make: bool) -> None:
    for each in left:
        _say(f"Left: {each}")
    if left:
        _say(f"When that is possible, run: {_clean_command(account, by_make=by_make)}")
    else:
        _say(f"Nothing of the run {account.run} is left but INACTIVE revisions.")


def status(outcomes: "Sequence[Outcome]") -> int:
    """The exit status for these outcomes, where everything was deleted."""
    verdicts = {outcome.verdict for outcome in outcomes}
    return OTHERWISE if "otherwise" in verdicts else NOT_TRIED if "not tried" in verdicts else FINE
