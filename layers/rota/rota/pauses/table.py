"""The items of an app's pauses: read, and written on condition that they are as they were read."""

from typing import TYPE_CHECKING, Any

from rota.aws import clients
from rota.deployment.items import plain, stored
from rota.errors import TransientError
from rota.pauses.model import Pause, partition, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Two functions rarely write one pause at once, and of those one always succeeds.
_ATTEMPTS = 10


class PauseTable:
    """One app's part of the ledger's table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, app: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._app = {"S": partition(app)}

    def read(self) -> dict[str, Pause]:
        """Every pause by the name of its task, also those that were over a while ago."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": self._app},
            ConsistentRead=True,
        )
        pauses = (Pause.model_validate(plain({"M": item})) for page in pages for item in page["Items"])
        return {pause.task: pause for pause in pauses}

    def change(self, task: str, changed: "Callable[[Pause | None], Pause | None]") -> Pause | None:
        """Write what `changed(pause)` makes of the task's pause as it is, and return that. None, or the same again,
        writes nothing.
        """
        for _ in range(_ATTEMPTS):
            found = self._dynamodb.get_item(TableName=self._table, Key=self._key(task), ConsistentRead=True).get("Item")
            seen = Pause.model_validate(plain({"M": found})) if found else None
            pause = changed(seen)
            if pause is None or pause == seen:
                return pause
            if written := self.write(pause, seen):
                return written
        raise TransientError(f"the pause of {task} is written too often")

    def write(self, pause: Pause, seen: Pause | None) -> Pause | None:
        """Write a pause that was `seen` before, or was not there. Returns it as it is written; None if it has changed
        since.
        """
        written = pause.model_copy(update={"version": (seen.version if seen else 0) + 1})
        given = written.model_dump(mode="json", exclude_none=True)
        condition = _as_seen(seen) if seen else {"ConditionExpression": "attribute_not_exists(app)"}
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={**self._key(pause.task), **{name: stored(value) for name, value in given.items()}},
                **condition,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return written

    def delete(self, seen: Pause) -> None:
        """Delete a pause, unless it has changed since it was seen."""
        try:
            self._dynamodb.delete_item(TableName=self._table, Key=self._key(seen.task), **_as_seen(seen))
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _key(self, task: str) -> dict[str, Any]:
        return {"app": self._app, "record": {"S": sort_key(task)}}


def _as_seen(seen: Pause) -> dict[str, Any]:
    return {
        "ConditionExpression": "#version = :seen",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":seen": stored(seen.version)},
    }


def pauses_of(settings: "Settings") -> PauseTable:
    """The pauses of the app."""
    return PauseTable(clients.dynamodb(), settings.table, settings.app)
