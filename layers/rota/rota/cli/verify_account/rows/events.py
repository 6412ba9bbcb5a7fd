"""Events that a rule of the run sends to a queue of the run, or to a target that refuses them."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rota.cli.verify_account.account import PREFIX, Account, NothingSeenError
from rota.cli.verify_account.resources import Queue

RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage")
"""The permissions for `take`."""
_NEW_ROLE = ("FAILED_TO_ASSUME_ROLE", "TRANSIENT_ASSUME_ROLE", "NO_PERMISSIONS")
"""Why a delivery fails while EventBridge does not know a new role yet."""


def source(account: Account) -> str:
    """The source of the run's own events."""
    return f"{PREFIX}.{account.run}"


def put(account: Account) -> str:
    """Put an event on the default bus. Returns its id."""
    entry = {"Source": source(account), "DetailType": "verify", "Detail": json.dumps({"run": account.run})}
    return str(account.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"])


def take(account: Account, queue: Queue) -> list[dict[str, Any]]:
    """The messages that wait in a queue, which are deleted from it."""
    sqs = account.client("sqs")
    answer = sqs.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def collect(
    account: Account, queue: Queue, complete: Callable[[list[dict[str, Any]]], bool], seconds: float
) -> list[dict[str, Any]]:
    """The messages of a queue, in the order in which they came, until they are complete or the time is over."""
    messages: list[dict[str, Any]] = []

    def more() -> bool:
        messages.extend(take(account, queue))
        return complete(messages)

    account.wait(more, seconds)
    return messages


def dead_letter(account: Account, queue: Queue, seconds: Sequence[float]) -> dict[str, Any] | None:
    """The dead letter that an event of the run becomes, None if there is none.

    Raises NothingSeenError where EventBridge never came to know the role of the rule's target.

    An event is put for each of these `seconds`, in which its dead letter must come; another one while EventBridge does
    not know the rule yet, or the role of its target.
    """
    code = None
    for most in seconds:
        put(account)
        found = collect(account, queue, bool, most)
        code = attribute(found[-1], "ERROR_CODE") if found else code
        if found and code not in _NEW_ROLE:
            return found[-1]
    if code:
        raise NothingSeenError(f"EventBridge may not start a task with the run's role: {code}")
    return None


def attribute(message: dict[str, Any], name: str) -> str | None:
    """The value of a message's attribute; None without one."""
    found = message.get("MessageAttributes", {}).get(name)
    return str(found["StringValue"]) if found else None
