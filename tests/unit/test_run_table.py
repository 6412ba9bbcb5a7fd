"""What is asked of DynamoDB for runs and jobs: whole requests, and what each refusal comes to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.errors import TransientError
from rota.runs.model import Job, Release, Run, Span, Status, Swept
from rota.runs.table import RunTable

DUE = datetime(2026, 3, 1, 6, tzinfo=UTC)
IN_30_DAYS = 1774936800
RUN = Run(
    task="IngestData",
    scheduled_at=DUE,
    task_id="0f9c",
    status=Status.RUNNING,
    version=3,
    created_at=DUE + timedelta(seconds=2),
)
OVER = RUN.model_copy(update={"status": Status.OK, "version": 5, "ended_at": DUE + timedelta(minutes=3)})
SPAN = Span(expression="rate(1 hour)", since=DUE)
JOB = Job(task="IngestData", spans=(SPAN,), retry_age=60, grace=300)


@pytest.fixture
def table(dynamodb: Stubber) -> RunTable:
    client: Any = dynamodb.client
    return RunTable(client, "ledger", "production/api", 30)


def key(record: str) -> dict[str, Any]:
    return {"app": {"S": "runs#production/api"}, "record": {"S": record}}


def an_item(record: str, **values: Any) -> dict[str, Any]:
    return {"TableName": "ledger", "Item": key(record) | values}


def an_update(record: str, expression: str, **more: Any) -> dict[str, Any]:
    """UpdateItem; each name that the expression has stands for itself."""
    names = {word.strip(",") for word in expression.split() if word.startswith("#")}
    found = {name: name[1:] for name in names}
    return {
        "TableName": "ledger",
        "Key": key(record),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": found,
        **more,
    }


OF_RUN = {
    "task": {"S": "IngestData"},
    "scheduled_at": {"S": "2026-03-01T06:00:00Z"},
    "task_id": {"S": "0f9c"},
    "created_at": {"S": "2026-03-01T06:00:02Z"},
}
RUN_KEY = "run#IngestData#2026-03-01T06:00:00Z#0f9c"
A_NEW_RUN = an_item(
    RUN_KEY, **OF_RUN, version={"N": "3"}, status={"S": "running"}, expires_at={"N": str(IN_30_DAYS + 2)}
) | {"ConditionExpression": "attribute_not_exists(app)"}
A_RUN_THAT_ENDED = an_item(
    RUN_KEY,
    **OF_RUN,
    version={"N": "5"},
    status={"S": "ok"},
    ended_at={"S": "2026-03-01T06:03:00Z"},
    expires_at={"N": str(IN_30_DAYS + 180)},
) | {
    "ConditionExpression": "#version = :seen AND #status = :status",
    "ExpressionAttributeNames": {"#version": "version", "#status": "status"},
    "ExpressionAttributeValues": {":seen": {"N": "3"}, ":status": {"S": "running"}},
}
NOT_KNOWN = "#gave_way_at, #incident, #last_good, #last_run_at, #last_run_good, #lasted, #notices, #overlapping, #owed"
FIRST_STATE = an_update(
    "job#IngestData",
    f"SET #state = :state, #bad_runs = :bad_runs REMOVE {NOT_KNOWN}",
    ExpressionAttributeValues={":state": {"N": "1"}, ":bad_runs": {"N": "2"}},
    ConditionExpression="attribute_exists(app) AND attribute_not_exists(#state)",
)
NEXT_STATE = an_update(
    "job#IngestData",
    f"SET #state = :state REMOVE #bad_runs, {NOT_KNOWN}",
    ExpressionAttributeValues={":state": {"N": "5"}, ":seen": {"N": "4"}},
    ConditionExpression="#state = :seen",
)
SETTINGS = {
    ":task": {"S": "IngestData"},
    ":retry_age": {"N": "60"},
    ":grace": {"N": "300"},
}
SPANS = {"expression": {"S": "rate(1 hour)"}, "since": {"S": "2026-03-01T06:00:00Z"}}
SETS = "SET #task = :task, #spans = :spans, #retry_age = :retry_age, #grace = :grace"
BAD, SEEN_4 = JOB.model_copy(update={"bad_runs": 2}), JOB.model_copy(update={"state": 4})
REPORTS = an_update(
    "reporting",
    "SET #holder = :holder, #held_until = :held_until",
    ExpressionAttributeValues={
        ":holder": {"S": "me"},
        ":held_until": {"N": "1772345100.0"},
        ":now": {"N": "1772344800.0"},
    },
    ConditionExpression="attribute_not_exists(#holder) OR #holder = :holder OR #held_until < :now",
)
REPORTS_NO_MORE = {
    "TableName": "ledger",
    "Key": key("reporting"),
    "UpdateExpression": "REMOVE holder, held_until",
    "ConditionExpression": "holder = :me",
    "ExpressionAttributeValues": {":me": {"S": "me"}},
}
Act = Callable[[RunTable], Any]


@pytest.mark.parametrize(
    ("operation", "request_", "act", "writes_jobs"),
    [
        pytest.param("put_item", A_NEW_RUN, lambda table: table.put(RUN, None), False, id="a new run"),
        pytest.param("put_item", A_RUN_THAT_ENDED, lambda table: table.put(OVER, RUN), False, id="a run again"),
        pytest.param(
            "transact_write_items",
            {"TransactItems": [{"Put": A_RUN_THAT_ENDED}, {"Update": FIRST_STATE}]},
            lambda table: table.end(OVER, RUN, BAD, JOB),
            True,
            id="a run's end",
        ),
        pytest.param(
            "update_item", NEXT_STATE, lambda table: table.update_state(JOB, SEEN_4), True, id="how a job does"
        ),
        pytest.param(
            "update_item", REPORTS, lambda table: table.begin_reporting("me", DUE, DUE + timedelta(minutes=5)), False,
            id="who reports",
        ),
        pytest.param(
            "update_item", REPORTS_NO_MORE, lambda table: table.end_reporting("me") or True, False, id="no more"
        ),
        pytest.param(
            "update_item",
            an_update(
                "job#IngestData",
                f"{SETS} REMOVE #count, #max_runtime, #overlap, #catch_up, #tolerance, #owner, #expires_at",
                ExpressionAttributeValues=SETTINGS | {":spans": {"L": [{"M": SPANS}]}},
            ),
            lambda table: table.put_settings(BAD) or True,
            True,
            id="what the file says",
        ),
        pytest.param(
            "update_item",
            an_update(
                "job#IngestData",
                f"{SETS}, #owner = :owner, #expires_at = :expires_at "
                "REMOVE #count, #max_runtime, #overlap, #catch_up, #tolerance",
                ExpressionAttributeValues={
                    **SETTINGS,
                    ":spans": {"L": [{"M": SPANS | {"until": {"S": "2026-03-01T06:00:09Z"}}}]},
                    ":owner": {"S": "data-team"},
                    ":expires_at": {"N": str(IN_30_DAYS + 9)},
                },
            ),
            lambda table: table.put_settings(
                JOB.model_copy(
                    update={
                        "owner": "data-team",
                        "spans": (SPAN.model_copy(update={"until": DUE + timedelta(seconds=9)}),),
                    }
                )
            )
            or True,
            True,
            id="a job that left the file",
        ),
        pytest.param(
            "put_item",
            an_item("sweep", at={"S": "2026-03-01T06:00:00Z"}),
            lambda table: table.put_swept(Swept(at=DUE)) or True,
            False,
            id="how far Sweep looked",
        ),
        pytest.param(
            "put_item",
            an_item("releases", releases={"L": [{"M": {"digest": {"S": "sha256:1"}}}]}),
            lambda table: table.put_releases([Release(digest="sha256:1")]) or True,
            False,
            id="the releases",
        ),
    ],
)  # fmt: skip
def test_a_write(
    dynamodb: Stubber, table: RunTable, operation: str, request_: dict[str, Any], act: Act, writes_jobs: bool
) -> None:
    dynamodb.add_response(operation, {}, request_)
    assert act(table) is True
    assert table.wrote_jobs is writes_jobs


@pytest.mark.parametrize(
    ("operation", "code", "act"),
    [
        ("put_item", "ConditionalCheckFailedException", lambda table: table.put(RUN, None)),
        ("update_item", "ConditionalCheckFailedException", lambda table: table.update_state(JOB, JOB)),
        ("update_item", "TransactionConflictException", lambda table: table.update_state(JOB, JOB)),
        ("update_item", "ConditionalCheckFailedException", lambda table: table.begin_reporting("me", DUE, DUE)),
    ],
    ids=["a run", "a job", "a job in a transaction", "who reports"],
)
def test_what_has_changed_since_it_was_read_is_not_written(
    dynamodb: Stubber, table: RunTable, operation: str, code: str, act: Act
) -> None:
    dynamodb.add_client_error(operation, code)
    assert act(table) is False
    dynamodb.add_client_error(operation, "ValidationException")
    with pytest.raises(ClientError, match="ValidationException"):
        act(table)


@pytest.mark.parametrize(
    ("codes", "is_known"),
    [
        (["ConditionalCheckFailed", "None"], True),
        (["None", "ConditionalCheckFailed"], True),
        (["None", "TransactionConflict"], True),
        (["None", "ThrottlingError"], False),
    ],
)
def test_a_runs_end_is_not_written_if_either_has_changed(
    dynamodb: Stubber, table: RunTable, codes: list[str], is_known: bool
) -> None:
    reasons = {"CancellationReasons": [{"Code": code} for code in codes]}
    dynamodb.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
    if is_known:
        assert table.end(OVER, RUN, BAD, JOB) is False
    else:
        with pytest.raises(ClientError, match="TransactionCanceled"):
            table.end(OVER, RUN, BAD, JOB)


def a_get(record: str, *, consistent: bool = True) -> dict[str, Any]:
    return {"TableName": "ledger", "Key": key(record), "ConsistentRead": consistent}


def a_query(condition: str, **values: str) -> dict[str, Any]:
    return {
        "TableName": "ledger",
        "KeyConditionExpression": f"app = :app AND {condition}",
        "ExpressionAttributeNames": {"#record": "record"},
        "ExpressionAttributeValues": {
            ":app": {"S": "runs#production/api"},
            **{f":{name}": {"S": value} for name, value in values.items()},
        },
        "ConsistentRead": True,
    }


A_JOB = {"task": {"S": "IngestData"}, "retry_age": {"N": "60"}, "grace": {"N": "300"}}
READ_JOB = Job(task="IngestData", retry_age=60, grace=300)
A_RELEASE = {"releases": {"L": [{"M": {"digest": {"S": "sha256:1"}}}]}}


@pytest.mark.parametrize(
    ("record", "item", "read", "found", "nothing"),
    [
        ("job#IngestData", A_JOB, lambda table: table.job("IngestData"), READ_JOB, None),
        (RUN_KEY, A_NEW_RUN["Item"], lambda table: table.run(RUN.key), RUN, None),
        ("sweep", {"at": {"S": "2026-03-01T06:00:00Z"}}, lambda table: table.swept(), Swept(at=DUE), None),
        ("releases", A_RELEASE, lambda table: table.releases(), (Release(digest="sha256:1"),), ()),
    ],
    ids=["a job", "a run", "how far Sweep looked", "the releases"],
)
def test_a_read(
    dynamodb: Stubber, table: RunTable, record: str, item: dict[str, Any], read: Act, found: Any, nothing: Any
) -> None:
    dynamodb.add_response("get_item", {"Item": item}, a_get(record))
    dynamodb.add_response("get_item", {}, a_get(record))
    assert (read(table), read(table)) == (found, nothing)


def test_releases_may_be_read_from_any_copy(dynamodb: Stubber, table: RunTable) -> None:
    dynamodb.add_response("get_item", {"Item": A_RELEASE}, a_get("releases", consistent=False))
    assert table.releases(consistent=False) == (Release(digest="sha256:1"),)


def test_jobs_and_runs_are_read_page_by_page(dynamodb: Stubber, table: RunTable) -> None:
    query = a_query("begins_with(#record, :from)", **{"from": "job#"})
    page = {"Items": [A_JOB], "LastEvaluatedKey": key("job#IngestData")}
    dynamodb.add_response("query", page, query)
    other = A_JOB | {"task": {"S": "SendMail"}}
    dynamodb.add_response("query", {"Items": [other]}, query | {"ExclusiveStartKey": key("job#IngestData")})
    assert list(table.jobs().items()) == [
        ("IngestData", READ_JOB),
        ("SendMail", READ_JOB.model_copy(update={"task": "SendMail"})),
    ]
    begin, end = "run#IngestData#2026-03-01T06:00:00Z#", "run#IngestData#2026-03-01T07:00:01Z#"
    query = a_query("#record BETWEEN :from AND :to", **{"from": begin, "to": end})
    dynamodb.add_response("query", {"Items": [A_NEW_RUN["Item"]]}, query)
    assert table.runs("IngestData", DUE, DUE + timedelta(hours=1)) == [RUN]


def test_a_change_is_tried_with_what_is_there_then(dynamodb: Stubber, table: RunTable) -> None:
    seen: list[Job] = []

    def change(job: Job) -> Job:
        seen.append(job)
        return job

    dynamodb.add_client_error("update_item", "ConditionalCheckFailedException")
    dynamodb.add_response("get_item", {"Item": A_JOB}, a_get("job#IngestData"))
    dynamodb.add_response("update_item", {})
    table.change_state("IngestData", change, seen=JOB)
    assert seen == [JOB, READ_JOB]
    dynamodb.add_response("get_item", {})
    table.change_state("Gone", change)
    table.change_state("IngestData", lambda _: None, seen=JOB)
    assert len(seen) == 2
    for _ in range(5):
        dynamodb.add_response("get_item", {"Item": A_JOB})
        dynamodb.add_client_error("update_item", "ConditionalCheckFailedException")
    with pytest.raises(TransientError, match=r"^job#IngestData is written too often to change it$"):
        table.change_state("IngestData", change)
