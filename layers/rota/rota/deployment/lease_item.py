"""The item of the ledger table that an app's lease is: one change under a condition, and what stands in it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.contract import Execution
    from rota.settings import Settings


def change(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: "Execution",
    update: str,
    condition: str,
    values: dict[str, Any],
    names: dict[str, str] | None = None,
) -> dict[str, Any] | None:
    """Change the lease under a condition, in both of which `:me` is the execution. None, or the lease as it is."""
    named: Any = {"ExpressionAttributeNames": names} if names else {}
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=key(settings),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={":me": {"S": execution.id}, **values},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **named,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        lease: dict[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
        return lease
    return None


def text(lease: Mapping[str, Any], name: str) -> str:
    return str(lease.get(name, {}).get("S", ""))


def at_work(lease: Mapping[str, Any]) -> list[str]:
    """The invocations whose time is not up yet."""
    return [each for each, end in lease["at_work"]["M"].items() if float(end["N"]) > now()]


def key(settings: "Settings") -> dict[str, Any]:
    return {"app": {"S": settings.app}, "record": {"S": "lease"}}


def now() -> float:
    return datetime.now(UTC).timestamp()
