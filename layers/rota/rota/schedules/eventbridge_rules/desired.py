"""What a task's rule must be. Pure."""

from typing import TYPE_CHECKING, Any

from rota.ownership import OWNER_TAG
from rota.schedules import target_keys
from rota.schedules.eventbridge_rules import watching
from rota.schedules.eventbridge_rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Collection

    from rota.schedule_file.task import Task
    from rota.settings import Settings

# The members of a target, and of its EcsParameters, that Rota sets or that would change what runs. A retry policy and a
# dead-letter queue are set only where `watching` says so. Fargate has no placement.
_SET = {"Id", "Arn", "RoleArn", "EcsParameters", "Input", "InputPath", "InputTransformer"}
_SET_OF_ECS = {
    *("TaskDefinitionArn", "TaskCount", "LaunchType", "NetworkConfiguration", "PlatformVersion"),
    *("PlacementConstraints", "PlacementStrategy"),
}


def desired_rule(
    task: "Task",
    settings: "Settings",
    cluster_arn: str,
    revision: str,
    overrides: str | None = None,
    current: Rule | None = None,
    *,
    sets_retry: bool = False,
    set_before: "Collection[str]" = (),
) -> Rule:
    """The rule and its one target for `task`, which runs `revision` (a task definition's ARN) with `overrides`.

    The target takes the ID of the one that runs the task now, else of any, so that a rule never has one more meanwhile,
    and keeps each member that Rota does not set. `sets_retry`: Rota set the retry policy that it has; `set_before`: the
    members of its EcsParameters that a key of the file set, which go with the key.
    """
    name, had = settings.rule_prefix + task.name, watching.target_of(current)
    kept, kept_of_ecs = kept_members(current, settings, task)
    of_ecs = {member: value for member, value in kept_of_ecs.items() if member not in set_before}
    of_ecs |= target_keys.ecs_members(task)
    if sets_retry:
        kept.pop("RetryPolicy", None)
    if watching.sets_retry(task, settings, had, before=sets_retry):
        kept |= watching.retry_policy(task, settings, had)
    target: dict[str, Any] = {
        **kept,
        "Id": next((target["Id"] for target in (had, *(current.targets if current else ())) if target), name),
        "Arn": cluster_arn,
        "RoleArn": settings.events_role_arn,
        "EcsParameters": target_keys.ecs_parameters(of_ecs, task, settings, revision),
        **watching.input_members(overrides, task, settings, had),
        **watching.dead_letters(settings, had),
    }
    return Rule(
        name=name,
        schedule_expression=task.expression,
        state="ENABLED" if task.enabled else "DISABLED",
        description=task.description,
        tags={OWNER_TAG: settings.app},
        targets=(target,),
    )


def kept_members(current: Rule | None, settings: "Settings", task: "Task") -> tuple[dict[str, Any], dict[str, Any]]:
    """What neither Rota nor a key of the task sets of the target that runs it: its members, and those of its
    EcsParameters.
    """
    target = watching.target_of(current)
    set_of_ecs = {*_SET_OF_ECS, *target_keys.ecs_members(task)}
    set_ = {*_SET, *watching.dead_letters(settings, target)}
    return (
        {member: value for member, value in target.items() if member not in set_},
        {member: value for member, value in target.get("EcsParameters", {}).items() if member not in set_of_ecs},
    )
