"""EventBridge Scheduler: schedules that fall due, what they pass to a task, and what is refused."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage import clock
from stage.background import CannotFireError
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.small_stage import SmallStage, aws

NAME = "a-name-of-more-than-nineteen-characters"
TAGS = [{"team": "data"}]


@pytest.fixture(autouse=True)
def _at_midnight(small: SmallStage) -> Iterator[None]:
    small.settings.change({"fire_schedules": True, "tasks": "scripted"})
    small.background.move_clock(-(clock.now().timestamp() % 86_400))
    aws("scheduler").create_schedule_group(Name=small.name)
    yield
    aws("scheduler").delete_schedule_group(Name=small.name)


def create(small: SmallStage, expression: str, **more: Any) -> str:
    """A schedule that starts a task, in the stage's group. Returns `group/name`."""
    aws("scheduler").create_schedule(**request(small, expression, **more))
    return f"{small.name}/{NAME}"


def update(small: SmallStage, expression: str, **more: Any) -> None:
    """The same schedule with these members, and all others as they are by default."""
    aws("scheduler").update_schedule(**request(small, expression, **more))


def request(small: SmallStage, expression: str, **more: Any) -> dict[str, Any]:
    target = {**small.task_target(small.register()), **more.pop("Target", {})}
    named = {"GroupName": small.name, "Name": NAME, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    return {**named, "ScheduleExpression": expression, **more}


def due_today(small: SmallStage) -> list[str]:
    """When the stage's own schedules fall due on this day; other tests have left rules."""
    fired = small.background.fire_due(clock.now().replace(hour=23, minute=59))
    own = [each for each in fired if each["rule"].startswith(f"{small.name}/")]
    return [each["at"].partition("T")[2].removesuffix("Z") for each in own]


@pytest.mark.parametrize(
    ("expression", "zone", "times"),
    [
        ("at({:%Y-%m-%d}T06:00:00)", "UTC", ["06:00:00"]),
        ("at({:%Y-%m-%d}T06:00:00)", "Asia/Tokyo", ["00:00:00"]),
        ("at({:%Y-%m-%d}T20:30:00)", "Asia/Tokyo", ["11:30:00"]),
        ("cron(0 6,18 * * ? *)", "UTC", ["06:00:00", "18:00:00"]),
        ("cron(30 20 * * ? *)", "Asia/Tokyo", ["11:30:00"]),
        ("rate(10 hours)", "UTC", ["00:00:00", "10:00:00", "20:00:00"]),
    ],
    ids=["once", "at a time that is past", "once in a zone", "cron", "cron in a zone", "rate"],
)
def test_a_schedule_falls_due(small: SmallStage, expression: str, zone: str, times: list[str]) -> None:
    create(small, expression.format(clock.now()), ScheduleExpressionTimezone=zone)
    assert due_today(small) == times


def test_dates_bound_a_schedule(small: SmallStage) -> None:
    midnight = clock.now().replace(minute=0, second=0, microsecond=0)
    create(small, "rate(5 hours)", StartDate=midnight.replace(hour=4), EndDate=midnight.replace(hour=15))
    assert due_today(small) == ["04:00:00", "09:00:00", "14:00:00"]


def test_an_update_replaces_all(small: SmallStage) -> None:
    create(small, "cron(0 6 * * ? *)", State="DISABLED", Description="old", ActionAfterCompletion="DELETE")
    before = aws("scheduler").get_schedule(GroupName=small.name, Name=NAME)
    update(small, "cron(0 7 * * ? *)")
    after = aws("scheduler").get_schedule(GroupName=small.name, Name=NAME)
    assert (before["State"], before["Description"], "StartDate" in before) == ("DISABLED", "old", False)
    assert (after["State"], after["ActionAfterCompletion"], "Description" in after) == ("ENABLED", "NONE", False)
    assert after["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert (after["Arn"], after["ScheduleExpressionTimezone"]) == (before["Arn"], "UTC")


def test_a_list_says_little_of_a_schedule(small: SmallStage) -> None:
    create(small, "cron(0 6 * * ? *)")
    [listed] = aws("scheduler").list_schedules(GroupName=small.name)["Schedules"]
    assert listed.keys() == {"Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate", "Target"}
    assert listed["Target"].keys() == {"Arn"}


def test_a_list_is_of_one_group(small: SmallStage) -> None:
    create(small, "cron(0 6 * * ? *)")
    for group, listed in (("default", []), (small.name, [NAME])):
        found = aws("scheduler").list_schedules(GroupName=group, NamePrefix=NAME[:3])["Schedules"]
        assert [each["Name"] for each in found] == listed
    with pytest.raises(ClientError, match="Schedule group nowhere does not exist"):
        aws("scheduler").list_schedules(GroupName="nowhere")


def test_shortly_after_a_change_it_fires_as_it_was(small: SmallStage) -> None:
    name = create(small, "cron(0 6 * * ? *)")
    small.settings.change({"scheduler": {"lag_seconds": 60}})
    update(small, "cron(0 6 * * ? *)", State="DISABLED")
    assert "task_arn" in small.background.fire(name)
    small.background.move_clock(61)
    with pytest.raises(CannotFireError, match="is DISABLED"):
        small.background.fire(name)


def test_an_update_too_soon_is_a_conflict(small: SmallStage) -> None:
    create(small, "cron(0 6 * * ? *)")
    small.settings.change({"scheduler": {"conflict_seconds": 5}})
    with pytest.raises(ClientError, match="ConflictException"):
        update(small, "cron(0 7 * * ? *)")
    small.background.move_clock(6)
    update(small, "cron(0 7 * * ? *)")


def test_a_start_is_tried_again_and_given_up(small: SmallStage) -> None:
    small.settings.change({"run_task": "throttled"})
    url = aws("sqs").create_queue(QueueName=f"{small.name}-letters")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{small.name}-letters"
    policy = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    create(small, "cron(0 6 * * ? *)", Target={"RetryPolicy": policy, "DeadLetterConfig": {"Arn": queue}})
    small.background.fire_due(clock.now().replace(hour=7))
    [letter] = aws("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    said = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["RETRY_ATTEMPTS"]) == ("ThrottlingException", "2")
    assert (said["EXHAUSTED_RETRY_CONDITION"], said["SCHEDULED_TIME"][11:]) == ("MaximumRetryAttempts", "06:00:00Z")


def test_tags_are_maps(small: SmallStage) -> None:
    """github.com/hashicorp/terraform-provider-aws/issues/32259: with Key and Value every run fails."""
    name = create(small, "cron(0 6 * * ? *)", Target=small.task_target(small.register(), EcsParameters={"Tags": TAGS}))
    started = small.background.fire(name)["task_arn"]
    [task] = aws("ecs").describe_tasks(cluster=small.name, tasks=[started], include=["TAGS"])["tasks"]
    assert {each["key"]: each["value"] for each in task["tags"]} == {"team": "data"}


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


ROLE = "arn:aws:iam::123456789012:role/events"
FUNCTION = {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none", "RoleArn": ROLE}
UNIVERSAL = {"Arn": "arn:aws:scheduler:::aws-sdk:ecs:runTask", "RoleArn": ROLE}
DAILY, HOURLY = "cron(0 6 * * ? *)", "rate(1 hour)"
LATER = datetime(2199, 1, 1, tzinfo=UTC)
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a bad expression": (
        {"expression": "cron(0 6 * * *)"},
        r"ValidationException.*Invalid Schedule Expression cron.0 6 \* \* \*.\.",
    ),
    "an unknown zone": ({"expression": HOURLY, "ScheduleExpressionTimezone": "Mars/Base"}, "ValidationException"),
    "a start that is past": (
        {"expression": DAILY, "StartDate": datetime(2020, 1, 1, tzinfo=UTC)},
        r"The StartDate you specify cannot be earlier than 5 minutes ago\.",
    ),
    "an end before the start": (
        {"expression": DAILY, "StartDate": LATER, "EndDate": LATER},
        r"The StartDate you specify must come before the EndDate\.",
    ),
    "a window without minutes": (
        {"expression": DAILY, "FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        "MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE",
    ),
    "minutes without a window": (
        {"expression": DAILY, "FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF",
    ),
    "an input that is no JSON": (
        {"expression": DAILY, "Target": {"Input": "{"}},
        "JSON syntax error in input for the target",
    ),
    "another Region": (
        {"expression": DAILY, "Target": {"Arn": f"arn:aws:ecs:eu-north-1:{ACCOUNT}:cluster/production"}},
        f"The target ARN provided does not match the current region {REGION}",
    ),
    "parameters of another target": (
        {"expression": DAILY, "Target": FUNCTION},
        "Parameters EcsParameters not supported for the target",
    ),
    "a group that is not there": ({"expression": DAILY, "GroupName": "none"}, "ResourceNotFound.*group none does not"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_schedule_is_refused(small: SmallStage, case: str) -> None:
    change, words = REFUSALS[case]
    with pytest.raises(ClientError, match=words):
        create(small, **change)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({**UNIVERSAL, "Input": "{}"}, ""),
        (UNIVERSAL, "You must provide an input to set this target for your schedule"),
        ({**UNIVERSAL, "Arn": "arn:aws:scheduler:::aws-sdk:ecs:describeTasks"}, "describeTasks API is not supported"),
        (
            {**UNIVERSAL, "Arn": UNIVERSAL["Arn"].replace(":::", f":{REGION}:{ACCOUNT}:")},
            "scheduler is not a supported service for a target",
        ),
        (FUNCTION, ""),
    ],
    ids=["universal", "without input", "a read", "in a Region", "of a function that is not there"],
)
def test_another_target(small: SmallStage, target: dict[str, Any], words: str) -> None:
    request = {"GroupName": small.name, "Name": NAME, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    expected = pytest.raises(ClientError, match=words) if words else nullcontext()
    with expected:
        aws("scheduler").create_schedule(**request, ScheduleExpression=DAILY)


def test_what_exists_is_not_made_again(small: SmallStage) -> None:
    create(small, DAILY)
    with pytest.raises(ClientError, match="ConflictException"):
        create(small, DAILY)
    with pytest.raises(ClientError, match="ConflictException"):
        aws("scheduler").create_schedule_group(Name=small.name)
    assert "task_arn" in small.background.fire(f"{small.name}/{NAME}")
