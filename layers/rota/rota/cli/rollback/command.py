"""`rota rollback`."""

from datetime import timedelta
from itertools import takewhile, tee
from typing import TYPE_CHECKING, Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rota.cli.table import Item, Present, Table


@command(
    "rollback", "rota rollback --reason 'the login fails'", short_help="Bring back the release before, or another."
)
@click.argument("release", default="previous", shell_complete=names.releases)
@click.option("--image-only", is_flag=True, help="Its image alone, with the schedule file and the base of today.")
@click.option("--with-before", is_flag=True, help="Run the schedule file's before (a migration) with its image, too.")
@click.option("--hold", is_flag=True, help="Hold all deployments from now on, too: rota resume --deployments.")
@click.option("--upload-schedule", is_flag=True, help="Put its schedule file into the bucket, too, for the next push.")
@click.option("--plan-first", is_flag=True, help="Show the plan before it asks.")
@asking
@waiting
def rollback(
    account: Account,
    release: str,
    image_only: bool,
    with_before: bool,
    hold: bool,
    upload_schedule: bool,
    plan_first: bool,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> Exit:
    """Bring back RELEASE whole: its image, its schedule file and the task definition that its revisions come from.
    Default: the release before the one that is live; else `v41`, a tag, or a digest's first digits.

    It sticks: what was live after RELEASE is barred, and no push of it deploys until a person says so. Prints how to
    undo it. Exits as `rota deploy` does.
    """
    from rota.cli import execution
    from rota.cli.plan import run

    if not reason:
        raise CommandError(Exit.MISUSED, "a rollback needs a reason", "add --reason TEXT; whoever comes next reads it")
    if upload_schedule and (image_only or no_wait):
        raise CommandError(Exit.MISUSED, "--upload-schedule is about a whole release that is live", "type it alone")
    stack = account.stack
    table = account.table
    live = table.present(0).live
    number, target = target_of(table.deployments(), release, live)
    require_kept(number, table.kept(), account.options)
    event: dict[str, Any] = {"release": number, **({"image_only": True} if image_only else {})}
    event |= {"with_before": True} if with_before else {}
    if plan_first:
        only = (" --image-only" if image_only else "") + (" --with-before" if with_before else "")
        run.show(account, {**event, "kind": "rollback"}, f"rota rollback {number}{only} --reason ...")
    covered = _newest(account, live) if upload_schedule and live else None
    over = f", and put its schedule file over {_named(*covered)}" if covered else ""
    execution.confirm(account, f"Roll back {stack} to {target}{over}?", yes=yes)
    held: dict[str, Any] = {"hold": {}} if hold else {}
    started = execution.start(account, execution.signed(account, {**event, **held}, "rollback", reason), "rollback")
    if no_wait:
        return execution.started(account, started)
    code = execution.follow(account, started, timeout)
    if code is Exit.DONE:
        account.interrupted = "It is rolled back; the schedule file in the bucket is as it was."
        _say(account, undo(table.present(0), live, account.options))
        if not image_only:
            _schedule(account, table, covered, upload=upload_schedule)
    return code


def target_of(entries: "Iterable[Item]", release: str, live: "Item | None") -> tuple[str, str]:
    """The release's number, and how the question names it: `v1 (b81d07e)`. `entries` of the ledger, the newest
    first, are read until it is found. CommandError if there is none of that name. Pure.
    """
    from rota.cli import releases
    from rota.cli.status.gather import origin
    from rota.cli.table import version

    numbered, again = tee(each for each in entries if each.get("release"))
    try:
        found = releases.find(numbered, release, live)
    except CommandError:
        if release == releases.PREVIOUS or releases.VERSION.fullmatch(release):
            return release, release  # the machine keeps releases that the ledger has no more
        raise
    seen = [*takewhile(lambda each: each is not found, again), found]
    words = f"{version(found['release'])} ({releases.Image(found['digest'], found.get('tag'))})"
    now = next((each for each in seen if live and each["release"] == live["number"]), {})
    before = next((each for each in seen if releases.is_previous(each, live)), None)
    if found is before and origin(now)["kind"] == "rollback":
        words += f", from which {version(now['release'])} was a rollback"
    return str(version(found["release"])), words


def require_kept(number: str, kept: "Sequence[int]", options: str) -> None:
    """CommandError for a release that is not kept, or if none is `previous`; the machine would refuse it, too. Pure."""
    from rota.cli import releases
    from rota.cli.table import version

    names = [str(version(each)) for each in kept]
    if number in names or (number == releases.PREVIOUS and len(names) > 1):
        return
    known = f"those that are kept are {', '.join(names)}" if names else "no release is kept yet"
    what = "no release before the live one" if number == releases.PREVIOUS else f"no release {number}"
    todo = f"an image that is not kept as a release: rota deploy --image TAG{options}"
    raise CommandError(Exit.NOT_ALLOWED, f"there is {what} to roll back to: {known}", todo, error="NoRelease")


def _say(account: Account, lines: "Iterable[str]") -> None:
    """For people, behind the steps; a program finds the same in `rota status --json`."""
    said = [*lines]
    if not account.output.as_json:
        account.output.lines(said)


def undo(now: "Present", before: "Item | None", options: str) -> "Iterator[str]":
    """What is barred now, and how to undo the rollback, if it changed what is live. Pure."""
    from rota.cli.table import version

    barred = [each.get("tag") or each["digest"][:19] for each in now.gates.get("bars", ())]
    if barred:
        yield f"Barred: {', '.join(dict.fromkeys(barred))}. To lift that: rota resume --barred{options}"
    if before and now.live and (gone := version(before["number"])) != version(now.live["number"]):
        yield f"To undo it: rota rollback {gone} --reason ...{options}"


def _newest(account: Account, live: "Item") -> tuple[str, str | None]:
    """The key of the live schedule file, and its newest version in the bucket."""
    from rota.cli.bucket import newest_version

    key = live["live_schedule_key"]
    return key, newest_version(account, key)


def _named(key: str, version: str | None) -> str:
    return f"{key} (version {version})" if version else f"{key}, which was deleted"


def _schedule(account: Account, table: "Table", covered: tuple[str, str | None] | None, *, upload: bool) -> None:
    """Say what the next push reads: the newest version of the schedule file. With `upload` that is made the live one,
    if it is still the one that may be `covered`: another may be the very correction.
    """
    live = table.present(0).live or {}
    version = live["live_schedule_version"]
    key, newest = _newest(account, live)
    again = f"  rota rollback v{live['number']} --upload-schedule --reason ...{account.options}"
    if newest == version:
        return
    if not upload:
        _say(account, [f"{key} in the bucket is newer, and the next push reads it. To put it back, too:", again])
    elif (key, newest) == covered:
        source = {"Bucket": account.stack.bucket, "Key": key, "VersionId": version}
        account.client("s3").copy_object(Bucket=account.stack.bucket, Key=key, CopySource=source)
        _say(account, [f"{key} in the bucket is that of this release again, over {_named(key, newest)}."])
    else:
        stays = f"{_named(key, newest)} stays: the question did not name it."
        account.output.say(f"{stays} The next push reads it. To cover it, too:")
        account.output.say(again)
