"""What ECS was asked to start, from CloudTrail's history of RunTask: why it started nothing, and, where Rota was away,
what it did start.

EventBridge counts an answer with `failures` as delivered, so that nothing else reports it. The history needs no trail;
it shows an event some minutes late, 50 a page, two pages a second at most, and may take seconds for one:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.aws.errors import AWS_ERRORS
from rota.log import logger
from rota.runs import reasons
from rota.runs.event import BY_SCHEDULE, Overrides, TaskChange, started_by_schedule
from rota.runs.model import Reason
from rota.tracing import TASK

if TYPE_CHECKING:
    from botocore.client import BaseClient

# Of the minute that Sweep has: the rest of an account's history is left out.
_LONGEST_SECONDS = 20


class Asked(NamedTuple):
    """A RunTask, and its answer. `task` is empty if the request did not name it."""

    at: datetime
    task: str
    started_by: str
    text: str = ""
    """Why ECS refused it, or had no room for it; empty if it did neither."""
    tasks: tuple[TaskChange, ...] = ()
    """What it started, as it was then."""


class History(NamedTuple):
    """What was asked of ECS, the newest first."""

    asked: list[Asked]
    since: datetime
    """From then on it has all."""

    def tasks_of(self, cluster: str, family: str) -> list[TaskChange]:
        """The tasks of that family that were started on that cluster, and say what they run."""
        of_family = (f"{family}:", f":task-definition/{family}:")
        return [
            task
            for each in self.asked
            for task in each.tasks
            if f":task/{cluster}/" in task.task_arn
            and (task.task_definition_arn.startswith(of_family[0]) or of_family[1] in task.task_definition_arn)
            and task.job
        ]

    def covers(self, due: datetime) -> bool:
        """Whether what was due then and is not in it was never asked for. A history without any start of a rule may
        lack them all.
        """
        return self.since <= due and any(each.started_by.startswith(BY_SCHEDULE) for each in self.asked)


def read(
    cloudtrail: "BaseClient", since: datetime, until: datetime, clock: Callable[[], float] = time.monotonic
) -> History:
    """Of that time, as far as the history shows it within 20 seconds of that clock, and before an error."""
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RunTask"}], StartTime=since, EndTime=until
    )
    found: list[Asked] = []
    ends = clock() + _LONGEST_SECONDS
    try:
        for page in pages:
            found += [asked(event["EventTime"], json.loads(event["CloudTrailEvent"])) for event in page["Events"]]
            if clock() >= ends:
                break
        else:
            return History(found, since)
    except AWS_ERRORS:
        logger.exception("CloudTrail could not be asked what was started")
    return History(found, found[-1].at if found else until)


def asked(at: datetime, event: Mapping[str, Any]) -> Asked:
    """What an event of CloudTrail says. Pure."""
    request, answer = event.get("requestParameters") or {}, event.get("responseElements") or {}
    texts = [" ".join(filter(None, (each.get("reason"), each.get("detail")))) for each in answer.get("failures") or []]
    if code := event.get("errorCode"):
        texts.append(f"{code}: {event.get('errorMessage', '')}".strip(": "))
    overrides = Overrides.model_validate(request.get("overrides") or {})
    started_by = str(request.get("startedBy", ""))
    tasks = tuple(
        TaskChange(
            task_arn=task["taskArn"],
            version=0,
            last_status="PENDING",
            created_at=at,
            task_definition_arn=task.get("taskDefinitionArn") or request.get("taskDefinition", ""),
            started_by=started_by,
            overrides=overrides,
        )
        for task in answer.get("tasks") or []
    )
    return Asked(at, overrides.variable(TASK), started_by, texts[0] if texts else "", tasks)


def reason_in(found: Iterable[Asked], task: str, rule: str, since: datetime, until: datetime) -> Reason | None:
    """Why a start of that task's rule was refused last in that time; None if no refusal was of it for sure. Pure."""
    started_by = started_by_schedule(rule)
    own = [
        each
        for each in found
        if each.text and since <= each.at <= until and each.started_by in started_by and each.task in (task, "")
    ]
    # One that names no task may be another's whose rule is called alike.
    named = [each for each in own if each.task] or (own if len({each.text for each in own}) == 1 else [])
    return reasons.reason_of_refusal(max(named, key=lambda each: each.at).text) if named else None
