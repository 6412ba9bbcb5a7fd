"""The app's lease and its history, in one DynamoDB table: partition key `app`, sort key `record`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from rota.models import Execution, Image, Shape, Stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

_LEASE = "lease"
Outcome = Literal["deployed", "nothing to do", "failed", "overtaken"]


class Turn(Shape):
    """Whether a deployment may go on now, and why."""

    decision: Literal["go", "wait", "overtaken"]
    reason: str


class Entry(Shape):
    """What the ledger keeps of a deployment."""

    outcome: Outcome
    image: Image | None
    schedule: Stored | None
    summary: str
    cause: str = ""


def take_turn(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, runs: Callable[[str], bool]
) -> Turn:
    """Take the app's lease for `execution`, or say why not. Taking it again is as good as having it.

    Of several deployments the one started last goes; `runs` tells of an execution's ARN whether it is still running,
    so that the lease of one that died is taken over.
    """
    found = _try_to_take(dynamodb, settings, execution, "attribute_not_exists(holder) OR holder = :me")
    if found is None:
        return Turn(decision="go", reason="the lease was free")
    if found.get("newest", "") > _order(execution):
        return Turn(decision="overtaken", reason="a newer deployment of this app has arrived")
    holder = found["holder"]
    if runs(holder):
        _announce_waiting(dynamodb, settings, execution)
        return Turn(decision="wait", reason=f"{_name(holder)} is deploying")
    if _try_to_take(dynamodb, settings, execution, "holder = :holder", holder) is None:
        return Turn(decision="go", reason=f"{_name(holder)} held the lease and has ended")
    return Turn(decision="wait", reason="the lease has just changed hands")


def give_back(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> None:
    """Release the lease if this execution holds it."""
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings, _LEASE),
            UpdateExpression="REMOVE holder",
            ConditionExpression="holder = :me",
            ExpressionAttributeValues={":me": {"S": execution.id}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # given back already, or taken over from us


def write(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, entry: Entry, finished_at: datetime
) -> None:
    """Write the deployment's entry; written again it is the same entry."""
    fields = {
        "execution": execution.id,
        "started_at": execution.started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        "outcome": entry.outcome,
        "summary": entry.summary,
        "cause": entry.cause,
    }
    if entry.image:
        fields |= {"digest": entry.image.digest, "tag": entry.image.tag or "", "event_id": entry.image.event_id or ""}
    if entry.schedule:
        fields |= {"schedule_key": entry.schedule.key, "schedule_version": entry.schedule.version_id}
    expires = finished_at + timedelta(days=settings.history_days)
    item: dict[str, Any] = {name: {"S": value} for name, value in fields.items() if value}
    item["expires_at"] = {"N": str(int(expires.timestamp()))}
    dynamodb.put_item(TableName=settings.table, Item=_key(settings, f"deployment#{_order(execution)}") | item)


def _try_to_take(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, condition: str, holder: str | None = None
) -> dict[str, str] | None:
    """None if the lease is taken, otherwise what stands in it."""
    values = {":me": {"S": execution.id}, ":order": {"S": _order(execution)}}
    if holder is not None:
        values[":holder"] = {"S": holder}
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings, _LEASE),
            UpdateExpression="SET holder = :me, newest = :order",
            ConditionExpression=f"({condition}) AND (attribute_not_exists(newest) OR newest <= :order)",
            ExpressionAttributeValues=values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        lease: dict[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
        return {name: value["S"] for name, value in lease.items() if "S" in value}
    return None


def _announce_waiting(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> None:
    """Let older deployments that wait too know that they need wait no longer."""
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings, _LEASE),
            UpdateExpression="SET newest = :order",
            ConditionExpression="attribute_not_exists(newest) OR newest < :order",
            ExpressionAttributeValues={":order": {"S": _order(execution)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # announced already, or a newer one waits


def _key(settings: "Settings", record: str) -> dict[str, Any]:
    return {"app": {"S": settings.app}, "record": {"S": record}}


def _order(execution: Execution) -> str:
    return f"{execution.started_at.isoformat(timespec='microseconds')}#{execution.name}"


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[1]
