"""What a command prints: the answer on stdout, everything else on stderr; for a terminal, for a pipe, or as JSON.

Answers are dataclasses: a command that answers at once loads no pydantic. Their JSON Schemas are generated from them.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from rota.cli import time_text
from rota.cli.exits import CommandError

if TYPE_CHECKING:
    from rota.cli.events import Event
    from rota.cli.stack import Stack

FORMAT = 1
"""Of the JSON: within one, members are only added."""
WIDTH = 100
"""Columns of a line that no terminal has a width for."""


class Output:
    """How this call of the command prints."""

    def __init__(self, *, as_json: bool = False, utc: bool = False, no_color: bool = False) -> None:
        self.as_json = as_json
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        """The time that answers bear."""
        self.terminal = sys.stdout.isatty()
        """Whether a person reads the answer at a terminal."""
        self.interactive = bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty() and not _in_ci()
        """Whether the command may ask."""
        self.utc = utc or not self.terminal
        self.colour = _colour(no_color=no_color, terminal=self.terminal)
        self.redraws = self.terminal and self.colour and not _in_ci() and not as_json
        """Whether lines may be written over."""

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((WIDTH, 24)).columns if self.terminal else WIDTH

    def answer(self, model: Any, stack: "Stack | None", lines: Callable[[], Iterable[str]]) -> None:
        """Print the answer: the model as JSON, or the lines."""
        if self.as_json:
            self.line(json.dumps(envelope(model, stack, self.now()), indent=2))
        else:
            self.lines(lines())

    def event(self, event: "Event") -> None:
        """One event as a line of JSON: while a command watches."""
        self.line(json.dumps(plain(event)))

    def document_event(self, name: str, model: Any, stack: "Stack | None") -> None:
        """One answer as an event, on one line."""
        self.line(json.dumps({"event": name, **envelope(model, stack, self.now())}))

    def lines(self, lines: Iterable[str]) -> None:
        for each in lines:
            self.line(each)

    def line(self, text: str) -> None:
        click.echo(text, color=self.colour)

    def say(self, text: str) -> None:
        """Something beside the answer."""
        click.echo(text, err=True, color=self.colour and sys.stderr.isatty())

    def notes(self, lines: Iterable[str]) -> None:
        """What belongs to the answer and is not for the program that reads it; as JSON it is in the answer."""
        if not self.as_json:
            for each in lines:
                self.say(each)

    def remark(self, text: str) -> None:
        """Something beside the answer that only a person at a terminal wants."""
        if sys.stderr.isatty() and not self.as_json:
            self.say(click.style(text, dim=True))

    def fail(self, error: CommandError) -> None:
        """Print why a command cannot continue."""
        if self.as_json:
            self.say(
                json.dumps(
                    {
                        "rota": FORMAT,
                        "kind": "error",
                        "exit": int(error.code),
                        "error": error.error,
                        "message": error.message,
                        "todo": error.todo,
                        "details": error.listed,
                        "acts": error.acts,
                    }
                )
            )
            return
        self.say(f"rota: {error.message}")
        for each in filter(None, (error.listed, error.todo)):
            self.say(each)


def envelope(model: Any, stack: "Stack | None", now: datetime) -> dict[str, Any]:
    """The members that every answer has, and the model's own."""
    about = {"stack": stack.name, "app": stack.app} if stack else {}
    at = time_text.as_json(now.replace(microsecond=0))
    return {"rota": FORMAT, "kind": model.kind, **about, "at": at, **plain(model)}


def plain(value: Any) -> Any:
    """A dataclass and all that is in it, as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return time_text.as_json(value)
    return value.value if isinstance(value, Enum) else value


def _colour(*, no_color: bool, terminal: bool) -> bool:
    """Whether to colour: https://no-color.org, and FORCE_COLOR for a pipe that can show it."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return terminal or bool(os.environ.get("FORCE_COLOR"))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
