"""What a user has in AWS before Rota is deployed: created by calls, once in a process."""

import json
from contextlib import suppress
from typing import Any

from moto.ecr.exceptions import ImageAlreadyExistsException
from moto.ecr.models import ecr_backends

from tests.guestbook import ACCOUNT, CLUSTER_ARN, CONTENT, DIGEST, ENVIRONMENT, PREFIX, REGION, arn
from tests.in_process import client

FOREIGN = ("billing-nightly-export", PREFIX + "ByHand")
SCHEDULE = {
    "tasks": [
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"},
        {"name": "RemoveSpam", "task": "spam_task", "rate": "15 minutes"},
    ]
}
_MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}


def create() -> None:
    """A cluster with a running service, a repository with an image, a bucket, a table, and foreign rules."""
    _create_app()
    _create_storage()
    client("scheduler").create_schedule_group(Name=ENVIRONMENT["SCHEDULE_GROUP"])
    for name in FOREIGN:
        client("events").put_rule(Name=name, ScheduleExpression="cron(0 2 * * ? *)", Description="not Rota's")
        other = {
            "Id": "1",
            "Arn": CLUSTER_ARN + "-2",
            "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"],
            "EcsParameters": {"TaskDefinitionArn": arn(1, "billing")},
        }
        client("events").put_targets(Rule=name, Targets=[other])


def push(digest: str, tag: str) -> None:
    """Put an image into the repository, if it is not there. Its digest is not its manifest's, as ECR's would be."""
    manifest = json.dumps(_MANIFEST | {"annotations": {"digest": digest}})
    with suppress(ImageAlreadyExistsException):
        ecr_backends[ACCOUNT][REGION].put_image("guestbook", manifest, tag, digest=digest)


def upload(schedule: dict[str, Any] | bytes, key: str = "scheduled_tasks.json") -> str:
    """Put a schedule file into the bucket. Returns its version."""
    body = schedule if isinstance(schedule, bytes) else json.dumps(schedule).encode()
    version: str = client("s3").put_object(Bucket=ENVIRONMENT["BUCKET"], Key=key, Body=body)["VersionId"]
    return version


def _create_app() -> None:
    ecs = client("ecs")
    ecs.create_cluster(clusterName="production")
    ecs.register_task_definition(**CONTENT, tags=[{"key": "team", "value": "books"}])
    ecs.create_service(
        cluster="production",
        serviceName="guestbook-api",
        taskDefinition="guestbook",
        desiredCount=2,
        launchType="FARGATE",
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )
    client("ecr").create_repository(repositoryName="guestbook")
    push(DIGEST, "5d0c6a1")


def _create_storage() -> None:
    client("s3").create_bucket(Bucket=ENVIRONMENT["BUCKET"])
    client("s3").put_bucket_versioning(Bucket=ENVIRONMENT["BUCKET"], VersioningConfiguration={"Status": "Enabled"})
    upload(SCHEDULE)
    keys = {"app": "HASH", "record": "RANGE"}
    client("dynamodb").create_table(
        TableName=ENVIRONMENT["TABLE"],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
