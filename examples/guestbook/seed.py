"""Creates what a user has in AWS before Rota's first deployment.

It goes through the gateway with boto3, as a user's own calls do, so that hooks see it. Only the image does not: it was
pushed before Rota was there, and its event must start no deployment.
"""

from typing import Any

import boto3

from examples.guestbook.app import App
from stage.ecr.images import put_image
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.moto.clients import ACCOUNT, REGION

FOREIGN_RULE = "billing-nightly-export"
"""A rule of another owner on the same bus; a deployment must not touch it."""


def create(app: App, endpoint: str, schedule: bytes, bucket: str) -> None:
    """Create the running app, its schedule file in `bucket` (none where that is empty), and a foreign rule."""

    def client(service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="user",
            aws_secret_access_key="user",  # noqa: S106 - not checked
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
