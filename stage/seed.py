"""The user's world: what a person has in AWS before Rota's first deployment, and how to get back to it.

It is made through the front door with boto3, as a person would make it, so the hooks see it. Only the image does not
come that way: it was pushed before there was Rota, and its event must start nothing.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.s3.models import FakeKey, s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from stage.direct import ACCOUNT, REGION
from stage.ecr import put_image
from stage.manifest import MEDIA_TYPE, manifest

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


class UsersWorld:
    """Makes the user's world at `endpoint`, and makes it anew."""

    def __init__(self, app: App, endpoint: str, schedule: Path) -> None:
        self._app = app
        self._endpoint = endpoint
        self._schedule = schedule
        self._bucket = self._table = ""
        self._secret = ""
        self._rules_of_the_stack: set[str] = set()
        self._client = cache(self._make_client)

    def prepare(self, bucket: str, table: str) -> None:
        """Make what stays as it is for the stage's life. Called once, when the stack is there."""
        self._bucket, self._table = bucket, table
        self._rules_of_the_stack = set(_rules())
        trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": '
        trust += '"ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
        for role in (self._app.task_role, self._app.execution_role):
            self._client("iam").create_role(RoleName=role.rpartition("/")[2], AssumeRolePolicyDocument=trust)
        self._client("logs").create_log_group(logGroupName=self._app.log_group)
        secret = self._client("secretsmanager").create_secret(Name="guestbook/admin-token", SecretString="let-me-in")
        self._secret = secret["ARN"]

    def make(self) -> None:
        """Make the app as it runs before the first push, and what shares the account with it."""
        app, ecs = self._app, self._client("ecs")
        self._client("ecr").create_repository(repositoryName=app.repository, imageTagMutability="MUTABLE")
        image = manifest("initial")
        request = {"repositoryName": app.repository, "imageManifest": image, "imageTag": "initial"}
        put_image({**request, "imageManifestMediaType": MEDIA_TYPE})
        ecs.create_cluster(clusterName=app.cluster)
        definition = ecs.register_task_definition(**self._task_definition())["taskDefinition"]
        ecs.create_service(
            cluster=app.cluster,
            serviceName=app.service,
            taskDefinition=definition["taskDefinitionArn"],
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": app.network},
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        )
        if self._bucket:
            self._client("s3").put_object(Bucket=self._bucket, Key=app.schedule_key, Body=self._schedule.read_bytes())
        self._client("events").put_rule(Name=FOREIGN_RULE, ScheduleExpression="cron(0 3 * * ? *)")

    def clear(self) -> None:
        """Take away all that deployments and people have made since the stage was ready."""
        ecs_backends[ACCOUNT][REGION].reset()
        ecr_backends[ACCOUNT][REGION].reset()
        events = events_backends[ACCOUNT][REGION]
        for name in set(_rules()) - self._rules_of_the_stack:
            events.tagger.delete_all_tags_for_resource(_rules().pop(name).arn)
        for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
            machine.executions.clear()
        if bucket := s3_backends[ACCOUNT]["aws"].buckets.get(self._bucket):
            for key in list(bucket.keys):
                # moto stumbles over the delete marker of a file that was taken away.
                bucket.keys.setlist(key, [each for each in bucket.keys.getlist(key) if isinstance(each, FakeKey)])
                bucket.keys.pop(key)
        if table := dynamodb_backends[ACCOUNT][REGION].tables.get(self._table):
            table.items.clear()
        for group in logs_backends[ACCOUNT][REGION].groups.values():
            group.streams.clear()
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            queue._messages.clear()  # purge_queue may be called once a minute only
            queue._pending_messages.clear()

    def _task_definition(self) -> dict[str, Any]:
        app, region = self._app, REGION
        logs = {"awslogs-group": app.log_group, "awslogs-region": region}
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
                    "image": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{app.repository}:initial",
                    "essential": True,
                    "command": ["./bin/start"],
                    "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
                    "environment": [{"name": "LOG_LEVEL", "value": "info"}],
                    "secrets": [{"name": "ADMIN_TOKEN", "valueFrom": self._secret}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {**logs, "awslogs-stream-prefix": app.container},
                    },
                },
                {
                    "name": "metrics",
                    "image": "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest",
                    "essential": False,
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {**logs, "awslogs-stream-prefix": "metrics"},
                    },
                },
            ],
            "tags": [{"key": "team", "value": "guestbook"}],
        }

    def _make_client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._endpoint,
            region_name=REGION,
            aws_access_key_id="user",
            aws_secret_access_key="user",  # noqa: S106 - nobody checks it
        )


def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = events_backends[ACCOUNT][REGION].event_buses["default"].rules
    return rules
