"""Holds a deployment in a state until a test releases it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import APP, states


@contextmanager
def held(stage: Client) -> Iterator[None]:
    """Deployments that begin now wait in their first step that writes, as long as the block runs, half a minute at
    most: by the lease, another invocation may still write.
    """
    another = {"M": {"another": {"N": str(time.time() + 600)}}}
    change_lease(stage, "SET at_work = :another", {":another": another})
    try:
        yield
    finally:
        change_lease(stage, "REMOVE at_work.another")


def pushed_behind(stage: Client, tag: str, waits: str, content: str | None = None) -> tuple[str, str]:
    """Push an image that is held, then one that waits for it. Returns both executions."""
    stage.push(tag)
    first = stage.executions()[0]
    wait_for(lambda: {"ClearRules", "RegisterRevisions"} & {*states(stage, {"executionArn": first})}, 30)
    stage.push(waits, content)
    waiting = stage.executions()[0]
    wait_for(lambda: "WaitForTurn" in states(stage, {"executionArn": waiting}), 30)
    return first, waiting


def lease(stage: Client) -> dict[str, Any]:
    """Table and key of the app's lease, for DynamoDB's calls."""
    key = {"app": {"S": APP}, "record": {"S": "lease"}}
    return {"TableName": stage.names["outputs"]["LedgerTableName"], "Key": key}


def change_lease(stage: Client, update: str, values: dict[str, Any] | None = None) -> None:
    """Change the app's lease, as one of its functions would."""
    more = {"ExpressionAttributeValues": values} if values else {}
    stage.client("dynamodb").update_item(**lease(stage), UpdateExpression=update, **more)
