"""Calls that AWS answers with 200 although an entry failed: the last entry fails, the others are carried out.

docs.aws.amazon.com/eventbridge/latest/APIReference: PutTargets and RemoveTargets "can partially fail if too many
requests are made at the same time"; PutEvents tells each entry's fate in the entry's place.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.request import Request

from stage.gateway.calls import Call, Reply

CONCURRENT = {
    "ErrorCode": "ConcurrentModificationException",
    "ErrorMessage": "There is concurrent modification on a rule, target, archive, or replay.",
}
INTERNAL = {"ErrorCode": "InternalFailure", "ErrorMessage": "Entry could not be processed."}


@dataclass(frozen=True)
class Kind:
    """Where an operation's request lists its entries, where its reply tells of failed ones, and how."""

    entries: str
    told_in: str
    tell: Callable[[Any], dict[str, str]]


KINDS: Mapping[tuple[str, str], Kind] = {
    ("events", "PutTargets"): Kind("Targets", "FailedEntries", lambda target: {"TargetId": target["Id"], **CONCURRENT}),
    ("events", "RemoveTargets"): Kind("Ids", "FailedEntries", lambda id_: {"TargetId": id_, **CONCURRENT}),
    ("events", "PutEvents"): Kind("Entries", "Entries", lambda _: INTERNAL),
}


def hold_back(call: Call) -> tuple[Any, Reply | None]:
    """Take the last entry out of the request. Returns it, and the reply to a request that has none left."""
    entries = KINDS[call.key].entries
    *others, last = call.params[entries]
    body = json.dumps({**call.params, entries: others}).encode()
    call.request = Request({**call.request.environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    del call.params  # they are read again from the request
    return last, None if others else Reply.result(call)


def told(call: Call, reply: Reply, held_back: Any) -> Reply:
    """The reply, with the entry that was held back among the failed."""
    kind = KINDS[call.key]
    entries = [*reply.data.get(kind.told_in, []), kind.tell(held_back)]
    count = reply.data.get("FailedEntryCount", 0) + 1
    return Reply.result(call, {"FailedEntryCount": count, kind.told_in: entries})
