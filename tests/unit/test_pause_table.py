"""Pauses: what each says, when it is over, and what is asked of DynamoDB for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from rota.errors import TransientError
from rota.pauses.model import Pause, noted, sentences
from rota.pauses.table import PauseTable

SINCE = datetime(2026, 3, 1, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PAUSE = Pause(task="IngestData", since=SINCE, execution="arn")
KEY = {"app": {"S": "pauses#production/api"}, "record": {"S": "pause#IngestData"}}
VALUES: dict[str, Any] = {
    "task": {"S": "IngestData"},
    "since": {"S": "2026-03-01T06:00:00Z"},
    "by": {"S": ""},
    "reason": {"S": ""},
    "execution": {"S": "arn"},
    "enabled": {"BOOL": True},
    "in_scheduler": {"BOOL": False},
    "for_migration": {"BOOL": False},
    "ended_by": {"S": ""},
}
READ = {"TableName": "ledger", "Key": KEY, "ConsistentRead": True}


@pytest.fixture
def table(dynamodb: Stubber) -> PauseTable:
    client: Any = dynamodb.client
    return PauseTable(client, "ledger", "production/api")


def a_put(version: int) -> dict[str, Any]:
    return {"TableName": "ledger", "Item": {**KEY, **VALUES, "version": {"N": str(version)}}}


def as_seen(version: int) -> dict[str, Any]:
    return {
        "ConditionExpression": "#version = :seen",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":seen": {"N": str(version)}},
    }


def test_a_pause_is_written_as_it_was_seen(dynamodb: Stubber, table: PauseTable) -> None:
    dynamodb.add_response("put_item", {}, a_put(1) | {"ConditionExpression": "attribute_not_exists(app)"})
    first = table.write(PAUSE, None)
    assert first == PAUSE.model_copy(update={"version": 1})
    dynamodb.add_response("put_item", {}, a_put(2) | as_seen(1))
    assert table.write(PAUSE, first) == PAUSE.model_copy(update={"version": 2})
    dynamodb.add_client_error("put_item", "ConditionalCheckFailedException")
    assert table.write(PAUSE, first) is None


def test_a_pause_is_deleted_as_it_was_seen(dynamodb: Stubber, table: PauseTable) -> None:
    seen = PAUSE.model_copy(update={"version": 7})
    dynamodb.add_response("delete_item", {}, {"TableName": "ledger", "Key": KEY, **as_seen(7)})
    table.delete(seen)
    dynamodb.add_client_error("delete_item", "ConditionalCheckFailedException")
    table.delete(seen)


def test_all_pauses_are_read(dynamodb: Stubber, table: PauseTable) -> None:
    query = {
        "TableName": "ledger",
        "KeyConditionExpression": "app = :app",
        "ExpressionAttributeValues": {":app": {"S": "pauses#production/api"}},
        "ConsistentRead": True,
    }
    dynamodb.add_response("query", {"Items": [VALUES], "LastEvaluatedKey": KEY}, query)
    other = VALUES | {"task": {"S": "SendMail"}}
    dynamodb.add_response("query", {"Items": [other]}, query | {"ExclusiveStartKey": KEY})
    assert table.read() == {"IngestData": PAUSE, "SendMail": PAUSE.model_copy(update={"task": "SendMail"})}


def test_a_change_is_made_to_what_is_there(dynamodb: Stubber, table: PauseTable) -> None:
    seen: list[Pause | None] = []
    later = PAUSE.model_copy(update={"by": "ann"})

    def change(pause: Pause | None) -> Pause:
        seen.append(pause)
        return later

    dynamodb.add_response("get_item", {}, READ)
    dynamodb.add_client_error("put_item", "ConditionalCheckFailedException")
    dynamodb.add_response("get_item", {"Item": {**KEY, **VALUES}}, READ)
    dynamodb.add_response("put_item", {})
    assert table.change("IngestData", change) == later.model_copy(update={"version": 1})
    assert seen == [None, PAUSE]
    for _ in range(2):
        dynamodb.add_response("get_item", {"Item": VALUES}, READ)
    assert table.change("IngestData", lambda _: None) is None
    assert table.change("IngestData", lambda pause: pause) == PAUSE
    for _ in range(10):
        dynamodb.add_response("get_item", {"Item": VALUES})
        dynamodb.add_client_error("put_item", "ConditionalCheckFailedException")
    with pytest.raises(TransientError, match=r"^the pause of IngestData is written too often$"):
        table.change("IngestData", change)


# ---------------------------------------------------------------------- what a pause says

ENDED = PAUSE.ended(SINCE, "resume by ann")


@pytest.mark.parametrize(
    ("pause", "in_force", "off", "why_since_then"),
    [
        pytest.param(PAUSE, True, True, True, id="in force"),
        pytest.param(ENDED, False, True, True, id="over"),
        pytest.param(ENDED.model_copy(update={"settled_at": SINCE + SECOND}), False, False, True, id="just settled"),
        pytest.param(ENDED.model_copy(update={"settled_at": SINCE}), False, False, True, id="settled then"),
        pytest.param(ENDED.model_copy(update={"settled_at": SINCE - SECOND}), False, False, False, id="before"),
    ],
)
def test_how_far_a_pause_is(pause: Pause, in_force: bool, off: bool, why_since_then: bool) -> None:
    assert (pause.is_in_force, pause.is_off, pause.may_be_why(SINCE)) == (in_force, off, why_since_then)
    assert noted({"IngestData": pause}) == {"IngestData": f"2026-03-01T06:00:00+00:00 {'off' if off else 'on'}"}


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({}, False),
        ({"until": SINCE + SECOND}, False),
        ({"until": SINCE}, True),
        ({"until": SINCE - SECOND}, True),
        ({"until": SINCE, "ended_at": SINCE}, False),
    ],
    ids=["without an end", "later", "now", "before", "over"],
)
def test_when_a_pause_is_due(changes: dict[str, Any], is_due: bool) -> None:
    assert PAUSE.model_copy(update=changes).is_due(SINCE) is is_due


def test_what_comes_after_a_pause() -> None:
    told = PAUSE.model_copy(update={"reported_at": SINCE})
    assert told.over(SINCE) == PAUSE.model_copy(update={"ended_at": SINCE})
    assert told.ended(SINCE, "x") == PAUSE.model_copy(update={"ended_at": SINCE, "ended_by": "x"})
    migrates = PAUSE.model_copy(update={"for_migration": True})
    assert (PAUSE.is_a_migrations, migrates.is_a_migrations) == (False, True)
    assert migrates.over(SINCE) == migrates.ended(SINCE, "the migration's time was up")
    both = migrates.model_copy(update={"replaces": PAUSE})
    assert not both.is_a_migrations
    assert both.over(SINCE) == PAUSE


def test_pauses_in_words() -> None:
    until = PAUSE.model_copy(update={"until": SINCE, "by": "ann", "reason": "the supplier is down", "task": "SendMail"})
    alike = until.model_copy(update={"task": "BuildIndex"})
    assert list(sentences([PAUSE, until, alike])) == [
        "BuildIndex, SendMail are paused by ann until 2026-03-01 06:00 UTC: the supplier is down",
        "IngestData is paused until a person resumes it",
    ]
