"""Which of the roles' permissions the scenarios need: a grant is used if a recorded request is denied without it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from examples.guestbook.client import Client
from stage.iam import policies
from stage.iam.evaluation import Permission, Statement, decide

Asked = Mapping[str, Iterable[Permission]]
"""The permissions that were checked, by the name of the role."""
ON_AWS_ALONE = {
    "logs:CreateLogGroup": "AWSLambdaBasicExecutionRole, which SAM attaches: Lambda writes a function's log with it",
    "logs:CreateLogStream": "AWSLambdaBasicExecutionRole",
    "logs:PutLogEvents": "AWSLambdaBasicExecutionRole",
    **dict.fromkeys(
        (
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ),
        "docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    ),
    **dict.fromkeys(
        (
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
        ),
        "AWSXrayWriteOnlyAccess, which SAM attaches for Tracing: docs.aws.amazon.com/step-functions/latest/dg/"
        "concepts-xray-tracing.html",
    ),
}
"""Permissions that AWS's services use out of the stage's sight, by the AWS page that requires them."""


@dataclass(frozen=True)
class Unused:
    """A grant that no request needs."""

    role: str
    action: str
    resource: str


def asked(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Permission]]:
    """The answer of `GET /_stage/iam` by role, each request once."""
    found: dict[str, dict[str, Permission]] = {}
    for record in records:
        context = {key: tuple(value) if isinstance(value, list) else value for key, value in record["context"].items()}
        permission = Permission(record["action"], record["resource"], context)
        role = record["caller"].split("/")[1]
        found.setdefault(role, {})[str(permission)] = permission
    return {role: list(permissions.values()) for role, permissions in found.items()}


def statements(stage: Client) -> dict[str, list[Statement]]:
    """The statements of the stack's roles by role, read from IAM's API."""
    iam = stage.client("iam")
    stack = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("rota-")]
    return {role: list(_of(iam, role)) for role in stack}


def _of(iam: Any, role: str) -> Iterator[Statement]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from policies.read(role, name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        yield from policies.read(role, policy["PolicyName"], document)


def unused(granted: Mapping[str, list[Statement]], requests: Asked) -> list[Unused]:
    """Every action on every resource of every statement that could be left out."""
    return [
        Unused(role, grant.actions[0], grant.resources[0])
        for role, all_of_role in granted.items()
        for grant, others in _each_left_out(all_of_role)
        if all(decide(others, permission).allowed for permission in requests.get(role, ()))
    ]


def _each_left_out(all_of_role: list[Statement]) -> Iterator[tuple[Statement, list[Statement]]]:
    grants = [grant for statement in all_of_role for grant in statement.grants()]
    for number, grant in enumerate(grants):
        yield grant, grants[:number] + grants[number + 1 :]


def needs(all_of_role: list[Statement], statement: Statement, requests: Iterable[Permission]) -> bool:
    """Whether one of these requests of the role is denied without the statement."""
    others = [each for each in all_of_role if each is not statement]
    return any(not decide(others, permission).allowed for permission in requests)


@contextmanager
def without(stage: Client, statement: Statement) -> Iterator[None]:
    """Remove a statement from its role's inline policy while the block runs."""
    iam, policy = stage.client("iam"), {"RoleName": statement.role, "PolicyName": statement.policy}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    left = [each for number, each in enumerate(document["Statement"]) if number != statement.number]
    if left:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": left}))
    else:
        iam.delete_role_policy(**policy)
    try:
        yield
    finally:
        # SAM writes the policy of the push's role without a version, which IAM's API refuses
        iam.put_role_policy(**policy, PolicyDocument=json.dumps({"Version": "2012-10-17", **document}))
