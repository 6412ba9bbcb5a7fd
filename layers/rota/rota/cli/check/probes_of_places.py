"""What tasks need to start and to be watched: secrets, log groups, the network, queues and alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding

_PARAMETERS_PER_CALL = 20
_QUEUES = {
    "PushDeadLetterQueueUrl": "pushes that started nothing: docs/operations.md, A push that starts nothing",
    "UnrecordedRunsQueueUrl": "runs that could not be recorded: docs/operations.md, Runs that could not be recorded",
}


def secrets(facts: Facts) -> Iterator[Finding]:
    """That each secret and parameter is there. Their values are not read."""
    named = dict.fromkeys(each["valueFrom"] for container in facts.containers for each in container.get("secrets", ()))
    of_manager = [each for each in named if ":secretsmanager:" in each]
    of_ssm = [each for each in named if each not in of_manager]
    manager, missing = facts.client("secretsmanager"), []
    for arn in of_manager:
        try:
            manager.describe_secret(SecretId=":".join(arn.split(":")[:7]))
        except manager.exceptions.ResourceNotFoundException:
            missing.append(arn)
    for first in range(0, len(of_ssm), _PARAMETERS_PER_CALL):
        asked = of_ssm[first : first + _PARAMETERS_PER_CALL]
        # The ARNs of /name and name are the same.
        names = [form for each in asked for form in (f"/{_plain(each)}", _plain(each))]
        answer = facts.client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}])
        there = {each["Name"].lstrip("/") for each in answer["Parameters"]}
        missing += [each for each in asked if _plain(each) not in there]
    for each in missing:
        yield Finding("secrets", "fail", f"{each} is not there: no task would start")
    if named and not missing:
        yield Finding("secrets", "ok", f"{len(named)} of {len(named)} are there")


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
    """Whether each subnet has a way to ECR: an internet gateway with a public address, another route, or endpoints."""
    ec2, public = facts.client("ec2"), facts.stack.parameters.get("AssignPublicIp") == "ENABLED"
    wanted = facts.stack.listed("SubnetIds")
    subnets = ec2.describe_subnets(SubnetIds=list(wanted))["Subnets"]
    for subnet in subnets:
        vpc = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}]
        tables = ec2.describe_route_tables(Filters=vpc)["RouteTables"]
        way = way_out(tables, subnet["SubnetId"])
        if (way == "an internet gateway" and public) or way == "another route":
            yield Finding("networking", "ok", f"{subnet['SubnetId']} reaches ECR by {way}")
            continue
        endpoints = ec2.describe_vpc_endpoints(Filters=vpc)["VpcEndpoints"]
        services = {each["ServiceName"].partition(f".{facts.stack.region}.")[2] for each in endpoints}
        if {"ecr.api", "ecr.dkr", "s3"} <= services:
            yield Finding("networking", "ok", f"{subnet['SubnetId']} reaches ECR by endpoints of the VPC")
        elif way == "an internet gateway":
            words = f"{subnet['SubnetId']} has an internet gateway, and tasks get no public address"
            yield Finding("networking", "unknown", f"{words}: set AssignPublicIp to ENABLED")
        else:
            words = f"{subnet['SubnetId']} shows no way to ECR: a NAT gateway, or the endpoints ecr.api, ecr.dkr and s3"
            yield Finding("networking", "unknown", words)


def way_out(tables: list[Mapping[str, Any]], subnet: str) -> str:
    """By what a subnet's traffic leaves the VPC: `an internet gateway`, `another route`, or nothing. Pure."""

    def of(table: Mapping[str, Any], **wanted: Any) -> bool:
        return any(wanted.items() <= each.items() for each in table.get("Associations", ()))

    table = next((each for each in tables if of(each, SubnetId=subnet)), None)
    table = table or next((each for each in tables if of(each, Main=True)), {})
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State", "active") == "active":
            return "an internet gateway" if route.get("GatewayId", "").startswith("igw-") else "another route"
    return ""


def queues(facts: Facts) -> Iterator[Finding]:
    sqs = facts.client("sqs")
    for output, words in _QUEUES.items():
        url = facts.stack.outputs.get(output)
        if not url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        number = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        name = output.removesuffix("Url")
        yield Finding("queues", "fail" if number else "ok", f"{number} {words}" if number else f"{name} is empty")


def alarms(facts: Facts) -> Iterator[Finding]:
    pages = facts.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{facts.stack.name}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    ringing = [alarm for alarm in found if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        yield Finding("alarms", "fail", f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}".rstrip(": "))
    if found and not ringing:
        yield Finding("alarms", "ok", f"{len(found)}, none rings")
    elif not found:
        yield Finding("alarms", "unknown", f"CloudWatch shows none whose name begins with {facts.stack.name}-", "none")
