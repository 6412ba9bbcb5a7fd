"""The app's history: one entry per deployment in the ledger table, partition key `app`, sort key `record`.

One query of the partition, newest first, reads it; the lease of the same app lies beside it.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota.contract import Execution, Image, Outcome, Shape, Stored
from rota.errors import OvertakenError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Not how a deployment ends, but what is known of one while, or because, it could not be put back.
_RESTORING = "restoring"


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
    """How the deployment ended, if that was written already, be it by another version of Rota."""
    found = dynamodb.get_item(TableName=settings.table, Key=_key(settings, execution), ConsistentRead=True).get("Item")
    return _ended(found or {})


def begin_restoring(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, entry: Entry, now: datetime
) -> Entry | None:
    """Write that the deployment is being put back, with what `entry` tells of it so far; how it ended if it has.

    From here on it cannot end as deployed, whoever is still about to write that. Where putting back is given up, this
    stays.
    """
    return _put(dynamodb, settings, execution, entry, now, outcome=_RESTORING)


def write(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, entry: Entry, finished_at: datetime
) -> Entry:
    """Write how the deployment ended, once; returns the entry that stands, which may be that of an earlier attempt.

    OvertakenError if a deployment that is being put back was to be written as one that went well.
    """
    found = _put(dynamodb, settings, execution, entry, finished_at, outcome=entry.outcome)
    return found or entry


def _put(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, entry: Entry, now: datetime, outcome: str
) -> Entry | None:
    """Put the item if the deployment has not ended. None, or how it has ended."""
    fields = {
        "execution": execution.id,
        "started_at": execution.started_at.isoformat(),
        "finished_at": "" if outcome == _RESTORING else now.isoformat(),
        "outcome": outcome,
        "summary": entry.summary,
        "cause": entry.cause,
    }
    if entry.image:
        fields |= {"digest": entry.image.digest, "tag": entry.image.tag or "", "event_id": entry.image.event_id or ""}
        # Step Functions does not tell which person it was; CloudTrail does.
        fields["started_by"] = "push" if entry.image.started(execution.name) else "by hand"
    if entry.schedule:
        fields |= {"schedule_key": entry.schedule.key, "schedule_version": entry.schedule.version_id}
    item: dict[str, Any] = {name: {"S": value} for name, value in fields.items() if value}
    item["expires_at"] = {"N": str(int((now + timedelta(days=settings.history_days)).timestamp()))}
    item["entry"] = {"S": entry.model_dump_json()}
    well = outcome in ("deployed", "nothing to do")
    values: dict[str, Any] = {} if well else {"ExpressionAttributeValues": {":restoring": {"S": _RESTORING}}}
    try:
        dynamodb.put_item(
            TableName=settings.table,
            Item=_key(settings, execution) | item,
            ConditionExpression="attribute_not_exists(app)" + ("" if well else " OR outcome = :restoring"),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **values,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        there: dict[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
        if (ended := _ended(there)) is None:
            raise OvertakenError("this deployment is being put back") from error
        return ended
    return None


def _ended(item: dict[str, Any]) -> Entry | None:
    """How the deployment of an item has ended; None if there is none, or one that is being put back."""
    if not item or item["outcome"]["S"] == _RESTORING:
        return None
    return Entry.model_validate_json(item["entry"]["S"], extra="ignore")


def claim_notification(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, durations: str
) -> str | None:
    """A claim for the one who is to tell the world of the outcome; the entry then also says how long each step took.

    A function that dies between this and the event leaves the world untold, which is rarer and milder than being told
    twice; a failure is also told by the alarm on failed executions.
    """
    claim = str(uuid.uuid4())  # with which the SDK tries again where the answer was lost
    try:
        _mark(
            dynamodb,
            settings,
            execution,
            "SET announced = :claim, durations = :durations",
            "attribute_not_exists(announced) OR announced = :claim",
            {":claim": {"S": claim}, ":durations": {"S": durations}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return claim


def release_notification(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, claim: str) -> None:
    """The world could not be told; the next attempt may."""
    ours = "attribute_not_exists(announced) OR announced = :claim"
    _mark(dynamodb, settings, execution, "REMOVE announced", ours, {":claim": {"S": claim}})


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
        ExpressionAttributeValues=values,
    )


def _key(settings: "Settings", execution: Execution) -> dict[str, Any]:
    started = execution.started_at.astimezone(UTC).isoformat(timespec="microseconds")
    return {"app": {"S": settings.app}, "record": {"S": f"deployment#{started}#{execution.name}"}}
