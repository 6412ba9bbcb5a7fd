"""Existing schedules of EventBridge Scheduler as tasks of a schedule file, and what is said where no key can."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.cli.import_schedules.entry import Taken, take
from rota.cli.import_schedules.gather import jobs_of_scheduler
from rota.cli.import_schedules.job import CannotTakeError
from rota.cli.import_schedules.scheduler import Listed, job_of_schedule
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_scheduler.desired import desired_schedule
from rota.schedules.eventbridge_scheduler.schedule import SchedulerSchedule, difference, writable
from tests.cli.test_import_schedules import BASE, PLACE, SPAM, STATE, overrides
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:ecs:runTask"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:report"
GIVEN: dict[str, Any] = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400}
RETRY = {"retry": {"attempts": 185, "age": 86_400}}


def schedule(target: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """As GetSchedule shows one that a person made in the group `default`."""
    network = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED"}
    parameters = {"TaskDefinitionArn": arn(1), "TaskCount": 1, "NetworkConfiguration": {"awsvpcConfiguration": network}}
    own = {"Arn": CLUSTER_ARN, "RoleArn": "r", "Input": overrides(SPAM), "EcsParameters": parameters}
    return {
        "GroupName": "default",
        "Name": "spam",
        "State": "ENABLED",
        "ScheduleExpression": "cron(0 7 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "NONE",
        "CreationDate": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "Target": {**own, "RetryPolicy": GIVEN, **(target or {})},
    } | members


def taken(shown: dict[str, Any], owner: str | None = None, own_group: str = "rota-group", machine: str = "{}") -> Taken:
    listed = Listed(shown["GroupName"], shown["Name"], shown["Target"]["Arn"], owner)
    return take(job_of_schedule(listed, shown, APP, own_group, machine, NOW), PLACE, BASE)


def on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


BERLIN = {"cron": "0 7 * * ? *", "timezone": "Europe/Berlin"}
REQUEST = {
    "Cluster": CLUSTER_ARN,
    "TaskDefinition": arn(1),
    "Overrides": {"ContainerOverrides": [{"Name": "app", "Command": SPAM}]},
    "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
}
SCHEDULED_AT = {"Name": "ROTA_SCHEDULED_AT", "Value": "<aws.scheduler.scheduled-time>"}
TRACED = {
    **REQUEST,
    "Overrides": {"ContainerOverrides": [{"Name": "app", "Command": SPAM, "Environment": [SCHEDULED_AT]}]},
}
ENTRIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a zone": (schedule(), BERLIN),
    "UTC": (schedule(ScheduleExpressionTimezone="UTC"), {"cron": "0 7 * * ? *"}),
    "off, described": (
        schedule(State="DISABLED", Description="Removes spam"),
        {**BERLIN, "enabled": False, "description": "Removes spam"},
    ),
    "once": (
        schedule(ScheduleExpression="at(2027-01-31T07:00)", StartDate=on("2026-01-01")),
        {"at": "2027-01-31T07:00", "timezone": "Europe/Berlin"},
    ),
    "five fields in capitals": (schedule(ScheduleExpression="CRON(0 7 * * ?)"), BERLIN),
    "a rate that counts from a start": (
        schedule(ScheduleExpression="rate(1 days)", StartDate=on("2026-01-01T06:30:30"), EndDate=on("2027-06-01")),
        {"rate": "1 day", "start": "2026-01-01T06:30:30Z", "end": "2027-06-01T00:00:00Z"},
    ),
    "from and to": (
        schedule(StartDate=on("2027-01-01T05:59:30"), EndDate=on("2027-06-01T06:00:30")),
        {**BERLIN, "start": "2027-01-01T06:00:00Z", "end": "2027-06-01T06:00:00Z"},
    ),
    "a start that is past": (schedule(StartDate=on("2026-01-01")), BERLIN),
    "a window": (
        schedule(FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}),
        {**BERLIN, "window": 15},
    ),
    "tags": (
        schedule({"EcsParameters": {**schedule()["Target"]["EcsParameters"], "Tags": [{"cost": "12"}]}}),
        {**BERLIN, "tags": {"cost": "12"}},
    ),
    "the whole request": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps(REQUEST), "EcsParameters": None}),
        {**BERLIN, "capacity_provider": "FARGATE_SPOT"},
    ),
    "the whole request, traced": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps(TRACED), "EcsParameters": None}),
        {**BERLIN, "capacity_provider": "FARGATE_SPOT"},
    ),
    "a count as text": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps({**REQUEST, "Count": "2"}), "EcsParameters": None}),
        {**BERLIN, "count": 2, "capacity_provider": "FARGATE_SPOT"},
    ),
}


@pytest.mark.parametrize(("shown", "keys"), ENTRIES.values(), ids=ENTRIES)
def test_a_schedule_that_keys_can_say(shown: dict[str, Any], keys: dict[str, Any]) -> None:
    made = taken(shown)
    assert made.entry == {"name": "spam", "task": "spam_task", **keys, **RETRY}
    (remark,) = made.remarks
    assert "is in the group default, of which Rota changes nothing" in remark
    assert remark.endswith("\naws scheduler delete-schedule --group-name default --name spam")
    assert not made.in_place


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"Name": f"{PREFIX}spam"}, "refuses to deploy while this one is on. Delete it while none is due"),
        ({"Name": f"{PREFIX}spam", "State": "DISABLED"}, "This one is off: leave it so, or delete it"),
        ({"GroupName": "rota-group"}, f"does not begin with {PREFIX}, and is in the app's group"),
        ({}, "Once that is live, delete this one before it is due again, or the job runs twice"),
    ],
    ids=["of a task's name", "off", "in the app's group", "of another name"],
)
def test_when_an_old_schedule_is_to_go(members: dict[str, Any], words: str) -> None:
    assert words in taken(schedule(**members)).remarks[-1]


LETTERS = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:old"}}
IN_A_GROUP = {**schedule()["Target"]["EcsParameters"], "Group": "jobs", "EnableECSManagedTags": True}
REMARKS: dict[str, tuple[dict[str, Any], str]] = {
    "is deleted": (schedule(ActionAfterCompletion="DELETE"), "is deleted after its last run"),
    "a key": (schedule(KmsKeyArn="arn:k"), "has its input encrypted with arn:k"),
    "a queue": (schedule(LETTERS), "has its dead letters in arn:aws:sqs:us-east-1:123456789012:old"),
    "a rate without a start": (schedule(ScheduleExpression="rate(1 hour)"), 'such as "2026-01-02T03:04:05Z"'),
    "members": (schedule({"EcsParameters": IN_A_GROUP}), "says EnableECSManagedTags, Group, which no key can"),
    "members of a request": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps({**REQUEST, "StartedBy": "x"})}),
        "says StartedBy, which no key can",
    ),
}


@pytest.mark.parametrize(("shown", "words"), REMARKS.values(), ids=REMARKS)
def test_what_no_key_says_of_a_schedule(shown: dict[str, Any], words: str) -> None:
    made = taken(shown)
    assert len(made.remarks) == 2
    assert words in made.remarks[0]


ATTRIBUTE = overrides(SPAM, container={"environment": [{"name": "RUN", "value": "<aws.scheduler.execution-id>"}]})
NOT_TAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a queue": (schedule({"Arn": "arn:aws:sqs:us-east-1:123456789012:q"}), "its target is not an ECS task (sqs)"),
    "an attribute": (schedule({"Input": ATTRIBUTE}), "has <aws.scheduler.execution-id>, which no key can say"),
    "text": (schedule({"Input": "spam"}), "its input is no JSON object"),
    "a past time": (schedule(ScheduleExpression="at(2026-12-01T13:00:00)"), "its one time, 2026-12-01T12:00:00Z, is p"),
    "a past end": (schedule(EndDate=on("2026-11-30")), "never runs again: its end, 2026-11-30T00:00:00Z, is past"),
    "an unknown zone": (schedule(ScheduleExpressionTimezone="Mars/Base"), '"Mars/Base"'),
    "an unknown zone, once": (
        schedule(ScheduleExpression="at(2027-01-31T07:00:00)", ScheduleExpressionTimezone="Mars/Base"),
        '"Mars/Base"',
    ),
    "no task definition": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps({"cluster": CLUSTER_ARN, "taskDefinition": arn(1)})}),
        "names no TaskDefinition",
    ),
    "no count": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps({**REQUEST, "Count": "two"})}),
        'starts "two" copies, which is no number',
    ),
    "nulls": (
        schedule({"Arn": UNIVERSAL, "Input": json.dumps(dict.fromkeys(REQUEST) | {"TaskDefinition": arn(1)})}),
        "runs on the cluster default",
    ),
    "another cluster": (schedule({"Arn": f"{CLUSTER_ARN}-2"}), "runs on the cluster production-2"),
}


@pytest.mark.parametrize(("shown", "words"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_a_schedule_that_no_key_can_say(shown: dict[str, Any], words: str) -> None:
    with pytest.raises(CannotTakeError) as refused:
        taken(shown)
    assert words in str(refused.value)


def test_a_schedule_that_is_deleted_meanwhile_is_left_out() -> None:
    """As Scheduler itself deletes one after its one time."""
    client = boto3.client("scheduler", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    account: Any = SimpleNamespace(client=lambda _name: client, now=lambda: NOW)
    with Stubber(client) as stub:
        stub.add_client_error("get_schedule", "ResourceNotFoundException", http_status_code=404)
        assert jobs_of_scheduler(account, [Listed("default", "spam", CLUSTER_ARN)], APP) == ([], [])


def test_a_schedule_of_another_app_is_not_taken() -> None:
    with pytest.raises(CannotTakeError, match="belongs to a/b, by the tag rota:app of its group"):
        taken(schedule(GroupName="theirs"), owner="a/b")


@pytest.mark.parametrize("own_group", ["rota-group", ""], ids=["the stack's", "by its tag"])
def test_what_rota_has_made_comes_back_as_it_was(own_group: str) -> None:
    """A spent schedule, too: its task is in the file until a person takes it out."""
    traced = {"environment": [{"name": "ROTA_SCHEDULED_AT", "value": "<aws.scheduler.scheduled-time>"}]}
    target = {"Input": overrides(SPAM, container=traced), "RetryPolicy": {**GIVEN, "MaximumEventAgeInSeconds": 21_600}}
    shown = schedule(
        target | LETTERS, GroupName="rota-group", Name=f"{PREFIX}Spam", ScheduleExpression="at(2026-11-01T07:00:00)"
    )
    made = taken(shown, owner=APP, own_group=own_group)
    assert made.entry == {
        "name": "Spam", "task": "spam_task", "at": "2026-11-01T07:00:00", "timezone": "Europe/Berlin"
    }  # fmt: skip
    assert (made.remarks, made.in_place) == ((), True)


KEYS: dict[str, dict[str, Any]] = {
    "a zone": {"cron": "0 7 ? * MON-FRI *", "timezone": "Europe/Amsterdam", "window": 20},
    "once": {"at": "2027-03-28T03:30:00", "timezone": "Europe/Amsterdam"},
    "from and to": {"cron": "0/5 * * * ? *", "start": "2027-01-04T09:00:00", "end": "2027-12-31T17:00:00Z"},
    "a rate": {"rate": "7 days", "start": "2026-01-05T09:00:00Z", "window": 5},
    "how it starts": {
        **{"rate": "2 hours", "window": 1, "count": 2, "retry": {"attempts": 2, "age": 600}, "description": "Often"},
        **{"tags": {"cost": "12"}, "propagate_tags": True, "capacity_provider": {"FARGATE_SPOT": 3, "FARGATE": 1}},
    },
    "off": {"cron": "0 7 * * ? *", "timezone": "Asia/Kolkata", "enabled": False},
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_what_is_imported_changes_nothing(keys: dict[str, Any]) -> None:
    def written(task: Task, current: SchedulerSchedule | None = None) -> SchedulerSchedule:
        return desired_schedule(task, SETTINGS, f"g/{PREFIX}A", CLUSTER_ARN, arn(1), overrides(SPAM), current)

    file = json.dumps({"tasks": [{"name": "A", "task": "spam_task", **keys}]}).encode()
    (task,) = parse_schedule_file(file, rule_prefix=PREFIX, max_tasks=1)
    there = written(task)
    there = there.model_copy(update={"members": writable(there.members, NOW), "read_at": NOW})
    dates: dict[str, Any] = {
        each: datetime.fromisoformat(there.members[each]) for each in ("StartDate", "EndDate") if each in there.members
    }
    made = taken({**there.members, **dates, "GroupName": "g", "Name": f"{PREFIX}A"}, own_group="g")
    assert made.remarks == ()
    assert difference(there, written(made.task, there)) is None


def test_a_schedule_that_starts_a_state_machine() -> None:
    parameters = {**STATE["Parameters"], "Overrides": REQUEST["Overrides"]}
    definition = json.dumps({"TimeoutSeconds": 60, "States": {"Run": {**STATE, "Parameters": parameters}}})
    made = taken(schedule({"Arn": MACHINE, "Input": None, "EcsParameters": None}, Name="r"), machine=definition)
    assert (made.entry["name"], made.entry["timezone"], made.entry["watch"]) == (
        "r",
        "Europe/Berlin",
        {"max_runtime": 60},
    )
