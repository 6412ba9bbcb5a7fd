"""What pydantic finds in a schedule file, as problems in its author's words. Loaded only for a file that has some."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rota.schedule_file.problem import Location, Problem, quote
from rota.schedule_file.task import EXPECTED, Retry, ScheduleFile, Task

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """A problem for each of pydantic's findings, but for those between the keys of a task: `parse` words these."""
    found = error.errors(include_url=False)
    for detail in found:
        location = detail["loc"]
        if detail["type"] == "too_short" and any(each["loc"][:-1] == location for each in found):
            continue  # pydantic counts only the items that are valid
        if location[-3:-2] == ("environment",) and location[-1] == "[key]":  # pydantic's mark of a problem in a key
            rule = "write letters, digits and underscores, with no digit first"
            yield Problem(location[:-1], f"is not a name for a variable; {rule}")
        elif detail["type"] != "value_error" or location[:-1] != ("tasks",):
            yield Problem(location, _message(detail, location))


def _message(detail: "ErrorDetails", location: Location) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if location[-2:-1] in (("environment",), ("command",)):
        given = quote(value)
        is_whole = isinstance(value, (bool, int, float)) and not given.endswith("...")
        return f"{given} is not a string; write " + (f'"{given}"' if is_whole else "it in double quotes")
    if isinstance(location[-1], int):
        return f'{quote(value)} is not a task; write an object: {{"name": "...", "task": "...", "cron": "..."}}'
    expected = EXPECTED[location[-1]]
    if kind == "too_short":
        return f"is empty; write {expected}"
    return f"is missing; write {expected}" if kind == "missing" else f"{quote(value)} is not allowed; write {expected}"


def _unknown_key(location: Location) -> str:
    key = str(location[-1])
    if key.lower().replace("_", "") in {"timezone", "tz"}:
        return "is not a known key; EventBridge rules have no time zone, write the schedule in UTC"
    model = Retry if "retry" in location[:-1] else Task if len(location) > 1 else ScheduleFile
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = nearest_key(key, known)
    return "is not a known key; " + (f'did you mean "{near}"?' if near else f"known keys are {', '.join(known)}")


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """The known key that is spelt most like `key`; None if none is near."""
    return next(iter(get_close_matches(key.lower()[:64], list(known), n=1, cutoff=0.4)), None)
