"""What releases go by: versions of objects in S3, and transactions in DynamoDB."""

from dataclasses import dataclass
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError, tried
from rota.cli.verify_account.resources import BUCKET, TABLE
from rota.cli.verify_account.row import Row, Seen, probe

_KEY = "file"
_NO_ID = "no-version"
_VERSIONS_SECONDS = 60
"""How long S3 may take until a new bucket keeps versions."""


@dataclass(frozen=True)
class _Refusals:
    """S3's codes."""

    deleted: str
    no_id: str
    marker: str


@probe(BUCKET, actions=("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject"))
def versions(account: Account) -> _Refusals:
    """Ask for a version that was deleted, for what is no id of a version, and for a key whose object was deleted."""
    s3, bucket = account.client("s3"), resources.bucket(account, "versions")

    def put() -> str | None:
        version = s3.put_object(Bucket=bucket, Key=_KEY, Body=b"{}").get("VersionId")
        return None if version == "null" else version

    def get(version: str) -> str:
        return tried(lambda: s3.get_object(Bucket=bucket, Key=_KEY, VersionId=version))[0]

    deleted = account.wait(put, _VERSIONS_SECONDS)
    if deleted is None:
        raise NothingSeenError(f"a new bucket keeps no versions within {_VERSIONS_SECONDS} s")
    s3.delete_object(Bucket=bucket, Key=_KEY, VersionId=deleted)
    of_deleted, of_no_id = get(deleted), get(_NO_ID)
    put()
    s3.delete_object(Bucket=bucket, Key=_KEY)
    return _Refusals(of_deleted, of_no_id, tried(lambda: s3.head_object(Bucket=bucket, Key=_KEY))[0])


@dataclass(frozen=True)
class _Transaction:
    code: str
    reasons: list[dict[str, Any]]
    second: bool
    """Whether the second item was written."""


@probe(TABLE, actions=("dynamodb:PutItem", "dynamodb:GetItem"))
def refused_transaction(account: Account) -> _Transaction:
    """Write two items in a transaction, of which the first is there already."""
    dynamodb, table = account.client("dynamodb"), resources.table(account, "ledger")

    def item(name: str, **more: Any) -> dict[str, Any]:
        return {"TableName": table, "Item": {"app": {"S": name}}, **more}

    dynamodb.put_item(**item("first"))
    new = {"ConditionExpression": "attribute_not_exists(app)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    reasons: list[dict[str, Any]] = []

    def write() -> None:
        try:
            dynamodb.transact_write_items(TransactItems=[{"Put": item("first", **new)}, {"Put": item("second")}])
        except dynamodb.exceptions.TransactionCanceledException as refusal:
            reasons.extend(refusal.response.get("CancellationReasons", []))
            raise

    code, _ = tried(write)
    second = dynamodb.get_item(TableName=table, Key={"app": {"S": "second"}}, ConsistentRead=True)
    return _Transaction(code, reasons, "Item" in second)


def _read_transaction(seen: _Transaction) -> Seen:
    reasons = ", ".join(f"{each.get('Code')}{' with the item' if each.get('Item') else ''}" for each in seen.reasons)
    return Seen(f"{seen.code} ({reasons}), {'the other' if seen.second else 'nothing'} written")


ROWS = (
    Row(
        id="missing-version",
        group="free",
        assumption="S3 says of a version of an object that was deleted that there is no such version.",
        expected="NoSuchVersion",
        meaning="A rollback to a release whose plan or file is gone fails in AWS's words, and does not name it.",
        then="Nothing.",
        probe=versions,
        read=lambda seen: Seen(seen.deleted),
    ),
    Row(
        id="no-version-id",
        group="free",
        assumption="S3 refuses what is no id of a version as an invalid argument.",
        expected="InvalidArgument",
        meaning="A `schedule_version` that is mistyped is refused with AWS's words, and not with what to name instead.",
        then="Nothing.",
        probe=versions,
        read=lambda seen: Seen(seen.no_id),
    ),
    Row(
        id="deleted-object",
        group="free",
        assumption="HeadObject of a key whose newest version is a delete marker answers 404.",
        expected="404",
        meaning="Sweep does not keep a release for longer than `HistoryDays`, and its log says so each day.",
        then="`HistoryDays`: as long as you want to roll back.",
        probe=versions,
        read=lambda seen: Seen(seen.marker),
    ),
    Row(
        id="refused-transaction",
        group="free",
        assumption="A transaction in which one condition fails writes nothing, names that one and shows its item.",
        expected="TransactionCanceledException (ConditionalCheckFailed with the item, None), nothing written",
        meaning="A deployment that is recorded already could get a second release number, or fail at its end.",
        then="Report it: no parameter helps.",
        probe=refused_transaction,
        read=_read_transaction,
    ),
)
