"""DynamoDB deletes items whose time has come.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html: within days on AWS, here as soon as the stage's clock
is moved beyond it.
"""

from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from stage import clock
from stage.moto.clients import ACCOUNT, REGION


def keep_expiry(table: Table, properties: Mapping[str, Any]) -> None:
    """Set the attribute that a stack's template names; moto's CloudFormation drops it."""
    if specification := properties.get("TimeToLiveSpecification"):
        status = "ENABLED" if str(specification.get("Enabled")).lower() == "true" else "DISABLED"
        table.ttl.update(TimeToLiveStatus=status, AttributeName=specification.get("AttributeName"))


def expire_items() -> None:
    """Delete the items of all tables whose time to live has ended."""
    for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
        attribute = table.ttl.get("AttributeName")
        if not attribute or table.ttl.get("TimeToLiveStatus") != "ENABLED":
            continue
        for item in list(table.all_items()):
            ends = item.attrs.get(attribute)
            if ends is not None and ends.type == "N" and float(ends.value) < clock.time():
                table.delete_item(item.hash_key, item.range_key)
