"""What changes for each task: from the plan and the snapshot that the machine stored. Pure."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.cli.plan.model import TaskChange
from rota.schedule_file.next_runs import in_words
from rota.schedule_file.when import When

if TYPE_CHECKING:
    from rota.schedule_file.task import Task

_REVISION = "EcsParameters.TaskDefinitionArn"
_MASKED = "..."
_OVERRIDES = "Input.containerOverrides"


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
    """A change for each schedule that the plan changes, by the task's name."""
    for change in sorted(plan["changes"], key=lambda each: str(each["name"])):
        task = str(change["name"]).removeprefix(prefix)
        before = snapshot["rules"].get(change["name"])
        was = _in_words(before["schedule_expression"]) if before else ""
        put = change.get("put_rule") or {}
        now = _in_words(put["ScheduleExpression"]) if "ScheduleExpression" in put else was
        fields = {} if change["kind"] == "remove" else _differences(before, change)
        if change["kind"] == "update":
            fields |= {
                key: (old, new) for key, (old, new) in plan.get("revision_changes", {}).get(change["name"], {}).items()
            }
            job = dict(_of_the_job(task, live, planned))
            said_twice = {f"Input.{key}" for key in job} | (
                {_OVERRIDES} if job.keys() & {"runs", "environment"} else set()
            )
            fields = job | {key: both for key, both in fields.items() if key not in said_twice}
        kind = change["kind"]
        if kind == "update" and set(fields) <= {"revision"}:
            kind = "image"
        yield TaskChange(
            task, kind, "" if kind == "remove" else now, was, fields, " ".join(planned.commands.get(task, ()))
        )


def _of_the_job(task: str, live: Jobs, planned: Jobs) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """What differs of the job itself: its command, its size, and which environment variables differ, without values."""
    commands = [" ".join(each.commands.get(task, ())) for each in (live, planned)]
    if all(commands) and commands[0] != commands[1]:
        yield "runs", (commands[0], commands[1])
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


def _names(differing: list[str], environment: Mapping[str, str]) -> str | None:
    """Those that differ and are there: `LOG_LEVEL=..., DB_URL=...`."""
    return ", ".join(f"{name}={_MASKED}" for name in differing if name in environment) or None


def _differences(
    before: Mapping[str, Any] | None, change: Mapping[str, Any]
) -> dict[str, tuple[str | None, str | None]]:
    """The fields that differ, each before and after."""
    old, new = _rule(before), _rule(before)
    put = change.get("put_rule")
    if put:
        new |= {"schedule": put.get("ScheduleExpression"), "enabled": _enabled(put.get("State"))}
    if before and change.get("put_targets"):
        others = [each for each in before["targets"] if each["Id"] not in {it["Id"] for it in change["put_targets"]}]
        old |= _target(before["targets"])
        new |= _target([*others, *change["put_targets"]])
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _rule(before: Mapping[str, Any] | None) -> dict[str, str | None]:
    if before is None:
        return {}
    return {"schedule": before["schedule_expression"], "enabled": _enabled(before["state"])}


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


def _in_words(expression: str | None) -> str:
    return in_words(When(expression)) if expression else ""
