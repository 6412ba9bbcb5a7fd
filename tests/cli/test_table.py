"""What is asked of the stack's table, whole, and what comes of its answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from rota.cli.table import Table, at, is_deployment, is_of_live, record_of_holder, version


class DynamoDB:
    """Answers with these pages of items, and keeps what it was asked."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = [*pages], list[dict[str, Any]]()

    def query(self, **asked: Any) -> dict[str, Any]:
        self.asked.append({**asked})
        page = self.pages.pop(0)
        items = [{name: TypeSerializer().serialize(value) for name, value in each.items()} for each in page]
        return {"Items": items, **({"LastEvaluatedKey": {"record": {"S": "x"}}} if self.pages else {})}


def table(*pages: list[dict[str, Any]]) -> tuple[Table, DynamoDB]:
    dynamodb: Any = DynamoDB(*pages)
    return Table(dynamodb, "rota-table", "production/shop"), dynamodb


OF_APP = {"TableName": "rota-table", "KeyConditionExpression": "app = :app", "ScanIndexForward": False, "Limit": 25}


def begins(partition: str, prefix: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": "rota-table",
        "KeyConditionExpression": "app = :app AND begins_with(#record, :prefix)",
        "ExpressionAttributeNames": {"#record": "record"},
        "ExpressionAttributeValues": {":app": {"S": partition}, ":prefix": {"S": prefix}},
        "ScanIndexForward": True,
        **more,
    }


APP, RUNS = "production/shop", "runs#production/shop"
SINCE = datetime(2026, 11, 29, tzinfo=UTC)
ASKED: dict[str, tuple[Callable[[Table], Any], dict[str, Any]]] = {
    "present": (lambda found: found.present(1), {**OF_APP, "ExpressionAttributeValues": {":app": {"S": APP}}}),
    "deployments": (lambda found: [*found.deployments()], begins(APP, "deployment#", ScanIndexForward=False)),
    "kept": (lambda found: found.kept(), begins(APP, "archive#")),
    "pauses": (lambda found: found.pauses(), begins("pauses#production/shop", "pause#")),
    "jobs": (lambda found: found.jobs(), begins(RUNS, "job#")),
    "jobs_live_since": (lambda found: found.jobs_live_since(), begins(RUNS, "sweep")),
    "runs": (lambda found: found.runs("A", 3), begins(RUNS, "run#A#", ScanIndexForward=False, Limit=3)),
    "runs_since": (
        lambda found: [*found.runs_since("A", SINCE)],
        begins(RUNS, "run#A#", ScanIndexForward=False, Limit=25),
    ),
}


@pytest.mark.parametrize(("read", "request_"), ASKED.values(), ids=ASKED)
def test_what_is_asked_page_after_page(read: Callable[[Table], Any], request_: dict[str, Any]) -> None:
    found, dynamodb = table([], [])
    read(found)
    next_page = {"ExclusiveStartKey": {"record": {"S": "x"}}}
    assert dynamodb.asked == [request_, request_ | next_page]


def test_what_there_is_now() -> None:
    entries = [{"record": f"deployment#{number}"} for number in (3, 2, 1)]
    items: list[dict[str, Any]] = [
        {"record": "releases", "number": 4},
        {"record": "lease", "gates": {"hold": {"a": None}}},
        *entries,
    ]
    present = table(items)[0].present(2)
    assert (present.live, present.lease, present.deployments) == (
        {"record": "releases", "number": 4},
        items[1],
        entries[:2],
    )
    assert present.gates == {"hold": {"a": None}}
    nothing = table([])[0].present(2)
    assert (nothing.live, nothing.lease, nothing.deployments, nothing.gates) == (None, {}, [], {})


def test_of_the_pauses_those_that_are_in_force() -> None:
    items = [{"task": "A"}, {"task": "B", "ended_at": "x"}, {"task": "C", "ended_at": ""}]
    assert table(items)[0].pauses() == {"A": items[0], "C": items[2]}


