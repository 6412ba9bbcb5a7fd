"""EventBridge Scheduler: schedules that fall due, what they pass to a task, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage import clock
from stage.background import CannotFireError
from stage.validation.documented import DocumentedRules
from tests.in_process import gateway
from tests.stage.small_stage import SmallStage, aws

NAME = "a-name-of-more-than-nineteen-characters"


@pytest.fixture(autouse=True)
def _at_midnight(small: SmallStage) -> Iterator[None]:
    small.settings.change({"fire_schedules": True, "tasks": "scripted"})
    gateway().hooks.insert(0, DocumentedRules())
    small.background.move_clock(-(clock.now().timestamp() % 86_400))
    aws("scheduler").create_schedule_group(Name=small.name)
    yield
    aws("scheduler").delete_schedule_group(Name=small.name)


def create(small: SmallStage, expression: str, **more: Any) -> str:
    """A schedule that starts a task, in the stage's group. Returns `group/name`."""
    target = {**small.task_target(small.register()), **more.pop("Target", {})}
    request = {"GroupName": small.name, "Name": NAME, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    aws("scheduler").create_schedule(**request, ScheduleExpression=expression, **more)
    return f"{small.name}/{NAME}"


@pytest.mark.parametrize(
    ("expression", "zone", "times"),
    [
        ("at({:%Y-%m-%d}T06:00:00)", "UTC", ["06:00:00"]),
        ("at({:%Y-%m-%d}T06:00:00)", "Asia/Tokyo", []),
        ("at({:%Y-%m-%d}T20:30:00)", "Asia/Tokyo", ["11:30:00"]),
        ("cron(0 6,18 * * ? *)", "UTC", ["06:00:00", "18:00:00"]),
        ("rate(10 hours)", "UTC", ["10:00:00", "20:00:00"]),
    ],
    ids=["once", "before this day began", "once in a zone", "cron", "rate"],
)
def test_a_schedule_falls_due(small: SmallStage, expression: str, zone: str, times: list[str]) -> None:
    create(small, expression.format(clock.now()), ScheduleExpressionTimezone=zone)
    fired = small.background.fire_due(clock.now().replace(hour=23, minute=59))
    own = [each for each in fired if each["rule"].startswith(f"{small.name}/")]  # other tests have left rules
    assert [each["at"].partition("T")[2].removesuffix("Z") for each in own] == times


def test_a_task_has_the_scheduled_time_and_a_part_of_the_name(small: SmallStage) -> None:
    variable = '{"name": "AT", "value": "<aws.scheduler.scheduled-time>"}'
    overrides = f'{{"containerOverrides": [{{"name": "app", "environment": [{variable}]}}]}}'
    create(small, "cron(0 6 * * ? *)", Target={"Input": overrides})
    [fired] = small.background.fire_due(clock.now().replace(hour=7))
    task = small.task(fired["task_arn"])
    assert task["startedBy"] == "chronos-schedule/a-name-of-more-than"
    assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "AT", "value": fired["at"]}]


def test_a_schedule_may_be_deleted_after_its_only_time(small: SmallStage) -> None:
    create(small, f"at({clock.now():%Y-%m-%d}T06:00:00)", ActionAfterCompletion="DELETE")
    small.background.fire_due(clock.now().replace(hour=7))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("scheduler").get_schedule(GroupName=small.name, Name=NAME)


def test_a_disabled_schedule_does_not_fire(small: SmallStage) -> None:
    name = create(small, "rate(1 hour)", State="DISABLED")
    assert small.background.fire_due(clock.now().replace(hour=7)) == []
    with pytest.raises(CannotFireError, match="is DISABLED"):
        small.background.fire(name)


def test_a_start_that_is_refused_is_reported(small: SmallStage) -> None:
    name = create(small, "rate(1 hour)", Target={"Arn": f"{small.cluster}-2"})
    assert small.background.fire(name)["error"]["code"] == "ClusterNotFoundException"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expression": "cron(0 6 * * *)"}, r"ValidationException.*Invalid Schedule Expression cron.0 6 \* \* \*.\."),
        ({"expression": "rate(1 hour)", "ScheduleExpressionTimezone": "Mars/Base"}, "ValidationException"),
        ({"expression": "rate(1 hour)", "ScheduleExpressionTimezone": "Asia/Tokyo"}, "NotImplemented"),
    ],
    ids=["a bad expression", "an unknown zone", "a zone that the stage lacks"],
)
def test_a_schedule_is_refused(small: SmallStage, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        create(small, **change)
