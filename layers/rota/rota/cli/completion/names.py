"""Completes an argument or option with names. Each function is what click's `shell_complete` takes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rota.cli.completion import cache
from rota.cli.exits import CommandError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(*kinds: str) -> Completer:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            where = _where(context)
        except CommandError:
            return []
        found = (name for kind in kinds for name in cache.names(where, kind))
        return [name for name in found if name.startswith(incomplete)]

    return complete


tasks = _completer("tasks")
releases = _completer("releases")
tasks_and_releases = _completer("tasks", "releases")
stacks = _completer("stacks")


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The shell completes a file itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def environments(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Those of the nearest samconfig.toml."""
    from rota.cli.places import environments_of

    try:
        return [name for name in environments_of(Path.cwd()) if name.startswith(incomplete)]
    except CommandError:
        return []


def _where(context: click.Context) -> cache.Where:
    """What was typed so far, and the environment; a stack that files of the project name. Raises CommandError."""
    from rota.cli.places import stack_name

    given = context.params
    environ = os.environ
    return cache.Where(
        stack=stack_name(given.get("stack"), given.get("env"), Path.cwd()),
        profile=given.get("profile") or environ.get("AWS_PROFILE"),
        region=given.get("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        endpoint=environ.get("AWS_ENDPOINT_URL"),
    )
