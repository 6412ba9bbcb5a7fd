"""The schedule file: bytes to tasks, or all of its problems at once."""

import json
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from rota.errors import ConfigError
from rota.schedule_file.json_reader import InvalidJsonError, key_problems, parse_json
from rota.schedule_file.problem import Location, Problem, json_path, quote
from rota.schedule_file.task import (
    AUTHORS_KEYS,
    ONE_OFFS,
    Before,
    Container,
    Defaults,
    ScheduleFile,
    Task,
    ValidationContext,
    conflicts,
    conflicts_of_one_off,
    keys_of_scheduler,
    merged,
)

# In bytes: ten times a file of 1,000 tasks.
LARGEST_FILE = 1024 * 1024
ANY_NUMBER = 1_000_000
"""Of tasks, where it does not matter what the event bus has space for."""
# More rules than any bus holds. Half a million empty tasks, each with its problems, would fill a function's memory.
_MOST_TASKS_CHECKED = 10_000
_MOST_PROBLEMS_LISTED = 50
# Step Functions cuts a cause at 32,768 characters of JSON; the stack trace needs the other half.
_LONGEST_MESSAGE = 16_000


def parse_schedule_file(raw: bytes, *, rule_prefix: str, max_tasks: int) -> tuple[Task, ...]:
    """The tasks of a schedule file, in its order, as `parse_whole_file` reads them."""
    return parse_whole_file(raw, rule_prefix=rule_prefix, max_tasks=max_tasks).tasks


def parse_whole_file(raw: bytes, *, rule_prefix: str, max_tasks: int, name: str = "The schedule file") -> ScheduleFile:
    """A schedule file, each of its tasks whole. ConfigError with `name` and every problem, one to a line.

    `rule_prefix` goes before each task's name to make the rule's; `max_tasks` is how many rules the bus can take.
    """
    file, problems = _file_or_problems(raw, rule_prefix=rule_prefix, max_tasks=max_tasks)
    if file is None or problems:
        raise ConfigError(format_problems(problems, name))
    return file


def find_problems(raw: bytes, *, rule_prefix: str, max_tasks: int) -> tuple[Problem, ...]:
    """Every problem of a schedule file, in the file's order; none if `parse_schedule_file` takes it."""
    return tasks_or_problems(raw, rule_prefix=rule_prefix, max_tasks=max_tasks)[1]


def format_problems(problems: Sequence[Problem], name: str) -> str:
    """The message of a ConfigError: how many problems, then one to a line; of very many the first 50, and how many more
    there are.
    """
    lines = [f"{name} has {len(problems)} {'problem' if len(problems) == 1 else 'problems'}:"]
    remaining = _LONGEST_MESSAGE
    for problem in problems[:_MOST_PROBLEMS_LISTED]:
        remaining -= len(json.dumps(str(problem)))
        if remaining < 0:
            break
        lines.append(str(problem))
    left_out = len(problems) - len(lines) + 1
    return "\n".join([*lines, f"and {left_out} more"] if left_out else lines)


def tasks_or_problems(raw: bytes, *, rule_prefix: str, max_tasks: int) -> tuple[tuple[Task, ...], tuple[Problem, ...]]:
    """What `parse_schedule_file` returns, and what `find_problems` does; one of the two is empty."""
    file, problems = _file_or_problems(raw, rule_prefix=rule_prefix, max_tasks=max_tasks)
    return file.tasks if file else (), problems


def _file_or_problems(
    raw: bytes, *, rule_prefix: str, max_tasks: int
) -> tuple[ScheduleFile | None, tuple[Problem, ...]]:
    if len(raw) > LARGEST_FILE:
        return None, (
            Problem((), f"has more than {LARGEST_FILE:,} bytes, the limit for a schedule file; make it shorter"),
        )
    try:
        document = parse_json(raw)
    except InvalidJsonError as error:
        return None, (error.problem,)
    if not isinstance(document, dict):
        verb = "put it into an object," if isinstance(document, list) else "write"
        return None, (Problem((), f'is {quote(document)}; {verb} {{"tasks": [...]}}'),)
    entries = document.get("tasks")
    if isinstance(entries, list) and len(entries) > _MOST_TASKS_CHECKED:
        return None, (_too_many(len(entries), max_tasks),)
    problems = [*key_problems(document)]
    document = _with_defaults(_without_authors_keys(document))
    problems += _problems_between_keys(document, max_tasks)
    file = None
    try:
        file = ScheduleFile.model_validate(document, context=ValidationContext(rule_prefix))
    except ValidationError as error:
        from rota.schedule_file import validation_messages  # noqa: PLC0415  here, so that a valid file does not load it

        problems += validation_messages.problems_of(error)
    return (None if problems else file), tuple(sorted(problems, key=lambda problem: _task_index(problem.location)))


