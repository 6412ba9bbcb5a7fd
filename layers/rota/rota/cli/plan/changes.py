"""What changes for each task: from the plan and the snapshot that the machine stored. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rota.cli.plan.model import TaskChange
from rota.schedule_file.next_runs import in_words

_REVISION = "EcsParameters.TaskDefinitionArn"
_MASKED = "..."


def task_changes(plan: Mapping[str, Any], snapshot: Mapping[str, Any], prefix: str) -> Iterator[TaskChange]:
    """A change for each schedule that the plan changes, by the task's name."""
    commands = (plan.get("commands") or {}).get("tasks", {})
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
        kind = change["kind"]
        if kind == "update" and set(fields) <= {"revision"}:
            kind = "image"
        yield TaskChange(task, kind, "" if kind == "remove" else now, was, fields, " ".join(commands.get(task, ())))


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
    return in_words(expression) if expression else ""
