"""What pydantic finds in a schedule file, as problems in its author's words. Loaded only for a file that has some."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from rota.sanitise import MASK, is_named_like_a_secret
from rota.schedule_file.problem import Location, Problem, quote
from rota.schedule_file.task import EXPECTED, ONE_OFFS, After, Before, Defaults, Retry, ScheduleFile, Task, Watch

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Other names for the keys that there are, without separators and in lower case, but for those that are spelt alike.
_SAME = {
    "environment": {"env", "envs", "envvars", "vars", "variables", "environmentvariables"},
    "command": {"cmd", "args", "arguments", "exec", "run", "containercommand"},
    "memory": {"mem", "ram"},
    "cpu": {"cpuunits"},
    "cron": {"cronexpression", "crontab"},
    "rate": {"every", "interval"},
    "schedule": {"expression", "scheduleexpression"},
    "timezone": {"tz", "zone", "scheduleexpressiontimezone"},
    "at": {"date", "once", "runat", "onetime"},
    "start": {"startdate", "notbefore"},
    "end": {"enddate", "endsat", "until", "notafter"},
    "window": {"jitter", "flexibletimewindow", "flexible", "maximumwindowinminutes"},
    "description": {"desc", "comment"},
    "count": {"copies", "taskcount", "replicas", "desiredcount"},
    "retry": {"retries", "retrypolicy"},
    "attempts": {"retries", "maximumretryattempts"},
    "age": {"maxage", "maxeventage", "maximumeventageinseconds"},
    "enabled": {"active"},
    "platform_version": {"platform"},
    "watch": {"monitor", "monitoring", "checkin"},
    "grace": {"graceperiod", "graceseconds", "gracetime", "checkinmargin", "margin"},
    "before": {"migration", "migrate", "migrations", "predeploy", "beforedeploy", "prerelease"},
    "after": {"smoketest", "smoke", "postdeploy", "afterdeploy", "postrelease"},
    "timeout": {"timeoutminutes", "maxruntime", "minutes", "timeoutseconds", "timelimit"},
    "pause_tasks": {"pausejobs", "pause", "pausecrons", "pauseschedules"},
    "max_runtime": {"maxduration", "longest", "timeout", "timeoutseconds", "duration", "timelimit"},
    "tolerance": {"failuretolerance", "failurethreshold", "failureissuethreshold"},
    "owner": {"team", "contact", "responsible", "ownedby"},
    "overlap": {"concurrency", "concurrencypolicy", "lock", "singleton", "overlappolicy"},
    "tags": {"labels", "taskstags", "tasktags"},
    "enable_execute_command": {"ecsexec", "enableexec"},
    "ephemeral_storage": {"storage", "disk", "disksize", "sizeingib"},
    "secrets": {"secretvariables", "valuefrom"},
    "role": {"taskrole", "taskrolearn", "rolearn"},
    "subnets": {"network", "networkconfiguration"},
    "security_groups": {"sg", "sgs"},
    "assign_public_ip": {"publicip"},
    "capacity_provider": {"spot", "fargatespot", "launchtype"},
    "catch_up": {"backfill", "rerun", "startlate", "misfire", "misfirepolicy"},
}
# The keys of a task that hold an object with keys of its own.
_WITHIN: dict[str, type[BaseModel]] = {"retry": Retry, "watch": Watch}
_ONE_OFFS: dict[str, type[BaseModel]] = {"before": Before, "after": After}
# What people look for and the file cannot say, each with where it is.
_NOT_HERE = (
    ({"disabled", "paused", "suspended", "state"}, 'write "enabled": false to stop its runs'),
    (
        {"alert", "alerts", "alarm", "notify", "notification", "notifications", "onfailure", "onsuccess", "email"},
        'Rota reports each job that fails or does not run; write "owner": "data-team" to say who should know',
    ),
    (
        {"image", "entrypoint", "volumes", "mountpoints", "ports", "portmappings", "healthcheck"}
        | {"executionrole", "executionrolearn", "user", "dependson"},
        "the task definition says that",
    ),
    (
        {"container", "containername", "cluster", "family", "prefix"},
        "a parameter of the stack says that for all tasks",
    ),
    (
        {"deadletter", "deadletterqueue", "deadletterconfig", "dlq", "group"} | {"referenceid", "enableecsmanagedtags"},
        "set it on the target of the task's rule, where a deployment keeps it",
    ),
)
# By what has keys of the author's.
_PROBLEMS_OF_KEYS: dict[Location, str] = {
    ("tags",): "is not the key of a tag; write 1 to 128 letters, digits, spaces and . _ : / = + @ -",
    ("environment",): "is not a name for a variable; write at least one character, and no =",
}


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """A problem for each of pydantic's findings, but for those between the keys of a task: `parse` words these."""
    found = error.errors(include_url=False)
    for detail in found:
        location = detail["loc"]
        if detail["type"] == "too_short" and any(each["loc"][:-1] == location for each in found):
            continue  # pydantic counts only the items that are valid
        # pydantic's mark of a problem in a key
        if location[-1] == "[key]" and (problem := _PROBLEMS_OF_KEYS.get(location[-3:-2])):
            yield Problem(location[:-1], problem)
        elif detail["type"] != "value_error" or not _is_entry(location):
            yield Problem(location, _message(detail, location))


