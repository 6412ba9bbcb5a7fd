"""What tasks need to start and to be watched: secrets, log groups, networks, capacity, queues and alarms.

What tasks name in the schedule file is looked at as what the service's revision and the stack's parameters name.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding
from rota.ecs.cluster import capacity_providers as capacity_providers_of
from rota.ecs.network import vpcs
from rota.errors import listed

if TYPE_CHECKING:
    from rota.cli.frame import Account

_PARAMETERS_PER_CALL = 20
_QUEUES = {
    "PushDeadLetterQueueUrl": ("push", "pushes", "started nothing: docs/operations.md, A push that starts nothing"),
    "UnrecordedRunsQueueUrl": (
        "run",
        "runs",
        "could not be recorded: docs/operations.md, Runs that could not be recorded",
    ),
}


_ALL = ""
"""In the place of a task's name: every task."""


def secrets(facts: Facts) -> Iterator[Finding]:
    """That each secret and parameter is there, and not about to be deleted. Their values are not read."""
    named: dict[str, dict[str, None]] = {}
    for container in facts.containers:
        for each in container.get("secrets", ()):
            named.setdefault(each["valueFrom"], {})[_ALL] = None
    for task in facts.demanding:
        for each in (task.secrets or {}).values():
            named.setdefault(each, {})[task.name] = None
    elsewhere = [each for each in named if not _is_here(facts, each)]
    of_manager = [each for each in named if ":secretsmanager:" in each and each not in elsewhere]
    of_ssm = [each for each in named if ":secretsmanager:" not in each and each not in elsewhere]
    manager, missing = facts.client("secretsmanager"), {}
    for arn in of_manager:
        try:
            if "DeletedDate" in manager.describe_secret(SecretId=":".join(arn.split(":")[:7])):
                missing[arn] = "is being deleted"
        except manager.exceptions.ResourceNotFoundException:
            missing[arn] = "is not there"
    for first in range(0, len(of_ssm), _PARAMETERS_PER_CALL):
        asked = of_ssm[first : first + _PARAMETERS_PER_CALL]
        # The ARNs of /name and name are the same.
        names = [form for each in asked for form in (f"/{_plain(each)}", _plain(each))]
        answer = facts.client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}])
        there = {each["Name"].lstrip("/") for each in answer["Parameters"]}
        missing |= {each: "is not there" for each in asked if _plain(each) not in there}
    for each, what in missing.items():
        yield Finding("secrets", "fail", f"{each} {what}: {_no_start(named[each])}")
    for each in elsewhere:
        yield Finding("secrets", "unknown", f"{each} is in another account or Region", "none")
    if named and not missing and not elsewhere:
        yield Finding("secrets", "ok", f"{len(named)} of {len(named)} are there")


def _is_here(facts: Facts, secret: str) -> bool:
    """Whether a secret, by its name or its ARN, is in the stack's account and Region."""
    return not secret.startswith("arn:") or secret.split(":")[3:5] == [facts.stack.region, facts.stack.account]


def _no_start(tasks: Collection[str]) -> str:
    return "no task would start" if _ALL in tasks else f"no run of {listed([*tasks])} would start"


def _plain(parameter: str) -> str:
    """The name of a parameter, which is given by its name or its ARN, without a slash at the beginning."""
    return parameter.rpartition(":parameter")[2].lstrip("/")


def log_groups(facts: Facts) -> Iterator[Finding]:
    logs = facts.client("logs")
    named = dict.fromkeys(
        each["options"]["awslogs-group"]
        for each in (container.get("logConfiguration", {}) for container in facts.containers)
        if each.get("logDriver") == "awslogs" and each["options"].get("awslogs-create-group") != "true"
    )
    for name in named:
        found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if any(each["logGroupName"] == name for each in found):
            yield Finding("log groups", "ok", f"{name} is there")
        else:
            yield Finding("log groups", "fail", f"there is no log group {name}: no task would start")


