"""Limits that AWS documents without the words in which it refuses what is beyond them.

The stage's words for them are its own: docs/stage.md marks them with a *.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, tried
from rota.cli.verify_account.resources import CLUSTER, FAMILY, ROLE, RULE
from rota.cli.verify_account.row import Row, Seen, probe

_CLIENT, _PARAMETER, _VALIDATION = "ClientException", "InvalidParameterException", "ValidationException"
_IMAGE = "public.ecr.aws/some/image:1"


@dataclass(frozen=True)
class Limit:
    """A call beyond a limit: the members that make it so, the error's code, and a part of its words."""

    rule: str
    operation: str
    change: Mapping[str, Any]
    code: str
    says: str


def _containers(*containers: Mapping[str, Any]) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": "app", "image": _IMAGE, **each} for each in containers]}


REGISTER, PUT, DESCRIBE, RUN = "RegisterTaskDefinition", "PutTargets", "DescribeServices", "RunTask"
LIMITS = (
    Limit(
        "at most 50 tags",
        REGISTER,
        {"tags": [{"key": str(number), "value": ""} for number in range(51)]},
        _PARAMETER,
        "Member must have length less than or equal to 50",
    ),
    Limit("a network mode is one of four", REGISTER, {"networkMode": "vpc"}, _PARAMETER, "enum value set"),
    Limit(
        "a family is letters, digits, - and _",
        REGISTER,
        {"family": "a b"},
        _CLIENT,
        "Family contains invalid characters",
    ),
    Limit("there is a container", REGISTER, {"containerDefinitions": []}, _CLIENT, "Container list cannot be empty."),
    Limit(
        "at most 10 containers",
        REGISTER,
        _containers(*({"name": f"c{number}"} for number in range(11))),
        _CLIENT,
        "at most 10",
    ),
    Limit("containers' names differ", REGISTER, _containers({}, {}), _CLIENT, "'app' is not"),
    Limit("one container is essential", REGISTER, _containers({"essential": False}), _CLIENT, "one essential"),
    Limit(
        "containers' memory is within the task's",
        REGISTER,
        _containers({"memory": 513}),
        _CLIENT,
        "The sum of the containers' 'memory'",
    ),
    Limit("containers' cpu is within the task's", REGISTER, _containers({"cpu": 257}), _CLIENT, "'cpu'"),
    Limit(
        "at most 10 services are described at once",
        DESCRIBE,
        {"services": [f"s{number}" for number in range(11)]},
        _PARAMETER,
        "services can have at most 10 items.",
    ),
    Limit("at most 10 tasks are started at once", RUN, {"count": 11}, _PARAMETER, "Count must be between 1 and 10."),
    Limit(
        "an ECS target has ECS parameters", PUT, {"EcsParameters": None}, _VALIDATION, "EcsParameters must be specified"
    ),
    Limit(
        "a launch type excludes capacity providers",
        PUT,
        {"EcsParameters": {"CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}},
        _VALIDATION,
        "LaunchType and CapacityProviderStrategy",
    ),
    Limit(
        "a platform version is for Fargate",
        PUT,
        {"EcsParameters": {"LaunchType": "EC2", "PlatformVersion": "1.4.0"}},
        _VALIDATION,
        "PlatformVersion must only be specified with LaunchType FARGATE",
    ),
    Limit(
        "a target has one kind of input",
        PUT,
        {"Input": "{}", "InputPath": "$.detail"},
        _VALIDATION,
        "Only one of Input, InputPath, or InputTransformer must be provided",
    ),
    Limit("tags do not begin with aws:", RUN, {"tags": [{"key": "AWS:x", "value": "1"}]}, _PARAMETER, "aws:"),
    Limit(
        "a dead-letter queue is a standard one",
        PUT,
        {"DeadLetterConfig": {"Arn": "late.fifo"}},
        _VALIDATION,
        "must name a standard SQS queue",
    ),
)


@probe(CLUSTER, FAMILY, ROLE, RULE, actions=("ecs:DescribeServices", "ecs:RunTask", "iam:PassRole"))
def beyond_limits(account: Account) -> list[tuple[Limit, str, str]]:
    """What each call beyond a limit is answered: the limit, the code, the words."""
    ask = _Calls(account)
    return [(limit, *tried(ask.call(limit))) for limit in LIMITS]


class _Calls:
    """The calls. None of them could start anything: a task needs a network, and the rule is disabled."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._cluster = resources.cluster(account)
        self._family = resources.named(account, FAMILY, "limits")
        resources.named(account, FAMILY, "limits a b")
        self._revision = resources.revision(account, self._family)
        self._rule = resources.rule(account, "limits", ScheduleExpression="rate(1 day)", State="DISABLED")

    def call(self, limit: Limit) -> Callable[[], object]:
        ecs, change = self._account.client("ecs"), dict(limit.change)
        match limit.operation:
            case "DescribeServices":
                return lambda: ecs.describe_services(cluster=self._cluster, **change)
            case "RunTask":
                task = {"cluster": self._cluster, "taskDefinition": self._revision, "launchType": "FARGATE"}
                return lambda: ecs.run_task(**task, **change)
            case "PutTargets":
                return lambda: self._put_target(change)
        if "family" in change:
            change["family"] = f"{self._family} {change['family']}"
        return lambda: ecs.register_task_definition(**resources.definition(self._account, self._family, **change))

    def _put_target(self, change: dict[str, Any]) -> None:
        usual = resources.task_target(self._account, self._revision)
        target = {**usual, **change}
        match change:
            case {"EcsParameters": None}:
                del target["EcsParameters"]
            case {"EcsParameters": more}:
                target["EcsParameters"] = {**usual["EcsParameters"], **more}
            case {"DeadLetterConfig": {"Arn": queue}}:
                target["DeadLetterConfig"] = {"Arn": self._account.arn("sqs", self._account.name(queue))}
        resources.put_targets(self._account, self._rule, target)


def _read(answers: list[tuple[Limit, str, str]]) -> Seen:
    others = [
        f"{limit.operation}, {limit.rule}: {code} {words}".strip()
        for limit, code, words in answers
        if code != limit.code or limit.says not in words
    ]
    return Seen(f"{len(answers) - len(others)} of {len(answers)}", "; ".join(others))


ROWS = (
    Row(
        id="limit-words",
        group="free",
        assumption="AWS refuses what is beyond a documented limit in the words that the stage has for it.",
        expected=f"{len(LIMITS)} of {len(LIMITS)}",
        meaning="A cause has other words; Rota goes by the code.",
        then="Nothing.",
        probe=beyond_limits,
        read=_read,
    ),
)
