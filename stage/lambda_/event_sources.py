"""Functions that read a queue: Lambda's event source mappings of SQS.

docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and services-sqs-errorhandling.html. Lambda polls with the function's
role, hands over up to BatchSize messages, and deletes those that the function did not name in `batchItemFailures`; the
others are visible again after the queue's timeout. On the stage it polls a batching window after a message came, and up
to MaximumConcurrency functions run at once.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaFunction, lambda_backends
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, sqs_backends

from stage.iam.evaluation import Permission
from stage.lambda_.sandbox import Outcome
from stage.moto.clients import ACCOUNT, REGION
from stage.moto.patch import replace

Invoke = Callable[[LambdaFunction, bytes], Outcome]
After = Callable[[float, Callable[[], None]], None]
"""Calls a function after so many seconds."""
Authorise = Callable[[str, str, Mapping[str, str | None], list[Permission]], None]
"""Checks whether a service may act with a role; see `stage.iam.access.Access.as_service`."""

_NEEDED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_MOST = 10
"""Messages of one batch without a batching window: API_CreateEventSourceMapping.html, BatchSize."""


class EventSources:
    """Reads queues for functions."""

    def __init__(self, after: After, invoke: Invoke, authorise: Authorise) -> None:
        self._after = after
        self._invoke = invoke
        self._authorise = authorise

    def install(self) -> None:
        """Take over from moto, which would invoke a function while the message is sent, and with less than it has."""
        add, delete = Queue.add_message, Queue.delete_message

        def add_message(queue: Queue, message: Message) -> None:
            if queue.fifo_queue:
                add(queue, message)
                return
            with queue._messages_lock:
                queue._messages.append(message)
                queue._messages_lock.notify_all()
            for mapping in queue.lambda_event_source_mappings.values():
                self._after(int(mapping.max_batch_window or 0), partial(self._poll, queue, mapping))

        def delete_message(queue: Queue, receipt_handle: str) -> None:
            """One at a time: moto makes a new list of those that stay, without one that is added meanwhile."""
            with queue._messages_lock:
                delete(queue, receipt_handle)

        replace(Queue, "add_message", add_message)
        replace(Queue, "delete_message", delete_message)

    def _poll(self, queue: Queue, mapping: EventSourceMapping) -> None:
        """Hand over all that the queue holds."""
        most = int((mapping.scaling_config or {}).get("MaximumConcurrency", _MOST))
        while mapping.enabled and (batches := self._receive(queue, mapping, most)):
            with ThreadPoolExecutor(most) as pool:
                [*pool.map(partial(self._hand_over, queue, mapping), batches)]

    def _receive(self, queue: Queue, mapping: EventSourceMapping, most: int) -> list[list[Message]]:
        """Up to `most` batches."""
        function = lambda_backends[ACCOUNT][REGION].get_function(mapping.function_arn)
        needed = [Permission(action, queue.queue_arn) for action in _NEEDED]
        self._authorise("lambda.amazonaws.com", function.role, {}, needed)
        batches: list[list[Message]] = []
        while len(batches) < most:
            with queue._messages_lock:
                received = sqs_backends[ACCOUNT][REGION].receive_message(
                    queue.name, min(mapping.batch_size, _MOST), 0, _timeout(queue), ["All"]
                )
            if not received:
                break
            batches.append(received)
        return batches

    def _hand_over(self, queue: Queue, mapping: EventSourceMapping, messages: list[Message]) -> None:
        function = lambda_backends[ACCOUNT][REGION].get_function(mapping.function_arn)
        event = {"Records": [_record(queue, message) for message in messages]}
        failed = _failed(self._invoke(function, json.dumps(event).encode()), mapping, messages)
        for message in messages:
            if message.id not in failed:
                with suppress(ReceiptHandleIsInvalid):  # the queue was emptied meanwhile
                    queue.delete_message(str(message.receipt_handle))
        if failed:
            self._after(_timeout(queue) + 1, partial(self._poll, queue, mapping))


def _failed(outcome: Outcome, mapping: EventSourceMapping, messages: list[Message]) -> set[str]:
    """The ids of the messages that stay in the queue: all, if the function failed or answers with what is none."""
    everything = {message.id for message in messages}
    if outcome.failed:
        return everything
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return set()
    try:
        answer = json.loads(outcome.payload) or {}
        failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
    except (KeyError, TypeError, ValueError, AttributeError):
        return everything
    return failed if failed <= everything else everything


def _timeout(queue: Queue) -> int:
    """Seconds for which a message that was received is invisible."""
    return int(vars(queue)["visibility_timeout"])


def _record(queue: Queue, message: Message) -> dict[str, Any]:
    """A message as a function gets it: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, "Example event"."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": REGION,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    given = {"stringValue": value.get("StringValue") or value.get("string_value")}
    kind = value.get("DataType") or value.get("data_type")
    return {**{k: v for k, v in given.items() if v}, "stringListValues": [], "binaryListValues": [], "dataType": kind}
