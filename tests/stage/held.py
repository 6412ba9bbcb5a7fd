"""A deployment that stays where it is until a test lets it go on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stage.client import Client
from tests.stage.account import APP, states


@contextmanager
def held(stage: Client) -> Iterator[None]:
    """Deployments that begin now wait in ClearRules as long as the block runs, half a minute at most: by the lease,
    another invocation may still write.
    """
    somebody = {"M": {"somebody": {"N": str(time.time() + 600)}}}
    change_lease(stage, "SET at_work = :somebody", {":somebody": somebody})
    try:
        yield
    finally:
        change_lease(stage, "REMOVE at_work.somebody")


def has_entered(stage: Client, execution: str, state: str) -> bool:
    """Whether an execution has come to that state."""
    return state in states(stage, {"executionArn": execution})


def change_lease(stage: Client, update: str, values: dict[str, Any] | None = None) -> None:
    """Change the app's lease, as one of its functions would."""
    stage.client("dynamodb").update_item(
        TableName=stage.names["outputs"]["LedgerTableName"],
        Key={"app": {"S": APP}, "record": {"S": "lease"}},
        UpdateExpression=update,
        **({"ExpressionAttributeValues": values} if values else {}),
    )
