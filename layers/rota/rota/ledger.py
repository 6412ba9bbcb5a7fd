"""The app's history: one entry per deployment in the ledger table, partition key `app`, sort key `record`.

One query of the partition, newest first, reads it; the lease of the same app lies beside it.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota.models import Execution, Image, Outcome, Shape, Stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings


class Entry(Shape):
    """What the ledger keeps of a deployment."""

    outcome: Outcome
    image: Image | None
    schedule: Stored | None
    summary: str
    cause: str = ""
    tasks: int | None = None
    """How many the schedule file has; None if it was not read."""


def find(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> Entry | None:
    """The deployment's entry, if it was written already, be it by another version of Rota."""
    found = dynamodb.get_item(TableName=settings.table, Key=_key(settings, execution), ConsistentRead=True).get("Item")
    return Entry.model_validate_json(found["entry"]["S"], extra="ignore") if found else None


def write(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, entry: Entry, finished_at: datetime
) -> None:
    """Write the deployment's entry, once: it is what decides how the deployment ended."""
    fields = {
        "execution": execution.id,
        "started_at": execution.started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        **entry.model_dump(mode="json", include={"outcome", "summary", "cause"}),
    }
    if entry.image:
        fields |= {"digest": entry.image.digest, "tag": entry.image.tag, "event_id": entry.image.event_id}
        # Step Functions does not tell which person it was; CloudTrail does.
        fields["started_by"] = "push" if entry.image.started(execution) else "by hand"
    if entry.schedule:
        fields |= {"schedule_key": entry.schedule.key, "schedule_version": entry.schedule.version_id}
    item: dict[str, Any] = {name: {"S": value} for name, value in fields.items() if value}
    item["expires_at"] = {"N": str(int((finished_at + timedelta(days=settings.history_days)).timestamp()))}
    item["entry"] = {"S": entry.model_dump_json()}
    try:
        dynamodb.put_item(
            TableName=settings.table,
            Item=_key(settings, execution) | item,
            ConditionExpression="attribute_not_exists(app)",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # an earlier attempt wrote it, and its reply was lost


def claim_news(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, durations: str) -> bool:
    """True for the one who is to tell the world of the outcome; the entry then also says how long each step took.

    A function that dies between this and the event leaves the world untold, which is rarer and milder than being told
    twice; a failure is also told by the alarm on failed executions.
    """
    try:
        _mark(
            dynamodb,
            settings,
            execution,
            "SET announced = :yes, durations = :durations",
            "attribute_not_exists(announced)",
            {":durations": {"S": durations}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def return_news(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> None:
    """The world could not be told; the next attempt may."""
    _mark(dynamodb, settings, execution, "REMOVE announced", "announced = :yes", {})


def _mark(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    update: str,
    condition: str,
    values: dict[str, Any],
) -> None:
    dynamodb.update_item(
        TableName=settings.table,
        Key=_key(settings, execution),
        UpdateExpression=update,
        ConditionExpression=condition,
        ExpressionAttributeValues={":yes": {"BOOL": True}, **values},
    )


def _key(settings: "Settings", execution: Execution) -> dict[str, Any]:
    started = execution.started_at.astimezone(UTC).isoformat(timespec="microseconds")
    return {"app": {"S": settings.app}, "record": {"S": f"deployment#{started}#{execution.name}"}}
