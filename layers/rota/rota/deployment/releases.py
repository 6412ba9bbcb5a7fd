"""Release numbers, what is live, and the last twenty releases: items of the ledger table.

They are changed only together with the ledger's entry of a deployment that went live, in one transaction. What is live
has the sort key `releases`; each of the last twenty has one of twenty, from `archive#00` on, which never expire. They
come before all `deployment#`, so no query of what happened since a time sees them.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime

from rota.aws import clients
from rota.contract.deployment import Image, Outcome, Stored
from rota.deployment.items import Item, plain, stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.deployment.record import DeploymentRecord
    from rota.settings import Settings

# So many releases are kept for a rollback, whatever HistoryDays says.
KEPT = 20


class Release(Item):
    """A release that is kept: what a rollback to it brings back."""

    number: int
    digest: str
    tag: str | None = None
    schedule: Stored
    plan: Stored | None = None
    revisions: Stored | None = None
    since: AwareDatetime
    """When it went live."""

    @property
    def name(self) -> str:
        """As people say it: `v41`."""
        return f"v{self.number}"

    @property
    def content(self) -> tuple[str, str, str]:
        """By which two releases differ: the digest, and key and version of the schedule file."""
        return self.digest, self.schedule.key, self.schedule.version_id


class Live(Item):
    """The item as it is stored: the newest release's number, and what was deployed last."""

    number: int
    live_digest: str
    live_tag: str | None = None
    """The tag with which that image was pushed; None where a version of Rota before this one wrote the item."""
    live_schedule_key: str
    live_schedule_version: str
    live_plan: Stored | None = None
    live_revisions: Stored | None = None
    """ARNs of what that deployment registered; None if it registered nothing."""
    live_since: AwareDatetime | None = None
    """When that deployment was recorded; None where a version of Rota before this one wrote the item."""
    live_changing_since: AwareDatetime | None = None
    """When it began to change schedules; None if it changed none."""
    live_watched: bool = False
    """Whether its targets are traced, so that runs can be watched."""
    kept_number: int = 0
    """The newest release that is kept; an older one where a version of Rota before this one wrote the item last."""

    @property
    def release(self) -> Release | None:
        """The newest release, as it is kept; None if it is not known since when it is live."""
        if self.live_since is None:
            return None
        schedule = Stored(key=self.live_schedule_key, version_id=self.live_schedule_version)
        return Release(
            number=self.number,
            digest=self.live_digest,
            tag=self.live_tag,
            schedule=schedule,
            plan=self.live_plan,
            revisions=self.live_revisions,
            since=self.live_since,
        )


