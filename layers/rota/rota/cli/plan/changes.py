"""What changes for each task: from the plan and the snapshot that the machine stored. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.cli.live_schedules import task_of
from rota.cli.plan.model import TaskChange
from rota.sanitise import masked_words
from rota.schedule_file.next_runs import in_words, written
from rota.schedule_file.when import When, when_of_aws

if TYPE_CHECKING:
    from rota.schedule_file.task import ScheduleFile, Task

_REVISION = "EcsParameters.TaskDefinitionArn"
_MASKED = "..."
_OVERRIDES = "Input.containerOverrides"
# The keys of a task of which nothing is written to AWS: Rota reads them in the live schedule file.
_READ_BY_ROTA = ("owner", "watch", "overlap", "catch_up")


class Jobs(NamedTuple):
    """What each job is, by the task's name: its command, of a stored plan, and its entry in that plan's schedule file.
    Empty where that is not known.
    """

    commands: Mapping[str, list[str]] = MappingProxyType({})
    tasks: "Mapping[str, Task]" = MappingProxyType({})


def commands_of(plan: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """The command of each task, as a stored plan says; a plan of an earlier version may have none."""
    commands: Mapping[str, list[str]] = (plan.get("commands") or {}).get("tasks", {})
    return commands


def task_changes(
    plan: Mapping[str, Any], snapshot: Mapping[str, Any], prefix: str, live: Jobs, planned: Jobs
) -> Iterator[TaskChange]:
    """A change for each task whose schedule the plan changes, by the task's name."""
    by_task: dict[str, dict[str, Mapping[str, Any]]] = {}
    for change in plan["changes"]:
        task = task_of(change["name"], prefix)
        by_task.setdefault(task, {})[change["kind"]] = change
    for task, changes in sorted(by_task.items()):
        change = next(changes[kind] for kind in ("create", "update", "remove") if kind in changes)
        # What is made in one place and removed in the other is moved.
        is_moved = {"create", "remove"} <= changes.keys()
        before = snapshot["rules"].get((changes["remove"] if is_moved else change)["name"])
        was = _in_words(before)
        now = _in_words(change) or was
        kind: Any = "update" if is_moved else change["kind"]
        fields = {} if kind == "remove" else _moved(before, change) if is_moved else _differences(before, change)
        if kind == "update":
            fields |= {
                key: (old, new) for key, (old, new) in plan.get("revision_changes", {}).get(change["name"], {}).items()
            }
            job = dict(_changes_of_a_job(task, live, planned))
            said_twice = {f"Input.{key}" for key in job} | (
                {_OVERRIDES} if job.keys() & {"runs", "environment"} else set()
            )
            fields = job | {key: both for key, both in fields.items() if key not in said_twice}
        if kind == "update" and set(fields) <= {"revision"}:
            kind = "image"
        yield TaskChange(
            task, kind, "" if kind == "remove" else now, was, fields, _command(planned.commands.get(task, ()))
        )


def changes_of_file(live: "ScheduleFile | None", planned: "ScheduleFile") -> Iterator[str]:
    """What changes of the keys of which nothing is written to AWS, in words; nothing if `live` is not known."""
    if live is None:
        return
    from rota.schedule_file.task import ONE_OFFS

    given = {key: (getattr(live, key), getattr(planned, key)) for key in ONE_OFFS}
    if left := [key for key, (old, new) in given.items() if old and not new]:
        yield f"{' and '.join(left)} {'leaves' if len(left) == 1 else 'leave'} the schedule file"
    if new_ones := [key for key, (old, new) in given.items() if new and not old]:
        yield f"{' and '.join(new_ones)} {'is' if len(new_ones) == 1 else 'are'} new in the schedule file"
    if changed := [key for key, (old, new) in given.items() if old and new and old != new]:
        yield f"{' and '.join(changed)} {'changes' if len(changed) == 1 else 'change'}"
    before = {task.name: task for task in live.tasks}
    for task in planned.tasks:
        if old_task := before.get(task.name):
            keys = [key for key in _READ_BY_ROTA if getattr(old_task, key) != getattr(task, key)]
            if keys:
                yield f"{', '.join(keys)} of {task.name} {'changes' if len(keys) == 1 else 'change'}"


def _changes_of_a_job(task: str, live: Jobs, planned: Jobs) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """What differs of the job itself: its command, its size, and which environment variables differ, without values."""
    commands = [each.commands.get(task, ()) for each in (live, planned)]
    if all(commands) and commands[0] != commands[1]:
        yield "runs", (_command(commands[0]), _command(commands[1]))
    old, new = live.tasks.get(task), planned.tasks.get(task)
    if old is None or new is None:
        return
    for key in ("cpu", "memory"):
        sizes = [str(given) if (given := getattr(each, key)) else None for each in (old, new)]
        if sizes[0] != sizes[1]:
            yield key, (sizes[0], sizes[1])
    before, after = old.environment, new.environment
    differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if differing:
        yield "environment", (_names(differing, before), _names(differing, after))


def _command(words: Sequence[str]) -> str:
    """A plan is shown in pull requests and logs."""
    return " ".join(masked_words(words))


