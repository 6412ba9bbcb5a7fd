"""Starting the state machine, and following an execution to its end, on a terminal, in a pipe or as JSON."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rota.cli.aws_errors import is_passing
from rota.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.releases import Image
    from rota.watch.follow import End

_FIRST_SECONDS, _SECONDS, _QUICK_LOOKS = 0.5, 3.0, 60
"""Between two looks, at first and after so many of them: other people's calls have the same quota."""
_SERVICE_SECONDS = 5.0
ENDS = {
    "Deployed": ("deployed", Exit.DONE),
    "NothingToDo": ("nothing to do", Exit.DONE),
    "Planned": ("planned", Exit.DONE),
    "Restored": ("restored", Exit.DONE),
    "Done": ("done", Exit.DONE),
    "Overtaken": ("overtaken", Exit.NOT_DEPLOYED),
    "Ignored": ("ignored", Exit.NOT_DEPLOYED),
    "Held": ("held", Exit.NOT_DEPLOYED),
    "Barred": ("barred", Exit.NOT_DEPLOYED),
    "DeploymentFailed": ("failed", Exit.FAILED),
    "RestoreFailed": ("half done", Exit.HALF_DONE),
}
"""For the state in which an execution ended, its outcome in words and the exit code."""


def confirm(account: "Account", question: str, *, yes: bool) -> None:
    """Ask at a terminal. CommandError where there is none, or if the answer is no."""
    if yes:
        return
    if not account.output.interactive:
        raise CommandError(Exit.MISUSED, f"it would ask: {question}", "there is no terminal to ask at; add --yes")
    if not click.confirm(question, err=True):
        raise CommandError(Exit.MISUSED, "nothing was started", error="NotConfirmed")


def push_of(account: "Account", image: "Image") -> dict[str, Any]:
    """The input that deploys an image, as a person types it: ECR's event without what AWS alone knows."""
    tag = {"image-tag": image.tag} if image.tag else {}
    return {"detail": {"repository-name": account.stack.repository, "image-digest": image.digest, **tag}}


def signed(account: "Account", event: Mapping[str, Any], kind: str, reason: str | None) -> dict[str, Any]:
    """The input with who starts it, why, and as what. The name is a claim; CloudTrail has the proof."""
    by = account.client("sts").get_caller_identity()["Arn"]
    why = {"reason": reason} if reason else {}
    return {**event, "kind": kind, "by": by.rpartition(":")[2], **why}


def start(account: "Account", event: Mapping[str, Any], what: str) -> str:
    """Start the machine. Returns the execution's ARN. A repeated call, after a lost answer, starts no second one."""
    name = f"{what}-{uuid.uuid4()}"
    started = account.client("stepfunctions").start_execution(
        stateMachineArn=account.stack.machine, name=name, input=json.dumps(event)
    )
    return str(started["executionArn"])


def follow(
    account: "Account", execution: str, timeout: timedelta, *, until_live: bool = False, restores: bool = False
) -> Exit:
    """Print each step until the end. Returns the exit code; after Ctrl-C and `timeout` the work continues.

    With `restores` a failure that was restored is what was wanted.
    """
    from rota.watch.follow import End
    from rota.watch.narrate import Narrator, note

    output, name = account.output, execution.rpartition(":")[2]
    account.interrupted = _goes_on(account, name)
    narrator = Narrator(account.client("stepfunctions"), execution)
    if not output.as_json:
        output.lines(narrator.title.splitlines())
    ends_at, looks = time.monotonic() + timeout.total_seconds(), 0
    service = _Rolling(account)
    with _spinner(account) as spin:
        while True:
            for each in patiently(lambda: [*narrator.news()]):
                if isinstance(each, End):
                    code = _ended(account, execution, each, narrator.lines)
                    return Exit.DONE if restores and each.state == "DeploymentFailed" else code
                if output.as_json:
                    error = {"error": each.error} if each.error else {}
                    output.event(
                        "step",
                        step=each.state,
                        status="failed" if each.error else "ok",
                        seconds=round(each.seconds, 2),
                        retries=each.retries,
                        note=note(each),
                        **error,
                    )
                else:
                    output.lines(narrator.lines(each))
                if until_live and _is_live(each.state, each.result or {}):
                    return _live(account, execution)
            if narrator.state == "CheckService":
                for words in patiently(service.news):
                    if output.as_json:
                        output.event("service", message=words)
                    else:
                        output.line(click.style(f"     ECS: {words}", dim=True))
            if time.monotonic() > ends_at:
                output.say(f"Not ended after {timeout}. {_goes_on(account, name)}")
                return Exit.TIMED_OUT
            spin(narrator.state)
            looks += 1
            time.sleep(_FIRST_SECONDS if looks < _QUICK_LOOKS else _SECONDS)


