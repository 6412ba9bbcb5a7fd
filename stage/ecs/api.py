"""The ECS operations that the stage answers instead of moto.

moto's backend stays the only store: clusters, task definitions, services and tasks are its objects, so that its own
operations (DescribeServices, ListTasks, tags) show the same state.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partialmethod
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.serialize import never_return
from moto.ecs.exceptions import EcsClientException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task, TaskDefinition, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.moto.patch import replace

Operation = Callable[[Call], Reply | None]
"""Answers a call; None passes it on to moto."""

Publish = Callable[[str, list[str], dict[str, Any]], None]
"""Publishes an ECS event: its detail-type, resources and detail."""

LATEST_FARGATE = "1.4.0"  # docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html


def install() -> None:
    """Let each answer have its own members: moto's share a dict of those with tags, also while they are written. Let
    tasks be described while others are started.
    """
    for name, pick in (("_include_in_response", lambda value: value), ("_exclude_from_response", never_return)):
        replace(EC2ContainerServiceResponse, name, partialmethod(_show, pick))
    replace(EC2ContainerServiceBackend, "describe_tasks", _describe_tasks)


def _describe_tasks(self: EC2ContainerServiceBackend, cluster_str: str, tasks: list[str]) -> list[Task]:
    """As moto has it, of the tasks that there are at this moment: it goes through a dict that other threads change."""
    self._get_cluster(cluster_str)
    if not tasks:
        raise InvalidParameterException("Tasks cannot be empty.")
    wanted = {each.rpartition("/")[2] for each in tasks}
    known = [task for of_cluster in [*self.tasks.values()] for task in [*of_cluster.values()]]
    found = [task for task in known if task.task_arn.rpartition("/")[2] in wanted]
    for task in found:
        task.advance()
    return found


def _show(self: EC2ContainerServiceResponse, pick: Callable[[Any], Any], path: str) -> None:
    self.RESPONSE_KEY_PATH_TO_TRANSFORMER = {**self.RESPONSE_KEY_PATH_TO_TRANSFORMER, path: pick}


class Ecs:
    """A hook that answers ECS operations, one at a time, and turns moto's exceptions into refusals."""

    def __init__(self, operations: Mapping[str, Operation], lock: threading.RLock) -> None:
        self._operations = operations
        self._lock = lock

    def before(self, call: Call) -> Reply | None:
        operation = self._operations.get(call.operation) if call.service == "ecs" else None
        if operation is None:
            return None
        try:
            with self._lock:
                return operation(call)
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message)

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Leave out `taskSets`, which moto shows of every service; ECS has it for the EXTERNAL controller alone."""
        if call.service != "ecs" or b'"taskSets": []' not in reply.body:
            return None
        reply.body = reply.body.replace(b', "taskSets": []', b"").replace(b'"taskSets": [], ', b"")
        return reply


def backend() -> EC2ContainerServiceBackend:
    """moto's store of ECS."""
    return ecs_backends[ACCOUNT][REGION]


def timestamp(time: datetime) -> str:
    """A time in the detail of an ECS event: UTC, in milliseconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def usable_revision(name: str, refusal: type[ServiceException]) -> TaskDefinition:
    """The revision that a service or task asks for; a family means its latest ACTIVE one.

    Raises ClientException when there is none, and `refusal` when it is INACTIVE
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html; AWS may take ten minutes
    until it refuses, the stage refuses at once).
    """
    family, _, revision = name.rpartition("/")[2].partition(":")
    revisions = backend().task_definitions.get(family, {})
    if not revision:
        active = [number for number, definition in revisions.items() if definition.status == "ACTIVE"]
        if active:
            return revisions[max(active)]
    elif revision.isdigit() and int(revision) in revisions:
        definition = revisions[int(revision)]
        if definition.status == "ACTIVE":
            return definition
        raise refusal("TaskDefinition is inactive")
    raise EcsClientException("TaskDefinition not found.")
