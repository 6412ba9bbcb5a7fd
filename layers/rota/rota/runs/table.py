"""The items of an app's runs: read, and written on condition that they are as they were read.

Every write is one that may come twice, late or in any order: the version of the task, and the job's count of its
changes, let each be written once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota.deployment.items import Item, plain, stored
from rota.errors import TransientError
from rota.runs.model import (
    RELEASES_KEY,
    REPORTING_KEY,
    SWEEP_KEY,
    Job,
    KnownReleases,
    Release,
    Run,
    Swept,
    attributes,
    job_key,
    partition,
    slot_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# What runs change of a job; the rest comes from the schedule file.
_STATE = {
    *("state", "bad_runs", "last_good", "last_run_at", "last_run_good", "overlapping", "gave_way_at", "lasted", "owed"),
    *("incident", "notices"),
}
# How often a job may change between reading and writing it: RecordRun writes it as its runs end.
_ATTEMPTS = 5
_FAILED, _CONFLICT = "ConditionalCheckFailed", "TransactionConflict"


class RunTable:
    """One app's part of the ledger's table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, app: str, history_days: int = 90) -> None:
        self._dynamodb = dynamodb
        self._history_days = history_days
        self._table = table
        self._app = {"S": partition(app)}
        self.wrote_jobs = False
        """Whether a job was written, so that one that was read before may be out of date."""

    # ------------------------------------------------------------------ reading

    def job(self, task: str) -> Job | None:
        """The job of a task; None if Sweep does not know it yet."""
        found = self._get(job_key(task))
        return Job.model_validate(found) if found else None

    def jobs(self) -> dict[str, Job]:
        """Every job by the name of its task, also of those that have left the schedule file."""
        return {job.task: job for job in map(Job.model_validate, self._query("begins_with(#record, :from)", "job#"))}

    def run(self, key: str) -> Run | None:
        """The run with that sort key."""
        found = self._get(key)
        return Run.model_validate(found) if found else None

    def runs(self, task: str, since: datetime, until: datetime) -> list[Run]:
        """The runs of a task that were due from `since` to `until`, in that order."""
        first, last = slot_key(task, since), slot_key(task, until + timedelta(seconds=1))
        return [*map(Run.model_validate, self._query("#record BETWEEN :from AND :to", first, last))]

    def swept(self) -> Swept | None:
        """How far Sweep has looked; None before its first time."""
        found = self._get(SWEEP_KEY)
        return Swept.model_validate(found) if found else None

    def releases(self, *, consistent: bool = True) -> tuple[Release, ...]:
        """The releases that runs may have begun with, the newest last."""
        found = self._get(RELEASES_KEY, consistent=consistent)
        return KnownReleases.model_validate(found).releases if found else ()

    # ------------------------------------------------------------------ writing; False if it changed since it was read

    def put(self, run: Run, seen: Run | None) -> bool:
        """Write a run that was `seen` before, or was not there."""
        try:
            self._dynamodb.put_item(**self._put(run, seen))
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def end(self, run: Run, seen: Run | None, job: Job, seen_job: Job) -> bool:
        """Write that a run has ended, and how its job does now, both or neither."""
        self.wrote_jobs = True
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[{"Put": self._put(run, seen)}, {"Update": self._state(job, seen_job)}]
            )
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons: list[Mapping[str, Any]] = dict(error.response)["CancellationReasons"]  # type: ignore[assignment]  # not in the stubs
            if {reason.get("Code") for reason in reasons} & {_FAILED, _CONFLICT}:
                return False
            raise
        return True

    def update_state(self, job: Job, seen: Job) -> bool:
        """Write how a job does."""
        self.wrote_jobs = True
        return self._updated(self._state(job, seen))

    def change_state(self, task: str, change: Callable[[Job], Job | None], seen: Job | None = None) -> None:
        """Write what `change(job)` makes of how the job does now, as it was `seen` if it was; nothing for None, and for
        a task without a job. TransientError if it is written meanwhile each time that this is tried.
        """
        for _ in range(_ATTEMPTS):
            job = seen or self.job(task)
            changed = job and change(job)
            if job is None or changed is None or self.update_state(changed, job):
                return
            seen = None
        raise TransientError(f"{job_key(task)} is written too often to change it")

    def put_settings(self, job: Job) -> None:
        """Write what the schedule file says of a job; how it does stays. One that has left the file expires."""
        self.wrote_jobs = True
        settings = {name: value for name, value in _dumped(job).items() if name not in _STATE}
        gone = [name for name in Job.model_fields if name not in _STATE and name not in settings]
        ended = job.spans[-1].until if job.spans else None
        if ended:
            settings["expires_at"] = self._expires_at(ended)
        else:
            gone.append("expires_at")
        self._dynamodb.update_item(**self._update(job_key(job.task), settings, gone))

    def put_swept(self, swept: Swept) -> None:
        """Write how far Sweep has looked."""
        self._put_item(SWEEP_KEY, swept)

    def put_releases(self, releases: Sequence[Release]) -> None:
        """Write the releases that runs may have begun with, the newest last."""
        self._put_item(RELEASES_KEY, KnownReleases(releases=tuple(releases)))

    # ------------------------------------------------------------------ reporting

    def begin_reporting(self, me: str, now: datetime, until: datetime) -> bool:
        """Become the one that reports; False if there is one. It ends at `until`, or with `end_reporting`."""
        request = self._update(REPORTING_KEY, {"holder": me, "held_until": until.timestamp()}, [])
        request["ConditionExpression"] = "attribute_not_exists(#holder) OR #holder = :holder OR #held_until < :now"
        request["ExpressionAttributeValues"][":now"] = stored(now.timestamp())
        return self._updated(request)

    def end_reporting(self, me: str) -> None:
        """Let the next one report, unless another already does."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": self._key(REPORTING_KEY),
            "UpdateExpression": "REMOVE holder, held_until",
            "ConditionExpression": "holder = :me",
            "ExpressionAttributeValues": {":me": stored(me)},
        }
        self._updated(request)

    # ------------------------------------------------------------------ requests

    def _updated(self, request: Any) -> bool:
        """Whether the condition of an UpdateItem held, and no transaction wrote the item in that moment."""
        refused = self._dynamodb.exceptions
        try:
            self._dynamodb.update_item(**request)
        except (refused.ConditionalCheckFailedException, refused.TransactionConflictException):
            return False
        return True

    def _key(self, record: str) -> dict[str, Any]:
        return {"app": self._app, "record": {"S": record}}

    def _get(self, record: str, *, consistent: bool = True) -> Any:
        found = self._dynamodb.get_item(TableName=self._table, Key=self._key(record), ConsistentRead=consistent)
        return plain({"M": found["Item"]}) if "Item" in found else None

    def _put_item(self, record: str, item: Item) -> None:
        values = {name: stored(value) for name, value in attributes(item).items()}
        self._dynamodb.put_item(TableName=self._table, Item={**self._key(record), **values})

    def _query(self, condition: str, first: str, last: str | None = None) -> Iterator[Any]:
        values = {":app": self._app, ":from": {"S": first}, **({":to": {"S": last}} if last else {})}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=f"app = :app AND {condition}",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from (plain({"M": item}) for item in page["Items"])

    def _put(self, run: Run, seen: Run | None) -> Any:
        """PutItem of a run, on condition that it is as it was seen."""
        item = {name: stored(value) for name, value in _dumped(run).items()}
        item["expires_at"] = stored(self._expires_at(run.ended_at or run.created_at or run.scheduled_at))
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(app)"}
        if seen:
            condition = {
                "ConditionExpression": "#version = :seen AND #status = :status",
                "ExpressionAttributeNames": {"#version": "version", "#status": "status"},
                "ExpressionAttributeValues": {":seen": stored(seen.version), ":status": stored(seen.status)},
            }
        return {"TableName": self._table, "Item": {**self._key(run.key), **item}, **condition}

    def _state(self, job: Job, seen: Job) -> Any:
        """UpdateItem of how a job does, on condition that it does as it was seen."""
        changed = job.model_copy(update={"state": seen.state + 1})
        state = {name: value for name, value in _dumped(changed).items() if name in _STATE}
        request = self._update(job_key(job.task), state, sorted(_STATE - state.keys()))
        # A job of which only the schedule file's part is written has no state yet.
        request["ConditionExpression"] = (
            "#state = :seen" if seen.state else "attribute_exists(app) AND attribute_not_exists(#state)"
        )
        if seen.state:
            request["ExpressionAttributeValues"][":seen"] = stored(seen.state)
        return request

    def _expires_at(self, at: datetime) -> int:
        return int((at.astimezone(UTC) + timedelta(days=self._history_days)).timestamp())

    def _update(self, record: str, values: Mapping[str, Any], gone: list[str]) -> dict[str, Any]:
        """UpdateItem that sets these attributes and removes those."""
        names = {f"#{name}": name for name in [*values, *gone]}
        sets = f"SET {', '.join(f'#{name} = :{name}' for name in values)}"
        removes = f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else ""
        return {
            "TableName": self._table,
            "Key": self._key(record),
            "UpdateExpression": sets + removes,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {f":{name}": stored(value) for name, value in values.items()},
        }


def _dumped(item: Run | Job) -> dict[str, Any]:
    """The attributes of an item, with those that conditions name."""
    always = {"version": item.version, "status": item.status} if isinstance(item, Run) else {"task": item.task}
    return {**attributes(item), **always}
