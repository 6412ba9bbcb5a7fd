"""What ECS says of the service while it rolls: its messages, and why tasks of the new revision stopped."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rota.cli.aws_errors import is_denied
from rota.cli.ecs_tasks import short

if TYPE_CHECKING:
    from rota.cli.frame import Account

_SECONDS = 5.0
"""Between two looks: other people's calls have the same quota."""
_PER_CALL = 100
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html


class Rolling:
    """The service of one rollout, looked at again and again once it has begun. What may not be seen is left out."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self._seen: set[str] = set()
        self.began: datetime | None = None
        """Since when its messages are of this rollout: a rollback by ECS has a begin of its own."""
        self._failed: dict[str, int] = {}
        self._next = 0.0

    def news(self, *, now: bool = False) -> list[str]:
        """What is new since the last look, the oldest first: every few seconds, or `now`."""
        if self.began is None or (time.monotonic() < self._next and not now):
            return []
        self._next = time.monotonic() + _SECONDS
        stack, ecs = self._account.stack, self._account.client("ecs")
        found = _unless_denied(lambda: ecs.describe_services(cluster=stack.cluster, services=[stack.service]))
        return [line for service in found.get("services", ()) for line in self._lines_of(service, self.began)]

    def _lines_of(self, service: Mapping[str, Any], began: datetime) -> Iterator[str]:
        for event in reversed(service.get("events", ())):
            if event["createdAt"] >= began and self._is_new(event["id"]):
                yield str(event["message"]).removeprefix(f"(service {self._account.stack.service}) ")
        for each in service.get("deployments", ()):
            failed = each.get("failedTasks", 0)
            if failed > self._failed.get(each["id"], 0):
                yield from self._stopped(each["id"])
            self._failed[each["id"]] = failed

    def _stopped(self, deployment: str) -> Iterator[str]:
        """Why tasks stopped that this deployment of the service had started."""
        stack, ecs = self._account.stack, self._account.client("ecs")
        of_service = {"cluster": stack.cluster, "serviceName": stack.service, "desiredStatus": "STOPPED"}
        arns = _unless_denied(lambda: ecs.list_tasks(**of_service)).get("taskArns", [])[:_PER_CALL]
        found = _unless_denied(lambda: ecs.describe_tasks(cluster=stack.cluster, tasks=arns)) if arns else {}
        for task in found.get("tasks", ()):
            if task.get("startedBy") == deployment and task.get("stoppedReason") and self._is_new(task["taskArn"]):
                yield why_stopped(task)

    def _is_new(self, name: str) -> bool:
        new = name not in self._seen
        self._seen.add(name)
        return new


def _unless_denied(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The answer; nothing if AWS refuses the call for want of a right."""
    try:
        return call()
    except Exception as error:
        if is_denied(error):
            return {}
        raise


def why_stopped(task: Mapping[str, Any]) -> str:
    """`task 4d3e09ab stopped: Essential container in task exited; app: exit code 1`. Pure."""
    whys = [task["stoppedReason"]]
    for container in task.get("containers", ()):
        code = [f"exit code {container['exitCode']}"] if container.get("exitCode") else []
        if said := [*code, *filter(None, [container.get("reason")])]:
            whys.append(f"{container['name']}: {', '.join(said)}")
    return f"task {short(task['taskArn'])} stopped: {'; '.join(whys)}"
