"""Events for programs, on the default bus."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rota.aws import clients
from rota.aws.errors import error_from_code

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_MOST_AT_ONCE = 10


def put_events(kind: str, details: Sequence[Mapping[str, Any]]) -> None:
    """Put an event of that kind (detail-type) for each detail. TransientError or RejectedError if one is refused."""
    for first in range(0, len(details), _MOST_AT_ONCE):
        reply = clients.events().put_events(
            Entries=[
                {"Source": "rota", "DetailType": kind, "Detail": json.dumps(detail, ensure_ascii=False)}
                for detail in details[first : first + _MOST_AT_ONCE]
            ]
        )
        refused = next((each for each in reply["Entries"] if "ErrorCode" in each), None)
        if refused:
            raise error_from_code("PutEvents", refused["ErrorCode"], refused.get("ErrorMessage", ""))
