"""The schedule file: bytes to tasks, or every fault in them at once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rota.errors import ConfigError
from rota.schedule_file.json_reader import (
    InvalidJsonError,
    Location,
    Problem,
    json_path,
    key_problems,
    parse_json,
    quote,
)
from rota.schedule_file.task import EXPECTED, Retry, ScheduleFile, Surroundings, Task, conflicts

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# A file of 1,000 tasks has about 100 KB; what is ten times that is no schedule file.
LARGEST_FILE = 1024 * 1024
# More rules than any bus holds. Judging each of half a million empty tasks would only cost a Lambda its memory.
_MOST_TASKS_JUDGED = 10_000
_MOST_FAULTS = 50
# Step Functions cuts a cause at 32,768 characters of JSON; half leaves room for the stack trace beside it.
_LONGEST_REPORT = 16_000


def parse_schedule_file(
    raw: bytes, *, rule_prefix: str, max_tasks: int, name: str = "The schedule file", whole: bool = False
) -> tuple[Task, ...]:
    """The tasks in a schedule file, in its order. ConfigError naming the file and every fault, one to a line.

    `rule_prefix` goes before each name to make the rule's; `max_tasks` is how many rules the bus has room for;
    `whole` is for a reader who has room for all of very many faults, which a cause of Step Functions has not.
    """
    tasks, found = _examined(raw, rule_prefix, max_tasks)
    if found:
        raise ConfigError(format_problems(found, name, whole=whole))
    return tasks


def find_problems(raw: bytes, *, rule_prefix: str, max_tasks: int) -> tuple[Problem, ...]:
    """Every fault in a schedule file, in the file's order; none for a file that `read` takes."""
    return _examined(raw, rule_prefix, max_tasks)[1]


def format_problems(found: Sequence[Problem], name: str = "The schedule file", *, whole: bool = False) -> str:
    """The message of a ConfigError: how many faults, then one to a line; of very many, unless it is to be the whole,
    the first and how many more.
    """
    lines = [f"{name} has {len(found)} {'fault' if len(found) == 1 else 'faults'}:"]
    if whole:
        return "\n".join([*lines, *map(str, found)])
    room = _LONGEST_REPORT
    for fault in found[:_MOST_FAULTS]:
        room -= len(json.dumps(str(fault)))
        if room < 0:
            break
        lines.append(str(fault))
    left_out = len(found) - len(lines) + 1
    return "\n".join([*lines, f"and {left_out} more"] if left_out else lines)


def _examined(raw: bytes, rule_prefix: str, max_tasks: int) -> tuple[tuple[Task, ...], tuple[Problem, ...]]:
    if len(raw) > LARGEST_FILE:
        return (), (Problem((), f"is longer than {LARGEST_FILE:,} bytes, which is the most for a schedule file"),)
    try:
        document = parse_json(raw)
    except InvalidJsonError as error:
        return (), (error.problem,)
    if not isinstance(document, dict):
        verb = "put it into an object," if isinstance(document, list) else "write"
        return (), (Problem((), f'holds {quote(document)} at the top; {verb} {{"tasks": [...]}}'),)
    entries = document.get("tasks")
    if isinstance(entries, list) and len(entries) > _MOST_TASKS_JUDGED:
        return (), (_too_many(len(entries), max_tasks),)
    found = [*key_problems(document), *_between_keys(document, max_tasks)]
    tasks: tuple[Task, ...] = ()
    try:
        tasks = ScheduleFile.model_validate(document, context=Surroundings(rule_prefix)).tasks
    except ValidationError as error:
        found += _within_keys(error)
    return tasks, tuple(sorted(found, key=lambda fault: _task_index(fault.location)))


def _task_index(location: Location) -> int:
    """Sorts the faults by task, those of the whole file first."""
    return next((step for step in location if isinstance(step, int)), -1)


def _between_keys(document: Mapping[str, object], max_tasks: int) -> Iterator[Problem]:
    """The faults that no key has alone: these are found however wrong the keys are by themselves."""
    tasks = document.get("tasks")
    if not isinstance(tasks, list):
        return
    if len(tasks) > max_tasks:
        yield _too_many(len(tasks), max_tasks)
    first_with: dict[str, int] = {}
    for index, entry in enumerate(tasks):
        if not isinstance(entry, dict):
            continue
        meant = [near for key in entry if key not in Task.model_fields and (near := _nearest(key, Task.model_fields))]
        meant += [key for key, value in entry.items() if value is None]
        for key, text in conflicts(entry, meant):
            yield Problem(("tasks", index, key) if key else ("tasks", index), text)
        for key, value in entry.items():
            if value is None and key in Task.model_fields and Task.model_fields[key].default is None:
                yield Problem(("tasks", index, key), "null is not allowed; leave the key out")
        name = entry.get("name")
        if isinstance(name, str) and first_with.setdefault(name, index) != index:
            also = json_path(("tasks", first_with[name]))
            yield Problem(("tasks", index, "name"), f"{quote(name)} is the name of {also} too; give each its own")


def _too_many(tasks: int, max_tasks: int) -> Problem:
    return Problem(
        ("tasks",),
        f"has {tasks} {'task' if tasks == 1 else 'tasks'} and there is room for {max_tasks}, since each needs a rule "
        "and EventBridge allows 300 on a bus unless the quota is raised; remove some or raise the quota",
    )


def _within_keys(error: ValidationError) -> Iterator[Problem]:
    """pydantic's findings in our words."""
    found = error.errors(include_url=False)
    for detail in found:
        location = detail["loc"]
        if detail["type"] == "too_short" and any(each["loc"][:-1] == location for each in found):
            continue  # it counts only those that are right by themselves
        if location[-3:-2] == ("environment",) and location[-1] == "[key]":  # pydantic's mark of a fault in a key
            rule = "write letters, digits and underscores, and no digit first"
            yield Problem(location[:-1], f"is no name for a variable; {rule}")
        elif detail["type"] != "value_error" or location[:-1] != ("tasks",):
            # A value_error at a task, tasks[3], is its keys against each other: `_between_keys` has said so.
            yield Problem(location, _in_our_words(detail, location))


def _in_our_words(detail: "ErrorDetails", location: Location) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if location[-2:-1] in (("environment",), ("command",)):
        given = quote(value)
        whole = isinstance(value, (bool, int, float)) and not given.endswith("...")
        return f"{given} is not text; write " + (f'"{given}"' if whole else "text in double quotes")
    if isinstance(location[-1], int):
        return f'{quote(value)} is no task; write an object: {{"name": "...", "task": "...", "cron": "..."}}'
    expected = EXPECTED[location[-1]]
    if kind == "too_short":
        return f"is empty; write {expected}"
    return f"is missing; write {expected}" if kind == "missing" else f"{quote(value)} is not allowed; write {expected}"


def _unknown_key(location: Location) -> str:
    key = str(location[-1])
    if key.lower().replace("_", "") in {"timezone", "tz"}:
        return "is not a known key; schedules are in UTC, because EventBridge's rules know no time zone"
    model = Retry if "retry" in location[:-1] else Task if len(location) > 1 else ScheduleFile
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = _nearest(key, known)
    return "is not a known key; " + (f'did you mean "{near}"?' if near else f"known are {', '.join(known)}")


def _nearest(key: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(key.lower()[:64], list(known), n=1, cutoff=0.4)), None)
