"""A stack of Rota, as one DescribeStacks shows it: whose app it is, and where everything of it is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rota.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_OF_ROTA = {"StateMachineArn", "LedgerTableName", "RulePrefix"}
"""A stack with these outputs is one of Rota."""
_GONE = ("DELETE_COMPLETE",)


@dataclass(frozen=True)
class Stack:
    """The parameters and outputs of a stack, and what follows from them."""

    name: str
    arn: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @cached_property
    def app(self) -> str:
        """`cluster/service`."""
        return f"{self.cluster}/{self.service}"

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def place(self, service: str) -> str:
        """How the ARNs of that service begin here: `arn:aws:ecs:eu-west-1:111122223333`."""
        return f"arn:{self.arn.split(':')[1]}:{service}:{self.region}:{self.account}"

    @property
    def cluster(self) -> str:
        return self.parameters["ClusterName"]

    @property
    def service(self) -> str:
        return self.parameters["ServiceName"]

    @property
    def family(self) -> str:
        return self.parameters["TaskDefinitionFamily"]

    @property
    def container(self) -> str:
        """The name of the container that jobs run."""
        return self.parameters["ContainerName"]

    @property
    def repository(self) -> str:
        return self.parameters["RepositoryName"]

    @property
    def rule_prefix(self) -> str:
        return self.outputs["RulePrefix"]

    @property
    def schedule_group(self) -> str:
        """The app's group in EventBridge Scheduler; empty in a stack of before there was one."""
        return self.outputs.get("ScheduleGroup", "")

    @property
    def machine(self) -> str:
        """The state machine's ARN."""
        return self.outputs["StateMachineArn"]

    @property
    def table(self) -> str:
        return self.outputs["LedgerTableName"]

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    @property
    def log_group(self) -> str:
        """Where Rota's functions log: LogGroup of the template."""
        return f"/rota/{self.name}/steps"

    @property
    def watches_runs(self) -> bool:
        return self.parameters.get("WatchRuns", "false") == "true"

    @property
    def version(self) -> str:
        """Rota's version; empty where the stack does not say it yet."""
        return self.outputs.get("Version", "")

    def execution(self, name: str) -> str:
        """The ARN of the execution of that name, or that ARN."""
        return name if name.startswith("arn:") else f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def listed(self, parameter: str) -> tuple[str, ...]:
        """The items of a list parameter."""
        return tuple(each.strip() for each in self.parameters.get(parameter, "").split(",") if each.strip())

    def __str__(self) -> str:
        return f"{self.app} ({self.name}, {self.region}, {self.account})"


def is_older(version: str, other: str) -> bool:
    """Whether a version of Rota, `0.1.0`, is older than another; False if the other is not known. Pure."""
    return bool(other) and _numbers(version) < _numbers(other)


def find(cloudformation: "CloudFormationClient", name: str | None) -> Stack:
    """The stack of that name; without one the only Rota stack of the Region.

    CommandError if there is none, or if there are several to choose from.
    """
    if name:
        return _named(cloudformation, name)
    stacks = every(cloudformation)
    if not stacks:
        region = cloudformation.meta.region_name
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"there is no Rota stack in {region}",
            "name the Region with --region, or create the stack: make deploy",
            error="NoStack",
        )
    if len(stacks) > 1:
        listed = "\n".join(f"  --stack {each.name:<30} {each.app}" for each in stacks)
        raise CommandError(
            Exit.MISUSED,
            f"there are {len(stacks)} Rota stacks in {stacks[0].region}:",
            "type one of these, or export ROTA_STACK",
            error="AmbiguousStack",
            listed=listed,
        )
    return stacks[0]


def every(cloudformation: "CloudFormationClient") -> list[Stack]:
    """Every Rota stack of the Region, by name."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    stacks = (_stack(each) for page in pages for each in page["Stacks"])
    return sorted((each for each in stacks if _is_rotas(each)), key=lambda stack: stack.name)


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)]


def _named(cloudformation: "CloudFormationClient", name: str) -> Stack:
    from botocore.exceptions import ClientError

    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no other code for a stack that is not there.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        found = []
    if not found:
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"there is no stack {name} in {cloudformation.meta.region_name}",
            _others(cloudformation),
            error="NoStack",
        )
    stack = _stack(found[0])
    if not _is_rotas(stack):
        lacking = ", ".join(sorted(_OF_ROTA - stack.outputs.keys()))
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"{name} is no stack of Rota: it has no output {lacking}" if lacking else f"{name} is {stack.status}",
            _others(cloudformation),
            error="NoStack",
        )
    return stack


def _others(cloudformation: "CloudFormationClient") -> str:
    """Which stacks could be meant, if that may be asked."""
    from botocore.exceptions import ClientError

    try:
        names = [each.name for each in every(cloudformation)]
    except ClientError:
        names = []
    return (
        f"the Rota stacks here are {', '.join(names)}"
        if names
        else "name the stack with --stack, the Region with --region"
    )


def _is_rotas(stack: Stack) -> bool:
    return stack.outputs.keys() >= _OF_ROTA and stack.status not in _GONE


def _stack(described: Mapping[str, Any]) -> Stack:
    return Stack(
        name=described["StackName"],
        arn=described["StackId"],
        status=described.get("StackStatus", ""),
        parameters=dict(_pairs(described.get("Parameters", ()), "Parameter")),
        outputs=dict(_pairs(described.get("Outputs", ()), "Output")),
    )


def _pairs(listed: Any, what: str) -> Iterator[tuple[str, str]]:
    for each in listed:
        yield each[f"{what}Key"], each.get(f"{what}Value", "")
