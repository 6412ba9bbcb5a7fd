"""Queues that several functions read at once."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.sqs.models import Message, Queue

from stage.lambda_.event_sources import EventSources


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    for name in ("add_message", "delete_message"):  # what is installed goes with the test
        monkeypatch.setattr(Queue, name, getattr(Queue, name))
    never: Any = pytest.fail
    EventSources(after=never, invoke=never, authorise=never).install()
    return Queue("read", "us-east-1", "123456789012")  # type: ignore[abstract]  # moto makes it all the same


def received(number: int) -> Message:
    message = Message(str(number), f"message {number}")
    message.mark_received(visibility_timeout=60)
    return message


def test_none_comes_back_and_none_is_lost_when_many_are_deleted(queue: Queue) -> None:
    handled, new = [received(number) for number in range(300)], [received(number) for number in range(300, 600)]
    for message in handled:
        queue.add_message(message)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            deleted = pool.map(lambda message: queue.delete_message(message.receipt_handle), handled)
            added = pool.map(queue.add_message, new)
            assert len([*deleted, *added]) == 600
    finally:
        sys.setswitchinterval(before)
    assert {message.id for message in queue._messages} == {message.id for message in new}