def test_the_kept_releases_are_newest_first() -> None:
    assert table([{"number": 2}, {"number": 10}])[0].kept() == [10, 2]


def test_of_runs_that_were_due_at_once_the_one_that_was_started_last_is_first() -> None:
    items = [{"scheduled_at": "2", "created_at": "1"}, {"scheduled_at": "2", "created_at": "3"}, {"scheduled_at": "2"}]
    items += [{"scheduled_at": "1", "created_at": "9"}]
    found = table(items)[0]
    assert found.runs("A", 4) == [items[1], items[0], items[2], items[3]]
    assert table(items)[0].runs("A", 1) == [items[0]]


def test_runs_that_were_due_since_then() -> None:
    times = ["2026-11-30T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-28T23:59:59Z", "2026-11-30T00:00:00Z"]
    items = [{"scheduled_at": each} for each in times]
    assert [*table(items)[0].runs_since("A", SINCE)] == items[:2]
    assert [*table([{}])[0].runs_since("A", SINCE)] == []


def test_since_when_that_is_live_which_the_jobs_are_as() -> None:
    assert table([{"live_since": "2026-11-29T00:00:00Z"}])[0].jobs_live_since() == SINCE
    assert table([])[0].jobs_live_since() is None


def test_values_are_as_python_has_them() -> None:
    item = {"map": {"a": [1, None, True, b"x"]}, "number": Decimal("1.5"), "text": "t"}
    assert table([item])[0].jobs_live_since() is None
    assert [*table([item])[0].deployments()] == [item]


@pytest.mark.parametrize(
    ("entry", "is_one"),
    [
        ({"digest": "d", "outcome": "refused", "kind": "push"}, True),
        ({"outcome": "deployed", "kind": "rollback"}, True),
        ({"outcome": "deployed", "kind": "schedule"}, True),
        ({"outcome": "refused", "kind": "rollback"}, False),
        ({"outcome": "done", "kind": "pause"}, False),
        ({"outcome": "done"}, False),
    ],
)
def test_which_entries_are_deployments(entry: dict[str, Any], is_one: bool) -> None:
    assert is_deployment(entry) == is_one


LIVE = {"live_digest": "d", "live_schedule_version": "v"}
DEPLOYED = {"outcome": "deployed", "digest": "d", "schedule_version": "v"}


@pytest.mark.parametrize(
    ("entry", "live", "of_live"),
    [
        (DEPLOYED, LIVE, True),
        (DEPLOYED, None, False),
        ({**DEPLOYED, "outcome": "failed"}, LIVE, False),
        ({**DEPLOYED, "digest": "e"}, LIVE, False),
        ({**DEPLOYED, "schedule_version": "w"}, LIVE, False),
    ],
)
def test_which_entry_is_live(entry: dict[str, Any], live: dict[str, Any] | None, of_live: bool) -> None:
    assert is_of_live(entry, live) == of_live


RECORD = {"execution": {"id": "e"}}


@pytest.mark.parametrize(
    ("lease", "record"),
    [
        ({"holder": "e", "deployment": RECORD}, RECORD),
        ({"holder": "f", "deployment": RECORD}, {}),
        ({"deployment": RECORD}, {}),
        ({"holder": "e", "deployment": {}}, {}),
        ({"holder": "e"}, {}),
        ({"deployment": {"execution": {}}}, {}),
    ],
)
def test_how_far_the_holder_has_come(lease: dict[str, Any], record: dict[str, Any]) -> None:
    assert record_of_holder(lease) == record


def test_times_and_numbers_of_an_item() -> None:
    item = {"at": "2026-11-29T00:00:00+00:00", "no": ""}
    assert (at(item, "at"), at(item, "no"), at(item, "none")) == (SINCE, None, None)
    assert (version(Decimal("4")), version(0), version(None)) == ("v4", None, None)
