"""The command line of `rota.schedule`: checks a schedule file, says when its tasks run, prints the JSON Schema."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rota.cron import in_words, next_runs
from rota.errors import ConfigError
from rota.schedule import read
from rota.schema import json_schema
from rota.task import Task

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, rules on an event bus
_RULES_PER_BUS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every task is listed with its next runs; 1: every fault is on stderr; 2: there is no such file."""
    parser = ArgumentParser(prog="python -m rota.schedule", description="Checks a schedule file, without AWS.")
    parser.add_argument("file", nargs="?", metavar="FILE", help="the schedule file; - reads standard input")
    parser.add_argument("--rule-prefix", default="", help="what the stack puts before each name to make the rule's")
    parser.add_argument("--max-tasks", type=int, default=_RULES_PER_BUS, help="how many rules the bus has room for")
    parser.add_argument("--json-schema", action="store_true", help="print the schedule file's JSON Schema")
    given = parser.parse_args(arguments)
    if given.json_schema:
        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
        return 0
    if given.file is None:
        parser.error("name a schedule file, or - for standard input")
    try:
        raw = sys.stdin.buffer.read() if given.file == "-" else Path(given.file).read_bytes()
    except OSError as error:
        sys.stderr.write(f"{given.file}: {error.strerror}\n")
        return 2
    now = datetime.now(UTC)
    try:
        tasks = read(raw, rule_prefix=given.rule_prefix, max_tasks=given.max_tasks)
    except ConfigError as error:
        sys.stderr.write(f"{given.file}: {error}\n")
        return 1
    sys.stdout.write(f"OK: {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}\n")
    sys.stdout.writelines(_listed(task, now) for task in tasks)
    return 0


def _listed(task: Task, now: datetime) -> str:
    runs = ", ".join(f"{run:%a %Y-%m-%d %H:%M}" for run in next_runs(task.expression, now, 3))
    words = in_words(task.expression)
    exact = "" if words == task.expression else f"  {task.expression}"
    if not task.enabled:
        return f"  {task.name}: disabled{exact or '  ' + words}\n"
    return (
        f"  {task.name}: {words}{exact}\n    next: {f'{runs} UTC' if runs else 'never again, its last run is past'}\n"
    )
