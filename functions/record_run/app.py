"""RecordRun: records what RunQueue holds: changes of the app's tasks, and starts that EventBridge gave up."""

from collections.abc import Iterable, Sequence

from pydantic import ConfigDict, Field

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract.shape import Shape
from rota.handlers.event import on_event
from rota.log import logger
from rota.runs.by_job import by_job
from rota.runs.event import GivenUp, QueueMessage, TaskChange
from rota.runs.metrics import count_runs
from rota.runs.model import Job, Run
from rota.runs.record import Recorder
from rota.runs.table import RunTable
from rota.settings import Settings


class Batch(Shape):
    """Up to ten messages."""

    records: tuple[QueueMessage, ...] = Field(alias="Records")


class Failure(Shape):
    """A message that SQS is to hand over again."""

    model_config = ConfigDict(serialize_by_alias=True)

    item_identifier: str = Field(serialization_alias="itemIdentifier")


class BatchAnswer(Shape):
    """What Lambda reads: all other messages are deleted. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""

    model_config = ConfigDict(serialize_by_alias=True)

    batch_item_failures: tuple[Failure, ...] = Field(serialization_alias="batchItemFailures")


Received = tuple[str, TaskChange | GivenUp]
"""A message's id, and what it reports."""


@on_event(None)
def handler(request: Batch, settings: Settings) -> BatchAnswer:
    table = RunTable(clients.dynamodb(), settings.table, settings.app, settings.run_history_days)
    # They lag behind a deployment by a minute in any event.
    releases = table.releases(consistent=False)
    ended: list[Run] = []
    newcomers: set[str] = set()

    def still_runs(job: Job, change: TaskChange) -> None:
        if job.overlap == "skip":
            newcomers.add(change.task_arn)

    recorder = Recorder(table, settings, releases, ended.append, still_runs)
    received, failed = _read(request.records)
    for failures in in_parallel(lambda group: _record(recorder, group), by_job(received, _job).values()):
        failed += failures
    if newcomers and settings.stops_runs:
        _skip(settings, sorted(newcomers))
    count_runs(settings, ended)
    return BatchAnswer(batch_item_failures=tuple(Failure(item_identifier=message) for message in failed))


def _skip(settings: Settings, newcomers: Sequence[str]) -> None:
    from rota.runs import skipping  # noqa: PLC0415  here, because few stacks let Rota stop a run

    try:
        skipping.skip(settings, newcomers)
    except Exception:  # the run is recorded, and in doubt it runs
        logger.exception("ECS could not be asked for earlier runs; both run", tasks=newcomers)


def _read(messages: Iterable[QueueMessage]) -> tuple[list[Received], list[str]]:
    """What the messages report, of each task its newest change alone; and the ids of those that cannot be read."""
    received: dict[object, Received] = {}
    failed = []
    for message in messages:
        try:
            found = message.read()
        except ValueError:
            logger.exception("a message cannot be read", message_id=message.message_id)
            failed.append(message.message_id)
            continue
        if isinstance(found, GivenUp):
            received[message.message_id] = (message.message_id, found)
        elif found:
            known = received.get(found.task_arn)
            if not (known and isinstance(known[1], TaskChange) and known[1].version >= found.version):
                received[found.task_arn] = (message.message_id, found)
    return list(received.values()), failed


def _job(received: Received) -> str:
    """What names the job, or may be of one."""
    _, found = received
    return found.rule if isinstance(found, GivenUp) else found.job or found.started_by


def _record(recorder: Recorder, received: Iterable[Received]) -> list[str]:
    """The ids of messages that could not be recorded: SQS hands them over again."""
    failed = []
    for message, found in received:
        try:
            run = recorder.give_up(found) if isinstance(found, GivenUp) else recorder.record(found)
        except Exception:  # whatever is wrong with one message must not keep the others
            logger.exception("a message was not recorded", message_id=message)
            failed.append(message)
        else:
            logger.info("recorded", message_id=message, task=run and run.task, status=run and run.status)
    return failed
