"""Snapshots of what the account holds: restored in milliseconds, where the calls that led there take seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.base_backend import BaseBackend
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.scheduler.models import scheduler_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from stage.cloudformation import artifacts
from stage.ecs.services import Services
from stage.eventbridge.bus import rules
from stage.moto.clients import ACCOUNT, REGION
from stage.snapshots.pickling import Place, pickled, unpickled

CONFIGURATION = ("description", "environment_vars", "memory_size", "reserved_concurrency", "timeout")
"""What UpdateFunctionConfiguration and PutFunctionConcurrency may change of a function."""
START = "start"
"""The snapshot of a stage that has just been opened."""


class BusyError(Exception):
    """Something in the account still changes; the message says what."""


class UnknownSnapshotError(Exception):
    """There is no snapshot of that name; the message says which there are."""


@dataclass(frozen=True)
class Snapshot:
    """The content as bytes; the objects that it refers to without copying them; the attributes of those that may change
    later: of ended executions by a redrive, of the stack's rules by anyone.
    """

    content: bytes
    shared: list[object]
    attributes: list[tuple[object, dict[str, Any]]]


class Snapshots:
    """Keeps, by name, what deployments and people create: in ECS, ECR, EventBridge, Scheduler, buckets, tables, queues,
    topics and logs, the executions, and the configuration of functions. The stack's own resources are not copied.

    Create it right after the stack is deployed, while all rules on the bus are the stack's.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rules_of_the_stack = list(rules().values())
        self._functions = list(lambda_backends[ACCOUNT][REGION].list_functions())
        self._kept: dict[str, Snapshot] = {}

    def keep(self, name: str) -> None:
        """Keep a snapshot under a name; it replaces the one before."""
        shared: list[object] = []

        def place_of(each: object) -> Place:
            # The stack knows its resources by identity, and an execution has a thread: neither can be copied.
            if isinstance(each, BaseBackend | Execution) or any(each is rule for rule in self._rules_of_the_stack):
                shared.append(each)
                return len(shared) - 1
            return None

        content = {part: getattr(owner, attribute) for part, owner, attribute in self._parts()}
        kept = pickled(content, place_of)
        attributes = [(each, _copied(vars(each))) for each in shared if not isinstance(each, BaseBackend)]
        self._kept[name] = Snapshot(kept, shared, attributes)

    def find(self, name: str) -> Snapshot:
        """The snapshot of that name. Raises UnknownSnapshotError."""
        if name not in self._kept:
            raise UnknownSnapshotError(f"There is no snapshot {name}; there are {', '.join(self._kept)}.")
        return self._kept[name]

    def restore(self, snapshot: Snapshot) -> None:
        """Make the account hold what the snapshot holds, and nothing else."""
        content = unpickled(snapshot.content, snapshot.shared.__getitem__)
        for each, attributes in snapshot.attributes:
            vars(each).clear()
            vars(each).update(_copied(attributes))
        for part, owner, attribute in self._parts():
            if part in content:
                setattr(owner, attribute, content[part])
            else:  # created since, such as a queue: emptied
                getattr(owner, attribute).clear()

    def _parts(self) -> Iterator[tuple[str, Any, str]]:
        """The attributes that hold the account's content, each with a name of its own."""
        events = events_backends[ACCOUNT][REGION]
        yield "ecs", ecs_backends[ACCOUNT][REGION], "__dict__"
        yield "rollouts", self._services, "rollouts"
        yield "ecr", ecr_backends[ACCOUNT][REGION], "__dict__"
        yield "rules", events.event_buses["default"], "rules"
        yield "tags of rules", events.tagger, "tags"
        scheduler = scheduler_backends[ACCOUNT][REGION]
        yield "groups of schedules", scheduler, "schedule_groups"
        yield "tags of groups", scheduler.tagger, "tags"
        for bucket in s3_backends[ACCOUNT]["aws"].buckets.values():
            if bucket.name != artifacts.BUCKET:  # the code of functions, which no deployment changes
                yield f"objects of {bucket.name}", bucket, "keys"
        for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
            yield f"items of {table.name}", table, "items"
        for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
            yield f"executions of {machine.arn}", machine, "executions"
        for group in logs_backends[ACCOUNT][REGION].groups.values():
            yield f"log streams of {group.name}", group, "streams"
        for function in self._functions:
            for attribute in CONFIGURATION:
                yield f"{attribute} of {function.function_arn}", function, attribute
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            yield f"messages of {topic.arn}", topic, "sent_notifications"
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            yield f"messages of {queue.queue_arn}", queue, "_messages"
            yield f"received messages of {queue.queue_arn}", queue, "_pending_messages"


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes with lists of their own: moto adds a rule's targets in place."""
    return {name: [*value] if isinstance(value, list) else value for name, value in attributes.items()}
