"""Partial failures: AWS answers 200, but the request's last entry failed; the others are carried out.

docs.aws.amazon.com/eventbridge/latest/APIReference: PutTargets and RemoveTargets "can partially fail if too many
requests are made at the same time"; PutEvents reports a failure in the entry's position.
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
    """The member of a request that lists the entries, the member of its reply that reports failures, and the report."""

    entries: str
    reported_in: str
    report: Callable[[Any], dict[str, str]]


KINDS: Mapping[tuple[str, str], Kind] = {
    ("events", "PutTargets"): Kind("Targets", "FailedEntries", lambda target: {"TargetId": target["Id"], **CONCURRENT}),
    ("events", "RemoveTargets"): Kind("Ids", "FailedEntries", lambda id_: {"TargetId": id_, **CONCURRENT}),
    ("events", "PutEvents"): Kind("Entries", "Entries", lambda _: INTERNAL),
}


def hold_back(call: Call) -> tuple[Any, Reply | None]:
    """Remove the last entry from the request. Returns it, and the reply if no entry is left."""
    entries = KINDS[call.key].entries
    *others, last = call.params[entries]
    body = json.dumps({**call.params, entries: others}).encode()
    call.request = Request({**call.request.environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    del call.params  # read again from the request
    return last, None if others else Reply.result(call)


def with_failed_entry(call: Call, reply: Reply, held_back: Any, code: str | None) -> Reply:
    """The reply, with the entry that was held back as a failed one; a `code` replaces the usual error code."""
    kind = KINDS[call.key]
    failed = kind.report(held_back) | ({"ErrorCode": code, "ErrorMessage": "scripted"} if code else {})
    entries = [*reply.data.get(kind.reported_in, []), failed]
    count = reply.data.get("FailedEntryCount", 0) + 1
    return Reply.result(call, {"FailedEntryCount": count, kind.reported_in: entries})
