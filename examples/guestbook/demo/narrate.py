"""Narrates an execution: one line for each step when it is done; while it runs, a terminal shows its name."""

import json
import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from examples.guestbook.demo.follow import End, Following, Step
from rota.contract import STEPS
from stage.client import Client

WIDTH = 100
"""The longest line that is printed."""
_POLL_SECONDS = 0.1
# Where what a step did begins, behind its mark, name and duration.
_INDENT = 32
_SHORT_DIGEST = len("sha256:") + 8
_PROGRESS = {step.name: step.progress for step in STEPS}


class Narrator:
    """One execution, narrated while it runs."""

    def __init__(self, stage: Client, execution: str) -> None:
        self.title = _title(stage, execution)
        self.machine = execution.split(":")[-2]
        """The name of the state machine."""
        self.state = ""
        """The Lambda step that runs, or ran last."""
        self.end: End | None = None
        self.gone = False
        """Whether the stage does not have the execution any more."""
        self._following = Following(stage, execution)
        self._waits_for = ""
        self._printed_cause = ""

    def look(self) -> Iterator[str]:
        """The lines to print since the last look, in rich's markup."""
        for each in self._following.look():
            if isinstance(each, End):
                self.end = each
                yield from _end(each, self._rest(each.cause))
            else:
                self.state = each.state
                if each.left and not self._is_repetition(each):
                    yield _step(each, self._rest((each.result or {}).get("cause", "")))
                if each.left and each.error:
                    self._printed_cause = f"{each.state}: {each.reason.rstrip('.')}"

    def _rest(self, cause: str) -> str:
        """What the cause says beyond the error that was printed with its step."""
        if self._printed_cause and cause.startswith(self._printed_cause):
            return cause.removeprefix(self._printed_cause).lstrip(". \n")
        return cause

    def _is_repetition(self, step: Step) -> bool:
        """Whether a step that is repeated until something happens has brought nothing new."""
        result = step.result or {}
        waits_for = result["reason"] if result.get("decision") == "wait" else ""
        repeated, self._waits_for = waits_for and waits_for == self._waits_for, waits_for
        return bool(repeated) or (step.state == "CheckService" and result.get("status") == "IN_PROGRESS")


def narrate(console: Console, stage: Client, execution: str) -> End:
    """Follow an execution to its end and print each step."""
    narrator = Narrator(stage, execution)
    with console.status("") as status:
        while narrator.end is None:
            for line in narrator.look():
                console.print(line)
            status.update(f"{narrator.state} ...")
            time.sleep(_POLL_SECONDS)
    return narrator.end


def _end(end: End, cause: str) -> Iterator[str]:
    colour = "green" if end.status == "SUCCEEDED" else "red"
    yield f"  [{colour}]{end.status}[/{colour}] in {end.state} after {end.seconds:.1f} s"
    if cause:
        yield escape(wrapped(cause, "  "))


def _step(step: Step, cause: str) -> str:
    result: Mapping[str, Any] = step.result or {}
    if result.get("decision") == "wait":
        return f"  [dim].. TakeTurn          waits: {escape(result['reason'])}[/dim]"
    retries = f" [yellow]({step.retries} {'retry' if step.retries == 1 else 'retries'})[/yellow]"
    mark = "[green]ok[/green]" if step.error is None else "[red]!![/red]"
    note = f"{step.error}: {step.reason}" if step.error else _note(step, result, cause)
    shown = escape(wrapped(note, " " * _INDENT).lstrip())
    return f"  {mark} {step.state:<18}{step.seconds:5.2f} s  {shown}{retries if step.retries else ''}".rstrip()


def wrapped(text: str, indent: str) -> str:
    """The lines of the text, none longer than `WIDTH`, each with the indent."""
    fill = textwrap.TextWrapper(WIDTH, indent, indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fill.fill(line) for line in text.splitlines())


def _note(step: Step, result: Mapping[str, Any], cause: str) -> str:
    """What the step did; nothing for a step of another app's state machine."""
    if not result:
        return ""
    if step.state == "RollService" and not step.document["plan"]["rolls_service"]:
        return "untouched: the service runs that revision already"
    if step.state == "RestoreDeployment" and result["outcome"] != "failed":  # the cause of a failure is the last line
        return f"recorded: {result['outcome']}{f': {cause}' if cause else ''}"
    return _PROGRESS[step.state].format_map(result)


def _title(stage: Client, execution: str) -> str:
    """The image that is deployed or the execution that is restored, the start time, and the execution's name."""
    described = stage.client("stepfunctions").describe_execution(executionArn=execution)
    event = json.loads(described["input"])
    detail = event.get("detail") if isinstance(event, dict) else None
    what = _what(detail if isinstance(detail, dict) else {})
    at = f"{described['startDate'].astimezone():%H:%M:%S %Z}"
    return f"[bold]{escape(what)}[/bold] at {at}\n  execution {described['name']}"


def _what(detail: Mapping[str, Any]) -> str:
    if "executionArn" in detail:
        return f"restoring {str(detail['executionArn']).rpartition(':')[2]}"
    if "repository-name" not in detail:
        return "execution"
    digest = str(detail.get("image-digest", "?"))[:_SHORT_DIGEST]
    return f"{detail['repository-name']}{':' + detail['image-tag'] if 'image-tag' in detail else '@' + digest}"
