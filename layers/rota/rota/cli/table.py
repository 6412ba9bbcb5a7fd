"""The stack's table, as a reader sees it. Items are plain: what reads them at once loads no models of the machine."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
_DEPLOYMENT = "deployment#"


class Present(NamedTuple):
    """What there is now: the release that is live, the lease's item, and deployments that have ended, the newest first.

    `live` is None before the first release; the lease is empty before the first deployment.
    """

    live: Item | None
    lease: Item
    deployments: list[Item]

    @property
    def gates(self) -> Item:
        """What keeps pushes out: a hold, the push that waits for its end, and bars; each may be missing."""
        gates: Item = self.lease.get("gates", {})
        return gates


class Table:
    """The items of one app: its own, and those of its runs."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, app: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._app = app
        self._runs = f"runs#{app}"
        self._pauses = f"pauses#{app}"

    def present(self, deployments: int) -> Present:
        """What there is now; of the deployments that have ended the newest, so many at most."""
        found: dict[str, Item] = {}
        ended: list[Item] = []
        # Backwards, because of all keys those of deployments are the first, but for the archive of releases.
        for item in self._query(self._app, "app = :app", {}, backwards=True, page=25):
            kind = str(item["record"]).partition("#")[0]
            if kind != "deployment":
                found[kind] = item
            elif len(ended) < deployments:
                ended.append(item)
            else:
                break
        return Present(found.get("releases"), found.get("lease", {}), ended)

    def deployments(self) -> Iterator[Item]:
        """The deployments that have ended, the newest first."""
        return self._begins(self._app, _DEPLOYMENT, backwards=True)

    def kept(self) -> list[int]:
        """The numbers of the releases that are kept for a rollback, the newest first."""
        return sorted((int(item["number"]) for item in self._begins(self._app, "archive#")), reverse=True)

    def pauses(self) -> dict[str, Item]:
        """The pauses that are in force, by the name of their task."""
        found = self._begins(self._pauses, "pause#")
        return {str(item["task"]): item for item in found if not item.get("ended_at")}

    def jobs(self) -> dict[str, Item]:
        """What is known of each job, by the name of its task."""
        return {str(item["task"]): item for item in self._begins(self._runs, "job#")}

    def jobs_live_since(self) -> datetime | None:
        """Since when that is live which the jobs are as: Sweep reads it within a minute. None before its first look."""
        return next((at(item, "live_since") for item in self._begins(self._runs, "sweep")), None)

    def runs(self, task: str, most: int) -> list[Item]:
        """The last runs of a task, the newest first; of those that were due at once the one that was started last."""
        found: list[Item] = []
        for item in self._begins(self._runs, f"run#{task}#", backwards=True, page=most):
            found.append(item)
            if len(found) >= most:
                break
        return sorted(found, key=lambda item: (item["scheduled_at"], item.get("created_at", "")), reverse=True)

    def runs_since(self, task: str, since: datetime) -> Iterator[Item]:
        """The runs of a task that were due since then, the newest first."""
        found = self._begins(self._runs, f"run#{task}#", backwards=True, page=25)
        return takewhile(lambda item: (due := at(item, "scheduled_at")) is not None and due >= since, found)

    def _begins(
        self, partition: str, prefix: str, *, backwards: bool = False, page: int | None = None
    ) -> Iterator[Item]:
        condition = "app = :app AND begins_with(#record, :prefix)"
        return self._query(partition, condition, {":prefix": {"S": prefix}}, backwards=backwards, page=page)

    def _query(
        self, partition: str, condition: str, values: dict[str, Any], *, backwards: bool, page: int | None
    ) -> Iterator[Item]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {":app": {"S": partition}, **values},
            "ScanIndexForward": not backwards,
            **({"ExpressionAttributeNames": {"#record": "record"}} if values else {}),
            **({"Limit": page} if page else {}),
        }
        while True:
            answer = self._dynamodb.query(**request)
            yield from map(_plain, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def is_deployment(entry: Item) -> bool:
    """Whether an entry of the ledger is a deployment's. What a person asks for without an image has one, too: a pause,
    a hold, and what was refused.
    """
    return bool(entry.get("digest")) or (
        entry["outcome"] != "refused" and entry.get("kind") in ("rollback", "schedule")
    )


def is_of_live(entry: Item, live: Item | None) -> bool:
    """Whether an entry of the ledger deployed the image and the schedule file that are live."""
    if live is None or entry["outcome"] != "deployed":
        return False
    return (entry.get("digest"), entry.get("schedule_version")) == (live["live_digest"], live["live_schedule_version"])


def record_of_holder(lease: Item) -> Item:
    """How far the lease's holder has come. Empty if there is none, or it has yet to plan: what is there is an earlier
    one's.
    """
    holder, record = lease.get("holder"), lease.get("deployment") or {}
    return record if holder and (record.get("execution") or {}).get("id") == holder else {}


def at(item: Item, name: str) -> datetime | None:
    """A time in an item; None if there is none."""
    return datetime.fromisoformat(item[name]) if item.get(name) else None


def version(number: Any) -> str | None:
    """A release as people type it, `v41`; None without a number."""
    return f"v{int(number)}" if number else None


def _plain(item: Mapping[str, Any]) -> Item:
    return {name: _value(typed) for name, typed in item.items()}


def _value(typed: Mapping[str, Any]) -> Any:
    """A value as Python has it; a number is a Decimal. The table has no sets."""
    ((kind, value),) = typed.items()
    match kind:
        case "M":
            return _plain(value)
        case "L":
            return [_value(each) for each in value]
        case "N":
            return Decimal(value)
        case "NULL":
            return None
    return value
