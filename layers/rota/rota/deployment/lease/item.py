"""The lease's item in the ledger table, which is changed by conditional writes only."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rota.aws import clients
from rota.deployment.gates import Gates
from rota.deployment.items import Item, plain, stored
from rota.deployment.record import DeploymentRecord, OptionalLeftRunning, OptionalRecord
from rota.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

CLOCK_SKEW = timedelta(seconds=5)
"""Clocks of two Lambda hosts differ by less than this."""
# So often others may change the gates between a read and a write.
_TRIES = 10


class LeaseItem(Item):
    """The item as it is stored, or as much of it as is read."""

    holder: str = ""
    """The ARN of the execution that may write."""
    holder_order: str = ""
    newest: str = ""
    """The order of the newest push that is known; it outlives every holder."""
    digest: str = ""
    announced: str = ""
    """The digest of the newest push that waits for the holder."""
    announced_order: str = ""
    """The order of that push, if it stops nothing."""
    at_work: dict[str, Decimal] = Field(default_factory=dict)
    """By the id of an invocation of the holder: until when it may write, in Unix time."""
    restorer: str = ""
    """The ARN of the execution that restores the holder."""
    shut: Any = None
    """There if no step of the holder may enter any more but RestoreDeployment."""
    deployment: OptionalRecord = None
    """The holder's record; that of an earlier holder if another version of Rota took the lease since."""
    left_running: OptionalLeftRunning = None
    """What may still run of a holder from which the lease was taken over, or whose restore could not end it. It
    outlives the next ones, until one stops it.
    """
    gates: dict[str, Any] = Field(default_factory=dict)
    """As they are stored; `gate` is what they say."""

    @property
    def gate(self) -> Gates:
        """The hold, the bars and what waits."""
        return Gates.model_validate(self.gates)

    @property
    def on_their_way(self) -> set[str]:
        """The digests of the image that the holder deploys, of the newest one that waits for it, and of one held."""
        held = {self.gate.pending.image.digest} if self.gate.pending else set()
        return held | ({self.digest, self.announced} - {""} if self.holder else set())

    @property
    def record(self) -> DeploymentRecord | None:
        """The holder's record, if the lease has it."""
        return self.deployment if self.deployment and self.deployment.execution.id == self.holder else None

    @property
    def changing_schedules_since(self) -> datetime | None:
        """When the holder began to change schedules; None if it has not, or if the lease is free."""
        return self.record.changing_schedules_since if self.record else None

    def active_invocations(self) -> list[str]:
        """The invocations that may still write."""
        return [invocation for invocation, end in self.at_work.items() if end > time.time()]


class LeaseTable:
    """The item of one app, for the execution of that ARN: `:me` in expressions. Sweep and Approve give none."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, app: str, execution: str = "") -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.app = app
        self.execution = execution

    @property
    def _key(self) -> dict[str, Any]:
        return {"app": {"S": self.app}, "record": {"S": "lease"}}

    def read(self) -> LeaseItem:
        """The item as it is now; an empty one where there is none."""
        found = self._dynamodb.get_item(TableName=self._table, Key=self._key, ConsistentRead=True).get("Item")
        return _parsed(found or {})

    def update(
        self,
        update: str,
        condition: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> tuple[bool, LeaseItem | None]:
        """Change the item under a condition. Returns whether that was done, and the item as it is now; None for an item
        that does not exist.
        """
        expressions = f"{update} {condition}"
        filled = {":me": self.execution, **(values or {})} if ":me" in expressions else dict(values or {})
        given: Any = {"ExpressionAttributeNames": names} if names else {}
        if filled:
            given["ExpressionAttributeValues"] = {name: stored(value) for name, value in filled.items()}
        try:
            item: Mapping[str, Any] = self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **given,
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            old: Mapping[str, Any] | None = dict(error.response).get("Item")  # type: ignore[assignment]  # not in the stubs
            return False, _parsed(old) if old else None
        return True, _parsed(item)

    def put_gates(self, seen: Mapping[str, Any], changed: Gates, also: str = "") -> LeaseItem | None:
        """The item with `changed` in place of the gates that were seen; None if those have changed meanwhile. `also`: a
        condition beside that.
        """
        update = GatesUpdate(seen, changed.stored())
        expression = f"SET {update.sets[0]}" if update.sets else "REMOVE gates"
        done, lease = self.update(expression, f"{also}{update.condition}", update.values)
        return lease if done else None

    def change_gates(self, change: Callable[[LeaseItem], Gates], also: str = "") -> LeaseItem:
        """Change the gates, on `also`, a condition beside that. Returns the item as it is then.
        TransientError if others change it, too, each time that this is tried.
        """
        for _ in range(_TRIES):
            lease = self.read()
            changed = change(lease)
            done = lease if changed == lease.gate else self.put_gates(lease.gates, changed, also)
            if done:
                return done
        raise TransientError("the gates have just changed")


class GatesUpdate:
    """Parts of the expressions with which the gates are changed, if they still are as they were seen."""

    def __init__(self, seen: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        self.sets = ["gates = :changed"] if changed else []
        self.removes = [] if changed else ["gates"]
        self.condition = "gates = :gates" if seen else "attribute_not_exists(gates)"
        self.values = ({":gates": seen} if seen else {}) | ({":changed": changed} if changed else {})


def _parsed(item: Mapping[str, Any]) -> LeaseItem:
    return LeaseItem.model_validate(plain({"M": item}), extra="ignore")


def lease_table_of(settings: "Settings", execution: str = "") -> LeaseTable:
    """The item of the stack's app, for the execution of that ARN."""
    return LeaseTable(clients.dynamodb(), settings.table, settings.app, execution)
