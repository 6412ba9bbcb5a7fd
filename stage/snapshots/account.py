"""What the account holds at a moment, kept and put back: quicker by far than the calls that led there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import BaseBackend
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from stage.ecs.services import Services
from stage.eventbridge import bus
from stage.moto.clients import ACCOUNT, REGION
from stage.snapshots.pickling import Place, pickled, unpickled

START = "start"
"""What a user has before the first push."""


class BusyError(Exception):
    """What goes on cannot be kept; the message says what it is."""


class UnknownMomentError(Exception):
    """Nothing was kept under that name; the message says what was."""


@dataclass(frozen=True)
class Moment:
    """What was kept: the content, what of it is not copied, by its place in a list, and of ended executions, which
    somebody may redrive, the attributes.
    """

    content: bytes
    lasting: list[object]
    ended: list[tuple[Execution, dict[str, Any]]]


class Moments:
    """Keeps, by name, what deployments and people have made: in ECS, ECR, EventBridge, the bucket, the table, queues,
    topics and logs, and which executions there were. What the stack made is left as it is: to be made as soon as that
    is deployed, while all rules are its own.

    `bucket` and `table` are the stack's; empty on a bare stage.
    """

    def __init__(self, services: Services, bucket: str, table: str) -> None:
        self._services = services
        self._bucket, self._table = bucket, table
        self._of_the_stack = list(bus.rules().values())
        self._kept: dict[str, Moment] = {}

    def keep(self, name: str) -> None:
        """Keep what there is, in the place of what was kept under that name."""
        lasting: list[object] = []

        def place_of(each: object) -> Place:
            # They are not copied: what the stack made is known to it by identity, and an execution has a thread.
            if isinstance(each, BaseBackend | Execution) or any(each is rule for rule in self._of_the_stack):
                lasting.append(each)
                return len(lasting) - 1
            return None

        content = {part: getattr(owner, attribute) for part, owner, attribute in self._parts()}
        kept = pickled(content, place_of)
        ended = [(each, dict(vars(each))) for each in lasting if isinstance(each, Execution)]
        self._kept[name] = Moment(kept, lasting, ended)

    def find(self, name: str) -> Moment:
        """What was kept under that name. Raises UnknownMomentError."""
        if name not in self._kept:
            raise UnknownMomentError(f"Nothing was kept as {name}; there are {', '.join(self._kept)}.")
        return self._kept[name]

    def put_back(self, moment: Moment) -> None:
        """Let there be what was kept, and nothing else."""
        content = unpickled(moment.content, moment.lasting.__getitem__)
        for execution, attributes in moment.ended:
            vars(execution).update(attributes)
        for part, owner, attribute in self._parts():  # one that has come since, such as a queue, is emptied
            setattr(owner, attribute, content[part] if part in content else type(getattr(owner, attribute))())

    def _parts(self) -> Iterator[tuple[str, Any, str]]:
        """The attributes that hold what there is, each with a name of its own."""
        events = events_backends[ACCOUNT][REGION]
        yield "ecs", ecs_backends[ACCOUNT][REGION], "__dict__"
        yield "rollouts", self._services, "standing"
        yield "ecr", ecr_backends[ACCOUNT][REGION], "__dict__"
        yield "rules", events.event_buses["default"], "rules"
        yield "tags of rules", events.tagger, "tags"
        if bucket := s3_backends[ACCOUNT]["aws"].buckets.get(self._bucket):
            yield "objects", bucket, "keys"
        if table := dynamodb_backends[ACCOUNT][REGION].tables.get(self._table):
            yield "items", table, "items"
        for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
            yield f"executions of {machine.arn}", machine, "executions"
        for group in logs_backends[ACCOUNT][REGION].groups.values():
            yield f"log streams of {group.name}", group, "streams"
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            yield f"messages of {topic.arn}", topic, "sent_notifications"
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            yield f"messages of {queue.queue_arn}", queue, "_messages"
            yield f"messages of {queue.queue_arn} under way", queue, "_pending_messages"
