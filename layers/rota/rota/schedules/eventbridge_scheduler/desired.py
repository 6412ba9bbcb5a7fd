"""What a task's schedule must be. Pure."""

from typing import TYPE_CHECKING, Any

from rota import tracing
from rota.schedule_file.expression import period_of
from rota.schedule_file.retry_age import retry_age
from rota.schedules import target_keys
from rota.schedules.eventbridge_scheduler.schedule import (
    DEFAULTS,
    LONGEST_AGE,
    MOST_ATTEMPTS,
    SCHEDULED_TIME,
    SchedulerSchedule,
    just_after,
    just_before,
    text,
)

if TYPE_CHECKING:
    from rota.schedule_file.task import Task
    from rota.schedule_file.when import When
    from rota.settings import Settings


def desired_schedule(
    task: "Task",
    settings: "Settings",
    name: str,
    cluster_arn: str,
    revision: str,
    overrides: str | None = None,
    current: SchedulerSchedule | None = None,
) -> SchedulerSchedule:
    """The schedule `name` for `task`, which runs `revision` (a task definition's ARN) with `overrides`.

    The app's group is Rota's own, so nothing is kept that a person changed there; but without WatchRuns a target stays
    watched that is.
    """
    watched = settings.watch_runs or (current is not None and current.is_traced)
    variables = {tracing.TASK: task.name, tracing.SCHEDULED_AT: SCHEDULED_TIME} if watched else {}
    target: dict[str, Any] = {
        "Arn": cluster_arn,
        "RoleArn": settings.scheduler_role_arn,
        "EcsParameters": _ecs_parameters(task, settings, revision),
        # Without one ECS would get a notification, of which AWS does not say what it does with it.
        "Input": tracing.with_variables(overrides, settings.container, variables) if overrides or variables else "{}",
        "RetryPolicy": _retry_policy(task, watched=watched),
    }
    if watched:
        target["DeadLetterConfig"] = {"Arn": settings.run_queue_arn}
    members = {
        **DEFAULTS,
        **_when(task.when),
        "State": "ENABLED" if task.enabled else "DISABLED",
        "Target": target,
    }
    if task.description:
        members["Description"] = task.description
    return SchedulerSchedule(name=name, members=members)


def _when(when: "When") -> dict[str, Any]:
    """The members that say when it is due. AWS does not say whether a run is due at a StartDate or an EndDate: of a
    cron both lie in the last second of a minute. A rate counts from its StartDate.
    """
    members: dict[str, Any] = {
        "ScheduleExpression": when.expression,
        "ScheduleExpressionTimezone": when.timezone,
    }
    if when.start:
        members["StartDate"] = text(when.start) if period_of(when.expression) else just_before(when.start)
    if when.end:
        members["EndDate"] = just_after(when.end.replace(second=0, microsecond=0))
    if when.window:
        members["FlexibleTimeWindow"] = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": when.window}
    return members


def _ecs_parameters(task: "Task", settings: "Settings", revision: str) -> dict[str, Any]:
    of_ecs = target_keys.ecs_members(task)
    if tags := of_ecs.pop("Tags", None):
        # Each is a map from its key: with the members Key and Value no run would start.
        of_ecs["Tags"] = [{tag["Key"]: tag["Value"]} for tag in tags]
    return target_keys.ecs_parameters(of_ecs, task, settings, revision)


def _retry_policy(task: "Task", *, watched: bool) -> dict[str, int]:
    """The schedule file's, or what fits the schedule where runs are watched."""
    attempts, age = (task.retry.attempts, task.retry.age) if task.retry else (MOST_ATTEMPTS, None)
    if age is None:
        age = int(retry_age(task.expression).total_seconds()) if watched else LONGEST_AGE
    return {"MaximumEventAgeInSeconds": age, "MaximumRetryAttempts": attempts}
