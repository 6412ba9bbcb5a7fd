"""The two items of the table that a person may read, change or delete: the lease and the releases."""

from typing import Any

from tests.guestbook import APP, ENVIRONMENT
from tests.in_process import client

Item = dict[str, Any]
"""An item's table and key, as arguments of DynamoDB's calls."""

LEASE: Item = {"TableName": ENVIRONMENT["TABLE"], "Key": {"app": {"S": APP}, "record": {"S": "lease"}}}
RELEASES: Item = {"TableName": ENVIRONMENT["TABLE"], "Key": {"app": {"S": APP}, "record": {"S": "releases"}}}


def read(item: Item) -> dict[str, Any]:
    """The attributes with DynamoDB's types; empty if there is no such item."""
    found: dict[str, Any] = client("dynamodb").get_item(**item).get("Item", {})
    return found


def change(item: Item, expression: str, **values: Any) -> None:
    """Update the item; the expression has a colon before the name of each value."""
    given = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    client("dynamodb").update_item(**item, UpdateExpression=expression, **given)


def delete(item: Item) -> None:
    """Delete the item, if it is there."""
    client("dynamodb").delete_item(**item)
