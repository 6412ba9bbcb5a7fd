"""Why ECS started no task, from CloudTrail's history of RunTask: what it refused, and what it had no capacity for.

EventBridge counts an answer with `failures` as delivered, so that nothing else reports it. The history needs no trail;
it shows an event some minutes late, 50 a page, two pages a second at most, and may take seconds for one:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.runs import reasons
from rota.runs.event import LONGEST_STARTED_BY, Overrides
from rota.runs.model import Reason
from rota.tracing import TASK

if TYPE_CHECKING:
    from botocore.client import BaseClient

# Of the minute that Sweep has: the rest of an account's history is left out.
_LONGEST_SECONDS = 20


class Refusal(NamedTuple):
    """A start that ECS refused, or had no room for. `task` is empty if the request did not name it."""

    at: datetime
    task: str
    started_by: str
    text: str


def refusals(
    cloudtrail: "BaseClient", since: datetime, until: datetime, clock: Callable[[], float] = time.monotonic
) -> Iterator[Refusal]:
    """Those of that time, the newest first, as far as the history shows them within 20 seconds of that clock."""
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RunTask"}], StartTime=since, EndTime=until
    )
    ends = clock() + _LONGEST_SECONDS
    for page in pages:
        for event in page["Events"]:
            if found := refusal(event["EventTime"], json.loads(event["CloudTrailEvent"])):
                yield found
        if clock() >= ends:
            return


def refusal(at: datetime, event: Mapping[str, Any]) -> Refusal | None:
    """What an event of CloudTrail says; None if ECS started what was asked for. Pure."""
    request, answer = event.get("requestParameters") or {}, event.get("responseElements") or {}
    texts = [" ".join(filter(None, (each.get("reason"), each.get("detail")))) for each in answer.get("failures") or []]
    if code := event.get("errorCode"):
        texts.append(f"{code}: {event.get('errorMessage', '')}".strip(": "))
    if not texts:
        return None
    overrides = Overrides.model_validate(request.get("overrides") or {})
    return Refusal(at, overrides.variable(TASK), str(request.get("startedBy", "")), texts[0])


def reason_in(found: Iterable[Refusal], task: str, rule: str, since: datetime, until: datetime) -> Reason | None:
    """Why a start of that task's rule was refused last in that time; None if no refusal was of it for sure. Pure."""
    started_by = f"events-rule/{rule}"[:LONGEST_STARTED_BY]
    own = [
        each
        for each in found
        if since <= each.at <= until and each.started_by == started_by and each.task in (task, "")
    ]
    # One that names no task may be another's whose rule is called alike.
    named = [each for each in own if each.task] or (own if len({each.text for each in own}) == 1 else [])
    return reasons.of_a_refusal(max(named, key=lambda each: each.at).text) if named else None
