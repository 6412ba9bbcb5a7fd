"""ECS's tasks in memory: what DescribeTasks shows of them, and what their events say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stage.ecs.script import EXITED, Outcome
from stage.ecs.tasks import REMEMBERED
from tests.run_events import detail

# As `detail` has them: a task begins so long after its creation, and is STOPPED so long after its end.
_BEGINS, _REMOVES = timedelta(seconds=30), timedelta(seconds=23)


@dataclass(frozen=True)
class Task:
    """One task, from its creation to its end."""

    arn: str
    request: dict[str, Any]
    image: str
    created: datetime
    outcome: Outcome

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def begins(self) -> bool:
        return self.outcome.exit_code is not None

    @property
    def ended(self) -> datetime:
        """When its container has ended."""
        return self.created + _BEGINS + timedelta(seconds=self.outcome.seconds)

    @property
    def stopped(self) -> datetime:
        return self.ended + _REMOVES

    @property
    def status(self) -> str:
        """What is to be recorded of it."""
        if not self.begins:
            return "not_started"
        return "ok" if (self.outcome.exit_code, self.outcome.stop) == (0, EXITED) else "failed"

    def described(self, at: datetime) -> dict[str, Any]:
        """The task as it is then."""
        if at >= self.stopped:
            return self._detail("STOPPED")
        return self._detail("RUNNING" if self.begins and at >= self.created + _BEGINS else "PROVISIONING")

    def _detail(self, status: str) -> dict[str, Any]:
        container = {"image": self.image}
        ended: dict[str, Any] = {}
        if status == "STOPPED":
            ended = dict(zip(("stopCode", "stoppedReason"), self.outcome.stop, strict=True))
            if self.outcome.container_reason:
                container["reason"] = self.outcome.container_reason
        return detail(
            status,
            exit_code=self.outcome.exit_code,
            created=self.created,
            seconds=self.outcome.seconds,
            starts=self.begins,
            container=container,
            taskArn=self.arn,
            taskDefinitionArn=self.request["taskDefinition"],
            overrides=self.request["overrides"],
            startedBy=self.request["startedBy"],
            **ended,
        )


class Fleet:
    """The tasks that ECS knows."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def add(self, task: Task) -> None:
        self._tasks[task.arn] = task

    def answer(self, operation: str, request: dict[str, Any], now: datetime) -> dict[str, Any] | None:
        """The answer to a call; None for one that is not about tasks."""
        self._tasks = {arn: task for arn, task in self._tasks.items() if now - task.stopped < REMEMBERED}
        if operation == "ListTasks":
            ended = request["desiredStatus"] == "STOPPED"
            return {"taskArns": [arn for arn, task in self._tasks.items() if (task.ended <= now) is ended]}
        if operation == "DescribeTasks":
            found = [self._tasks[arn] for arn in request["tasks"] if arn in self._tasks]
            return {"tasks": [task.described(now) for task in found], "failures": []}
        return None