def _without_authors_keys(document: dict[str, object]) -> dict[str, object]:
    """Without the keys that begin with x-, of the file and of what is in it: they are the author's own."""
    found = _known(document)
    for key in ("defaults", *ONE_OFFS):
        if isinstance(entry := found.get(key), dict):
            found[key] = _known(entry)
    if isinstance(tasks := found.get("tasks"), list):
        found["tasks"] = [_known(task) if isinstance(task, dict) else task for task in tasks]
    return found


def _known(entry: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in entry.items() if not key.startswith(AUTHORS_KEYS)}


def _task_index(location: Location) -> int:
    """Sorts problems by task, those of the whole file first."""
    return next((key for key in location if isinstance(key, int)), -1)


def _with_defaults(document: dict[str, object]) -> dict[str, object]:
    """The document with each task whole. A default that is wrong is left out, so that it is reported once."""
    given = document.get("defaults")
    if not isinstance(given, dict):
        return document
    try:
        Defaults.model_validate(given)
        wrong: set[object] = set()
    except ValidationError as error:
        wrong = {detail["loc"][0] for detail in error.errors(include_url=False, include_context=False)}
    defaults = {key: value for key, value in given.items() if value is not None and key not in wrong}
    found = dict(document)
    if isinstance(entries := found.get("tasks"), list):
        found["tasks"] = [merged(defaults, entry) if isinstance(entry, dict) else entry for entry in entries]
    of_container = {key: value for key, value in defaults.items() if key in Container.model_fields}
    for key in ONE_OFFS:
        if isinstance(entry := found.get(key), dict):
            found[key] = merged(of_container, entry)
    return found


def _problems_between_keys(document: Mapping[str, object], max_tasks: int) -> Iterator[Problem]:
    """The problems that no key has alone; they are found also where a key is wrong on its own."""
    tasks, defaults = document.get("tasks"), document.get("defaults")
    if isinstance(defaults, dict):
        yield from _nulls(("defaults",), defaults)
    for key in ("defaults", *ONE_OFFS):
        if key in document and document[key] is None:
            yield Problem((key,), "null is not allowed; leave the key out")
    for key in ONE_OFFS:
        if isinstance(entry := document.get(key), dict):
            for within, message in conflicts_of_one_off(entry, _intended_keys(entry, Before)):
                yield Problem((key, within) if within else (key,), message)
            yield from _nulls((key,), entry)
    if not isinstance(tasks, list):
        return
    rules = [entry for entry in tasks if not isinstance(entry, dict) or not keys_of_scheduler(entry)]
    if len(rules) > max_tasks:
        yield _too_many(len(rules), max_tasks)
    first_with: dict[str, int] = {}
    for index, entry in enumerate(tasks):
        if not isinstance(entry, dict):
            continue
        for key, message in conflicts(entry, _intended_keys(entry)):
            yield Problem(("tasks", index, key) if key else ("tasks", index), message)
        yield from _nulls(("tasks", index), entry)
        name = entry.get("name")
        if isinstance(name, str) and first_with.setdefault(name, index) != index:
            other = json_path(("tasks", first_with[name]))
            yield Problem(("tasks", index, "name"), f"{quote(name)} is also the name of {other}; rename one of them")


def _nulls(location: Location, entry: Mapping[str, object]) -> Iterator[Problem]:
    """A problem for each key that holds null, where the model takes that for a key that is not there."""
    for key, value in entry.items():
        if value is None and key in Task.model_fields and Task.model_fields[key].default is None:
            yield Problem((*location, key), "null is not allowed; leave the key out")


def _intended_keys(entry: Mapping[str, object], model: type[BaseModel] = Task) -> list[str]:
    """The keys that an author meant by a misspelt one, and those that hold null: they are not missing too."""
    intended = [key for key, value in entry.items() if value is None]
    unknown = [key for key in entry if key not in model.model_fields]
    if unknown:
        from rota.schedule_file.validation_messages import nearest_key  # noqa: PLC0415  as above

        intended += [near for key in unknown if (near := nearest_key(key, model.model_fields))]
    return intended


def _too_many(tasks: int, max_tasks: int) -> Problem:
    return Problem(
        ("tasks",),
        f"has {tasks} {'task' if tasks == 1 else 'tasks'}, and the event bus has space for {max_tasks} of this app's "
        "rules: EventBridge allows 300 on a bus unless the quota is raised; set the parameter SchedulesIn to "
        "scheduler, which needs no quota, remove tasks, or raise the quota and the parameter RuleQuota",
    )
