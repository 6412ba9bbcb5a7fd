"""Tasks as ECS reports them, and the messages of the queue in which RecordRun finds them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.guestbook import ACCOUNT, IMAGE_URI, REGION

TASK_ID = "b43cbf35a2f54c4fa4b7d1a6e0f3c9d2"
DUE = datetime(2026, 3, 1, 6, tzinfo=UTC)
CREATED = DUE + timedelta(seconds=28.849)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def detail(
    status: str = "STOPPED",
    *,
    exit_code: int | None = 0,
    task: str | None = "IngestData",
    scheduled_at: datetime | None = None,
    created: datetime = CREATED,
    seconds: float = 7,
    starts: bool = True,
    rule: str = "production__guestbook__IngestData",
    **more: Any,
) -> dict[str, Any]:
    """The `detail` of an *ECS Task State Change*, in the shape of one that was recorded: a Fargate task of a rule."""
    names = {"ROTA_TASK": task, "ROTA_SCHEDULED_AT": scheduled_at and iso(scheduled_at)}
    environment = [{"name": name, "value": value} for name, value in names.items() if value]
    version = {"PROVISIONING": 1, "PENDING": 2, "RUNNING": 3, "DEPROVISIONING": 4, "STOPPED": 5}[status]
    container: dict[str, Any] = {"name": "app", "lastStatus": status, "image": IMAGE_URI, "cpu": "0"}
    members: dict[str, Any] = {
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/production",
        "createdAt": iso(created),
        "launchType": "FARGATE",
        "desiredStatus": "RUNNING",
        "group": "family:guestbook",
        "lastStatus": status,
        "overrides": {"containerOverrides": [{"name": "app", "environment": environment}]},
        "startedBy": f"events-rule/{rule}"[:36],
        "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/production/{TASK_ID}",
        "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/guestbook:6",
        "version": version,
    }
    began = created + timedelta(seconds=30)
    if starts and version >= 3:
        members["startedAt"] = iso(began)
    if version >= 4:
        members |= {"desiredStatus": "STOPPED", "stopCode": "EssentialContainerExited"}
        members["stoppedReason"] = "Essential container in task exited"
        if starts:
            ended = began + timedelta(seconds=seconds)
            members["executionStoppedAt"] = ended.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        if exit_code is not None and starts:
            container["exitCode"] = exit_code
    if version == 5:
        members["stoppedAt"] = iso(began + timedelta(seconds=seconds + 23))
    container |= more.pop("container", {})
    return {**members, "containers": [container], **more}


def message(detail: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A record of SQS with an event about a task."""
    event = {
        "version": "0",
        "id": f"event-{number}",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2026-03-01T06:01:38Z",
        "region": REGION,
        "resources": [detail["taskArn"]],
        "detail": detail,
    }
    return _record(json.dumps(event), number)


def dead_letter(
    rule: str = "production__guestbook__IngestData",
    *,
    code: str = "NO_PERMISSIONS",
    text: str = "not authorized to perform: ecs:RunTask",
    body: str | None = None,
    retries: int = 0,
    exhausted: str | None = None,
    sent: datetime = CREATED,
    number: int = 1,
) -> dict[str, Any]:
    """A record of SQS with a start that EventBridge gave up: every attribute that AWS documents."""
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}"
    attributes = {
        "RULE_ARN": f"{bus}:rule/{rule}",
        "TARGET_ARN": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/production",
        "ERROR_CODE": code,
        "ERROR_MESSAGE": text,
        "RETRY_ATTEMPTS": str(retries),
        **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
    }
    event = {"detail-type": "Scheduled Event", "source": "aws.events", "time": "2026-03-01T06:00:00Z", "detail": {}}
    return _letter(json.dumps(event) if body is None else body, attributes, number, sent)


def dead_letter_of_schedule(
    arn: str, at: datetime, execution: str, *, code: str, text: str, exhausted: str | None, sent: datetime
) -> dict[str, Any]:
    """The same of what EventBridge Scheduler gave up."""
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": text,
        "EXECUTION_ID": execution,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": "arn:aws:scheduler:::aws-sdk:ecs:runTask",
        **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
    }
    return _letter("{}", attributes, 1, sent)


def _letter(body: str, attributes: dict[str, str], number: int, sent: datetime) -> dict[str, Any]:
    record = _record(body, number, sent)
    record["messageAttributes"] = {
        name: {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        for name, value in attributes.items()
    }
    return record


def _record(body: str, number: int, sent: datetime = CREATED) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "AQEB",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(sent.timestamp() * 1000)),
            "SenderId": "AIDA",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:rota-RunQueue-1A2B3C4D5E6F",
        "awsRegion": REGION,
    }
