"""The tasks of the app's family that ECS knows: all that run, and for an hour those that have ended."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.aws.parallel import in_parallel
from rota.runs.event import TaskChange, task_change

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.settings import Settings

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
_PER_CALL = 100


def listed(ecs: "ECSClient", settings: "Settings") -> list[str]:
    """The ARNs of all tasks of the family, those of the service included."""
    pages = ecs.get_paginator("list_tasks")
    found: dict[str, None] = {}
    for status in ("RUNNING", "STOPPED"):
        for page in pages.paginate(cluster=settings.cluster, family=settings.family, desiredStatus=status):
            found |= dict.fromkeys(page["taskArns"])
    return list(found)


def described(ecs: "ECSClient", settings: "Settings", arns: Iterable[str]) -> list[TaskChange]:
    """These tasks as they are now, without those that ECS has forgotten."""
    wanted = list(arns)
    batches = [wanted[start : start + _PER_CALL] for start in range(0, len(wanted), _PER_CALL)]
    replies = in_parallel(lambda batch: ecs.describe_tasks(cluster=settings.cluster, tasks=batch)["tasks"], batches)
    return [task_change(task) for reply in replies for task in reply]
