"""The user's world: what a person has in AWS before Rota's first deployment.

It is made through the front door with boto3, as a person would make it, so the hooks see it. Only the image does not
come that way: it was pushed before there was Rota, and its event must start nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from moto.ec2.models import ec2_backends

from stage.ecr.images import put_image
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.moto.clients import ACCOUNT, REGION

FOREIGN_RULE = "billing-nightly-export"
"""Somebody else's rule on the same bus; nobody but its owner may touch it."""


@dataclass(frozen=True)
class App:
    """What is deployed, and where it runs: the names that the template's parameters are given."""

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
        ec2 = ec2_backends[ACCOUNT][REGION]  # not by the API: its model is the largest of all
        subnets = [subnet.id for subnet in ec2.describe_subnets()[:2]]
        groups = [group.id for group in ec2.describe_security_groups()[:1]]
        return {"subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED"}

    def parameters(self) -> dict[str, str]:
        """The parameters of the template that have no default."""
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
            "ScheduleKeys": self.schedule_key,
        }


def make(app: App, endpoint: str, schedule: bytes, bucket: str) -> None:
    """Make the app as it runs before the first push, with its schedule file in `bucket`, unless that is empty, and what
    shares the account with it.
    """

    def client(service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="user",
            aws_secret_access_key="user",  # noqa: S106 - nobody checks it
        )

    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": '
    trust += '"ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    iam = client("iam")
    for role in (app.task_role, app.execution_role):
        iam.create_role(RoleName=role.rpartition("/")[2], AssumeRolePolicyDocument=trust)
    client("logs").create_log_group(logGroupName=app.log_group)
    secret = client("secretsmanager").create_secret(Name="guestbook/admin-token", SecretString="let-me-in")["ARN"]
    client("ecr").create_repository(repositoryName=app.repository, imageTagMutability="MUTABLE")
    request = {"repositoryName": app.repository, "imageManifest": manifest("initial"), "imageTag": "initial"}
    put_image({**request, "imageManifestMediaType": MEDIA_TYPE})
    ecs = client("ecs")
    ecs.create_cluster(clusterName=app.cluster)
    definition = ecs.register_task_definition(**_task_definition(app, secret))["taskDefinition"]
    ecs.create_service(
        cluster=app.cluster,
        serviceName=app.service,
        taskDefinition=definition["taskDefinitionArn"],
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": app.network},
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )
    if bucket:
        client("s3").put_object(Bucket=bucket, Key=app.schedule_key, Body=schedule)
    client("events").put_rule(Name=FOREIGN_RULE, ScheduleExpression="cron(0 3 * * ? *)")


def _task_definition(app: App, secret: str) -> dict[str, Any]:
    logs = {"awslogs-group": app.log_group, "awslogs-region": REGION}
    return {
        "family": app.family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": app.task_role,
        "executionRoleArn": app.execution_role,
        "containerDefinitions": [
            {
                "name": app.container,
                "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{app.repository}:initial",
                "essential": True,
                "command": ["./bin/start"],
                "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
                "environment": [{"name": "LOG_LEVEL", "value": "info"}],
                "secrets": [{"name": "ADMIN_TOKEN", "valueFrom": secret}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {**logs, "awslogs-stream-prefix": app.container},
                },
            },
            {
                "name": "metrics",
                "image": "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest",
                "essential": False,
                "logConfiguration": {"logDriver": "awslogs", "options": {**logs, "awslogs-stream-prefix": "metrics"}},
            },
        ],
        "tags": [{"key": "team", "value": "guestbook"}],
    }