def _names(differing: list[str], environment: Mapping[str, str]) -> str | None:
    """Those that differ and are there: `LOG_LEVEL=..., DB_URL=...`."""
    return ", ".join(f"{name}={_MASKED}" for name in differing if name in environment) or None


def _differences(
    before: Mapping[str, Any] | None, change: Mapping[str, Any]
) -> dict[str, tuple[str | None, str | None]]:
    """The fields that differ, each before and after."""
    old, new = _schedule(before), _schedule(before) | _schedule(change)
    if before and (targets := _targets(change)):
        had = _targets(before)
        others = [each for each in had if each.get("Id") not in {it.get("Id") for it in targets}]
        old |= _target(had)
        new |= _target([*others, *targets])
    return _differing(old, new)


def _moved(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """The same of a schedule that is made in the other place. Their targets have other members."""
    return _differing({"in": _place(before), **_schedule(before)}, {"in": _place(change), **_schedule(change)})


def _differing(
    old: Mapping[str, str | None], new: Mapping[str, str | None]
) -> dict[str, tuple[str | None, str | None]]:
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _schedule(found: Mapping[str, Any] | None) -> dict[str, str | None]:
    """When a schedule, or what a change makes of it, starts its task, and whether it does; empty if it leaves that."""
    if found is None or (when := _when(found)) is None:
        return {}
    put = found.get("members") or found.get("put_rule") or {"State": found.get("state")}
    description = put.get("Description", found.get("description")) or None
    return {"schedule": written(when), "enabled": _enabled(put["State"]), "description": description}


def _when(found: Mapping[str, Any]) -> When | None:
    """Of a schedule of the snapshot, or of a change; None of a change that leaves it as it is."""
    if put := found.get("members") or found.get("put_rule"):
        return when_of_aws(put) if put.get("ScheduleExpression") else None
    return When(found["schedule_expression"]) if found.get("schedule_expression") else None


def _targets(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "members" in found:
        return [found["members"]["Target"]]
    return list(found.get("targets") or found.get("put_targets") or ())


def _place(found: Mapping[str, Any]) -> str:
    return "EventBridge Scheduler" if "members" in found else "a rule"


def _enabled(state: Any) -> str:
    return "no" if state == "DISABLED" else "yes"


def _target(targets: list[Mapping[str, Any]]) -> dict[str, str | None]:
    """Every value of a rule's first target by its path. The revision that is to be registered has no number yet."""
    found = {path: value for target in targets[:1] for path, value in _values("", target)}
    revision = found.pop(_REVISION, None)
    named: dict[str, str | None] = {_readable(path): value for path, value in found.items() if path != "Id"}
    if revision is not None:
        named["revision"] = revision.rpartition("/")[2] if revision.startswith("arn:") else "a new one"
    return named


def _values(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if path == "Input" and isinstance(value, str):
        try:
            value = _masked(json.loads(value))
        except ValueError:
            value = _MASKED
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _values(f"{path}.{key}".lstrip("."), each)
    elif isinstance(value, list):
        yield path, ", ".join(map(_item, value))
    else:
        yield path, str(value)


def _item(given: Any) -> str:
    """One of a list: `FARGATE_SPOT 3` for a capacity provider and its weight, `team=data` for a tag."""
    if isinstance(given, Mapping) and "capacityProvider" in given:
        return f"{given['capacityProvider']} {given.get('weight', 0)}"
    if isinstance(given, Mapping) and given.keys() == {"Key", "Value"}:
        return f"{given['Key']}={given['Value']}"
    if isinstance(given, Mapping) and len(given) == 1:  # a tag of Scheduler's
        return "=".join(map(str, *given.items()))
    return given if isinstance(given, str) else json.dumps(given)


def _masked(given: Any) -> Any:
    """Without the values of environment variables, which may be secret; whether one differs is not shown."""
    if isinstance(given, Mapping):
        return {
            key: [each.get("name") for each in value]
            if key == "environment" and isinstance(value, list)
            else _masked(value)
            for key, value in given.items()
        }
    return [_masked(each) for each in given] if isinstance(given, list) else given


def _readable(path: str) -> str:
    """`DeadLetterConfig.Arn` as `dead letters`, where there is a word for it; else AWS's own name."""
    words = {
        "DeadLetterConfig.Arn": "dead letters",
        "RetryPolicy.MaximumRetryAttempts": "retries",
        "RetryPolicy.MaximumEventAgeInSeconds": "retry age, seconds",
        "EcsParameters.TaskCount": "count",
        "RoleArn": "role",
        "EcsParameters.CapacityProviderStrategy": "capacity provider",
        "EcsParameters.Tags": "tags",
        "EcsParameters.EnableExecuteCommand": "ECS Exec",
        "Arn": "cluster",
    }
    return words.get(
        path, path.removeprefix("EcsParameters.").removeprefix("NetworkConfiguration.awsvpcConfiguration.")
    )


def _in_words(found: Mapping[str, Any] | None) -> str:
    when = _when(found) if found else None
    return in_words(when) if when else ""