def _is_entry(location: Location) -> bool:
    """Whether it is a whole task, or a whole one-off task."""
    return location[:-1] == ("tasks",) or (len(location) == 1 and location[0] in ONE_OFFS)


def _message(detail: "ErrorDetails", location: Location) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if location[-2:-1] in (("environment",), ("command",), ("tags",)):
        hidden = location[-2] == "environment" and is_named_like_a_secret(str(location[-1]))
        given = quote(MASK if hidden else value)
        is_whole = isinstance(value, (bool, int, float)) and not hidden and not given.endswith("...")
        return f"{given} is not a string; write " + (f'"{given}"' if is_whole else "it in double quotes")
    if isinstance(location[-1], int):
        return f'{quote(value)} is not a task; write an object: {{"name": "...", "task": "...", "cron": "..."}}'
    expected = EXPECTED[location[-1]]
    if kind == "too_short":
        return f"is empty; write {expected}"
    return f"is missing; write {expected}" if kind == "missing" else f"{quote(value)} is not allowed; write {expected}"


def _unknown_key(location: Location) -> str:
    key = str(location[-1])
    if instead := _where_instead(key) or _meant_for_another_entry(key, location):
        return f"is not a known key{instead}"
    model: type[BaseModel]
    if len(location) == 1:
        model = ScheduleFile
    elif location[-2] == "defaults":
        model = Defaults
        if key in Task.model_fields:
            return "cannot be a default; write it in each task"
    else:
        model = {**_WITHIN, **_ONE_OFFS}.get(str(location[-2]), Task)
    known = [field.alias or name for name, field in model.model_fields.items()]
    if near := nearest_key(key, known):
        return f'is not a known key; did you mean "{near}"?'
    if model is ScheduleFile and (near := nearest_key(key, Defaults.model_fields)):
        return f'is not a known key of the file; for all tasks, write "defaults": {{"{near}": ...}}'
    if model in (Task, Defaults):
        for outer, inner in _WITHIN.items():
            if near := nearest_key(key, inner.model_fields):
                return f'is not a known key of a task; write "{outer}": {{"{near}": ...}}'
    return f"is not a known key; known keys are {', '.join(known)}"


def _meant_for_another_entry(key: str, location: Location) -> str | None:
    """That a key of `before` or `after` is one of the tasks, or of the other; None if it is neither."""
    outer = location[-2] if len(location) > 1 else None
    if outer not in ONE_OFFS:
        return None
    if key in Before.model_fields:
        return f" of {outer}; it is one of before"
    return f" of {outer}, which runs once in a deployment; it is one of tasks" if key in Task.model_fields else None


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """The known key that means the same as `key`, or of which it is a misspelling; None if there is none."""
    bare, names = _bare(key), list(known)
    if _where_instead(key):
        return None
    meant = next((name for name, others in _SAME.items() if bare in others and name in names), None)
    by_spelling = {_bare(name): name for name in names}
    return meant or next((by_spelling[near] for near in get_close_matches(bare, by_spelling, n=1, cutoff=0.75)), None)


def _where_instead(key: str) -> str | None:
    """Where to say what the file cannot; None for a key that people do not look for here."""
    return next((f"; {why}" for keys, why in _NOT_HERE if _bare(key) in keys), None)


def _bare(key: str) -> str:
    """In lower case, without what separates words: `time_zone`, `timeZone` and `TimeZone` are alike."""
    return re.sub(r"[^a-z0-9$]", "", key.lower()[:64])
