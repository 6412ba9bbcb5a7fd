"""The app's history: one entry per deployment in the ledger table, partition key `app`, sort key `record`.

One query of the partition, newest first, reads it; the lease of the same app lies beside it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Execution, Image, Kind, Origin, Outcome, Stored
from rota.contract.shape import Shape
from rota.deployment.items import Item, plain, stored
from rota.deployment.record import DeploymentRecord, OptionalRecord
from rota.deployment.releases import Release, Releases
from rota.errors import OvertakenError, RejectedError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Not an outcome: the deployment is being restored, or its restore did not end.
_RESTORING = "restoring"
_CONDITION_FAILED = "ConditionalCheckFailed"
BEING_RESTORED = "this deployment is being restored"


class Entry(Shape):
    """What the ledger keeps of a deployment that has ended."""

    outcome: Outcome
    image: Image | None
    schedule: Stored | None
    summary: str
    cause: str = ""
    tasks: int | None = None
    """How many the schedule file has; None if it was not read."""
    release: int | None = None
    """The number of the release that the deployment made live; None if it made none."""
    origin: Origin | None = None
    """Who started the deployment and why; None if that is not known."""
    paused: tuple[str, ...] | None = None
    """The tasks that a request was to pause or to resume, where none means all; None if it was about none."""
    until: AwareDatetime | None = None
    """When that pause ends automatically."""

    @property
    def noun(self) -> str:
        """What has ended, for people: a person's request may deploy nothing."""
        kind = self.origin.kind if self.origin else None
        if kind == Kind.ROLLBACK:
            return "rollback"
        is_request = self.outcome == Outcome.REFUSED or kind in (Kind.PAUSE, Kind.RESUME, Kind.LIFT)
        return "request" if is_request and not self.image else "deployment"


class LedgerItem(Item):
    """The item as it is stored, or as much of it as is read."""

    outcome: str = ""
    entry: str = ""
    """The entry as JSON."""
    deployment: OptionalRecord = None
    """The deployment's record; None if the version of Rota that wrote the item made none."""

    @property
    def is_restoring(self) -> bool:
        """Whether the deployment is being restored, or its restore did not end."""
        return self.outcome == _RESTORING

    def ended(self) -> Entry | None:
        """How the deployment ended; None if it has not, or is being restored."""
        return self.so_far() if self.outcome and not self.is_restoring else None

    def so_far(self) -> Entry | None:
        """The entry as it is now; None if there is none."""
        return Entry.model_validate_json(self.entry, extra="ignore") if self.entry else None


