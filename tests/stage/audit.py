"""Which of the roles' permissions the scenarios need: a grant is used if a recorded request is denied without it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stage.client import Client
from stage.iam import policies
from stage.iam.evaluation import Permission, Statement, decide

Asked = Mapping[str, Iterable[Permission]]
"""By the name of the role: the permissions that were asked for."""


@dataclass(frozen=True)
class Unused:
    """A grant that nothing asked for."""

    role: str
    action: str
    resource: str


def asked(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Permission]]:
    """What `GET /_stage/iam` tells, by role, each request once."""
    found: dict[str, dict[str, Permission]] = {}
    for record in records:
        context = {key: tuple(value) if isinstance(value, list) else value for key, value in record["context"].items()}
        permission = Permission(record["action"], record["resource"], context)
        role = record["caller"].split("/")[1]
        found.setdefault(role, {})[str(permission)] = permission
    return {role: list(permissions.values()) for role, permissions in found.items()}


def statements(stage: Client) -> dict[str, list[Statement]]:
    """The statements of every role of the stack, by role, as IAM's API tells them."""
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
