"""What AWS reports of runs: tasks of ECS, in events and by DescribeTasks, and starts that EventBridge gave up. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html, and of Scheduler
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from rota.runs.model import Status, Trigger
from rota.tracing import COMMAND_OF, SCHEDULED_AT, TASK

# EventBridge cuts `startedBy` to 36 characters, though RunTask takes 128.
LONGEST_STARTED_BY = 36
BY_SCHEDULE = ("events-rule/", "chronos-schedule/")
"""How `startedBy` begins of what a rule starts, and of what EventBridge Scheduler does."""
# ECS takes letters, digits, - / and _ alone.
_CATCH_UP, _FOR = "rota/catch-up", "/%Y%m%dT%H%M%SZ"
BY_A_USER = "UserInitiated"
"""The stop code of a task that StopTask has stopped, whoever called it."""
_NOT_YET_RUNNING = {"PROVISIONING", "PENDING", "ACTIVATING"}


class _FromAws(BaseModel):
    """A part of AWS's answer: members that are not listed here are ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )


class Variable(_FromAws):
    name: str
    value: str = ""


class ContainerOverride(_FromAws):
    environment: tuple[Variable, ...] = ()


class Overrides(_FromAws):
    container_overrides: tuple[ContainerOverride, ...] = ()

    def variable(self, name: str) -> str:
        """The value of an environment variable; empty if it is not set."""
        variables = (each for override in self.container_overrides for each in override.environment)
        return next((each.value for each in variables if each.name == name), "")

    @property
    def scheduled_at(self) -> datetime | None:
        """When the task was due, if the overrides say so."""
        try:
            said = datetime.fromisoformat(self.variable(SCHEDULED_AT))
        except ValueError:
            return None
        return said.astimezone(UTC).replace(microsecond=0) if said.tzinfo else None


class Container(_FromAws):
    """A container of a task. `exit_code` is None for one that never ran, or still runs."""

    name: str = ""
    exit_code: int | None = None
    reason: str = ""
    image: str = ""


class TaskChange(_FromAws):
    """A task of ECS as it was after one of its changes, which `version` counts. Repeated, late and lost are usual."""

    task_arn: str
    version: int
    last_status: str
    created_at: AwareDatetime
    task_definition_arn: str
    desired_status: str = ""
    group: str = ""
    started_by: str = ""
    overrides: Overrides = Overrides()
    containers: tuple[Container, ...] = ()
    started_at: AwareDatetime | None = None
    execution_stopped_at: AwareDatetime | None = None
    stopped_at: AwareDatetime | None = None
    stop_code: str = ""
    stopped_reason: str = ""

    @property
    def task_id(self) -> str:
        return self.task_arn.rpartition("/")[2]

    @property
    def is_of_a_service(self) -> bool:
        return self.group.startswith("service:")

    @property
    def has_ended(self) -> bool:
        """An exit code and a stop code may be there before."""
        return self.last_status == "STOPPED"

    @property
    def status(self) -> Status:
        """The status of a task that has not ended."""
        return Status.STARTING if self.last_status in _NOT_YET_RUNNING else Status.RUNNING

    @property
    def has_begun(self) -> bool:
        """Whether a container of it may have run."""
        return self.started_at is not None or self.last_status not in _NOT_YET_RUNNING

    @property
    def is_running(self) -> bool:
        """Whether its containers run, and ECS was not asked to stop it."""
        return self.last_status == "RUNNING" and self.started_at is not None and not self.is_stopping

    @property
    def is_stopping(self) -> bool:
        """Whether ECS was asked to stop it, or it has ended. A stop code may be there before the desired status."""
        return self.desired_status == "STOPPED" or bool(self.stop_code) or self.execution_stopped_at is not None

    @property
    def job(self) -> str:
        """The task of the schedule file that it says it runs; empty if it says none."""
        return self.overrides.variable(TASK)

    @property
    def command_of(self) -> str:
        """The job that a person has started with another command; empty for every other task."""
        return self.overrides.variable(COMMAND_OF)

    @property
    def trigger(self) -> Trigger:
        if self.started_by.startswith(_CATCH_UP):
            return Trigger.CATCH_UP
        by_schedule = self.started_by.startswith(BY_SCHEDULE)
        return Trigger.SCHEDULE if by_schedule else Trigger.BY_HAND

    @property
    def caught_up_for(self) -> datetime | None:
        """When the run was due that Rota started with this task, late; None for any other task."""
        try:
            due = datetime.strptime(self.started_by.removeprefix(_CATCH_UP), _FOR)
        except ValueError:
            return None
        return due.replace(tzinfo=UTC)

    def is_started_by(self, schedule: str) -> bool:
        """Whether the rule or the schedule of that name may have started it: names that are long look alike."""
        return self.started_by in started_by_schedule(schedule)

    def container(self, name: str) -> Container | None:
        return next((each for each in self.containers if each.name == name), None)

    def digest(self, container: str) -> str:
        """The digest of the image that container was to run; empty if it names none."""
        found = self.container(container)
        return found.image.partition("@")[2] if found else ""


