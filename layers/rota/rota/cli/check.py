"""`rota check`: checks a schedule file, lists when its tasks run next, prints the JSON Schema."""

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rota.schedule_file.task import Task

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, rules on an event bus
_RULES_PER_BUS = 300
_NAME_A_FILE = "name a schedule file, or - for standard input"


def _rule_prefix(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """The prefix, if a rule's name can begin with it. Raises BadParameter."""
    if not text:
        return text
    from rota.schedule_file.task import EXPECTED, RULE_NAME

    if not re.fullmatch(RULE_NAME, text):
        raise click.BadParameter(f"{text!r} cannot begin a rule's name; write {EXPECTED['name']}")
    return text


@click.command(short_help="Check a schedule file, without AWS.")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option(
    "--rule-prefix", default="", callback=_rule_prefix, help="What the stack puts before each name to make the rule's."
)
@click.option(
    "--max-tasks",
    default=_RULES_PER_BUS,
    type=click.IntRange(min=0),
    show_default=True,
    help="How many rules the bus has room for.",
)
@click.option("--json-schema", is_flag=True, help="Print the schedule file's JSON Schema.")
def check(file: str | None, rule_prefix: str, max_tasks: int, json_schema: bool) -> None:
    """Check a schedule file, without AWS, and list when each task runs next. FILE - reads standard input.

    Exits with 0 for a good file, 1 for one with problems, and 2 where there is no file to read.
    """
    if json_schema:
        from rota.schedule_file import json_schema as schema

        click.echo(json.dumps(schema.json_schema(), indent=2))
    elif not file:
        raise click.UsageError(_NAME_A_FILE)
    else:
        sys.exit(_check(file, rule_prefix, max_tasks))


def _check(file: str, rule_prefix: str, max_tasks: int) -> int:
    from rota.errors import ConfigError
    from rota.schedule_file.parse import parse_schedule_file

    try:
        raw = _raw(file)
    except OSError as error:
        click.echo(error, err=True)
        return 2
    now = datetime.now(UTC)
    try:
        tasks = parse_schedule_file(raw, rule_prefix=rule_prefix, max_tasks=max_tasks, list_all=True)
    except ConfigError as error:
        click.echo(f"{file}: {error}", err=True)
        return 1
    try:
        click.echo(f"OK: {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}{_remark(tasks, rule_prefix)}")
        for task in tasks:
            click.echo(_listed(task, now))
    except BrokenPipeError:  # the reader has seen enough; at its end Python would write the rest once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _remark(tasks: "Sequence[Task]", rule_prefix: str) -> str:
    """What a person should know of a file that is good."""
    if not tasks:
        return "; this removes every schedule"
    acting = {key: action for task in tasks for key, action in task.actions.items()}
    parts = [] if rule_prefix else ["with --rule-prefix the length of the rules' names is checked too"]
    if acting:
        actions = {*acting.values()}
        wanted = "both" if len(actions) > 1 else f"{actions.pop()} or both"
        parts.append(f"{' and '.join(acting)} will be refused unless the stack's RunActions is {wanted}")
    return "".join(f"; {part}" for part in parts)


def _raw(name: str) -> bytes:
    """The file's bytes, one more than the longest that is accepted at most. OSError in words for the user."""
    from rota.schedule_file.parse import LARGEST_FILE

    if name == "-" and sys.stdin is None:
        raise OSError(f"standard input is closed; {_NAME_A_FILE}")
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except IsADirectoryError as error:
        example = Path(name) / "scheduled_tasks.json"
        raise OSError(f"{name} is a directory; name the schedule file in it, such as {example}") from error
    except OSError as error:
        raise OSError(f"{name} cannot be read: {error.strerror}; {_NAME_A_FILE}") from error


def _listed(task: "Task", now: datetime) -> str:
    from rota.schedule_file.next_runs import in_words, next_runs

    runs = ", ".join(f"{run:%a %Y-%m-%d %H:%M}" for run in next_runs(task.expression, now, 3))
    words = in_words(task.expression)
    exact = "" if words == task.expression else f"  {task.expression}"
    if not task.enabled:
        return f"  {task.name}: disabled{exact or '  ' + words}"
    return f"  {task.name}: {words}{exact}\n    next: {f'{runs} UTC' if runs else 'never again, its last run is past'}"
