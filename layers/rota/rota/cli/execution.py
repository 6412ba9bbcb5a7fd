"""Starting the state machine, and following an execution to its end, on a terminal, in a pipe or as JSON."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import click

from rota.cli.aws_errors import is_passing
from rota.cli.columns import folded
from rota.cli.events import Ended, Live, Service, Started, Step
from rota.cli.exits import Acts, CommandError, Exit
from rota.cli.output import WIDTH
from rota.cli.rolling import Rolling
from rota.cli.table import version

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.releases import Image
    from rota.watch.follow import End
    from rota.watch.follow import Step as Visit
    from rota.watch.narrate import Narrator

_FIRST_SECONDS, _SECONDS, _QUICK_LOOKS = 0.5, 3.0, 60
"""Between two looks, at first and after so many of them: other people's calls have the same quota."""
_LOOKS_FOR_THE_START = 20
"""DescribeExecution is eventually consistent: so often a new execution is waited for."""
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
    "Rejected": ("rejected", Exit.NOT_DEPLOYED),
    "DeploymentFailed": ("failed", Exit.FAILED),
    "RestoreFailed": ("half done", Exit.HALF_DONE),
}
"""For the state in which an execution ended, its outcome in words and the exit code."""
ACTS: dict[str, Acts] = {
    "ConfigError": "author",
    "TaskFailedError": "author",
    "RejectedError": "operator",
    "TransientError": "operator",
}
"""Who acts, by the name of the error with which an execution failed."""


def end_without_one(account: "Account", outcome: str, words: str) -> Exit:
    """Say how the command ended, which followed no execution."""
    if account.output.as_json:
        account.output.event(Ended(outcome, None, "", 0.0, "", words, int(Exit.DONE)))
    else:
        account.output.line(words)
    return Exit.DONE


def confirm(account: "Account", question: str, *, yes: bool) -> None:
    """Ask at a terminal. CommandError where there is none, or if the answer is no."""
    if yes:
        return
    if not account.output.interactive:
        raise CommandError(Exit.MISUSED, f"it would ask: {question}", "there is no terminal to ask at; add --yes")
    if not click.confirm(question, err=True):
        raise CommandError(Exit.MISUSED, "nothing was done", error="NotConfirmed")


def push_of(account: "Account", image: "Image") -> dict[str, Any]:
    """The input that deploys an image, as a person types it: ECR's event without what AWS alone knows."""
    tag = {"image-tag": image.tag} if image.tag else {}
    return {"detail": {"repository-name": account.stack.repository, "image-digest": image.digest, **tag}}


def signed(account: "Account", event: Mapping[str, Any], kind: str, reason: str | None) -> dict[str, Any]:
    """The input with who starts it, why, and as what."""
    why = {"reason": reason} if reason else {}
    return {**event, "kind": kind, "by": account.caller, **why}


def start(account: "Account", event: Mapping[str, Any], what: str) -> str:
    """Start the machine. Returns the execution's ARN. A repeated call, after a lost answer, starts no second one."""
    name, states = f"{what}-{uuid.uuid4()}", account.client("stepfunctions")
    # That it exists already means that the answer was lost, and that it has ended.
    with account.attempting(_on_interrupt(account, name)), suppress(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=account.stack.machine, name=name, input=json.dumps(event))
    execution = account.stack.execution(name)
    for _ in range(_LOOKS_FOR_THE_START):
        try:
            states.describe_execution(executionArn=execution)
        except states.exceptions.ExecutionDoesNotExist:
            time.sleep(_FIRST_SECONDS)
        else:
            break
    return execution


def started(account: "Account", execution: str, *, already: bool = False) -> Exit:
    """Say which execution runs, and how to watch it; it is not waited for. `already`: this call did not start it."""
    name = execution.rpartition(":")[2]
    if account.output.as_json:
        account.output.event(Started(execution, already))
    else:
        how = "runs already:" if already else "started"
        account.output.line(f"{how} {name}   watch it: rota deploy --watch {name}{account.options}")
    return Exit.DONE


def restored_by(described: Mapping[str, Any]) -> str | None:
    """The ARN of the execution that one restores, by its input; None if it deploys."""
    event = json.loads(described.get("input", "null"))
    detail = event.get("detail") if isinstance(event, dict) else None
    return detail.get("executionArn") if isinstance(detail, dict) else None


