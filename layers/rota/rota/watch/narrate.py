"""Narrates an execution: one line for each step when it is done. Lines are styled for a terminal."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from click import style

from rota.contract.steps import STEPS
from rota.watch.follow import End, Following, Step
from rota.watch.wording import for_people

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

WIDTH = 100
"""The longest line."""
# Where what a step did begins, behind its mark, name and duration.
_INDENT = 32
_SHORT_DIGEST = len("sha256:") + 8
_PROGRESS = {step.name: step.progress for step in STEPS}


class Narrator:
    """One execution, narrated while it runs."""

    def __init__(self, stepfunctions: "SFNClient", execution: str) -> None:
        self.title = _title(stepfunctions, execution)
        self.machine = execution.split(":")[-2]
        """The name of the state machine."""
        self.state = ""
        """The Lambda step that runs, or ran last."""
        self.end: End | None = None
        self._following = Following(stepfunctions, execution)
        self._waits_for = ""
        self._printed_cause = ""

    def look(self) -> Iterator[str]:
        """The lines to print since the last look."""
        for each in self.news():
            yield from self.lines(each)

    def news(self) -> Iterator[Step | End]:
        """What is new since the last look and worth a line: steps that were left, and the end."""
        for each in self._following.look():
            if isinstance(each, End):
                self.end = each
                yield each
            else:
                self.state = each.state
                if each.left and not self._is_repetition(each):
                    yield each

    def lines(self, news: Step | End) -> Iterator[str]:
        """The lines for it."""
        if isinstance(news, End):
            yield from _end(news, self._rest(news.cause))
            return
        yield _step(news, self._rest((news.result or {}).get("cause", "")))
        result = news.result or {}
        if news.state == "TakeTurn":
            self._printed_cause = result.get("reason", "")
        if news.error:
            self._printed_cause = f"{news.state}: {news.reason.rstrip('.')}"

    def _rest(self, cause: str) -> str:
        """What the cause says beyond the error that was printed with its step."""
        before, printed, after = cause.partition(self._printed_cause) if self._printed_cause else (cause, "", "")
        return before + after.lstrip(". \n") if printed else cause

    def _is_repetition(self, step: Step) -> bool:
        """Whether a step that is repeated until something happens has brought nothing new."""
        result = step.result or {}
        waits_for = result["reason"] if result.get("decision") == "wait" else ""
        repeated, self._waits_for = waits_for and waits_for == self._waits_for, waits_for
        return bool(repeated) or (step.state == "CheckService" and result.get("status") == "IN_PROGRESS")


def note(step: Step, cause: str = "") -> str:
    """What the step did, in a few words; nothing for a step of another app's state machine."""
    if step.error:
        return f"{step.error}: {step.reason}"
    result = step.result
    if not result:
        return ""
    if result.get("decision") == "wait":
        return f"waits: {result['reason']}"
    if step.state == "RollService" and not step.document["plan"]["rolls_service"]:
        return "untouched: the service runs that revision already"
    if step.state == "RestoreDeployment" and result["outcome"] != "failed":  # the cause of a failure is the last line
        return f"recorded: {result['outcome']}{f': {cause}' if cause else ''}"
    return _PROGRESS[step.state].format_map(result)


def wrapped(text: str, indent: str) -> str:
    """The lines of the text, none longer than WIDTH, each with the indent."""
    fill = textwrap.TextWrapper(WIDTH, indent, indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fill.fill(line) for line in text.splitlines())


def _end(end: End, cause: str) -> Iterator[str]:
    cause = for_people(cause)
    status = style(end.status, fg="green" if end.status == "SUCCEEDED" else "red")
    yield f"  {status} in {end.state} after {end.seconds:.1f} s"
    if cause:
        yield wrapped(cause, "  ")


def _step(step: Step, cause: str) -> str:
    if (step.result or {}).get("decision") == "wait":
        return style(f"  .. TakeTurn          {note(step)}", dim=True)
    mark = style("ok", fg="green") if step.error is None else style("!!", fg="red")
    shown = wrapped(for_people(note(step, cause)), " " * _INDENT).lstrip()
    retries = style(f" ({step.retries} {'retry' if step.retries == 1 else 'retries'})", fg="yellow")
    return f"  {mark} {step.state:<18}{step.seconds:5.2f} s  {shown}{retries if step.retries else ''}".rstrip()


def _title(stepfunctions: "SFNClient", execution: str) -> str:
    """The image that is deployed or the execution that is restored, the start time, and the execution's name."""
    described = stepfunctions.describe_execution(executionArn=execution)
    event = json.loads(described.get("input", "{}"))
    detail = event.get("detail") if isinstance(event, dict) else None
    what = _what(detail) if isinstance(detail, dict) else _asked(event if isinstance(event, dict) else {})
    at = f"{described['startDate'].astimezone():%H:%M:%S %Z}"
    return f"{style(what, bold=True)} at {at}\n  execution {described['name']}"


def _asked(event: Mapping[str, Any]) -> str:
    """What a person asked for that names no image: `rollback to v41`, `pause SendMail`."""
    release, tasks = event.get("release"), (event.get("pause") or {}).get("tasks", ())
    return " ".join([str(event.get("kind", "execution")), *([f"to {release}"] if release else tasks)])


def _what(detail: Mapping[str, Any]) -> str:
    if "executionArn" in detail:
        return f"restoring {str(detail['executionArn']).rpartition(':')[2]}"
    if "repository-name" not in detail:
        return "execution"
    digest = str(detail.get("image-digest", "?"))[:_SHORT_DIGEST]
    return f"{detail['repository-name']}{':' + detail['image-tag'] if 'image-tag' in detail else '@' + digest}"
