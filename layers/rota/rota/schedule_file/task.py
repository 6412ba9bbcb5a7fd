"""The shapes of the schedule file: frozen, without unknown keys.

Sources of the limits: EventBridge, https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html and
API_PutTargets.html; ECS, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from rota.schedule_file.expression import normalise_cron, normalise_expression, normalise_rate, runs_every_month
from rota.schedule_file.fargate_sizes import FARGATE_MEMORY, FARGATE_MEMORY_SIZES
from rota.schedule_file.problem import invalid_text_reason, quote
from rota.schedule_file.when import When
from rota.tracing import VARIABLES

_Value = TypeVar("_Value")

# A task has one key of each: what to run, and when.
WHAT = ("task", "command")
WHEN = ("cron", "rate", "schedule", "at")
# Those that rules cannot say: a task with one of them is a schedule of EventBridge Scheduler.
_OF_SCHEDULER = ("timezone", "at", "start", "end", "window")

# Keys that begin so are the author's own, in the file, its defaults and its tasks: they mean nothing here.
AUTHORS_KEYS = "x-"
# The keys of the file that hold a one-off task.
ONE_OFFS = ("before", "after")
# In minutes. A day is more than a migration should take; jobs that it pauses are off for an hour at most.
LONGEST_TIMEOUT, LONGEST_PAUSE = 24 * 60, 60

# What a task adds to its default; all other keys replace it.
MERGED_BY_NAME = ("environment", "tags")

RULE_NAME = r"[.\-_A-Za-z0-9]+"
# No hyphen at the start: the start command would take the task for an option.
TASK_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.:-]*"
# ECS takes any text, and a process all but these: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_KeyValuePair.html
VARIABLE = r"[^=\x00]+"

# What a filter policy can name without quotes in it, and a person can read.
OWNER = r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,98}[A-Za-z0-9])?"

LONGEST_RULE_NAME = 64
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
MOST_COPIES = 10
# Those of Fargate, and the most that a weight is:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
CAPACITY_PROVIDERS, HEAVIEST = {"FARGATE", "FARGATE_SPOT"}, 1000
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
MOST_TAGS, LONGEST_TAG_VALUE = 50, 256
TAG, TAG_KEY = r"[A-Za-z0-9 _.:/=+@-]*", r"[A-Za-z0-9 _.:/=+@-]{1,128}"
# AWS's own, and Rota's, which are on revisions.
RESERVED_TAGS = ("aws:", "rota:")
# What valueFrom takes, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html, but for the name of a
# parameter without a slash: a value that was written by mistake would look like one.
OF_MANAGER = r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+(:[^:]*:[^:]*:[^:]*)?"
PARAMETER = r"(arn:[a-z-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter)?/[A-Za-z0-9_./-]+"
ROLE = r"arn:[a-z-]+:iam::[0-9]{12}:role/.+"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EphemeralStorage.html; without the key it is 20
LEAST_STORAGE, MOST_STORAGE = 21, 200
RESOURCE_ID = r"[0-9a-z]{1,32}"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
MOST_SUBNETS, MOST_SECURITY_GROUPS = 16, 5
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_FlexibleTimeWindow.html, in minutes
LONGEST_WINDOW = 24 * 60
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html, task definition size
LARGEST_TASK_DEFINITION = 64 * 1024

# What each key takes, for messages: "write ...".
EXPECTED: Mapping[str, str] = {
    "$schema": "a string, the address of the JSON Schema",
    "defaults": 'an object, such as {"cpu": 512}',
    "before": 'an object, such as {"task": "migrate", "timeout": 30}',
    "after": 'an object, such as {"task": "smoke_test", "timeout": 5}',
    "timeout": "a whole number of minutes from 1 to 1440",
    "pause_tasks": "true or false, without quotes",
    "tasks": "a list of tasks, [{...}, {...}]",
    "name": "a string of letters, digits, dots, hyphens and underscores",
    "task": "a string of letters and digits, with . _ : - inside, such as spam_task",
    "command": 'a list of at least one string, such as ["python", "-m", "app.report"]',
    "cron": 'a string of six fields, such as "0 6 * * ? *"',
    "rate": 'a string, such as "5 minutes"',
    "schedule": 'a string, such as "cron(0 6 * * ? *)" or "rate(5 minutes)"',
    "at": 'a local time, such as "2027-01-31T07:00:00"',
    "timezone": 'a name of the IANA database, such as "Europe/Berlin"',
    "start": 'a time, such as "2027-01-31T07:00:00" or "2027-01-31T06:00:00Z"',
    "end": 'a time, such as "2027-12-31T18:00:00" or "2027-12-31T17:00:00Z"',
    "window": "a whole number of minutes from 1 to 1440",
    "enabled": "true or false, without quotes",
    "description": "a string of at most 512 characters",
    "cpu": f"one of Fargate's sizes, without quotes: {', '.join(map(str, FARGATE_MEMORY))}",
    "memory": "MiB in one of Fargate's sizes, without quotes, such as 512, 1024 or 2048",
    "environment": 'an object of strings, such as {"LOG_LEVEL": "debug"}',
    "count": "a whole number from 1 to 10",
    "retry": 'an object, such as {"attempts": 2, "age": 3600}',
    "attempts": "a whole number from 0 to 185",
    "age": "a whole number of seconds from 60 to 86400",
    "platform_version": '"LATEST" or a version in quotes, such as "1.4.0"',
    "watch": 'an object, such as {"grace": 600, "max_runtime": 3600, "tolerance": 1}',
    "grace": "a whole number of seconds from 0 to 86400",
    "max_runtime": "a whole number of seconds from 60 to 1209600",
    "tolerance": "a whole number from 0 to 100",
    "owner": 'a string of letters, digits and . _ @ - inside, such as "data-team"',
    "overlap": '"allow", "skip" or "replace"',
    "catch_up": 'false, "not_started", "missed" or "both"',
    "tags": 'an object of strings, such as {"cost-centre": "12"}',
    "propagate_tags": "true or false, without quotes",
    "enable_execute_command": "true or false, without quotes",
    "ephemeral_storage": "a whole number of GiB from 21 to 200",
    "secrets": 'an object of names in Secrets Manager (ARN) or SSM, such as {"DB_PASSWORD": "/shop/db-password"}',
    "role": 'the ARN of a role, such as "arn:aws:iam::111122223333:role/shop-report"',
    "subnets": 'a list of 1 to 16 subnets, such as ["subnet-0a1b2c3d"]',
    "security_groups": 'a list of 1 to 5 security groups, such as ["sg-0a1b2c3d"]',
    "assign_public_ip": "true or false, without quotes",
    "capacity_provider": '"FARGATE", "FARGATE_SPOT" or weights of them, such as {"FARGATE_SPOT": 3, "FARGATE": 1}',
}


# EventBridge's calendar begins in 1970.
_BEFORE_ALL_CRON = datetime(1970, 1, 1, tzinfo=UTC) - timedelta(minutes=1)


class ValidationContext(NamedTuple):
    """What a task is checked against beside its own content; pydantic passes it to the validators."""

    rule_prefix: str


def _rule_name(name: str, info: ValidationInfo) -> str:
    """Check the name that the rule will have, with its prefix."""
    prefix = info.context.rule_prefix if isinstance(info.context, ValidationContext) else ""
    problems = []
    if not re.fullmatch(RULE_NAME, name):
        problems.append(f"{quote(name)} cannot be part of a rule's name; write {EXPECTED['name']}")
    excess = len(prefix) + len(name) - LONGEST_RULE_NAME
    if excess > 0:
        of_prefix = f" and its prefix {prefix} {len(prefix)}" if prefix else ""
        problems.append(
            f"the name has {len(name)} characters{of_prefix}, {excess} more than EventBridge's {LONGEST_RULE_NAME} for "
            f"a rule; use at most {max(0, LONGEST_RULE_NAME - len(prefix))}"
        )
    if problems:
        raise ValueError("; and ".join(problems))
    return name


def _check_that_it_runs(fields: str) -> None:
    """A date in the past is fine: the next deployment must not fail because a one-off task has run."""
    if runs_every_month(fields):
        return
    from rota.schedule_file.next_runs import next_runs  # noqa: PLC0415  here, because few schedules need a calendar

    if not next_runs(When(f"cron({fields})"), _BEFORE_ALL_CRON, 1):
        raise ValueError(f"cron({fields}) never runs: no such date exists; write one that exists")


def _cron(text: str) -> str:
    fields = normalise_cron(text)
    _check_that_it_runs(fields)
    return fields


def _schedule(text: str) -> str:
    expression = normalise_expression(text)
    if expression.startswith("cron("):
        _check_that_it_runs(expression[len("cron(") : -1])
    return expression


def _timezone(name: str) -> str:
    if name != "UTC":
        from rota.schedule_file import zones  # noqa: PLC0415  here, because few files name a zone

        zones.zone(name)
    return name


def _local_time(text: str) -> str:
    from rota.schedule_file import moments  # noqa: PLC0415  here, because few files have times

    return moments.local_time(text)


def _moment(text: str) -> str:
    from rota.schedule_file import moments  # noqa: PLC0415  likewise

    return moments.moment(text)


def _fargate_memory(memory: int) -> int:
    if memory not in FARGATE_MEMORY_SIZES:
        raise ValueError(f"{memory} is not allowed; write {EXPECTED['memory']}")
    return memory


def _fits_task_definition(value: _Value) -> _Value:
    size = len(json.dumps(value))
    if size > LARGEST_TASK_DEFINITION:
        raise ValueError(
            f"has {size:,} characters, and ECS allows {LARGEST_TASK_DEFINITION:,} for a whole task definition; "
            "keep large values in S3, SSM or Secrets Manager"
        )
    return value


def _without_rotas_own(environment: dict[str, str]) -> dict[str, str]:
    if own := [name for name in VARIABLES if name in environment]:
        raise ValueError(f"Rota sets {' and '.join(own)} itself; give the variable another name")
    return environment


def _starts_with_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command[0].strip():
        raise ValueError('starts with an empty string, which no container can run; write the program first: ["python"]')
    return command


def _not_zero(value: _Value) -> _Value:
    """Python takes 0 for False."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} is not allowed; write {EXPECTED['catch_up']}")  # noqa: TRY004  pydantic takes these
    return value


