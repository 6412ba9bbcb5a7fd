"""Telling a deployment to a person: a line a step when it is done; while it runs, a terminal shows its name."""

import json
import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from examples.guestbook.client import Client
from examples.guestbook.demo.follow import End, Following, Step
from rota.contract import STEPS

_LOOKS_EVERY_SECONDS = 0.1
_SHORT_DIGEST = len("sha256:") + 8

_PROGRESS = {step.name: step.progress for step in STEPS}


class Teller:
    """One deployment, told as it goes on."""

    def __init__(self, stage: Client, execution: str) -> None:
        self.title = _title(stage, execution)
        self.state = ""
        """The Lambda step that it is in, or was in last."""
        self.end: End | None = None
        self.gone = False
        """Whether the stage does not know it any more."""
        self._following = Following(stage, execution)
        self._waits_for = ""

    def look(self) -> Iterator[str]:
        """What there is to print since the last look, in rich's markup."""
        for told in self._following.look():
            if isinstance(told, End):
                self.end = told
                yield from _end(told)
            else:
                self.state = told.state
                if told.left and not self._is_told(told):
                    yield _step(told)

    def _is_told(self, step: Step) -> bool:
        """One of many looks, which came to nothing new."""
        result = step.result or {}
        waits_for = result["reason"] if result.get("decision") == "wait" else ""
        told, self._waits_for = waits_for and waits_for == self._waits_for, waits_for
        return bool(told) or (step.state == "CheckService" and result.get("status") == "IN_PROGRESS")


def tell(console: Console, stage: Client, execution: str) -> End:
    """Follow a deployment to its end and tell each step."""
    deployment = Teller(stage, execution)
    with console.status("") as status:
        while deployment.end is None:
            for line in deployment.look():
                console.print(line)
            status.update(f"{deployment.state} ...")
            time.sleep(_LOOKS_EVERY_SECONDS)
    return deployment.end


def _end(end: End) -> Iterator[str]:
    colour = "green" if end.status == "SUCCEEDED" else "red"
    yield f"  [{colour}]{end.status}[/{colour}] in {end.state} after {end.seconds:.1f} s"
    if end.cause:
        yield escape(textwrap.indent(end.cause, "  "))


def _step(step: Step) -> str:
    result: Mapping[str, Any] = step.result or {}
    if result.get("decision") == "wait":
        return f"  [dim].. TakeTurn          waits: {escape(result['reason'])}[/dim]"
    retries = f" [yellow]({step.retries} {'retry' if step.retries == 1 else 'retries'})[/yellow]"
    mark = "[green]ok[/green]" if step.error is None else "[red]!![/red]"
    note = escape(str(_note(step, result) if result else f"{step.error}: {step.reason}"))
    return f"  {mark} {step.state:<18}{step.seconds:5.2f} s  {note}{retries if step.retries else ''}"


def _note(step: Step, result: Mapping[str, Any]) -> str:
    if step.state == "RollService" and not step.document["plan"]["rolls_service"]:
        return "untouched: the service runs that revision already"
    if step.state == "RestoreDeployment" and result["outcome"] != "failed":  # a failure's cause is told at the end
        return (
            f"recorded: {result['outcome']}: {result['cause']}" if result["cause"] else f"recorded: {result['outcome']}"
        )
    return _PROGRESS[step.state].format_map(result)


def _title(stage: Client, execution: str) -> str:
    """The image that is deployed or the execution that is put back, when that began, and the execution's name."""
    described = stage.client("stepfunctions").describe_execution(executionArn=execution)
    event = json.loads(described["input"])
    detail = event.get("detail") if isinstance(event, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    digest = str(detail.get("image-digest", "?"))[:_SHORT_DIGEST]
    what = f"{detail.get('repository-name', '?')}{':' + detail['image-tag'] if 'image-tag' in detail else '@' + digest}"
    if "executionArn" in detail:
        what = f"putting back {detail['executionArn'].rpartition(':')[2]}"
    return f"[bold]{escape(what)}[/bold] at {described['startDate'].astimezone():%H:%M:%S %Z}, {described['name']}"
