"""`rota deploy`."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting

if TYPE_CHECKING:
    from rota.cli.releases import Image
    from rota.cli.table import Item, Table

_NEWEST = "newest"
_OF_THAT_TIME = {"dry_run", "by", "reason", "kind", "now", "lift", "schedule_key", "schedule_version"}
"""Keys of an earlier input that are not for another deployment, which reads the schedule file again."""


@command("deploy", "rota deploy --image b81d07e --reason 'the new prices'", short_help="Deploy an image, and watch it.")
@click.option(
    "--image",
    metavar="IMAGE",
    help="A tag or a digest in ECR, or a release such as v41.",
    shell_complete=names.releases,
)
@click.option(
    "--again",
    is_flag=False,
    flag_value=_NEWEST,
    metavar="[EXECUTION]",
    help="The newest deployment once more, also if it failed.",
)
@click.option(
    "--image-of", metavar="STACK", help="The image that is live in another stack.", shell_complete=names.stacks
)
@click.option(
    "--schedule",
    metavar="FILE",
    help="Upload this schedule file first, JSON or YAML. Alone: with the live image.",
    shell_complete=names.files,
)
@click.option("--watch", metavar="EXECUTION", help="Start nothing; watch this execution.")
@click.option("--now", is_flag=True, help="Also while deployments are held, or outside of the deployment window.")
@click.option("--plan-first", is_flag=True, help="Show the plan before it asks.")
@click.option(
    "--wait-until",
    metavar="live or complete",
    type=click.Choice(["live", "complete"]),
    default="complete",
    show_default=True,
    help="End as soon as everything is live, or once it is recorded, too.",
)
@asking
@waiting
def deploy(
    account: Account,
    image: str | None,
    again: str | None,
    image_of: str | None,
    schedule: str | None,
    watch: str | None,
    now: bool,
    plan_first: bool,
    wait_until: str,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> Exit:
    """Deploy an image that is in ECR with the schedule file as it is in the bucket, and watch each step. With
    --schedule: with that file, which it uploads.

    If the same image deploys already, that is watched. Exits with 0 once it is live, 1 if it failed and everything is
    as before, 5 if that could not be restored, 6 if it was overtaken, held or barred.
    """
    from rota.cli import execution, releases
    from rota.cli.deploy.upload import prepare, saying_what_stays
    from rota.cli.plan import run
    from rota.cli.plan.proposal import store_content

    until_live = wait_until == "live"
    _require_one({"--image": image, "--again": again, "--image-of": image_of, "--watch": watch}, schedule)
    if watch:
        options = {"--now": now, "--reason": reason, "--no-wait": no_wait}
        if surplus := [name for name, given in options.items() if given]:
            words = f"--watch starts nothing, so {' and '.join(surplus)} would do nothing"
            raise CommandError(Exit.MISUSED, words, "leave it out, or name what to deploy")
        return execution.follow(account, account.stack.execution(watch), timeout, until_live=until_live)
    stack, table, upload = account.stack, account.table, None
    present = table.present(0)
    if again:
        event, what, kind = *_again(account, table, again), "again"
        _remark(account, present.live, event, what)
    else:
        known = _known(table, present.live)
        if image_of:
            chosen = _live_image_of(account, image_of)
        else:
            chosen = releases.image(account, image, known) if image else releases.live_image(present.live)
        event, what, kind = execution.push_of(account, chosen), str(chosen), "image"
        upload = prepare(account, schedule, chosen) if schedule else None
        if not (image or image_of):
            # It changes what is live then, and stops no push that is on its way.
            event, kind = {}, "schedule"
    # What deploys already has read another file.
    running = None if upload else _running(account, present.lease, event)
    already = running is not None
    if running is None:
        if plan_first:
            proposal = store_content(account, upload.name, upload.content) if upload else None
            run.show(account, {**event, **({"kind": kind} if kind == "schedule" else {})}, proposal=proposal)
        first = f"Upload {upload.name} as {upload.key}, and deploy" if upload else "Deploy"
        execution.confirm(account, f"{first} {what} to {stack}?", yes=yes)
        if upload:
            event |= upload.store(account)
        running = execution.start(
            account, execution.signed(account, {**event, **({"now": True} if now else {})}, kind, reason), "deploy"
        )
    elif not account.output.as_json:
        unsaid = "; your reason is not recorded, because nothing new is started" if reason else ""
        needless = "; --now does nothing, because it has passed the holds" if now else ""
        account.output.say(f"{what} deploys already: {running.rpartition(':')[2]}{unsaid}{needless}")
    if no_wait:
        return execution.started(account, running, already=already)
    with saying_what_stays(account, upload):
        return execution.follow(account, running, timeout, until_live=until_live, already=already)


def _require_one(given: Mapping[str, str | None], schedule: str | None) -> None:
    """CommandError unless one option says what to deploy, or the schedule file alone."""
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        words = f"{' and '.join(named)} each say what to deploy"
        raise CommandError(Exit.MISUSED, words, "type one of them: --again takes the image of an earlier deployment")
    if not (named or schedule):
        raise CommandError(Exit.MISUSED, "name what to deploy", f"one of {', '.join(given)}, or --schedule")
    if schedule and {*named} & {"--again", "--watch"}:
        words = f"--schedule is for a new deployment, and {named[0]} is about an earlier one"
        raise CommandError(Exit.MISUSED, words, "type it with --image, or alone")


def _again(account: Account, table: "Table", name: str) -> tuple[dict[str, Any], str]:
    """The input of an earlier execution, and what it deploys; of a rollback, which names no image, the image."""
    from rota.cli import execution, releases

    image = None
    if name == _NEWEST:
        entry = next((each for each in table.deployments() if each.get("digest")), None)
        if entry is None:
            raise CommandError(Exit.NOT_ALLOWED, "nothing was deployed yet", "name an image: rota deploy --image TAG")
        name, image = entry["execution"], releases.Image(entry["digest"], entry.get("tag"))
    described = account.client("stepfunctions").describe_execution(executionArn=account.stack.execution(name))
    event = json.loads(described["input"])
    detail = event.get("detail") if isinstance(event, dict) else None
    if isinstance(detail, dict) and "image-digest" in detail:
        given = {key: value for key, value in event.items() if key not in _OF_THAT_TIME}
        return given, str(detail.get("image-tag") or detail["image-digest"])
    if image:
        return execution.push_of(account, image), str(image)
    raise CommandError(
        Exit.MISUSED, f"{described['name']} was not started with an image", "name another one: rota history --all"
    )


def _remark(account: Account, live: "Item | None", event: Mapping[str, Any], what: str) -> None:
    """Say on stderr if what is deployed again is not what is live."""
    from rota.cli import releases

    digest = event["detail"]["image-digest"]
    if live is None or live["live_digest"] == digest:
        return
    now = releases.Image(live["live_digest"], live.get("live_tag"))
    again = f"{releases.deploy_live(now.digest)}{account.options}"
    account.output.notes([f"{what} is not the live image, which is {now}. To deploy that again: {again}"])


def _known(table: "Table", live: "Item | None") -> "Iterator[Item]":
    """What went live last, whose entry may have expired, and the deployments that have ended, the newest first."""
    if live:
        yield {"digest": live["live_digest"], "tag": live.get("live_tag"), "release": live["number"]}
    yield from table.deployments()


def _live_image_of(account: Account, name: str) -> "Image":
    """The image that is live in another stack, if this one's repository has it."""
    from rota.cli import releases, stack

    other = stack.find(account.client("cloudformation"), name)
    live = account.table_of(other).present(0).live
    if live is None:
        raise CommandError(Exit.NOT_ALLOWED, f"nothing is live in {other}", "deploy there first", error="NoRelease")
    found = releases.image(account, live["live_digest"], ())
    return releases.Image(found.digest, live.get("live_tag") or found.tag)


def _running(account: Account, lease: "Item", event: Mapping[str, Any]) -> str | None:
    """The ARN of the execution that deploys the same image already."""
    if lease.get("digest") != event["detail"]["image-digest"] or not lease.get("holder"):
        return None
    states = account.client("stepfunctions")
    described = states.describe_execution(executionArn=lease["holder"])
    return str(lease["holder"]) if described["status"] == "RUNNING" else None
