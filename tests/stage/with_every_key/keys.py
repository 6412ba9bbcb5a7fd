"""Every key of a task, with what it names in the account."""

from typing import Any

from stage.client import Client
from tests.stage.with_every_key.rights import ROLE

_GROUP = "report"
_TRUST = '{"Version": "2012-10-17", "Statement": []}'


def keys_of(stage: Client) -> dict[str, Any]:
    """Every key. What they name is made, where it is not there from before a reset."""
    ec2, iam = stage.client("ec2"), stage.client("iam")
    *_, subnet = ec2.describe_subnets()["Subnets"]
    groups = {each["GroupName"]: each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    if _GROUP not in groups:
        made = ec2.create_security_group(GroupName=_GROUP, Description=_GROUP, VpcId=subnet["VpcId"])
        groups[_GROUP] = made["GroupId"]
    if ROLE not in {each["Arn"] for each in iam.list_roles()["Roles"]}:
        iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=_TRUST)
    stage.client("ecs").put_cluster_capacity_providers(
        cluster=stage.names["cluster"],
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[],
    )
    stage.client("ssm").put_parameter(Name="/guestbook/key", Value="of-ssm", Type="SecureString", Overwrite=True)
    secrets = stage.client("secretsmanager").list_secrets()["SecretList"]
    (token,) = [each for each in secrets if each["Name"].startswith("guestbook/")]
    return {
        "capacity_provider": "FARGATE_SPOT",
        "subnets": [subnet["SubnetId"]],
        "security_groups": [groups[_GROUP]],
        "assign_public_ip": True,
        "tags": {"team": "data", "cost-centre": "12"},
        "propagate_tags": True,
        "enable_execute_command": True,
        "ephemeral_storage": 50,
        "secrets": {"TOKEN": token["ARN"], "KEY": "/guestbook/key"},
        "role": ROLE,
    }


def others(keys: dict[str, Any]) -> dict[str, Any]:
    """Every key again, most with another value."""
    return keys | {
        "capacity_provider": {"FARGATE": 1},
        "assign_public_ip": False,
        "tags": {"team": "ops"},
        "propagate_tags": False,
        "enable_execute_command": False,
        "ephemeral_storage": 60,
        "secrets": {"KEY": "/guestbook/key"},
    }