class Releases:
    """The releases of an app. Numbers are never used twice; there may be gaps."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, app: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._app = app

    def read(self) -> Live | None:
        """What is live; None before the first deployment with a version of Rota that gives numbers."""
        key = {"app": {"S": self._app}, "record": {"S": "releases"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return Live.model_validate(plain({"M": found}), extra="ignore") if found else None

    def live_image(self, repository: str) -> Image | None:
        """The image of that repository that is live; None if none is known to be.

        The ledger knows also what an older version of Rota has deployed since, to which the stack had gone back, and
        which gives no numbers. It is in the order in which executions began, which is not that of their ends.
        `live_since` does not say since when: it changes with the schedule file, which may ask for nothing.
        """
        live = self.read()
        if live is None:
            return None
        went_live = next((each.since for each in self.kept() if each.number == live.number), live.live_since)
        since = went_live.isoformat() if went_live else ""
        entries = (plain({"M": item}) for page in self._deployed(finished_after=since) for item in page["Items"])
        there = {"digest": live.live_digest, "tag": live.live_tag}
        found = max(entries, key=lambda entry: str(entry["finished_at"]), default=there)
        return Image(repository=repository, digest=found["digest"], tag=found.get("tag"))

    def kept(self) -> list[Release]:
        """The last releases, the newest first."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="app = :app AND begins_with(#record, :kept)",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":app": {"S": self._app}, ":kept": {"S": "archive#"}},
            ConsistentRead=True,
        )["Items"]
        releases = (Release.model_validate(plain({"M": item}), extra="ignore") for item in found)
        return sorted(releases, key=lambda release: release.number, reverse=True)

    def keep(self, release: Release) -> Any:
        """The part of a transaction that keeps a release, in place of the one that is twenty numbers older."""
        record = f"archive#{release.number % KEPT:02d}"
        item = {"app": self._app, "record": record, **release.model_dump(mode="json", exclude_none=True)}
        return {"TableName": self._table, "Item": {name: stored(value) for name, value in item.items()}}

    def number(self, image: Image, schedule: Stored, live: Live | None) -> int | None:
        """The number of a deployment that goes live now; None if neither the image nor the schedule file changed.

        The first is one more than the number of deployments that the ledger holds.
        """
        if live is None:
            return 1 + sum(int(page["Count"]) for page in self._deployed(Select="COUNT"))
        before = (live.live_digest, live.live_schedule_key, live.live_schedule_version)
        return None if before == (image.digest, schedule.key, schedule.version_id) else live.number + 1

    def update(
        self,
        number: int | None,
        image: Image,
        schedule: Stored,
        record: "DeploymentRecord",
        live: Live | None,
        now: datetime,
        *,
        watched: bool,
    ) -> Any:
        """The part of a transaction that makes the deployment live, on condition that `live` still is."""
        changing = record.changing_schedules_since
        values: dict[str, Any] = {
            ":number": number or (live.number if live else 0),
            ":digest": image.digest,
            ":tag": image.tag,
            ":key": schedule.key,
            ":version": schedule.version_id,
            ":plan": record.plan.model_dump() if record.plan else None,
            ":revisions": record.revisions.model_dump() if record.revisions else None,
            ":since": now.isoformat(),
            ":changing": changing.isoformat() if changing else None,
            ":watched": watched,
            ":kept": number or (live.kept_number if live else 0),
        }
        if live:
            values[":seen"] = live.number
        return {
            "TableName": self._table,
            "Key": {"app": {"S": self._app}, "record": {"S": "releases"}},
            "UpdateExpression": "SET #number = :number, live_digest = :digest, live_tag = :tag, "
            "live_schedule_key = :key, live_schedule_version = :version, "
            "live_plan = :plan, live_revisions = :revisions, "
            "live_since = :since, live_changing_since = :changing, live_watched = :watched, kept_number = :kept",
            "ConditionExpression": "#number = :seen" if live else "attribute_not_exists(app)",
            "ExpressionAttributeNames": {"#number": "number"},
            "ExpressionAttributeValues": {name: stored(value) for name, value in values.items()},
        }

    def note_schedule(self, schedule: Stored, now: datetime) -> None:
        """Write that another version of the schedule file is live, which asks for nothing else than the one before."""
        values = {":key": schedule.key, ":version": schedule.version_id, ":since": now.isoformat()}
        with contextlib.suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"app": {"S": self._app}, "record": {"S": "releases"}},
                UpdateExpression="SET live_schedule_key = :key, live_schedule_version = :version, live_since = :since "
                "REMOVE live_changing_since",
                ConditionExpression="attribute_exists(app) AND (live_schedule_key <> :key OR "
                "live_schedule_version <> :version)",
                ExpressionAttributeValues={name: stored(value) for name, value in values.items()},
            )

    def _deployed(self, finished_after: str = "", **options: Any) -> Iterable[Any]:
        """Pages of the ledger's entries of deployments that went live, as far as it still holds them."""
        return self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="app = :app AND begins_with(#record, :entries)",
            FilterExpression="outcome = :deployed AND finished_at > :after",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={
                ":app": {"S": self._app},
                ":entries": {"S": "deployment#"},
                ":deployed": {"S": str(Outcome.DEPLOYED)},
                ":after": {"S": finished_after},
            },
            ConsistentRead=True,
            **options,
        )


def releases_of(settings: "Settings") -> Releases:
    """The releases of the stack's app."""
    return Releases(clients.dynamodb(), settings.table, settings.app)
