"""What run watching adds to the target of a rule, what it leaves alone, and the remarks about that. Pure.

A target is *traced* if it passes its task's name to the container (`rota.tracing`). With WatchRuns
every target is; without, no further one is, and those that are stay so.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rota import tracing
from rota.schedule_file.retry_age import retry_age
from rota.schedules.eventbridge_rules.rule import LONGEST_AGE, split_targets

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
    from rota.settings import Settings

Target = dict[str, Any]

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html: the defaults, which are the most too
MOST_ATTEMPTS = 185
# A schedule's event has the minute for which it was due, also when its delivery is tried again.
_PATHS = {"time": "$.time"}
_TIME = "<time>"
# Of JSON: what an input transformer may take for a placeholder, or for the end of a text.
_UNSAFE_IN_A_TEMPLATE = re.compile(r"""[<>\\'"]""")
# As CloudFormation names the template's queue. A stack that was deleted has left one, which targets still name.
_RUN_QUEUE = re.compile(r"-RunQueue-[A-Za-z0-9]+$")


def target_of(rule: "Rule | None") -> Target:
    """The target that runs the rule's task; empty if there is none."""
    return (split_targets(rule)[0] if rule else None) or {}


def overrides_of(target: Target) -> str | None:
    """The overrides with which a target starts its task, with any text as the time; None if it has none."""
    return overrides_at(target, _TIME)


def overrides_at(target: Target, time: str) -> str | None:
    """The overrides with which a target starts its task when it is due at that time; None if it has none."""
    transformer = target.get("InputTransformer") or {}
    if transformer.get("InputPathsMap") == _PATHS and tracing.SCHEDULED_AT in transformer["InputTemplate"]:
        return str(transformer["InputTemplate"]).replace(_TIME, json.dumps(time))
    return target.get("Input")


def input_members(overrides: str | None, task: "Task", settings: "Settings", current: Target) -> Target:
    """The members of a target that hand ECS these overrides, and the variables that trace it."""
    if not _is_watched(current, settings):
        return {"Input": overrides} if overrides else {}
    name = {tracing.TASK: task.name}
    plain = tracing.with_variables(overrides, settings.container, name)
    with_time = settings.trace_scheduled_time if settings.watch_runs else "InputTransformer" in current
    if not with_time or any(_UNSAFE_IN_A_TEMPLATE.search(text) for text in _texts(json.loads(plain))):
        return {"Input": plain}
    timed = tracing.with_variables(overrides, settings.container, {**name, tracing.SCHEDULED_AT: _TIME})
    # EventBridge puts the value's quotes itself.
    return {"InputTransformer": {"InputPathsMap": _PATHS, "InputTemplate": timed.replace(json.dumps(_TIME), _TIME)}}


def sets_retry(task: "Task", settings: "Settings", current: Target, *, before: bool) -> bool:
    """Whether Rota sets the retry policy, or what is there stays. `before`: Rota set what `current` has."""
    own = "RetryPolicy" in current and not before
    return task.retry is not None or (_is_watched(current, settings) and not own)


def retry_policy(task: "Task", settings: "Settings", current: Target) -> Target:
    """The member of a target with the retry policy of the schedule file, and with what fits the schedule."""
    attempts, age = (task.retry.attempts, task.retry.age) if task.retry else (MOST_ATTEMPTS, None)
    if age is None:
        age = int(retry_age(task.expression).total_seconds()) if _is_watched(current, settings) else LONGEST_AGE
    return {"RetryPolicy": {"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age}}


def dead_letters(settings: "Settings", current: Target) -> Target:
    """The member of a target that names the queue for its dead letters; empty if what is there stays."""
    if not settings.watch_runs or has_a_queue_of_its_own(current, settings):
        return {}
    return {"DeadLetterConfig": {"Arn": settings.run_queue_arn}}


def has_a_queue_of_its_own(target: Target, settings: "Settings") -> bool:
    """Whether a script or a person gave the target a dead-letter queue."""
    queue, own = _queue(target), settings.run_queue_arn
    if queue is None or queue == own:
        return False
    here, _, name = queue.rpartition(":")
    return here != own.rpartition(":")[0] or not _RUN_QUEUE.search(name)


def remarks(updates: Iterable[tuple["Rule", "RuleChange"]]) -> Iterator[str]:
    """What these updates change for the watching of runs: each rule as it was, and its change."""
    pairs = [(target_of(rule), change.put_targets[0]) for rule, change in updates if change.put_targets]
    newly = [(before, after) for before, after in pairs if _is_traced(after) and not _is_traced(before)]
    if newly:
        yield f"{_targets(len(newly))}: traced from now on"
    if ages := [
        after["RetryPolicy"]["MaximumEventAgeInSeconds"] for before, after in newly if "RetryPolicy" not in before
    ]:
        least, most = _in_words(min(ages)), _in_words(max(ages))
        age = least if least == most else f"{least} to {most}"
        yield f"{_targets(len(ages))}: a start is given up after {age}, no longer after {_in_words(LONGEST_AGE)}"
    moved = Counter(queue for before, after in pairs if (queue := _queue(before)) and queue != _queue(after))
    for queue, number in sorted(moved.items()):
        name = queue.rpartition(":")[2]
        yield f"{_targets(number)}: dead letters go to the stack's queue, no longer to {name}"


def _is_watched(current: Target, settings: "Settings") -> bool:
    return settings.watch_runs or _is_traced(current)


def _is_traced(target: Target) -> bool:
    return json.dumps(tracing.TASK) in (overrides_of(target) or "")


def _queue(target: Target) -> str | None:
    return (target.get("DeadLetterConfig") or {}).get("Arn")


def _texts(value: Any) -> Iterator[str]:
    """Every text in JSON, as JSON spells it, without its quotes."""
    if isinstance(value, str):
        yield json.dumps(value)[1:-1]
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))


def _targets(number: int) -> str:
    return f"{number} target{'' if number == 1 else 's'}"


def _in_words(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % (length / 2) == 0 and seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds} s"
