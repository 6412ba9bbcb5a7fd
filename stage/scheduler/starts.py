"""Starts the tasks of schedules, tries again, and sends to dead-letter queues what it gives up.

docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html. The queue's permission is that of the
schedule's role, and not a policy of the queue.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException
from moto.scheduler.models import Schedule

from stage import clock
from stage.eventbridge.retries import After, Tried, send_dead_letter, try_again
from stage.eventbridge.targets import Authorise, Failure, RunTask
from stage.iam.ecs import run_task
from stage.iam.evaluation import Permission
from stage.scheduler import schedules

TARGET_ARN = "arn:aws:scheduler:::aws-sdk:ecs:runTask"


@dataclass(frozen=True)
class Start:
    """A schedule that fell due at `at`, by its members as they were then; first tried at `began`, in seconds."""

    schedule: Schedule
    known: Mapping[str, Any]
    at: datetime
    began: float
    execution: str
    retries: int = 0


class Starts:
    """Starts what schedules are to start; any other target than a cluster fails."""

    def __init__(self, start_task: RunTask, authorise: Authorise, after: After) -> None:
        self._start_task = start_task
        self._authorise = authorise
        self._after = after

    def start(self, schedule: Schedule, known: Mapping[str, Any], at: datetime) -> object:
        """The tasks, or the Failure, also where Scheduler will try again."""
        return self._try(Start(schedule, known, at, clock.time(), str(uuid.uuid4())))

    def _try(self, start: Start) -> object:
        target = start.known["Target"]
        try:
            request = schedules.run_task_of(start.schedule, start.known, start.at, start.execution, start.retries + 1)
            may: Callable[[], None] = partial(self._may, start, run_task(request))
            return self._start_task(request, target["RoleArn"], may)
        except ServiceException as refusal:
            return self._fail(start, refusal)

    def _may(self, start: Start, needed: list[Permission]) -> None:
        source, role = schedules.source(start.schedule), start.known["Target"]["RoleArn"]
        self._authorise(schedules.SERVICE, role, source, needed)

    def _fail(self, start: Start, refusal: ServiceException) -> Failure:
        tried = Tried(start.known["Target"]["RetryPolicy"], start.began, start.retries)
        give_up = partial(self._give_up, start, refusal)
        try_again(tried, refusal.code, self._after, partial(self._retry, start), give_up)
        return Failure(start.schedule.name, start.known["Target"]["Arn"], refusal.code, refusal.message)

    def _retry(self, start: Start) -> None:
        self._try(replace(start, retries=start.retries + 1))

    def _give_up(self, start: Start, refusal: ServiceException, exhausted: str | None) -> None:
        queue = start.known["Target"].get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        attributes = {
            "ERROR_CODE": refusal.code,
            "ERROR_MESSAGE": refusal.message,
            "EXECUTION_ID": start.execution,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(start.retries),
            "SCHEDULED_TIME": clock.text(start.at),
            "SCHEDULE_ARN": start.schedule.arn,
            "TARGET_ARN": TARGET_ARN,
        }
        with suppress(ClientError, ServiceException):  # no right, or no queue any more: the start is lost
            self._may(start, [Permission("sqs:SendMessage", queue)])
            body = schedules.input_of(start.schedule, start.known, start.at, start.execution, start.retries + 1)
            send_dead_letter(queue, body or "{}", attributes, exhausted)
