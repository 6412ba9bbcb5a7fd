"""The tasks of the app's family that ECS knows: all that run, and for an hour those that have ended."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.aws.parallel import in_parallel
from rota.log import logger
from rota.runs.event import TaskChange, task_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import DesiredStatusType

    from rota.runs.stops import Stop
    from rota.settings import Settings

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
_PER_CALL = 100
_ALL: "Sequence[DesiredStatusType]" = ("RUNNING", "STOPPED")


class OfFamily(Protocol):
    """Names an app's family, and the cluster in which its tasks are."""

    @property
    def cluster(self) -> str: ...

    @property
    def family(self) -> str: ...


def listed(ecs: "ECSClient", app: OfFamily, desired: "Sequence[DesiredStatusType]" = _ALL) -> list[str]:
    """The ARNs of all tasks of the family that are to be in these states, those of the service included."""
    pages = ecs.get_paginator("list_tasks")
    found: dict[str, None] = {}
    for status in desired:
        for page in pages.paginate(cluster=app.cluster, family=app.family, desiredStatus=status):
            found |= dict.fromkeys(page["taskArns"])
    return list(found)


def described(ecs: "ECSClient", app: OfFamily, arns: Iterable[str]) -> list[TaskChange]:
    """These tasks as they are now, without those that ECS has forgotten."""
    wanted = list(arns)
    batches = [wanted[start : start + _PER_CALL] for start in range(0, len(wanted), _PER_CALL)]
    replies = in_parallel(lambda batch: ecs.describe_tasks(cluster=app.cluster, tasks=batch)["tasks"], batches)
    return [task_change(task) for reply in replies for task in reply]


def stop(settings: "Settings", wanted: "Mapping[str, Stop]") -> set[str]:
    """Stop these tasks, by ARN. Returns those of which ECS has taken it; the others keep running.

    One attempt each: what was asked of ECS a moment ago may not be so when another would come.
    """
    ecs = clients.ecs(attempts=1)

    def stop_one(task: str) -> bool:
        reason = wanted[task].reason
        try:
            ecs.stop_task(cluster=settings.cluster, task=task, reason=reason)
        except AWS_ERRORS:
            logger.exception("a task was not stopped", task=task, reason=reason)
            return False
        logger.info("stopped a task", task=task, reason=reason)
        return True

    arns = list(wanted)
    return {arn for arn, stopped in zip(arns, in_parallel(stop_one, arns), strict=True) if stopped}
