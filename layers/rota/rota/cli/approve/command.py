"""`rota approve` and `rota reject`."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting

_STATUS = "rota status says what waits"


@command("approve", "rota approve --reason 'the new prices'", short_help="Approve the deployment that waits for it.")
@click.argument("changes", metavar="[CHANGES]", default="")
@asking
@waiting
def approve(account: Account, changes: str, reason: str | None, yes: bool, no_wait: bool, timeout: timedelta) -> Exit:
    """Approve what a deployment that ended in Held would change, and watch it deploy. CHANGES is the digest of these
    changes, from the message; default: of those that wait now, which it shows.

    If they are others when it starts, it is asked again. Exits as `rota deploy` does.
    """
    return _answer(account, changes, reason, _Ways(yes, no_wait, timeout), approves=True)


@command("reject", "rota reject --reason 'not on a Friday'", short_help="Reject the deployment that waits.")
@click.argument("changes", metavar="[CHANGES]", default="")
@asking
@waiting
def reject(account: Account, changes: str, reason: str | None, yes: bool, no_wait: bool, timeout: timedelta) -> Exit:
    """Reject what waits for an approval: it is not deployed, and that is recorded. No image is barred: a later push of
    it, or `rota deploy`, asks again.
    """
    return _answer(account, changes, reason, _Ways(yes, no_wait, timeout), approves=False)


class _Ways:
    """How it asks, and how it waits."""

    def __init__(self, yes: bool, no_wait: bool, timeout: timedelta) -> None:
        self.yes, self.no_wait, self.timeout = yes, no_wait, timeout


def _answer(account: Account, changes: str, reason: str | None, ways: _Ways, *, approves: bool) -> Exit:
    from rota.cli import execution
    from rota.cli.columns import folded

    if not reason:
        words = "an approval needs a reason" if approves else "a rejection needs a reason"
        raise CommandError(Exit.MISUSED, words, "add --reason TEXT; it is recorded, and in each message")
    stack, pending = account.stack, asked(account.table.present(0).gates, changes)
    asks, image = pending["asks"], pending.get("image") or {}
    what = image.get("tag") or image.get("digest") or "the schedule file"
    details = f"rota plan --image {what} --details" if image else "rota plan --details"
    account.output.notes(
        folded(f"{what}: {pending.get('summary', '')}   {details}{account.options}", account.output.width)
    )
    execution.confirm(account, f"{'Approve' if approves else 'Reject'} {what} for {stack}?", yes=ways.yes)
    answered = _invoke(account, {"changes": asks["changes"], "approves": approves, "reason": reason})
    if not answered["execution"]:
        words = f"{what} is approved, and deploys after this: {'; '.join(answered['stopped_by'])}"
        return execution.end_without_one(account, "held", words)
    started = stack.execution(answered["execution"])
    if ways.no_wait:
        return execution.started(account, started)
    code = execution.follow(account, started, ways.timeout)
    return Exit.DONE if not approves and code is Exit.NOT_DEPLOYED else code


def asked(gates: Mapping[str, Any], changes: str) -> dict[str, Any]:
    """What waits for an approval with that digest of its changes; without one the only one that waits. Where a push and
    a schedule file would change the same, the push, which Approve answers, too. Pure.

    CommandError if there is none, or more than one.
    """
    each: list[dict[str, Any]] = [
        one for name in ("pending", "pending_schedule") if (one := gates.get(name)) and one.get("asks")
    ]
    if not each:
        raise CommandError(Exit.NOT_ALLOWED, "nothing waits for an approval", _STATUS, error="NothingWaits")
    found = [one for one in each if changes in ("", one["asks"]["changes"])]
    waits = " and ".join(one["asks"]["changes"] for one in each)
    if not found:
        words = f"what waits is {waits}, not {changes}: it has changed since"
        raise CommandError(Exit.NOT_ALLOWED, words, _STATUS, error="OtherChanges")
    if len({one["asks"]["changes"] for one in found}) > 1:
        raise CommandError(Exit.MISUSED, f"a push and a schedule file wait: {waits}", "name one of them")
    return found[0]


def _invoke(account: Account, answer: dict[str, Any]) -> dict[str, Any]:
    """Give the answer to the stack's function. CommandError if that does not take it."""
    name = account.stack.outputs.get("ApproveFunctionName")
    if not name:
        raise CommandError(Exit.NOT_ALLOWED, f"{account.stack} takes no approvals", "update it: make deploy")
    # It is approved even if the answer is lost: Sweep starts it within a minute.
    with account.attempting("It may be answered: rota status says so."):
        given = {**answer, "by": account.caller}
        reply = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(given).encode())
    content: dict[str, Any] = json.loads(reply["Payload"].read())
    if reply.get("FunctionError"):
        error = str(content.get("errorType", "Error"))
        raise CommandError(Exit.NOT_ALLOWED, str(content.get("errorMessage", content)), _STATUS, error=error)
    return content