def started_by_schedule(name: str) -> tuple[str, ...]:
    """`startedBy` of what a rule of that name starts, and a schedule of EventBridge Scheduler."""
    return tuple((by + name)[:LONGEST_STARTED_BY] for by in BY_SCHEDULE)


def started_by_catch_up(due: datetime) -> str:
    """`startedBy` of the run that makes good the one which was due then: `rota/catch-up/20261129T060000Z`."""
    return _CATCH_UP + due.astimezone(UTC).strftime(_FOR)


class GivenUp(_FromAws):
    """A start that EventBridge gave up: a dead letter of a target."""

    rule: str
    """The name of the rule, or of the schedule in Scheduler."""
    at: AwareDatetime | None = None
    """The time for which it fired, if the letter says it."""
    sent_at: AwareDatetime
    code: str = ""
    message: str = ""
    attempts: int = 0
    """How often it was tried again."""
    exhausted: str = ""
    """`MaximumRetryAttempts` or `MaximumEventAgeInSeconds`; empty for an error that EventBridge does not retry."""


class QueueMessage(_FromAws):
    """A message of SQS as Lambda hands it over."""

    message_id: str
    body: str
    attributes: Mapping[str, str] = Field(default_factory=dict)
    message_attributes: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def read(self) -> TaskChange | GivenUp | None:
        """What it reports; None for what is not about a run. ValueError for a message that cannot be read."""
        letter = {name: str(each.get("stringValue", "")) for name, each in self.message_attributes.items()}
        if "RULE_ARN" in letter or "SCHEDULE_ARN" in letter:
            return self._given_up(letter)
        event = json.loads(self.body)
        if not isinstance(event, dict) or event.get("detail-type") != "ECS Task State Change":
            return None
        return task_change(event.get("detail", {}))

    def _given_up(self, letter: Mapping[str, str]) -> GivenUp:
        attempts = letter.get("RETRY_ATTEMPTS", "")
        # arn:...:rule/NAME, or arn:...:schedule/GROUP/NAME
        name = letter.get("RULE_ARN", "").partition(":rule/")[2] or letter.get("SCHEDULE_ARN", "").rpartition("/")[2]
        return GivenUp(
            rule=name,
            at=_time(letter.get("SCHEDULED_TIME")) or _time_in(self.body),
            sent_at=datetime.fromtimestamp(int(self.attributes["SentTimestamp"]) / 1000, UTC),
            code=letter.get("ERROR_CODE", ""),
            message=letter.get("ERROR_MESSAGE", ""),
            attempts=int(attempts) if attempts.isdigit() else 0,
            exhausted=letter.get("EXHAUSTED_RETRY_CONDITION", ""),
        )


def task_change(description: Mapping[str, Any]) -> TaskChange:
    """A task as an event's `detail` or DescribeTasks has it. ValueError for what is none."""
    return TaskChange.model_validate(description)


def _time(said: str | None) -> datetime | None:
    """What Scheduler says of when it was due."""
    try:
        return datetime.fromisoformat(said) if said else None
    except ValueError:
        return None


def _time_in(body: str) -> datetime | None:
    """The time in a dead letter's body, which is the event or, by some accounts, the target's input."""
    try:
        read = json.loads(body)
        if "containerOverrides" in read:
            return Overrides.model_validate(read).scheduled_at
        return datetime.fromisoformat(read["time"])
    except (ValueError, TypeError, KeyError, ValidationError):
        return None
