"""The app's schedules as the command reads them: rules, and schedules of EventBridge Scheduler."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rota.cli.live_schedules import Schedules, is_on, noun
from rota.cli.stack import Stack
from rota.ownership import OWNER_TAG
from rota.schedule_file.when import When, when_of_aws
from stage import clock
from tests.stage.small_stage import SmallStage, aws

PREFIX, APP = "cli__", "production/cli"
ZONED: dict[str, Any] = {
    "ScheduleExpression": "cron(0 7 * * ? *)",
    "ScheduleExpressionTimezone": "Europe/Berlin",
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
}


def of_the_app(small: SmallStage, *, has_group: bool = True) -> Schedules:
    outputs = {"RulePrefix": PREFIX, **({"ScheduleGroup": small.name} if has_group else {})}
    parameters = {"ClusterName": "production", "ServiceName": "cli"}
    account: Any = SimpleNamespace(client=aws)
    return Schedules(account, Stack("rota", "arn", "CREATE_COMPLETE", parameters, outputs))


@pytest.fixture
def both(small: SmallStage) -> Iterator[SmallStage]:
    """A rule of the app, one of another's with its prefix, and a schedule in a zone."""
    events, scheduler = aws("events"), aws("scheduler")
    scheduler.create_schedule_group(Name=small.name)
    events.put_rule(Name=f"{PREFIX}Hourly", ScheduleExpression="rate(1 hour)", Tags=[{"Key": OWNER_TAG, "Value": APP}])
    events.put_rule(Name=f"{PREFIX}Theirs", ScheduleExpression="rate(1 day)")
    scheduler.create_schedule(**schedule(small, f"{PREFIX}Report", ZONED))
    yield small
    for name in ("Hourly", "Theirs"):
        events.delete_rule(Name=f"{PREFIX}{name}")
    scheduler.delete_schedule_group(Name=small.name)


def schedule(small: SmallStage, name: str, members: dict[str, Any]) -> dict[str, Any]:
    target = small.task_target(small.register())
    return {"Name": name, "GroupName": small.name, "Target": target, **members}


def test_rules_and_schedules_are_listed(both: SmallStage) -> None:
    of_app = of_the_app(both)
    found = of_app.listed()
    assert {task: noun(each) for task, each in found.items()} == {
        **{"Hourly": "rule", "Theirs": "rule", "Report": "schedule"}
    }
    assert of_app.owned(found) == {"Hourly", "Report"}
    assert when_of_aws(found["Report"]) == When("cron(0 7 * * ? *)", "Europe/Berlin", window=5)
    assert of_the_app(both, has_group=False).listed().keys() == {"Hourly", "Theirs"}


def test_a_schedule_is_read_whole(both: SmallStage) -> None:
    of_app = of_the_app(both)
    hourly, report = of_app.read("Hourly"), of_app.read("Report")
    assert hourly
    assert report
    assert (hourly["tags"], hourly["targets"]) == ({OWNER_TAG: APP}, [])
    assert (report["tags"], len(report["targets"])) == ({OWNER_TAG: APP}, 1)
    assert of_app.read("Nothing") is None


@pytest.mark.parametrize(("state", "kind"), [("ENABLED", "schedule"), ("DISABLED", "rule")])
def test_of_a_task_that_is_being_moved_what_is_on(both: SmallStage, state: str, kind: str) -> None:
    moving = {**ZONED, "State": state}
    aws("scheduler").create_schedule(**schedule(both, f"{PREFIX}Hourly", moving))
    found = of_the_app(both)
    read = found.read("Hourly")
    assert read
    assert (noun(found.listed()["Hourly"]), noun(read), is_on(read)) == (kind, kind, True)


def test_dates_between_two_minutes_are_those_of_the_file(both: SmallStage) -> None:
    begin = (clock.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    dates = {"StartDate": begin - timedelta(seconds=30), "EndDate": begin + timedelta(days=9, seconds=30)}
    aws("scheduler").create_schedule(**schedule(both, f"{PREFIX}Season", ZONED | dates))
    found = when_of_aws(of_the_app(both).listed()["Season"])
    assert (found.start, found.end) == (begin, begin + timedelta(days=9))
