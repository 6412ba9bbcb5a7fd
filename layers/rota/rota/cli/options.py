"""Options that several commands have. It loads click alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from rota.cli.time_text import parse_duration


def duration(_context: click.Context, _option: click.Parameter, text: str | None) -> timedelta | None:
    """The value of an option that is a duration. Raises BadParameter for what is none."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong


def waiting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that waits for an execution."""
    function = click.option(
        "--timeout",
        metavar="DURATION",
        callback=duration,
        default="30m",
        show_default=True,
        help="Wait so long at most.",
    )(function)
    return click.option("--no-wait/--wait", help="Do not wait for the end; default: wait.")(function)


def asking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that asks first, and records why."""
    function = click.option("--yes", is_flag=True, help="Do not ask.")(function)
    return click.option(
        "--reason",
        metavar="TEXT",
        help="Why; it is recorded, and in each message. A pause, a rollback and an approval need it.",
    )(function)
