"""One-off tasks: what starts the file's `before` or `after`, at most once for each attempt of a deployment.

The client token is made of the execution and the attempt, so that ECS starts nothing a second time:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html. The request comes from the plan, so that
it is the same each time.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rota.aws.errors import is_denied

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import DesiredStatusType
    from mypy_boto3_ecs.type_defs import TaskTypeDef

    from rota.schedule_file.task import After, Before
    from rota.settings import Settings

TAG = "rota:one-off"
"""By which a policy distinguishes it from all other tasks; its value is the app."""
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
_PER_CALL = 100
# ECS takes letters, digits, - / and _, and Rota 36 of them, as EventBridge does.
_STARTED_BY, _LONGEST_STARTED_BY = "rota/{kind}/", 36


def request_of(task: "Before | After", settings: "Settings", cluster_arn: str) -> dict[str, Any]:
    """RunTask's request without the revision, who starts it, and its client token. Pure."""
    # ECS takes one of the two: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    weights = [
        {"capacityProvider": name, "weight": weight}
        for name, weight in (task.capacity_provider or {}).items()
        if weight
    ]
    own = {None: settings.assign_public_ip, True: "ENABLED", False: "DISABLED"}
    return {
        "cluster": cluster_arn,
        **({"capacityProviderStrategy": weights} if weights else {"launchType": "FARGATE"}),
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": list(task.subnets or settings.subnets),
                "securityGroups": list(task.security_groups or settings.security_groups),
                "assignPublicIp": own[task.assign_public_ip],
            }
        },
        "platformVersion": task.platform_version or settings.platform_version,
        "count": 1,
        "tags": [{"key": TAG, "value": settings.app}],
    }


def started_by(kind: str, execution_arn: str) -> str:
    """`startedBy` of the one-off tasks of that kind that an execution starts: `rota/before/0a1b2c...`. Pure."""
    return (_STARTED_BY.format(kind=kind) + _hash(execution_arn))[:_LONGEST_STARTED_BY]


def start(
    ecs: "ECSClient", request: Mapping[str, Any], revision: str, kind: str, execution_arn: str, attempt: int
) -> tuple[Mapping[str, Any] | None, str]:
    """Call RunTask. Returns the task, or None and ECS's reason if it started nothing. A repeated call returns the same
    task.
    """
    reply = ecs.run_task(
        **request,
        taskDefinition=revision,
        startedBy=started_by(kind, execution_arn),
        clientToken=_hash(f"{execution_arn} {kind} {attempt}"),
    )
    if reply["tasks"]:
        return reply["tasks"][0], ""
    reasons = dict.fromkeys(str(each.get("reason", "")) for each in reply.get("failures", ()))
    return None, "; ".join(filter(None, reasons)) or "Capacity is unavailable at this time"


def started(
    ecs: "ECSClient", settings: "Settings", kind: str, execution_arn: str, known: str = ""
) -> list["TaskTypeDef"]:
    """The one-off tasks of that kind that an execution has started: of those that have ended, or are about to, ECS
    shows the ones of the last hour. `known`: the ARN of one that it may not list yet.

    All of the family are asked for, as startedBy goes with no other filter:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    """
    pages, arns = ecs.get_paginator("list_tasks"), dict.fromkeys(filter(None, [known]))
    desired: tuple[DesiredStatusType, ...] = ("RUNNING", "STOPPED")
    for status in desired:
        for page in pages.paginate(cluster=settings.cluster, family=settings.family, desiredStatus=status):
            arns |= dict.fromkeys(page["taskArns"])
    by, wanted = started_by(kind, execution_arn), list(arns)
    batches = (wanted[start : start + _PER_CALL] for start in range(0, len(wanted), _PER_CALL))
    replies = (ecs.describe_tasks(cluster=settings.cluster, tasks=batch)["tasks"] for batch in batches)
    return [task for reply in replies for task in reply if task.get("startedBy") == by]


def stop(
    ecs: "ECSClient", settings: "Settings", kind: str, execution_arn: str, known: str, reason: str
) -> list["TaskTypeDef"]:
    """Stop the tasks of `started`, and return all of them as they are then."""
    return [_stopped(ecs, settings, each, reason) for each in started(ecs, settings, kind, execution_arn, known)]


def _stopped(ecs: "ECSClient", settings: "Settings", task: "TaskTypeDef", reason: str) -> "TaskTypeDef":
    # One that is being stopped has lost its tags, by which it may be stopped: API_StopTask.
    if task["desiredStatus"] == "STOPPED":
        return task
    try:
        return ecs.stop_task(cluster=settings.cluster, task=task["taskArn"], reason=reason)["task"]
    except ecs.exceptions.ClientError as refusal:
        if not is_denied(refusal):
            raise
        # It may have ended since it was described.
        for now in ecs.describe_tasks(cluster=settings.cluster, tasks=[task["taskArn"]])["tasks"]:
            if now["desiredStatus"] == "STOPPED":
                return now
        raise


def has_ended(task: Mapping[str, Any]) -> bool:
    """Whether none of its containers runs any more. A Fargate task is STOPPED some 20 seconds later. Pure."""
    return task["lastStatus"] == "STOPPED" or "executionStoppedAt" in task


def _hash(text: str) -> str:
    """64 characters, which are the most for a client token."""
    return hashlib.sha256(text.encode()).hexdigest()