def follow(
    account: "Account",
    execution: str,
    timeout: timedelta,
    *,
    until_live: bool = False,
    restores: bool = False,
    already: bool = False,
) -> Exit:
    """Print each step until the end. Returns the exit code, DONE or NOT_DEPLOYED; after Ctrl-C and `timeout` the work
    continues. With `restores` a failure that was restored is what was wanted.

    Raises CommandError if the execution failed, and if `timeout` has passed.
    """
    from rota.watch.follow import End
    from rota.watch.narrate import Narrator

    output, name = account.output, execution.rpartition(":")[2]
    account.interrupted = _on_interrupt(account, name)
    narrator = Narrator(account.client("stepfunctions"), execution)
    if output.as_json:
        output.event(Started(execution, already))
    else:
        output.lines(narrator.title.splitlines())
    ends_at, looks = time.monotonic() + timeout.total_seconds(), 0
    service = Rolling(account)
    with _spinner(account) as spin:
        while True:
            for each in patiently(lambda: [*narrator.news()]):
                if isinstance(each, End):
                    _say(account, patiently(lambda: service.news(now=True)))
                    return _ended(account, execution, each, narrator.lines, restores=restores)
                _show(account, narrator, each)
                if each.state == "RollService":
                    service.began = each.entered
                if until_live and _is_live(each.state, each.result or {}):
                    return _live(account, execution)
            _say(account, patiently(service.news))
            if time.monotonic() > ends_at:
                raise CommandError(Exit.TIMED_OUT, f"{name} has not ended after {timeout}", account.interrupted)
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


def _show(account: "Account", narrator: "Narrator", step: "Visit") -> None:
    """Print a step that has ended."""
    from rota.watch.narrate import note

    if account.output.as_json:
        status: Literal["ok", "failed"] = "failed" if step.error else "ok"
        seconds = round(step.seconds, 2)
        account.output.event(Step(step.state, status, seconds, step.retries, note(step), step.error or ""))
    else:
        account.output.lines(narrator.lines(step))


def _say(account: "Account", said: list[str]) -> None:
    """Print what ECS says."""
    for words in said:
        if account.output.as_json:
            account.output.event(Service(words))
        else:
            account.output.lines(click.style(line, dim=True) for line in folded(f"ECS: {words}", WIDTH, "     "))


def _is_live(state: str, result: Mapping[str, Any]) -> bool:
    """Whether the step that was left has made everything live; what follows only records it."""
    return state == "CheckService" and result.get("status") == "COMPLETED"


def _live(account: "Account", execution: str) -> Exit:
    if account.output.as_json:
        account.output.event(Live(execution))
    else:
        account.output.line("  live: every schedule and the service are new")
    return Exit.DONE


def _ended(
    account: "Account", execution: str, end: "End", lines: Callable[["End"], Iterator[str]], *, restores: bool
) -> Exit:
    """Raises CommandError if it failed."""
    output = account.output
    outcome, code = ENDS.get(end.state, (end.state, Exit.FAILED))
    if end.status not in ("SUCCEEDED", "FAILED"):
        outcome, code = end.status.lower(), Exit.FAILED
    if restores and end.state == "DeploymentFailed":
        code = Exit.DONE
    recorded = end.output.get("outcome")
    release = version(recorded.get("release")) if isinstance(recorded, dict) else None
    seconds = round(end.seconds, 1)
    if output.as_json:
        output.event(Ended(outcome, release, execution, seconds, end.error, end.cause, int(code)))
    else:
        output.lines(lines(end))
    name = f"{execution.rpartition(':')[2]}{account.options}"
    if code is Exit.HALF_DONE:
        todo = (
            f"A PERSON ACTS NOW: schedules or the service may be half new. Once the cause is gone: rota restore {name}"
        )
        raise CommandError(code, "it failed and could not be restored", todo, error=end.error, acts="operator")
    if end.status == "ABORTED":
        todo = f"Another execution restores what it changed: rota restore {name} shows it."
        raise CommandError(code, "it was aborted", todo, error="Aborted")
    if code is Exit.FAILED:
        # What a migration did stays: so not everything is.
        todo = f"Service and schedules are as before. Why: rota explain {name}"
        raise CommandError(code, "it failed", todo, error=end.error, acts=ACTS.get(end.error, "caller"))
    return code


def _on_interrupt(account: "Account", name: str) -> str:
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
