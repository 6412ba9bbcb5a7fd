"""The ledger's entry and the releases: each request whole, and what is made of DynamoDB's answer."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.contract.deployment import Execution, Image, Kind, Origin, Outcome, Stored
from rota.deployment.items import stored
from rota.deployment.ledger import Entry, Ledger, LedgerItem
from rota.deployment.record import DeploymentRecord
from rota.deployment.releases import Live, Release, Releases
from rota.errors import OvertakenError, RejectedError, TransientError
from tests.guestbook import DIGEST

BEGAN, ENDED = (datetime(2026, 12, 1, 6, minute, tzinfo=UTC) for minute in (0, 9))
EXECUTION = Execution(id="arn:e1", name="e1", started_at=BEGAN.astimezone(timezone(timedelta(hours=2))))
OTHER = "sha256:" + "2e" * 32
IMAGE = Image(repository="guestbook", digest=DIGEST, tag="v2", event_id="e1", pushed_at=BEGAN)
FILE, PLAN, REVISIONS = (Stored(key=f"{name}.json", version_id="7") for name in ("file", "plan", "revisions"))
RECORD = DeploymentRecord(
    execution=EXECUTION, plan=PLAN, revisions=REVISIONS, entered={"TakeTurn": BEGAN, "CreateTargets": ENDED}
)
KEY = {"app": "shop", "record": "deployment#2026-12-01T06:00:00.000000+00:00#e1"}
RELEASES = {"app": "shop", "record": "releases"}


def entry(outcome: Outcome = Outcome.DEPLOYED, **more: Any) -> Entry:
    known: dict[str, Any] = {"image": IMAGE, "schedule": FILE, "summary": "1 new"}
    return Entry(outcome=outcome, **known | more)


def of(dynamodb: Stubber, *, watches_runs: bool = True) -> Ledger:
    client: Any = dynamodb.client
    return Ledger(client, "ledger", "shop", EXECUTION, 365, watches_runs=watches_runs)


def releases(dynamodb: Stubber) -> Releases:
    client: Any = dynamodb.client
    return Releases(client, "ledger", "shop")


def with_types(plain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stored(plain)["M"]
    return found


def put(kept: Entry, *, outcome: str = "", **fields: Any) -> dict[str, Any]:
    """The request that puts an entry on condition that there is none, unless it is one of a restore that goes on."""
    outcome = outcome or str(kept.outcome)
    item = KEY | {
        "execution": "arn:e1",
        "started_at": "2026-12-01T08:00:00+02:00",
        "outcome": outcome,
        "durations": "TakeTurn 0.0 s, planning 540.0 s",
        "expires_at": int((ENDED + timedelta(days=365)).timestamp()),
        "entry": kept.model_dump_json(),
        "deployment": RECORD.stored(),
    }
    if outcome != "restoring":
        item["finished_at"] = "2026-12-01T06:09:00+00:00"
    well = outcome in ("deployed", "nothing to do", "done")
    return {
        "TableName": "ledger",
        "Item": with_types(item | fields),
        "ConditionExpression": "attribute_not_exists(app)" + ("" if well else " OR outcome = :restoring"),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    } | ({} if well else {"ExpressionAttributeValues": {":restoring": {"S": "restoring"}}})


OF_IMAGE = {"digest": DIGEST, "tag": "v2", "event_id": "e1", "started_by": "push"}
OF_FILE = {"schedule_key": "file.json", "schedule_version": "7"}


@pytest.mark.parametrize(
    ("kept", "fields"),
    [
        pytest.param(entry(Outcome.FAILED), {"summary": "1 new", **OF_IMAGE, **OF_FILE}, id="a push"),
        pytest.param(
            entry(
                Outcome.ABORTED,
                image=IMAGE.model_copy(update={"event_id": None, "tag": None}),
                schedule=None,
                summary="",
                cause="why",
                origin=Origin(kind=Kind.IMAGE, by="ann", reason="try it"),
            ),
            {
                "cause": "why",
                "digest": DIGEST,
                "started_by": "by hand",
                "kind": "image",
                "by": "ann",
                "reason": "try it",
            },
            id="by a person",
        ),
        pytest.param(
            entry(Outcome.REFUSED, image=None, schedule=None, summary="", origin=Origin(kind=None)), {}, id="refused"
        ),
        pytest.param(
            entry(Outcome.DONE, image=None, schedule=None, summary="", paused=("Spam",), until=ENDED),
            {"paused": ["Spam"], "until": "2026-12-01T06:09:00+00:00"},
            id="a pause with an end",
        ),
        pytest.param(
            entry(Outcome.DONE, image=None, schedule=None, summary="", paused=()), {"paused": []}, id="a pause of all"
        ),
        pytest.param(
            entry(Outcome.DEPLOYED, image=None, schedule=None, summary=""), {}, id="deployed without an image"
        ),
    ],
)
def test_the_whole_entry(kept: Entry, fields: dict[str, Any], dynamodb: Stubber) -> None:
    dynamodb.add_response("put_item", {}, put(kept, **fields))
    assert of(dynamodb).close(kept, RECORD, ENDED) == kept


def test_the_entry_while_it_is_restored(dynamodb: Stubber) -> None:
    kept = entry(Outcome.FAILED, image=None, schedule=None)
    dynamodb.add_response("put_item", {}, put(kept, outcome="restoring", summary="1 new"))
    assert of(dynamodb).begin_restoring(kept, RECORD, ENDED) is None


@pytest.mark.parametrize("item", [None, {"outcome": "restoring"}, {"entry": "{}"}], ids=["none", "restoring", "other"])
def test_what_is_being_restored_cannot_end_well(item: dict[str, Any] | None, dynamodb: Stubber) -> None:
    there: dict[str, Any] = {"modeled_fields": {"Item": with_types(KEY | item)}} if item else {}
    dynamodb.add_client_error("put_item", "ConditionalCheckFailedException", **there)
    with pytest.raises(OvertakenError) as late:
        of(dynamodb).close(entry(Outcome.DONE), RECORD, ENDED)
    assert str(late.value) == "this deployment is being restored"


def test_what_has_ended_stays(dynamodb: Stubber) -> None:
    first = entry(Outcome.FAILED, cause="why")
    item = with_types(KEY | {"outcome": "failed", "entry": first.model_dump_json()})
    for _ in range(2):
        dynamodb.add_client_error("put_item", "ConditionalCheckFailedException", modeled_fields={"Item": item})
    assert of(dynamodb).begin_restoring(entry(Outcome.ABORTED), RECORD, ENDED) == first
    assert of(dynamodb).close(entry(Outcome.ABORTED), RECORD, ENDED) == first


def test_a_redrive_of_what_has_ended_is_refused(dynamodb: Stubber) -> None:
    request = {"TableName": "ledger", "Key": with_types(KEY), "ConsistentRead": True}
    for outcome in ("restoring", "failed"):
        item = with_types(KEY | {"outcome": outcome, "entry": entry(Outcome.FAILED).model_dump_json()})
        dynamodb.add_response("get_item", {"Item": item}, request)
    dynamodb.add_response("get_item", {}, request)
    ledger = of(dynamodb)
    ledger.refuse_redrive()
    with pytest.raises(RejectedError) as refused:
        ledger.refuse_redrive()
    assert str(refused.value) == "this execution has ended before, as the ledger says; start a new one instead"
    ledger.refuse_redrive()


def test_what_a_later_version_writes_of_an_entry_is_ignored() -> None:
    text = entry(Outcome.FAILED).model_dump_json()[:-1] + ', "more": 1}'
    assert LedgerItem(outcome="failed", entry=text).ended() == entry(Outcome.FAILED)
    assert LedgerItem(outcome="failed").ended() is None
    assert LedgerItem(entry=text).ended() is None


@pytest.mark.parametrize(
    ("outcome", "kind", "image", "noun"),
    [
        (Outcome.FAILED, Kind.ROLLBACK, None, "rollback"),
        (Outcome.DEPLOYED, Kind.ROLLBACK, IMAGE, "rollback"),
        (Outcome.DONE, Kind.PAUSE, None, "request"),
        (Outcome.DONE, Kind.LIFT, None, "request"),
        (Outcome.DEPLOYED, Kind.RESUME, IMAGE, "deployment"),
        (Outcome.DONE, Kind.RESUME, None, "request"),
        (Outcome.REFUSED, Kind.SCHEDULE, None, "request"),
        (Outcome.FAILED, Kind.SCHEDULE, None, "deployment"),
        (Outcome.REFUSED, None, None, "request"),
        (Outcome.FAILED, None, None, "deployment"),
    ],
)
def test_what_has_ended_for_people(outcome: Outcome, kind: Kind | None, image: Image | None, noun: str) -> None:
    origin = Origin(kind=kind) if kind else None
    assert entry(outcome, origin=origin, image=image).noun == noun


# ---------------------------------------------------------------------- a release


def live(number: int = 4, **more: Any) -> dict[str, Any]:
    """What is live, as the item has it."""
    return RELEASES | {
        "number": number,
        "live_digest": OTHER,
        "live_tag": "v1",
        "live_schedule_key": "file.json",
        "live_schedule_version": "6",
        "live_plan": {"key": "old.json", "version_id": "1"},
        "live_since": "2026-11-30T06:00:00+00:00",
        "kept_number": number,
        **more,
    }


def goes_live(number: int, seen: int | None, *, kept: int | None = None, **more: Any) -> dict[str, Any]:
    """The part of the transaction with what is live from then on."""
    values = {
        ":number": number,
        ":digest": DIGEST,
        ":tag": "v2",
        ":key": "file.json",
        ":version": "7",
        ":plan": {"key": "plan.json", "version_id": "7"},
        ":revisions": {"key": "revisions.json", "version_id": "7"},
        ":since": "2026-12-01T06:09:00+00:00",
        ":changing": "2026-12-01T06:09:00+00:00",
        ":watched": True,
        ":kept": number if kept is None else kept,
        **({":seen": seen} if seen else {}),
        **more,
    }
    return {
        "Update": {
            "TableName": "ledger",
            "Key": with_types(RELEASES),
            "UpdateExpression": "SET #number = :number, live_digest = :digest, live_tag = :tag, "
            "live_schedule_key = :key, live_schedule_version = :version, live_plan = :plan, "
            "live_revisions = :revisions, live_since = :since, live_changing_since = :changing, "
            "live_watched = :watched, kept_number = :kept",
            "ConditionExpression": "#number = :seen" if seen else "attribute_not_exists(app)",
            "ExpressionAttributeNames": {"#number": "number"},
            "ExpressionAttributeValues": with_types(values),
        }
    }


def kept(number: int, **more: Any) -> dict[str, Any]:
    """The part of the transaction that keeps a release."""
    item = {
        "app": "shop",
        "record": f"archive#{number % 20:02d}",
        "number": number,
        "digest": DIGEST,
        "tag": "v2",
        "schedule": {"key": "file.json", "version_id": "7"},
        "plan": {"key": "plan.json", "version_id": "7"},
        "revisions": {"key": "revisions.json", "version_id": "7"},
        "since": "2026-12-01T06:09:00Z",
    }
    return {"Put": {"TableName": "ledger", "Item": with_types(item | more)}}


def reads(dynamodb: Stubber, found: dict[str, Any] | None) -> None:
    request = {"TableName": "ledger", "Key": with_types(RELEASES), "ConsistentRead": True}
    dynamodb.add_response("get_item", {"Item": with_types(found)} if found else {}, request)


def counts(dynamodb: Stubber, *pages: int) -> None:
    for number, count in enumerate(pages):
        last = {"LastEvaluatedKey": with_types(KEY)} if number + 1 < len(pages) else {}
        asked = deployed("") | {"Select": "COUNT"} | ({"ExclusiveStartKey": with_types(KEY)} if number else {})
        dynamodb.add_response("query", {"Count": count, **last}, asked)


def deployed(after: str) -> dict[str, Any]:
    """The request for what went live since then."""
    values = {":app": "shop", ":entries": "deployment#", ":deployed": "deployed", ":after": after}
    return {
        "TableName": "ledger",
        "KeyConditionExpression": "app = :app AND begins_with(#record, :entries)",
        "FilterExpression": "outcome = :deployed AND finished_at > :after",
        "ExpressionAttributeNames": {"#record": "record"},
        "ExpressionAttributeValues": with_types(values),
        "ConsistentRead": True,
    }


OLD = {
    "digest": OTHER,
    "tag": "v1",
    "schedule": {"key": "file.json", "version_id": "6"},
    "plan": {"key": "old.json", "version_id": "1"},
    "since": "2026-11-30T06:00:00Z",
}


def without(part: dict[str, Any], name: str) -> dict[str, Any]:
    del part["Put"]["Item"][name]
    return part


@pytest.mark.parametrize(
    ("before", "number", "parts"),
    [
        pytest.param(None, 8, [goes_live(8, None), kept(8)], id="the first"),
        pytest.param(live(), 5, [goes_live(5, 4), kept(5)], id="the next"),
        pytest.param(
            live(kept_number=3),
            5,
            [goes_live(5, 4), without(kept(4, **OLD), "revisions"), kept(5)],
            id="after one that a version of Rota before made",
        ),
        pytest.param(
            {name: each for name, each in live(kept_number=3).items() if name != "live_since"},
            5,
            [goes_live(5, 4), kept(5)],
            id="after one of which it is not known since when",
        ),
        pytest.param(
            live(live_digest=DIGEST, live_schedule_version="7"),
            None,
            [goes_live(4, 4)],
            id="the same image and file",
        ),
        pytest.param(
            live(live_digest=DIGEST, live_schedule_version="7", kept_number=3),
            None,
            [
                goes_live(4, 4, kept=3),
                without(
                    kept(4, **OLD | {"digest": DIGEST, "schedule": {"key": "file.json", "version_id": "7"}}),
                    "revisions",
                ),
            ],
            id="the same, which a version of Rota before made",
        ),
        pytest.param(live(live_digest=DIGEST), 5, [goes_live(5, 4), kept(5)], id="another version of the file"),
        pytest.param(
            live(live_digest=DIGEST, live_schedule_version="7", live_schedule_key="b.json"),
            5,
            [goes_live(5, 4), kept(5)],
            id="another file",
        ),
    ],
)
def test_the_whole_transaction(
    before: dict[str, Any] | None, number: int | None, parts: list[dict[str, Any]], dynamodb: Stubber
) -> None:
    reads(dynamodb, before)
    if before is None:
        counts(dynamodb, 5, 2)
    ended = entry(release=number)
    of_release: dict[str, Any] = {"release": number} if number else {}
    item = put(ended, **{"summary": "1 new", **OF_IMAGE, **OF_FILE, **of_release})
    dynamodb.add_response("transact_write_items", {}, {"TransactItems": [{"Put": item}, *parts]})
    assert of(dynamodb).close(entry(), RECORD, ENDED) == ended


def test_what_is_not_known_of_what_goes_live(dynamodb: Stubber) -> None:
    found = releases(dynamodb).update(
        None,
        IMAGE.model_copy(update={"tag": None}),
        FILE,
        DeploymentRecord(execution=EXECUTION),
        None,
        ENDED,
        watched=False,
    )
    nothing = dict.fromkeys((":tag", ":plan", ":revisions", ":changing"))
    assert found == goes_live(0, None, **nothing, **{":watched": False})["Update"]


@pytest.mark.parametrize(
    ("reasons", "error", "said"),
    [
        (
            [{"Code": "ConditionalCheckFailed", "Item": with_types({"outcome": "restoring"})}],
            OvertakenError,
            "this deployment is being restored",
        ),
        ([{"Code": "ConditionalCheckFailed"}], OvertakenError, "this deployment is being restored"),
        ([{"Code": "None"}, {"Code": "ConditionalCheckFailed"}], TransientError, "TransactWriteItems: cancelled"),
        ([{}, {"Code": "TransactionConflict"}], TransientError, "TransactWriteItems: cancelled"),
    ],
    ids=["it is being restored", "it is gone", "the number was given", "another transaction"],
)
def test_a_transaction_that_is_cancelled(
    reasons: list[dict[str, Any]], error: type[Exception], said: str, dynamodb: Stubber
) -> None:
    reads(dynamodb, live())
    dynamodb.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "cancelled",
        modeled_fields={"CancellationReasons": reasons},
    )
    with pytest.raises(error) as cancelled:
        of(dynamodb).close(entry(), RECORD, ENDED)
    assert str(cancelled.value) == said


def test_a_release_that_was_recorded_already(dynamodb: Stubber) -> None:
    first = entry(release=9)
    item = with_types({"outcome": "deployed", "entry": first.model_dump_json()})
    reads(dynamodb, live())
    dynamodb.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": item}]},
    )
    assert of(dynamodb).close(entry(), RECORD, ENDED) == first


def test_another_version_of_the_file_that_asks_for_nothing(dynamodb: Stubber) -> None:
    request = {
        "TableName": "ledger",
        "Key": with_types(RELEASES),
        "UpdateExpression": "SET live_schedule_key = :key, live_schedule_version = :version, live_since = :since "
        "REMOVE live_changing_since",
        "ConditionExpression": "attribute_exists(app) AND (live_schedule_key <> :key OR "
        "live_schedule_version <> :version)",
        "ExpressionAttributeValues": with_types(
            {":key": "file.json", ":version": "7", ":since": "2026-12-01T06:09:00+00:00"}
        ),
    }
    dynamodb.add_response("update_item", {}, request)
    dynamodb.add_client_error("update_item", "ConditionalCheckFailedException", expected_params=request)
    for _ in range(2):
        releases(dynamodb).note_schedule(FILE, ENDED)
    dynamodb.add_client_error("update_item", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        releases(dynamodb).note_schedule(FILE, ENDED)


# ---------------------------------------------------------------------- what is live


def test_what_is_kept_the_newest_first(dynamodb: Stubber) -> None:
    request = {
        "TableName": "ledger",
        "KeyConditionExpression": "app = :app AND begins_with(#record, :kept)",
        "ExpressionAttributeNames": {"#record": "record"},
        "ExpressionAttributeValues": with_types({":app": "shop", ":kept": "archive#"}),
        "ConsistentRead": True,
    }
    items = [kept(number)["Put"]["Item"] | with_types({"more": "x"}) for number in (20, 3, 19)]
    dynamodb.add_response("query", {"Items": items}, request)
    found = releases(dynamodb).kept()
    assert [each.name for each in found] == ["v20", "v19", "v3"]
    assert found[0] == Release(
        number=20, digest=DIGEST, tag="v2", schedule=FILE, plan=PLAN, revisions=REVISIONS, since=ENDED
    )


def of_archive(dynamodb: Stubber, *items: dict[str, Any]) -> None:
    dynamodb.add_response("query", {"Items": [each["Put"]["Item"] for each in items]})


def went_live(digest: str, finished_at: str, **more: str) -> dict[str, Any]:
    return with_types({"digest": digest, "finished_at": finished_at, **more})


@pytest.mark.parametrize(
    ("before", "archive", "after"),
    [
        pytest.param(live(), [kept(3), kept(4)], "2026-12-01T06:09:00+00:00", id="since it is kept"),
        pytest.param(live(), [kept(3)], "2026-11-30T06:00:00+00:00", id="not kept yet"),
        pytest.param(
            {name: each for name, each in live().items() if name != "live_since"}, [], "", id="since it is not known"
        ),
    ],
)
def test_the_image_that_is_live(
    before: dict[str, Any], archive: list[dict[str, Any]], after: str, dynamodb: Stubber
) -> None:
    for found, expected in (
        ([], Image(repository="guestbook", digest=OTHER, tag="v1")),
        (
            [went_live(DIGEST, "2026-12-02", tag="v9"), went_live("sha256:" + "3f" * 32, "2026-12-01")],
            Image(repository="guestbook", digest=DIGEST, tag="v9"),
        ),
        ([went_live(DIGEST, "2026-12-02")], Image(repository="guestbook", digest=DIGEST)),
    ):
        reads(dynamodb, before)
        of_archive(dynamodb, *archive)
        dynamodb.add_response("query", {"Items": found}, deployed(after))
        assert releases(dynamodb).live_image("guestbook") == expected


def test_without_a_release_no_image_is_live(dynamodb: Stubber) -> None:
    reads(dynamodb, None)
    assert releases(dynamodb).live_image("guestbook") is None


def test_what_is_live_as_a_release() -> None:
    known = Live.model_validate(live(live_revisions={"key": "revisions.json", "version_id": "7"}))
    assert known.release == Release(
        number=4,
        digest=OTHER,
        tag="v1",
        schedule=Stored(key="file.json", version_id="6"),
        plan=Stored(key="old.json", version_id="1"),
        revisions=REVISIONS,
        since=datetime(2026, 11, 30, 6, tzinfo=UTC),
    )
    assert known.model_copy(update={"live_since": None}).release is None


@pytest.mark.parametrize(
    ("changed", "is_another"),
    [({}, False), ({"digest": OTHER}, True), ({"schedule": PLAN}, True), ({"tag": "x"}, False)],
)
def test_by_what_two_releases_differ(changed: dict[str, Any], is_another: bool) -> None:
    first = Release(number=1, digest=DIGEST, schedule=FILE, since=ENDED)
    second = first.model_copy(update={"number": 2} | changed)
    assert (first.content != second.content) is is_another
    of_another_version = first.model_copy(update={"schedule": Stored(key=FILE.key, version_id="8")})
    assert of_another_version.content != first.content