def network(facts: Facts) -> Iterator[Finding]:
    """Whether subnets and security groups are there, and each subnet has a way to ECR: an internet gateway with a
    public address, another route, or endpoints.
    """
    ec2, stack = facts.client("ec2"), facts.stack
    subnets: dict[tuple[str, bool], dict[str, None]] = {}
    groups: dict[str, dict[str, None]] = {}
    for name, its_subnets, its_groups, public in _networks(facts):
        for each in its_subnets:
            subnets.setdefault((each, public), {})[name] = None
        for each in its_groups:
            groups.setdefault(each, {})[name] = None
    there = vpcs(ec2, {subnet for subnet, _ in subnets}, groups)
    named = {subnet: tasks for (subnet, _), tasks in subnets.items()} | groups
    for each, tasks in named.items():
        if each not in there:
            yield Finding("networking", "fail", f"{each} is not there: {_no_start(tasks)}")

    @cache
    def tables(vpc: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = ec2.describe_route_tables(Filters=_in_vpc(vpc))["RouteTables"]
        return found

    @cache
    def endpoints(vpc: str) -> set[str]:
        found = ec2.describe_vpc_endpoints(Filters=_in_vpc(vpc))["VpcEndpoints"]
        return {each["ServiceName"].partition(f".{stack.region}.")[2] for each in found}

    for (subnet, public), tasks in subnets.items():
        if subnet not in there:
            continue
        where = subnet if _ALL in tasks else f"{subnet}, of {listed([*tasks])},"
        way = way_out(tables(there[subnet]), subnet)
        if (way == "an internet gateway" and public) or way == "another route":
            yield Finding("networking", "ok", f"{where} reaches ECR by {way}")
        elif {"ecr.api", "ecr.dkr", "s3"} <= endpoints(there[subnet]):
            yield Finding("networking", "ok", f"{where} reaches ECR by endpoints of the VPC")
        elif way == "an internet gateway":
            todo = "AssignPublicIp to ENABLED" if _ALL in tasks else "assign_public_ip to true"
            words = f"{where} has an internet gateway, and tasks get no public address: set {todo}"
            yield Finding("networking", "unknown", words)
        else:
            words = f"{where} shows no way to ECR: a NAT gateway, or the endpoints ecr.api, ecr.dkr and s3"
            yield Finding("networking", "unknown", words)


def _networks(facts: Facts) -> Iterator[tuple[str, Collection[str], Collection[str], bool]]:
    """Of all tasks and of each that has a network of its own: subnets, security groups, whether it gets an address."""
    stack = facts.stack
    subnets, groups = stack.listed("SubnetIds"), stack.listed("SecurityGroupIds")
    public = stack.parameters.get("AssignPublicIp") == "ENABLED"
    yield _ALL, subnets, groups, public
    for task in facts.demanding:
        if task.network:
            address = public if task.assign_public_ip is None else task.assign_public_ip
            yield task.name, task.subnets or subnets, task.security_groups or groups, address


def _in_vpc(vpc: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


def way_out(tables: list[Mapping[str, Any]], subnet: str) -> str:
    """By what a subnet's traffic leaves the VPC: `an internet gateway`, `another route`, or nothing. Pure."""

    def has(table: Mapping[str, Any], **wanted: Any) -> bool:
        return any(wanted.items() <= each.items() for each in table.get("Associations", ()))

    table = next((each for each in tables if has(each, SubnetId=subnet)), None)
    table = table or next((each for each in tables if has(each, Main=True)), {})
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State", "active") == "active":
            return "an internet gateway" if route.get("GatewayId", "").startswith("igw-") else "another route"
    return ""


def capacity_providers(facts: Facts) -> Iterator[Finding]:
    """That the cluster has those that tasks name."""
    named: dict[str, dict[str, None]] = {}
    for task in facts.demanding:
        for each in task.capacity_provider or ():
            named.setdefault(each, {})[task.name] = None
    if not named:
        return
    stack = facts.stack
    of_cluster = capacity_providers_of(facts.client("ecs"), stack.cluster)
    missing = [each for each in named if each not in of_cluster]
    for each in missing:
        words = f"the cluster {stack.cluster} does not have {each}: {_no_start(named[each])}"
        yield Finding("capacity", "fail", f"{words}; add it with aws ecs put-cluster-capacity-providers")
    if not missing:
        yield Finding("capacity", "ok", f"the cluster {stack.cluster} has {listed([*named])}")


def queues(account: "Account") -> Iterator[Finding]:
    """That Rota's own dead-letter queues are empty."""
    sqs = account.client("sqs")
    for output, (one, several, words) in _QUEUES.items():
        url = account.stack.outputs.get(output)
        if not url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        number = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        name = output.removesuffix("Url")
        what = f"{number} {one if number == 1 else several} that {words}"
        yield Finding("queues", "fail" if number else "ok", what if number else f"{name} is empty")


def alarms(account: "Account") -> Iterator[Finding]:
    """That no alarm of the stack rings."""
    name = account.stack.name
    pages = account.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{name}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    ringing = [alarm for alarm in found if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        yield Finding("alarms", "fail", f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}".rstrip(": "))
    if found and not ringing:
        yield Finding("alarms", "ok", f"{len(found)}, none rings")
    elif not found:
        yield Finding("alarms", "unknown", f"CloudWatch shows none whose name begins with {name}-", "none")