def _weights(given: object) -> dict[str, int]:
    """A provider by its name has the weight 1, and at least one has more than 0, or ECS would start nothing."""
    weights = {given: 1} if isinstance(given, str) else given
    if not (
        isinstance(weights, dict)
        and weights.keys() <= CAPACITY_PROVIDERS
        and all(type(weight) is int and 0 <= weight <= HEAVIEST for weight in weights.values())
    ):
        raise ValueError(f"{quote(given)} is not allowed; write {EXPECTED['capacity_provider']}")
    if not any(weights.values()):
        raise ValueError("has no weight above 0, so ECS would start nothing; write a whole number from 1 to 1000")
    return weights


def _ids(key: str, prefix: str, most: int) -> BeforeValidator:
    """At least one ID of such resources."""

    def check(given: object) -> tuple[str, ...]:
        if not (
            isinstance(given, list | tuple)
            and 1 <= len(given) <= most
            and all(isinstance(each, str) and re.fullmatch(f"{prefix}-{RESOURCE_ID}", each) for each in given)
        ):
            raise ValueError(f"{quote(given)} is not allowed; write {EXPECTED[key]}")
        return tuple(given)

    return BeforeValidator(check)


def _as_ecs_takes(tags: dict[str, str]) -> dict[str, str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions"""
    if len(tags) > MOST_TAGS:
        raise ValueError(f"has {len(tags)} tags, and ECS takes {MOST_TAGS} at most; leave some out")
    for key, value in tags.items():
        if key.lower().startswith(RESERVED_TAGS):
            raise ValueError(f"{quote(key)} begins with {' or '.join(RESERVED_TAGS)}, which is not yours; rename it")
        if not re.fullmatch(TAG, value) or len(value) > LONGEST_TAG_VALUE:
            raise ValueError(
                f"the value of {quote(key)} is not one of a tag; write at most {LONGEST_TAG_VALUE} letters, digits, "
                "spaces and . _ : / = + @ -"
            )
    return tags


def _secrets(given: object) -> object:
    """Each variable with the name of a secret. A message does not show it: it may be a value that was meant for one."""
    if not isinstance(given, dict):
        raise ValueError(f"is no object; write {EXPECTED['secrets']}")  # noqa: TRY004  pydantic takes these
    for variable, name in given.items():
        if not (isinstance(variable, str) and re.fullmatch(VARIABLE, variable)) or invalid_text_reason(variable):
            raise ValueError(f"{quote(variable)} is not a name for a variable; write at least one character, and no =")
        if not (isinstance(name, str) and re.fullmatch(f"{OF_MANAGER}|{PARAMETER}", name)):
            raise ValueError(
                f"{quote(variable)} has no name of a secret; write the ARN of one in Secrets Manager or SSM, or the "
                "name of a parameter with a slash at the beginning; a value does not belong into this file"
            )
    return _without_rotas_own(given)


def _encodable(value: _Value) -> _Value:
    if isinstance(value, str) and (problem := invalid_text_reason(value)):
        raise ValueError(problem)
    return value


def _optional(description: str, *, ge: int | None = None, le: int | None = None) -> Any:
    """A key that is not in what Rota stores unless the file has it: the previous version of Rota, which may have to
    restore, may not know it, or not as null.
    """
    return Field(None, exclude_if=lambda given: given is None, description=description, ge=ge, le=le)


class _Model(BaseModel):
    # Strict: "yes" is not a boolean, and 1.0 is not a whole number. Messages quote values themselves, if at all.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Retry(_Model):
    """What EventBridge does when ECS does not accept the task. Default: 185 attempts, until the next run is near."""

    attempts: int = Field(185, ge=0, le=185, description="How often EventBridge tries again to start the task, 0-185.")
    age: int | None = _optional(
        "Seconds after which EventBridge gives up, 60-86400. Default: half of the shortest time between "
        "two runs, but 5 minutes at least and 6 hours at most; a day if Rota does not watch runs.",
        ge=60,
        le=86400,
    )


class Watch(_Model):
    """What is expected of each run. Default: it begins within the retry age and 5 minutes, and the first that fails is
    reported.
    """

    grace: int = Field(
        300,
        ge=0,
        le=86_400,
        description="Seconds after the retry age until a run that did not begin is missed, 0-86400.",
    )
    max_runtime: int | None = Field(
        None,
        ge=60,
        le=1_209_600,
        description="Seconds after which a run is reported as overlong, or with RunActions stop or both "
        "stopped, 60-1209600.",
    )
    tolerance: int = Field(
        0, ge=0, le=100, description="How many runs in a row may fail, or be missed, before that is reported, 0-100."
    )


# Before pydantic's own check, whose message about half a character would quote the string.
_Text = Annotated[str, BeforeValidator(_encodable)]
_Command = Annotated[
    tuple[_Text, ...],
    Field(strict=False, min_length=1),
    AfterValidator(_fits_task_definition),
    AfterValidator(_starts_with_a_program),
]
_Variable = Annotated[str, Field(pattern=f"^{VARIABLE}$")]
_Environment = Annotated[
    dict[_Variable, _Text], AfterValidator(_without_rotas_own), AfterValidator(_fits_task_definition)
]


_Tags = Annotated[dict[Annotated[str, Field(pattern=f"^{TAG_KEY}$")], _Text], AfterValidator(_as_ecs_takes)]


class _Named(_Model):
    name: Annotated[str, AfterValidator(_rule_name)] = Field(
        description="The task's name; with the rule prefix before it, the name of its rule or schedule in AWS."
    )


class _What(_Model):
    """What runs."""

    task: Annotated[str, Field(pattern=f"^{TASK_NAME}$", max_length=255)] | None = Field(
        None, description="The argument of the start command: ./bin/start spam_task."
    )
    command: _Command | None = Field(
        None, description="The container's whole command, instead of the start command and a task."
    )

    def command_line(self, start_command: tuple[str, ...]) -> tuple[str, ...]:
        """The command of the task's container."""
        return self.command or (*start_command, str(self.task))


class _Entry(_What, _Named):
    """What each task says itself."""

    cron: Annotated[str, AfterValidator(_cron)] | None = Field(
        None,
        description="Minutes, hours, day of month, month, day of week (1 is Sunday), year, in the task's time zone; "
        "one day field is ?.",
        examples=["0 6 * * ? *", "0/15 * * * ? *", "30 9 ? * MON-FRI *"],
    )
    rate: Annotated[str, AfterValidator(normalise_rate)] | None = Field(
        None,
        description="A rate, counted from its start, else from when its rule or schedule is created.",
        examples=["5 minutes", "1 hour", "7 days"],
    )
    schedule: Annotated[str, AfterValidator(_schedule)] | None = Field(
        None,
        description="EventBridge's full expression.",
        examples=["cron(0 6 * * ? *)", "rate(5 minutes)"],
    )
    at: Annotated[str, AfterValidator(_local_time)] | None = _optional(
        "The one time at which the task runs, in its time zone."
    )
    start: Annotated[str, AfterValidator(_moment)] | None = _optional(
        "The task does not run before it; a rate counts from it. Without an offset it is in the task's time zone."
    )
    end: Annotated[str, AfterValidator(_moment)] | None = _optional(
        "The task does not run after it. Without an offset it is in the task's time zone."
    )


class Container(_Model):
    """How ECS runs it: size, variables, network, role."""

    cpu: Literal[256, 512, 1024, 2048, 4096, 8192, 16384] | None = Field(
        None, description="CPU units of the task, 1024 to a vCPU. Default: as in the base task definition."
    )
    memory: Annotated[int, AfterValidator(_fargate_memory)] | None = Field(
        None, description="Memory of the task in MiB. Default: as in the base task definition."
    )
    environment: _Environment = Field(
        {}, description="Environment variables; they are added to those of the base task definition, or replace them."
    )
    platform_version: Annotated[str, Field(pattern=r"^(LATEST|[0-9]+\.[0-9]+\.[0-9]+)$")] | None = Field(
        None, description="Fargate's platform version. Default: the stack's.", examples=["LATEST", "1.4.0"]
    )
    capacity_provider: Annotated[dict[str, int], BeforeValidator(_weights)] | None = _optional(
        "On which capacity of Fargate the task runs, or in which proportion its copies are spread. "
        "FARGATE_SPOT costs less, and AWS may stop a run with two minutes' warning. Default: FARGATE.",
    )
    ephemeral_storage: int | None = _optional(
        "GiB of the task's disk, 21-200. Default: as in the base task definition, else 20.",
        ge=LEAST_STORAGE,
        le=MOST_STORAGE,
    )
    secrets: Annotated[dict[str, str], BeforeValidator(_secrets)] | None = _optional(
        "Environment variables whose values ECS reads from Secrets Manager or SSM; they are added to those "
        "of the base task definition, or replace them. Needs SecretsAllowed.",
    )
    role: Annotated[str, Field(pattern=f"^{ROLE}$")] | None = _optional(
        "The task role, one of TaskRoleArns. Default: that of the base task definition."
    )
    subnets: Annotated[tuple[str, ...], _ids("subnets", "subnet", MOST_SUBNETS)] | None = _optional(
        "In which subnets the task runs. Default: the stack's. Needs TaskNetworks any."
    )
    security_groups: Annotated[tuple[str, ...], _ids("security_groups", "sg", MOST_SECURITY_GROUPS)] | None = _optional(
        "The task's security groups. Default: the stack's. Needs TaskNetworks any."
    )
    assign_public_ip: bool | None = _optional(
        "Whether the task gets a public IP address. Default: as the stack says. Needs TaskNetworks any."
    )

    @property
    def network(self) -> dict[str, object]:
        """The keys that say in which network the task runs."""
        keys = ("subnets", "security_groups", "assign_public_ip")
        return {key: given for key in keys if (given := getattr(self, key)) is not None}

    @property
    def said_of_revision(self) -> dict[str, str]:
        """The keys that only a revision can say, in words."""
        said = {
            "ephemeral_storage": self.ephemeral_storage and f"{self.ephemeral_storage} GiB",
            "secrets": self.secrets and ", ".join(f"{name} from {at}" for name, at in sorted(self.secrets.items())),
            "role": self.role,
        }
        return {key: words for key, words in said.items() if words}


class Defaults(Container):
    """What holds for every task that does not say it itself."""

    enabled: bool = Field(True, description="false keeps the rule and stops its runs.")
    description: _Text = Field("", max_length=512, description="The rule's description in EventBridge.")
    timezone: Annotated[str, AfterValidator(_timezone)] | None = _optional(
        "The time zone of cron, at, start and end. Default: UTC."
    )
    window: int | None = _optional(
        "Minutes within which a run begins, after it is due, 1-1440, so that jobs of one time do not start at once.",
        ge=1,
        le=LONGEST_WINDOW,
    )
    count: int = Field(1, ge=1, le=MOST_COPIES, description="How many copies start at each run, 1-10.")
    retry: Retry | None = Field(None, description="What EventBridge does when ECS does not accept the task.")
    watch: Watch | None = _optional("What is expected of each run, where runs are watched.")
    owner: Annotated[str, Field(pattern=f"^{OWNER}$")] | None = _optional(
        "Who is notified of the job: messages have it as an attribute, by which a subscription can filter."
    )
    overlap: Literal["allow", "skip", "replace"] = Field(
        "allow",
        exclude_if=lambda given: given == "allow",
        description="What becomes of a run that is due while an earlier one runs: both run, it is skipped, or it "
        "replaces the earlier one. skip and replace need RunActions stop or both.",
    )
    catch_up: Annotated[Literal[False, "not_started", "missed", "both"], BeforeValidator(_not_zero)] = Field(
        False,
        exclude_if=lambda given: given is False,
        description="Which runs are started once more, late: those that ECS could not start, those that were missed, "
        "or both. Needs RunActions start or both.",
    )
    tags: _Tags | None = _optional("Tags of each run's ECS task, for costs and policies. Needs EventsRoleAllows tags.")
    propagate_tags: bool | None = _optional(
        "Whether each run's ECS task gets the tags of its revision too, which has those of the base task "
        "definition. Needs EventsRoleAllows tags.",
    )
    enable_execute_command: bool | None = _optional(
        "Whether people may run commands in the job's container, by ECS Exec. Needs EventsRoleAllows exec."
    )


class Task(Defaults, _Entry):
    """One entry of the schedule file: a name, what to run, when."""

    @model_validator(mode="after")
    def _without_conflicts(self) -> Self:
        problems = [f"{key}: {problem}" if key else problem for key, problem in conflicts(dict(self))]
        if problems:
            raise ValueError("; and ".join(problems))
        return self

    @property
    def expression(self) -> str:
        """The ScheduleExpression: `cron(0 6 * * ? *)`, `rate(5 minutes)` or `at(2027-01-31T07:00:00)`."""
        if self.cron:
            return f"cron({self.cron})"
        if self.at:
            return f"at({self.at})"
        return f"rate({self.rate})" if self.rate else str(self.schedule)

    @property
    def when(self) -> When:
        """When it is due, with its times in UTC."""
        timezone = self.timezone or "UTC"
        return When(self.expression, timezone, _utc(self.start, timezone), _utc(self.end, timezone), self.window or 0)

    @property
    def scheduler_keys(self) -> tuple[str, ...]:
        """The keys that no rule can say, so that the task is a schedule of EventBridge Scheduler."""
        return keys_of_scheduler({key: getattr(self, key) for key in _OF_SCHEDULER})

    @property
    def rights(self) -> dict[str, Literal["tags", "exec"]]:
        """The keys for which the role that starts the task needs a right of EventsRoleAllows."""
        keys: dict[str, Literal["tags", "exec"]] = {}
        if self.tags:
            keys["tags"] = "tags"
        if self.propagate_tags:
            keys["propagate_tags"] = "tags"
        if self.enable_execute_command:
            keys["enable_execute_command"] = "exec"
        return keys

    @property
    def parameters(self) -> dict[str, str]:
        """The keys that a parameter of the stack has to allow, each with its name; but for those of `actions`."""
        return dict.fromkeys(self.rights, "EventsRoleAllows") | _parameters(self)

    @property
    def actions(self) -> dict[str, Literal["stop", "start"]]:
        """The keys that have Rota stop or start a run of the task."""
        keys: dict[str, Literal["stop", "start"]] = {}
        if self.overlap != "allow":
            keys["overlap"] = "stop"
        if self.catch_up:
            keys["catch_up"] = "start"
        return keys


class OneOff(Container, _What):
    """What runs once in a deployment, with a revision of its own."""

    key: ClassVar[str] = ""
    """Of the schedule file."""

    @model_validator(mode="after")
    def _without_conflicts(self) -> Self:
        problems = [f"{key}: {problem}" if key else problem for key, problem in conflicts_of_one_off(dict(self))]
        if problems:
            raise ValueError("; and ".join(problems))
        return self

    @property
    def parameters(self) -> dict[str, str]:
        """The keys that a parameter of the stack has to allow, each with its name."""
        return _parameters(self)


class Before(OneOff):
    """A task of the new image that runs before anything is switched, such as a migration. Only if its exit code is 0
    the deployment continues.
    """

    key: ClassVar[str] = "before"

    timeout: int = Field(30, ge=1, le=LONGEST_TIMEOUT, description="Minutes after which it is stopped, 1-1440.")
    pause_tasks: bool = Field(
        False,
        description="Whether the app's jobs do not start while it runs, an hour at most; those that run continue.",
    )


class After(OneOff):
    """A task of the new image that runs when the service is complete, such as a smoke test. If it does not end with
    exit code 0, service and schedules are restored.
    """

    key: ClassVar[str] = "after"
    timeout: int = Field(10, ge=1, le=LONGEST_TIMEOUT, description="Minutes after which it is stopped, 1-1440.")


Runnable: TypeAlias = Task | OneOff
"""Whatever has a task definition of the app."""


class ScheduleFile(_Model):
    """Rota's schedule file: the tasks that should exist. An empty list removes every schedule."""

    schema_: str | None = Field(None, alias="$schema", description="The address of this schema, for editors.")
    defaults: Defaults | None = Field(
        None,
        description="Keys for every task that does not have them itself; environment and tags are merged by name.",
    )
    before: Before | None = _optional("What runs before anything is switched, such as a migration.")
    after: After | None = _optional("What runs when the service is complete, such as a smoke test.")
    tasks: Annotated[tuple[Task, ...], Field(strict=False)] = Field(description="The tasks that should exist.")

    @property
    def one_offs(self) -> "tuple[Before | After, ...]":
        """Those of `before` and `after` that the file has."""
        return tuple(each for each in (self.before, self.after) if each)


def _parameters(given: Container) -> dict[str, str]:
    keys = dict.fromkeys(given.network, "TaskNetworks") | ({"secrets": "SecretsAllowed"} if given.secrets else {})
    return keys | ({"role": "TaskRoleArns"} if given.role else {})


def _utc(moment: str | None, timezone: str) -> datetime | None:
    if moment is None:
        return None
    from rota.schedule_file.moments import instant_of  # noqa: PLC0415  here, because few files have times

    return instant_of(moment, timezone)


def merged(defaults: Mapping[str, object], entry: Mapping[str, object]) -> dict[str, object]:
    """A task as the file says it, with the defaults. What has names is merged by name; all else is replaced. A rate
    without dates has no time of day, and takes no time zone.
    """
    whole = {**defaults, **entry}
    if "timezone" in defaults and "timezone" not in entry:
        from rota.schedule_file.moments import has_no_time_of_day  # noqa: PLC0415  here, because few files name a zone

        if has_no_time_of_day(entry):
            del whole["timezone"]
    for key in MERGED_BY_NAME:
        default, own = defaults.get(key), entry.get(key)
        if isinstance(default, Mapping) and isinstance(own, Mapping):
            whole[key] = {**default, **own}
    return whole


def keys_of_scheduler(entry: Mapping[str, object]) -> tuple[str, ...]:
    """The keys of one task that no rule can say. The zone UTC is none of them."""
    return tuple(key for key in _OF_SCHEDULER if entry.get(key) not in (None, "UTC"))


def without_values(tags: Mapping[str, object]) -> Iterator[str]:
    """The tags that ECS takes and EventBridge Scheduler does not: its TagValue has at least one character, see
    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html.
    """
    for key, value in tags.items():
        if value == "":
            yield f"{quote(key)} has no value, which EventBridge Scheduler does not take; write one, or leave it out"


_SAYS_WHAT = (WHAT, "what to run", '"task": "spam_task" or "command": ["..."]')
_SAYS_WHEN = (
    WHEN,
    "when to run",
    '"cron": "0 6 * * ? *", "rate": "5 minutes", "schedule": "cron(...)" or "at": "2027-..."',
)


def conflicts(entry: Mapping[str, object], intended: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one task, whether or not each is right on its own: (key or "", message).

    A key that is `intended`, as the meaning of a misspelt one, is not missing.
    """
    yield from _missing_and_surplus(entry, intended, *_SAYS_WHAT)
    yield from _missing_and_surplus(entry, intended, *_SAYS_WHEN)
    if any(entry.get(key) is not None for key in ("timezone", "at", "start", "end")):
        from rota.schedule_file import moments  # noqa: PLC0415  here, because few files have times

        yield from moments.problems(entry)
    tags = entry.get("tags")
    if isinstance(tags, Mapping) and keys_of_scheduler(entry):
        yield from (("tags", problem) for problem in without_values(tags))
    yield from _conflicts_of_container(entry)


def conflicts_of_one_off(entry: Mapping[str, object], intended: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """The same of `before` or `after`."""
    yield from _missing_and_surplus(entry, intended, *_SAYS_WHAT)
    yield from _conflicts_of_container(entry)
    timeout = entry.get("timeout")
    if entry.get("pause_tasks") is True and isinstance(timeout, int) and LONGEST_PAUSE < timeout <= LONGEST_TIMEOUT:
        yield "timeout", f"with pause_tasks it is {LONGEST_PAUSE} minutes at most, for which no job starts"


def _missing_and_surplus(
    entry: Mapping[str, object], intended: Collection[str], keys: tuple[str, ...], purpose: str, example: str
) -> Iterator[tuple[str, str]]:
    """An entry has one of these keys."""
    given = [key for key in keys if entry.get(key) is not None]
    if not given and not set(keys) & set(intended):
        yield "", f"does not say {purpose}; add {example}"
    for surplus in given[1:]:
        yield surplus, f'cannot be combined with "{given[0]}", which also says {purpose}; keep one of the two'


def _conflicts_of_container(entry: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    environment, secrets = entry.get("environment"), entry.get("secrets")
    if isinstance(environment, Mapping) and isinstance(secrets, Mapping):
        for both in sorted(map(str, environment.keys() & secrets.keys())):
            yield "secrets", f"{quote(both)} is also in environment; keep it in one of the two"
    cpu, memory = entry.get("cpu"), entry.get("memory")
    offered = FARGATE_MEMORY.get(cpu) if isinstance(cpu, int) else None
    if offered and memory in FARGATE_MEMORY_SIZES and memory not in offered:
        yield (
            "memory",
            f"Fargate does not offer {memory} MiB with cpu {cpu}; write one of {', '.join(map(str, offered))}",
        )
