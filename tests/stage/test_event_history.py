"""CloudTrail's event history of RunTask: what nothing else reports of a run that did not start."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage import clock
from tests.stage.small_stage import SmallStage, aws

OF_RUN_TASK = [{"AttributeKey": "EventName", "AttributeValue": "RunTask"}]


@pytest.fixture
def small(small: SmallStage) -> SmallStage:
    """Its tasks run no process."""
    small.settings.change({"tasks": "scripted"})
    return small


def look_up(**more: Any) -> list[Any]:
    found = aws("cloudtrail").lookup_events(**{"LookupAttributes": OF_RUN_TASK, **more})["Events"]
    return [json.loads(each["CloudTrailEvent"]) for each in found]


@pytest.mark.parametrize(
    ("setting", "error", "reasons"),
    [
        ("ok", None, []),
        ("capacity", None, ["Capacity is unavailable at this time."]),
        ("refused", "AccessDenied", None),
        ("throttled", "ThrottlingException", None),
    ],
)
def test_a_fired_task_is_shown_with_its_answer(
    small: SmallStage, setting: str, error: str | None, reasons: list[str] | None
) -> None:
    revision = small.register()
    group = {"Group": "rota:shop:Ingest"}
    rule = small.rule("task", small.task_target(revision, EcsParameters=group, RetryPolicy={"MaximumRetryAttempts": 0}))
    small.settings.change({"run_task": setting})
    small.background.fire(rule)
    assert look_up() == [], "some minutes later"
    small.background.move_clock(301)

    [event] = look_up()
    asked, answer = event["requestParameters"], event["responseElements"]
    assert (asked["startedBy"], asked["group"], asked["taskDefinition"]) == (
        f"events-rule/{rule}"[:36],
        "rota:shop:Ingest",
        revision,
    )
    assert (event["userIdentity"]["invokedBy"], event.get("errorCode")) == ("events.amazonaws.com", error)
    assert (answer and [each["reason"][:37] for each in answer["failures"]]) == reasons
    assert bool(answer and answer["tasks"]) == (setting == "ok")


def test_a_call_is_shown_too(small: SmallStage) -> None:
    with pytest.raises(ClientError):
        aws("ecs").run_task(cluster=small.name, taskDefinition="none")
    small.background.move_clock(301)
    [event] = look_up()
    assert (event["errorCode"], event["errorMessage"]) == ("ClientException", "TaskDefinition not found.")


def test_events_are_found_by_time_and_in_pages(small: SmallStage) -> None:
    rule = small.rule("task", small.task_target(small.register()))
    began = clock.now()
    for _ in range(3):
        small.background.move_clock(3600)
        small.background.fire(rule)
    small.background.move_clock(3600)
    since = began + timedelta(hours=1, minutes=59)
    times = [event["eventTime"] for event in look_up(StartTime=since)]
    assert (len(times), times) == (2, sorted(times, reverse=True))
    first = aws("cloudtrail").lookup_events(LookupAttributes=OF_RUN_TASK, MaxResults=2)
    second = aws("cloudtrail").lookup_events(LookupAttributes=OF_RUN_TASK, MaxResults=2, NextToken=first["NextToken"])
    assert (len(first["Events"]), len(second["Events"]), "NextToken" in second) == (2, 1, False)
    small.background.move_clock(91 * 86_400)
    assert look_up() == []


def test_other_events_and_a_wrong_time_are_not_found(small: SmallStage) -> None:
    small.background.fire(small.rule("task", small.task_target(small.register())))
    small.background.move_clock(400)
    assert look_up(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "StopTask"}]) == []
    now = clock.now()
    with pytest.raises(ClientError, match="InvalidTimeRangeException"):
        look_up(StartTime=now, EndTime=now - timedelta(hours=1))
