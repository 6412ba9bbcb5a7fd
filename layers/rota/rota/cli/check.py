"""`rota check`: checks a schedule file, says when its tasks run, prints the JSON Schema."""

import json
import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rota.errors import ConfigError
from rota.schedule_file.json_schema import json_schema
from rota.schedule_file.next_runs import in_words, next_runs
from rota.schedule_file.parse import LARGEST_FILE, parse_schedule_file
from rota.schedule_file.task import EXPECTED, RULE_NAME, Task

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, rules on an event bus
_RULES_PER_BUS = 300
_NAME_A_FILE = "name a schedule file, or - for standard input"


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every task is listed with its next runs; 1: every fault is on stderr; 2: there is no file to read."""
    parser = ArgumentParser(prog="python -m rota.cli.check", description="Checks a schedule file, without AWS.")
    parser.add_argument("file", nargs="?", metavar="FILE", help="the schedule file; - reads standard input")
    parser.add_argument(
        "--rule-prefix", type=_prefix, default="", help="what the stack puts before each name to make the rule's"
    )
    parser.add_argument("--max-tasks", type=_room, default=_RULES_PER_BUS, help="how many rules the bus has room for")
    parser.add_argument("--json-schema", action="store_true", help="print the schedule file's JSON Schema")
    given = parser.parse_args(arguments)
    if given.json_schema:
        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
        return 0
    if not given.file:
        parser.error(_NAME_A_FILE)
    try:
        raw = _raw(given.file)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    now = datetime.now(UTC)
    try:
        tasks = parse_schedule_file(raw, rule_prefix=given.rule_prefix, max_tasks=given.max_tasks, whole=True)
    except ConfigError as error:
        sys.stderr.write(f"{given.file}: {error}\n")
        return 1
    try:
        sys.stdout.write(
            f"OK: {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}{_remark(tasks, given.rule_prefix)}\n"
        )
        sys.stdout.writelines(_listed(task, now) for task in tasks)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; at its end Python would write the rest once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _remark(tasks: Sequence[Task], rule_prefix: str) -> str:
    """What a person should know of a file that is good."""
    if not tasks:
        return "; this removes every schedule"
    return "" if rule_prefix else "; with --rule-prefix the length of the rules' names is checked too"


def _raw(name: str) -> bytes:
    """The file's bytes, those beyond the longest that is read left out. OSError in words for the user."""
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


def _prefix(text: str) -> str:
    if text and not re.fullmatch(RULE_NAME, text):
        raise ArgumentTypeError(f"{text!r} cannot begin a rule's name; write {EXPECTED['name']}")
    return text


def _room(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _listed(task: Task, now: datetime) -> str:
    runs = ", ".join(f"{run:%a %Y-%m-%d %H:%M}" for run in next_runs(task.expression, now, 3))
    words = in_words(task.expression)
    exact = "" if words == task.expression else f"  {task.expression}"
    if not task.enabled:
        return f"  {task.name}: disabled{exact or '  ' + words}\n"
    return (
        f"  {task.name}: {words}{exact}\n    next: {f'{runs} UTC' if runs else 'never again, its last run is past'}\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
