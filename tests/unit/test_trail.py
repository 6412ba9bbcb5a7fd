"""Why ECS started nothing, by CloudTrail's events of RunTask."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.runs.model import Why
from rota.runs.trail import Asked, History, asked, read, reason_in
from tests.log_lines import logged

AT = datetime(2026, 3, 1, 6, 0, 31, tzinfo=UTC)
RULE = "production__guestbook__IngestData"
CUT = "events-rule/production__guestbook__I"
ARN = "arn:aws:ecs:us-east-1:123456789012:task/production/0f1e2d3c"
CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


def event(task: str | None = "IngestData", answer: Any = None, **more: Any) -> dict[str, Any]:
    environment = [{"name": "ROTA_TASK", "value": task}] if task else []
    overrides = {"containerOverrides": [{"name": "app", "environment": environment}]}
    request = {"startedBy": CUT, "taskDefinition": "guestbook:6", "overrides": overrides}
    return {"eventName": "RunTask", "requestParameters": request, "responseElements": answer, **more}


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        (event(answer={"tasks": [], "failures": [{"reason": CAPACITY}]}), CAPACITY),
        (event(answer={"tasks": [], "failures": [{"reason": "RESOURCE:ENI", "detail": "none"}]}), "RESOURCE:ENI none"),
        (event(errorCode="AccessDenied", errorMessage="not authorized"), "AccessDenied: not authorized"),
        (event(errorCode="ThrottlingException"), "ThrottlingException"),
        (event(answer={"tasks": [{"taskArn": ARN}], "failures": []}), ""),
        ({"eventName": "RunTask", "requestParameters": None, "responseElements": None}, ""),
    ],
    ids=["capacity", "detail", "denied", "no message", "started", "nothing"],
)
def test_what_an_event_says(recorded: dict[str, Any], text: str) -> None:
    assert asked(AT, recorded).text == text


def at(seconds: float, task: str = "IngestData", text: str = CAPACITY, by: str = CUT) -> Asked:
    return Asked(AT + timedelta(seconds=seconds), task, by, text)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param([at(0)], Why.CAPACITY, id="its own"),
        pytest.param([at(0, text="ClientException: no"), at(9)], Why.CAPACITY, id="the last counts"),
        pytest.param([at(0, text="AccessDenied: not authorized to perform: ecs:RunTask")], Why.ROLE, id="denied"),
        pytest.param([at(0, text="InvalidParameterException: no")], Why.REFUSED, id="refused"),
        pytest.param([at(0, task="Index")], None, id="another task's"),
        pytest.param([at(0, by="kim")], None, id="a person's"),
        pytest.param([at(-60), at(700)], None, id="of another time"),
        pytest.param([at(0, task="")], Why.CAPACITY, id="one that names no task"),
        pytest.param([at(0, task=""), at(1, task="", text="no")], None, id="two that name none"),
        pytest.param([], None, id="none"),
    ],
)
def test_a_reason_is_of_the_run_for_sure(found: list[Asked], why: Why | None) -> None:
    due = AT.replace(second=0)
    reason = reason_in(found, "IngestData", RULE, due, due + timedelta(minutes=6))
    assert (reason and reason.why) == why


@pytest.mark.parametrize("before", ["", "arn:aws:ecs:us-east-1:1234:task-definition/"], ids=["its name", "its ARN"])
@pytest.mark.parametrize("answered", [True, False], ids=["as ECS answered", "as it was asked"])
def test_what_was_started_is_a_task_of_the_app_that_names_its_job(answered: bool, before: str) -> None:
    def started(task: str | None = "IngestData", cluster: str = "production", family: str = "guestbook") -> Asked:
        revision = f"{before}{family}:6"
        answer = {
            "taskArn": ARN.replace("production", cluster),
            **({"taskDefinitionArn": revision} if answered else {}),
        }
        recorded = event(task, {"tasks": [answer], "failures": []})
        recorded["requestParameters"]["taskDefinition"] = "another:1" if answered else revision
        return asked(AT, recorded)

    history = History(
        [
            started(),
            started(None),
            started(cluster="staging"),
            started(family="guestbook-2"),
            started(family="old-guestbook"),
        ],
        AT,
    )
    (found,) = history.tasks_of("production", "guestbook")
    assert (found.job, found.task_arn, found.created_at, found.has_ended) == ("IngestData", ARN, AT, False)


@pytest.mark.parametrize(
    ("asked_for", "since", "covered"),
    [([at(0)], 0, True), ([at(0)], 60, False), ([at(0, by="kim")], 0, False), ([], 0, False)],
    ids=["all of it", "cut off", "no rule's", "nothing"],
)
def test_a_history_that_may_lack_starts_covers_no_miss(asked_for: list[Asked], since: int, covered: bool) -> None:
    assert History(asked_for, AT + timedelta(seconds=since)).covers(AT + timedelta(seconds=30)) is covered


class EndlessHistory:
    """CloudTrail with a page of one refusal after the other, each of which takes some seconds."""

    def __init__(self, seconds: float) -> None:
        self.now, self._seconds = 0.0, seconds

    def get_paginator(self, _operation: str) -> "EndlessHistory":
        return self

    def paginate(self, **_asked: Any) -> Iterator[Any]:
        while True:
            self.now += self._seconds
            refused = event(answer={"failures": [{"reason": CAPACITY}]})
            yield {"Events": [{"EventTime": AT, "CloudTrailEvent": json.dumps(refused)}]}


@pytest.mark.parametrize(("seconds", "pages"), [(0.5, 40), (4, 5), (35, 1)])
def test_a_long_or_slow_history_is_left_in_time(seconds: float, pages: int) -> None:
    history: Any = EndlessHistory(seconds)
    found = read(history, AT - timedelta(days=1), AT, clock=lambda: history.now)
    assert found == History([at(0)] * pages, since=AT), "a sweep has a minute for all that it does"


def test_all_that_an_event_says() -> None:
    answer = {"tasks": [{"taskArn": ARN, "taskDefinitionArn": "guestbook:7"}, {"taskArn": f"{ARN}4"}]}
    found = asked(AT, event(answer=answer))
    assert (found.at, found.task, found.started_by, found.text) == (AT, "IngestData", CUT, "")
    assert [(each.task_arn, each.task_definition_arn) for each in found.tasks] == [
        (ARN, "guestbook:7"),
        (f"{ARN}4", "guestbook:6"),
    ]
    assert {(each.started_by, each.version, each.last_status, each.job) for each in found.tasks} == {
        (CUT, 0, "PENDING", "IngestData")
    }
    assert asked(AT, {}) == Asked(AT, "", "")


def test_what_is_asked_of_cloudtrail(caplog: pytest.LogCaptureFixture) -> None:
    client = boto3.client("cloudtrail", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    since = AT - timedelta(days=1)
    request = {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "RunTask"}],
        "StartTime": since,
        "EndTime": AT,
    }
    page = {"Events": [{"EventTime": AT, "CloudTrailEvent": json.dumps(event())}], "NextToken": "next"}
    with Stubber(client) as stub:
        stub.add_response("lookup_events", page, request)
        stub.add_response("lookup_events", {"Events": []}, request | {"NextToken": "next"})
        assert read(client, since, AT) == History([at(0, text="")], since)
        stub.add_client_error("lookup_events", "AccessDeniedException")
        assert read(client, since, AT) == History([], AT), "nothing is known"
        stub.add_response("lookup_events", page)
        stub.add_client_error("lookup_events", "ThrottlingException")
        assert read(client, since, AT + timedelta(days=1)) == History([at(0, text="")], AT), "since the oldest event"
    assert logged(caplog) == [("ERROR", "CloudTrail could not be asked what was started", {})] * 2


@pytest.mark.parametrize(("seconds", "is_of_it"), [(-1, False), (0, True), (60, True), (61, False)])
def test_a_refusal_is_of_the_time_in_which_it_was_tried(seconds: float, is_of_it: bool) -> None:
    found = reason_in([at(seconds)], "IngestData", RULE, AT, AT + timedelta(minutes=1))
    assert bool(found) is is_of_it
    assert reason_in([at(0, text="")], "IngestData", RULE, AT, AT) is None


def test_the_last_refusal_that_names_the_job_counts() -> None:
    refusals = [at(3, task="", text="of another"), at(2, text="the last"), at(1, text="the first")]
    found = reason_in(refusals, "IngestData", RULE, AT, AT + timedelta(minutes=1))
    assert found is not None
    assert found.aws == "the last"
