"""Copilot's shape of a scheduled job: a rule starts a state machine, which starts one ECS task and waits. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rota.cli.import_schedules.job import CannotTakeError, Job, problems_of_ownership

if TYPE_CHECKING:
    from rota.schedules.eventbridge_rules.rule import Rule

_STARTS_A_TASK = ":states:::ecs:runTask"
# Of RunTask's parameters, those that a job takes from elsewhere without a difference.
_WITHOUT_A_DIFFERENCE = {"Group.$"}
_OF_ECS = ("LaunchType", "PlatformVersion", "PropagateTags", "Tags", "EnableExecuteCommand")
_KNOWN = {
    "CapacityProviderStrategy",
    "Cluster",
    "TaskDefinition",
    "NetworkConfiguration",
    "Overrides",
    "Count",
    *_OF_ECS,
}


def job_of_machine(rule: "Rule", app: str, name: str, definition: str) -> Job:
    """The job that the state machine of that name starts. CannotTakeError if it does anything else."""
    begin = Job(
        rule=rule.name,
        name=name,
        expression=str(rule.schedule_expression),
        ecs={},
        cluster="",
        enabled=rule.state != "DISABLED",
        description=rule.description,
        remarks=(
            f"starts the state machine {name}, which Rota does not: it makes a rule of its own. Once that is live, "
            f"disable this one, or the job runs twice\naws events disable-rule --name {rule.name}",
        ),
    )
    return started_by(begin, name, definition, [*problems_of_ownership(rule, app)])


def started_by(begin: Job, name: str, definition: str, reasons: Sequence[str] = ()) -> Job:
    """What the state machine of that name starts, when `begin` says. CannotTakeError if it does anything else; it has
    these `reasons` too.
    """
    machine = json.loads(definition)
    states = machine.get("States", {})
    state = next(iter(states.values())) if len(states) == 1 else {}
    if _STARTS_A_TASK not in str(state.get("Resource", "")):
        raise CannotTakeError(*reasons, f"its state machine {name} does more than to start one ECS task")
    parameters = state.get("Parameters", {})
    unknown = [each for each in parameters if each.endswith(".$") and each not in _WITHOUT_A_DIFFERENCE]
    if unknown:
        reasons = [*reasons, f"its state machine {name} computes {', '.join(unknown)}, which no key can say"]
    if reasons:
        raise CannotTakeError(*reasons)
    return replace(
        requested(begin, parameters),
        in_place=False,
        own_image=True,
        max_runtime=machine.get("TimeoutSeconds") or state.get("TimeoutSeconds"),
        remarks=(*begin.remarks, *_remarks(state, parameters, in_rules=not begin.group)),
    )


def requested(begin: Job, parameters: Mapping[str, Any]) -> Job:
    """What these parameters of RunTask start, spelt as Step Functions and Scheduler do. CannotTakeError if they name no
    task definition.
    """
    parameters = _without_nulls(parameters)
    if "TaskDefinition" not in parameters:
        raise CannotTakeError("what it gives RunTask names no TaskDefinition, so nothing starts")
    network = parameters.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    ecs = {
        "TaskDefinitionArn": parameters["TaskDefinition"],
        "TaskCount": _number(parameters.get("Count", 1)),
        "NetworkConfiguration": {"awsvpcConfiguration": network},
        **{member: parameters[member] for member in _OF_ECS if member in parameters},
        "CapacityProviderStrategy": _lowered(parameters.get("CapacityProviderStrategy", [])),
    }
    overrides = _lowered(parameters.get("Overrides", {}))
    return replace(begin, ecs=ecs, cluster=parameters.get("Cluster", "default"), overrides=overrides)


def _number(count: Any) -> int:
    """A number of tasks, which may be written as text."""
    try:
        return int(count)
    except (TypeError, ValueError):
        raise CannotTakeError(f"starts {json.dumps(count)} copies, which is no number") from None


def unsaid(parameters: Mapping[str, Any]) -> list[str]:
    """The parameters of RunTask that no key says."""
    return sorted(parameters.keys() - _KNOWN - _WITHOUT_A_DIFFERENCE)


def _remarks(state: Mapping[str, Any], parameters: Mapping[str, Any], *, in_rules: bool) -> Iterator[str]:
    attempts = sum(int(each.get("MaxAttempts", 3)) for each in state.get("Retry", ()))
    if attempts:
        yield f"is started again up to {attempts} times when it fails; Rota starts no job again that ran and failed"
    if others := unsaid(parameters):
        stays = "; set it on the target of its new rule, where it stays" if in_rules else ""
        yield f"says {', '.join(others)}, which no key can{stays}"


def _without_nulls(value: Any) -> Any:
    """Without the members that are null, which say nothing."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _lowered(value: Any) -> Any:
    """As ECS itself spells its members: `ContainerOverrides` as `containerOverrides`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value