def patiently(look: Callable[[], list[Any]]) -> list[Any]:
    """What it returns; nothing if AWS does not answer in this moment: the work continues, and it is asked again."""
    try:
        return look()
    except Exception as error:
        if is_passing(error):
            return []
        raise


class _Rolling:
    """What ECS says of the service while it rolls."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self._seen: set[str] | None = None
        self._next = 0.0

    def news(self) -> list[str]:
        """The messages since the last look, the oldest first, every few seconds."""
        if time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + _SERVICE_SECONDS
        stack = self._account.stack
        found = self._account.client("ecs").describe_services(cluster=stack.cluster, services=[stack.service])[
            "services"
        ]
        events = [each for service in found for each in service.get("events", ())]
        new = [each for each in events if self._seen is not None and each["id"] not in self._seen]
        self._seen = {each["id"] for each in events}
        return [str(each["message"]) for each in reversed(new)]


def _is_live(state: str, result: Mapping[str, Any]) -> bool:
    """Whether the step that was left has made everything live; what follows only records it."""
    return state == "CheckService" and result.get("status") == "COMPLETED"


def _live(account: "Account", execution: str) -> Exit:
    if account.output.as_json:
        account.output.event("live", execution=execution)
    else:
        account.output.line("  live: every schedule and the service are new")
    return Exit.DONE


def _ended(account: "Account", execution: str, end: "End", lines: Callable[["End"], Iterator[str]]) -> Exit:
    output = account.output
    outcome, code = ENDS.get(end.state, (end.state, Exit.FAILED))
    if end.status not in ("SUCCEEDED", "FAILED"):
        outcome, code = end.status.lower(), Exit.FAILED
    made = (end.output.get("outcome") or {}).get("release") if isinstance(end.output.get("outcome"), dict) else None
    if output.as_json:
        output.event(
            "end",
            outcome=outcome,
            release=f"v{made}" if made else None,
            execution=execution,
            seconds=round(end.seconds, 1),
            error=end.error,
            cause=end.cause,
        )
    else:
        output.lines(lines(end))
    if end.status == "ABORTED":
        output.say("It was aborted; another execution restores what it changed: rota restore shows it.")
    elif code is Exit.FAILED:
        output.say(f"Everything is as before. Why: rota explain {execution.rpartition(':')[2]}")
    elif code is Exit.HALF_DONE:
        output.say("A PERSON ACTS NOW: schedules or the service may be half new. Once the cause is gone: rota restore")
    return code


def _goes_on(account: "Account", name: str) -> str:
    named = f"{name}{account.options}"
    return f"The work continues. Watch it again: rota deploy --watch {named}   Stop it: rota restore {named}"


@contextmanager
def _spinner(account: "Account") -> Iterator[Callable[[str], None]]:
    """On a terminal the state that runs, on a line that is written over; else nothing."""
    if not account.output.redraws:
        yield lambda _state: None
        return
    from rich.console import Console

    with Console().status("") as shown:
        yield lambda state: shown.update(f"{state} ...")