class Ledger:
    """The ledger as one execution sees it: its own entry, written while it is restored and once when it has ended.

    ```
    none --begin_restoring--> restoring --close--> failed, aborted, overtaken, refused
      +------------------------close-------------> each outcome
    ```
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        app: str,
        execution: Execution,
        history_days: int,
        *,
        watches_runs: bool,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._app = app
        self._execution = execution
        self._history_days = history_days
        self._watches_runs = watches_runs
        started = execution.started_at.astimezone(UTC).isoformat(timespec="microseconds")
        self._key = {"app": {"S": app}, "record": {"S": f"deployment#{started}#{execution.name}"}}

    def read(self) -> LedgerItem:
        """What is written of the deployment so far, by whatever version of Rota."""
        return _item(self._dynamodb.get_item(TableName=self._table, Key=self._key, ConsistentRead=True).get("Item"))

    def refuse_redrive(self) -> None:
        """RejectedError if the deployment has ended before: RestoreDeployment would not restore it again."""
        if self.read().ended():
            raise RejectedError("this execution has ended before, as the ledger says; start a new one instead")

    def begin_restoring(self, entry: Entry, record: DeploymentRecord, now: datetime) -> Entry | None:
        """Write that the deployment is being restored, with what `entry` says so far; how it ended if it has.

        From here on it cannot end as deployed, whatever invocation is still about to write that. If the restore is
        given up, this stays.
        """
        return self._put(entry, record, now, _RESTORING)

    def close(self, entry: Entry, record: DeploymentRecord, finished_at: datetime) -> Entry:
        """Write how the deployment ended, with its record, once; one that went live gets its release number with it.

        Returns the entry in force, which may be an earlier attempt's.

        OvertakenError if a deployment that is being restored was to be written as one that succeeded.
        """
        if entry.outcome == Outcome.DEPLOYED and entry.image and entry.schedule:
            return self._release(entry, entry.image, entry.schedule, record, finished_at)
        if entry.outcome == Outcome.NOTHING_TO_DO and entry.schedule:
            return self._nothing_to_do(entry, entry.schedule, record, finished_at)
        return self._put(entry, record, finished_at, entry.outcome) or entry

    def _nothing_to_do(self, entry: Entry, schedule: Stored, record: DeploymentRecord, finished_at: datetime) -> Entry:
        """Write the entry, and that its file is live, which may differ in what only run watching reads."""
        releases = Releases(self._dynamodb, self._table, self._app)
        with thread_pool() as pool:
            noting = pool.submit(releases.note_schedule, schedule, finished_at)
            ended = self._put(entry, record, finished_at, entry.outcome)
        noting.result()
        return ended or entry

    def _release(
        self, entry: Entry, image: Image, schedule: Stored, record: DeploymentRecord, finished_at: datetime
    ) -> Entry:
        """Write the entry and what is live in one transaction, so that a number belongs to one entry."""
        releases = Releases(self._dynamodb, self._table, self._app)
        live = releases.read()
        number = releases.number(image, schedule, live)
        entry = entry.model_copy(update={"release": number})
        put = self._request(entry, record, finished_at, entry.outcome)
        update = releases.update(number, image, schedule, record, live, finished_at, watched=self._watches_runs)
        kept = []
        if live and live.release and live.kept_number != live.number:
            kept.append(live.release)  # a version of Rota before this one made it live
        if number:
            kept.append(
                Release(
                    number=number,
                    digest=image.digest,
                    tag=image.tag,
                    schedule=schedule,
                    plan=record.plan,
                    revisions=record.revisions,
                    since=finished_at,
                )
            )
        keep: list[Any] = [{"Put": releases.keep(each)} for each in kept]
        try:
            self._dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}, *keep])
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons: list[Mapping[str, Any]] = dict(error.response)["CancellationReasons"]  # type: ignore[assignment]  # not in the stubs
            if reasons[0].get("Code") == _CONDITION_FAILED:
                return self._ended(reasons[0].get("Item", {}), error)
            raise TransientError(f"TransactWriteItems: {error.response['Error'].get('Message', '')}") from error
        return entry

    def _put(self, entry: Entry, record: DeploymentRecord, now: datetime, outcome: str) -> Entry | None:
        """Put the item if the deployment has not ended. None, or how it has ended."""
        try:
            self._dynamodb.put_item(**self._request(entry, record, now, outcome))
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            there: Mapping[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
            return self._ended(there, error)
        return None

    def _request(self, entry: Entry, record: DeploymentRecord, now: datetime, outcome: str) -> Any:
        """PutItem of the entry, on condition that the deployment has not ended."""
        fields = {
            "execution": self._execution.id,
            "started_at": self._execution.started_at.isoformat(),
            "finished_at": "" if outcome == _RESTORING else now.isoformat(),
            "outcome": str(outcome),
            "summary": entry.summary,
            "cause": entry.cause,
            "durations": record.durations(),
        }
        if entry.image:
            fields |= {"digest": entry.image.digest, "tag": entry.image.tag or ""}
            fields |= {"event_id": entry.image.event_id or ""}
            # Who the person was only the input may say; CloudTrail knows.
            fields["started_by"] = "push" if entry.image.started(self._execution.name) else "by hand"
        if entry.origin:
            fields |= {"kind": entry.origin.kind or "", "by": entry.origin.by, "reason": entry.origin.reason}
        if entry.schedule:
            fields |= {"schedule_key": entry.schedule.key, "schedule_version": entry.schedule.version_id}
        item: dict[str, Any] = {name: str(value) for name, value in fields.items() if value}
        item["expires_at"] = int((now + timedelta(days=self._history_days)).timestamp())
        item["entry"] = entry.model_dump_json()
        item["deployment"] = record.stored()
        if entry.release:
            item["release"] = entry.release
        if entry.paused is not None:
            item["paused"] = list(entry.paused)
            item |= {"until": entry.until.isoformat()} if entry.until else {}
        well = outcome in (Outcome.DEPLOYED, Outcome.NOTHING_TO_DO, Outcome.DONE)
        values: dict[str, Any] = {} if well else {"ExpressionAttributeValues": {":restoring": stored(_RESTORING)}}
        return {
            "TableName": self._table,
            "Item": self._key | {name: stored(value) for name, value in item.items()},
            "ConditionExpression": "attribute_not_exists(app)" + ("" if well else " OR outcome = :restoring"),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **values,
        }

    def _ended(self, there: Mapping[str, Any], error: Exception) -> Entry:
        """How the deployment of an item has ended. OvertakenError if it is being restored."""
        if (ended := _item(there).ended()) is None:
            raise OvertakenError(BEING_RESTORED) from error
        return ended


def ledger_of(settings: "Settings", execution: Execution) -> Ledger:
    """The ledger as that execution sees it."""
    return Ledger(
        clients.dynamodb(),
        settings.table,
        settings.app,
        execution,
        settings.history_days,
        watches_runs=settings.watch_runs,
    )


def _item(item: Mapping[str, Any] | None) -> LedgerItem:
    return LedgerItem.model_validate(plain({"M": item or {}}))
