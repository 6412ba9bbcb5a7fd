"""Copilot's shape of a scheduled job: a rule starts a state machine, which starts one ECS task and waits. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rota.cli.import_rules.job import CannotTakeError, Job, of_ownership

if TYPE_CHECKING:
    from rota.schedules.eventbridge_rules.rule import Rule

_STARTS_A_TASK = ":states:::ecs:runTask"
# Of RunTask's parameters, those that a job takes from elsewhere without a difference.
_WITHOUT_A_DIFFERENCE = {"Group.$"}
_OF_ECS = ("LaunchType", "PlatformVersion", "PropagateTags", "Tags", "EnableExecuteCommand", "CapacityProviderStrategy")
_KNOWN = {"Cluster", "TaskDefinition", "NetworkConfiguration", "Overrides", "Count", *_OF_ECS}


def of_machine(rule: "Rule", app: str, name: str, definition: str) -> Job:
    """The job that the state machine of that name starts. CannotTakeError if it does anything else."""
    reasons = [*of_ownership(rule, app)]
    machine = json.loads(definition)
    states = machine.get("States", {})
    state = next(iter(states.values())) if len(states) == 1 else {}
    if _STARTS_A_TASK not in str(state.get("Resource", "")):
        raise CannotTakeError(*reasons, f"its state machine {name} does more than to start one ECS task")
    parameters = state.get("Parameters", {})
    unknown = [each for each in parameters if each.endswith(".$") and each not in _WITHOUT_A_DIFFERENCE]
    if unknown:
        reasons.append(f"its state machine {name} computes {', '.join(unknown)}, which no key can say")
    if reasons:
        raise CannotTakeError(*reasons)
    network = parameters.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    ecs = {
        "TaskDefinitionArn": parameters["TaskDefinition"],
        "TaskCount": parameters.get("Count", 1),
        "NetworkConfiguration": {"awsvpcConfiguration": network},
        **{member: parameters[member] for member in _OF_ECS if member in parameters},
    }
    return Job(
        rule=rule.name,
        name=name,
        expression=str(rule.schedule_expression),
        ecs=ecs,
        cluster=parameters.get("Cluster", "default"),
        enabled=rule.state != "DISABLED",
        description=rule.description,
        overrides=_lowered(parameters.get("Overrides", {})),
        in_place=False,
        max_runtime=machine.get("TimeoutSeconds") or state.get("TimeoutSeconds"),
        remarks=tuple(_remarks(rule, name, state, parameters)),
    )


def _remarks(rule: "Rule", name: str, state: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"starts the state machine {name}, which Rota does not: it makes a rule of its own. Once that is live, disable "
        f"this one, or the job runs twice\naws events disable-rule --name {rule.name}"
    )
    attempts = sum(int(each.get("MaxAttempts", 3)) for each in state.get("Retry", ()))
    if attempts:
        yield f"is started again up to {attempts} times when it fails; Rota starts no job again that ran and failed"
    others = sorted(parameters.keys() - _KNOWN - _WITHOUT_A_DIFFERENCE)
    if others:
        yield f"says {', '.join(others)}, which no key can; set it on the target of its new rule, where it stays"


def _lowered(value: Any) -> Any:
    """As ECS itself spells its members: `ContainerOverrides` as `containerOverrides`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value
