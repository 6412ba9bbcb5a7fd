"""The guestbook's names in AWS, and the parameters of the template that follow from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto.ec2.models import ec2_backends

from stage.moto.clients import ACCOUNT, REGION

OWNER_TAG = "rota:app"
"""Its value on a rule or a revision is the app that owns it: `cluster/service`."""


@dataclass(frozen=True)
class App:
    """What is deployed and where it runs."""

    repository: str = "guestbook"
    cluster: str = "production"
    service: str = "guestbook-api"
    family: str = "guestbook"
    container: str = "app"
    rule_prefix: str = "production__guestbook__"
    schedule_key: str = "scheduled_tasks.json"
    task_role: str = f"arn:aws:iam::{ACCOUNT}:role/guestbook-task"
    execution_role: str = f"arn:aws:iam::{ACCOUNT}:role/guestbook-execution"
    log_group: str = "/ecs/guestbook"

    @cached_property
    def network(self) -> dict[str, Any]:
        """Two subnets and the security group of the account's default VPC, as ECS's `awsvpcConfiguration`."""
        ec2 = ec2_backends[ACCOUNT][REGION]  # not by the API: EC2's model is the largest of all and slow to load
        subnets = [subnet.id for subnet in ec2.describe_subnets()[:2]]
        groups = [group.id for group in ec2.describe_security_groups()[:1]]
        return {"subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED"}

    def parameters(self) -> dict[str, str]:
        """The parameters of the template that have no default, and those of which the guestbook needs another value."""
        return {
            "RepositoryName": self.repository,
            "ClusterName": self.cluster,
            "ServiceName": self.service,
            "TaskDefinitionFamily": self.family,
            "ContainerName": self.container,
            "RulePrefix": self.rule_prefix,
            "SubnetIds": ",".join(self.network["subnets"]),
            "SecurityGroupIds": ",".join(self.network["securityGroups"]),
            "TaskRoleArns": f"{self.task_role},{self.execution_role}",
            "ApiCommand": "",
            "ApiPort": "8000",
            "ScheduleKeys": self.schedule_key,
            "PoliciesForPeople": "true",
        }
