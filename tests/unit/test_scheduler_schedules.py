"""Schedules of EventBridge Scheduler: what they must be, what a change of them writes, what is written now."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from rota.schedules import backend
from rota.schedules.eventbridge_scheduler.desired import desired_schedule
from rota.schedules.eventbridge_scheduler.inventory import GroupInventory
from rota.schedules.eventbridge_scheduler.schedule import (
    SchedulerChange,
    SchedulerSchedule,
    difference,
    first_due,
    is_closing,
    is_due_as,
    is_over,
    long_past,
    members_of,
    only_time,
    removal,
    time_of,
    writable,
)
from rota.schedules.revision import to_be_registered
from rota.settings import Settings
from tests.guestbook import CLUSTER_ARN, PREFIX, SETTINGS, UNWATCHED, arn, task

NAME = f"{SETTINGS.schedule_group}/{PREFIX}IngestData"
NOW = datetime(2026, 12, 1, 6, 0, 20, tzinfo=UTC)
AS_SHOWN = {"Arn": "arn:aws:...", "CreationDate": NOW, "LastModificationDate": NOW, "GroupName": "g", "Name": "n"}


def desired(settings: Settings = SETTINGS, overrides: str | None = None, **keys: Any) -> SchedulerSchedule:
    return desired_schedule(task(**keys), settings, NAME, CLUSTER_ARN, arn(2), overrides)


def shown(schedule: SchedulerSchedule, at: datetime = NOW, **others: Any) -> SchedulerSchedule:
    """The schedule as AWS shows it, read at that time."""
    written = writable(schedule.members, at)
    dates = {date: time_of(written.get(date)) for date in ("StartDate", "EndDate")}
    members = members_of(AS_SHOWN | written | dates | others)
    return schedule.model_copy(update={"members": members, "read_at": at})


def test_a_schedule_is_said_whole() -> None:
    found = desired().members
    network = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED"}
    assert found == {
        "ScheduleExpression": "cron(0 6 * * ? *)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": CLUSTER_ARN,
            "RoleArn": SETTINGS.scheduler_role_arn,
            "EcsParameters": {
                "TaskDefinitionArn": arn(2),
                "TaskCount": 1,
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {"awsvpcConfiguration": network},
                "PlatformVersion": "LATEST",
            },
            "Input": '{"containerOverrides":[{"name":"app","environment":[{"name":"ROTA_TASK","value":"IngestData"},'
            '{"name":"ROTA_SCHEDULED_AT","value":"<aws.scheduler.scheduled-time>"}]}]}',
            "RetryPolicy": {"MaximumEventAgeInSeconds": 21_600, "MaximumRetryAttempts": 185},
            "DeadLetterConfig": {"Arn": SETTINGS.run_queue_arn},
        },
    }


@pytest.mark.parametrize(
    ("keys", "members"),
    [
        pytest.param({"timezone": "Europe/Berlin"}, {"ScheduleExpressionTimezone": "Europe/Berlin"}, id="zone"),
        pytest.param(
            {"cron": None, "at": "2027-01-31T07:00:00"}, {"ScheduleExpression": "at(2027-01-31T07:00:00)"}, id="once"
        ),
        pytest.param(
            {"start": "2027-01-01T06:00:00Z", "end": "2027-02-01T06:00:00Z"},
            {"StartDate": "2027-01-01T05:59:59Z", "EndDate": "2027-02-01T06:00:59Z"},
            id="a cron's dates lie at the end of a minute",
        ),
        pytest.param(
            {"cron": None, "rate": "2 hours", "start": "2027-01-01T06:00:00Z"},
            {"StartDate": "2027-01-01T06:00:00Z"},
            id="a rate counts from its start",
        ),
        pytest.param(
            {"window": 15}, {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}}, id="window"
        ),
        pytest.param({"end": "2027-02-01T06:00:30Z"}, {"EndDate": "2027-02-01T06:00:59Z"}, id="an end with seconds"),
        pytest.param({"enabled": False}, {"State": "DISABLED"}, id="off"),
        pytest.param({"description": "nightly"}, {"Description": "nightly"}, id="description"),
    ],
)
def test_what_keys_say_of_a_schedule(keys: dict[str, Any], members: dict[str, Any]) -> None:
    assert {member: desired(**keys).members.get(member) for member in members} == members


def test_tags_of_a_run_are_maps() -> None:
    settings = SETTINGS.model_copy(update={"events_role_allows": ("tags",)})
    assert desired(settings, tags={"team": "data"}).target["EcsParameters"]["Tags"] == [{"team": "data"}]


def test_without_watching_a_target_says_no_more_than_its_task() -> None:
    target = desired(UNWATCHED).target
    assert (target["Input"], "DeadLetterConfig" in target) == ("{}", False)
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    overrides = '{"containerOverrides":[{"name":"app","command":["x"]}]}'
    assert desired(UNWATCHED, overrides).target["Input"] == overrides


@pytest.mark.parametrize("watched", [True, False], ids=["stays watched", "stays unwatched"])
def test_without_watching_a_target_stays_as_it_is(watched: bool) -> None:
    there = desired(SETTINGS if watched else UNWATCHED)
    wanted = desired_schedule(task(), UNWATCHED, NAME, CLUSTER_ARN, arn(2), None, there)
    assert difference(shown(there), wanted) is None


def test_what_a_task_overrides_is_in_its_target() -> None:
    overrides = '{"containerOverrides":[{"name":"app","command":["x"]}]}'
    given = json.loads(desired(SETTINGS, overrides).target["Input"])["containerOverrides"]
    variables = {"ROTA_TASK": "IngestData", "ROTA_SCHEDULED_AT": "<aws.scheduler.scheduled-time>"}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    assert given == [{"name": "app", "command": ["x"], "environment": environment}]


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, id="cron"),
        pytest.param({"cron": None, "rate": "5 minutes"}, id="rate"),
        pytest.param({"cron": None, "rate": "5 minutes", "start": "2026-11-01T00:02:00Z"}, id="rate since long ago"),
        pytest.param({"start": "2026-11-01T00:00:00Z"}, id="a start that is past"),
        pytest.param({"start": "2027-01-01T00:00:00Z"}, id="a start that comes"),
        pytest.param({"end": "2026-11-30T00:00:00Z"}, id="an end that is past"),
        pytest.param({"cron": None, "at": "2026-11-30T00:00:00"}, id="a time that is past"),
        pytest.param({"cron": None, "at": "2027-11-30T00:00:00", "timezone": "Asia/Tokyo"}, id="a time that comes"),
        pytest.param({"timezone": "Europe/Berlin", "window": 10, "description": "x", "enabled": False}, id="all"),
        pytest.param({"capacity_provider": {"FARGATE": 1, "FARGATE_SPOT": 0}}, id="weights"),
    ],
)
@pytest.mark.parametrize("later", [timedelta(), timedelta(hours=7, seconds=3)], ids=["now", "later"])
def test_what_was_written_is_not_written_again(keys: dict[str, Any], later: timedelta) -> None:
    wanted = desired(**keys)
    found = shown(wanted).model_copy(update={"read_at": NOW + later})
    assert difference(found, wanted) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"cron": "0 7 * * ? *"}, id="expression"),
        pytest.param({}, {"timezone": "Europe/Berlin"}, id="zone"),
        pytest.param({}, {"enabled": False}, id="off"),
        pytest.param({"window": 10}, {}, id="window goes"),
        pytest.param({"description": "x"}, {}, id="description goes"),
        pytest.param({"end": "2027-01-01T00:00:00Z"}, {}, id="end goes"),
        pytest.param({"end": "2026-01-01T00:00:00Z"}, {"end": "2027-01-01T00:00:00Z"}, id="an end that was past"),
        pytest.param({"start": "2027-01-01T00:00:00Z"}, {}, id="start goes"),
        pytest.param({"count": 1}, {"count": 2}, id="target"),
        pytest.param(
            {"cron": None, "rate": "1 hour"},
            {"cron": None, "rate": "1 hour", "start": "2027-01-01T00:00:00Z"},
            id="a rate that is to wait",
        ),
        pytest.param(
            {"cron": None, "rate": "1 hour", "start": "2026-11-01T00:02:00Z"},
            {"cron": None, "rate": "1 hour", "start": "2026-11-01T00:07:00Z"},
            id="another phase",
        ),
        pytest.param(
            {"cron": None, "at": "2026-11-30T00:00:00"}, {"cron": None, "at": "2027-11-30T00:00:00"}, id="another time"
        ),
    ],
)
def test_a_change_sends_the_whole_schedule(before: dict[str, Any], after: dict[str, Any]) -> None:
    wanted = desired(**after)
    change = difference(shown(desired(**before)), wanted)
    assert change is not None
    assert (change.kind, dict(change.writes())) == ("update", {"UpdateSchedule": 1})
    assert change.members == wanted.members


def test_a_person_who_changed_a_schedule_is_undone() -> None:
    wanted = desired()
    assert difference(shown(wanted, State="DISABLED", KmsKeyArn="arn:aws:kms:..."), wanted)


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        pytest.param({}, {"StartDate": None, "State": "ENABLED"}, id="cron"),
        pytest.param({"start": "2026-11-01T00:00:00Z"}, {"StartDate": None}, id="a cron's start that is past"),
        pytest.param(
            {"cron": None, "rate": "2 hours"},
            {"StartDate": "2026-12-01T08:00:20Z"},
            id="a rate begins after one period",
        ),
        pytest.param(
            {"cron": None, "rate": "1 hour", "start": "2026-11-01T00:02:00Z"},
            {"StartDate": "2026-12-01T06:02:00Z"},
            id="a rate goes on in its phase",
        ),
        pytest.param(
            {"cron": None, "rate": "1 hour", "start": "2026-11-01T00:02:00Z", "end": "2026-11-30T00:00:00Z"},
            {"StartDate": None, "EndDate": "2026-11-30T00:00:59Z", "State": "DISABLED"},
            id="a rate that is over",
        ),
        pytest.param(
            {"cron": None, "at": "2026-12-01T06:59:00", "timezone": "Europe/Berlin"},
            {"State": "DISABLED"},
            id="a time that is past in its zone",
        ),
        pytest.param({"cron": None, "at": "2026-12-01T06:00:00"}, {"State": "ENABLED"}, id="a time whose minute it is"),
        pytest.param({"cron": None, "at": "2026-12-01T05:59:59"}, {"State": "ENABLED"}, id="a time with seconds"),
        pytest.param({"cron": None, "at": "2026-12-01T05:30:00", "window": 30}, {"State": "ENABLED"}, id="in a window"),
        pytest.param(
            {"cron": None, "at": "2026-12-01T05:30:00", "window": 29}, {"State": "DISABLED"}, id="after its window"
        ),
        pytest.param({"end": "2026-12-01T06:00:00Z"}, {"State": "ENABLED"}, id="an end whose minute it is"),
        pytest.param({"end": "2026-12-01T05:59:00Z"}, {"State": "DISABLED"}, id="an end that is past"),
        pytest.param(
            {"cron": None, "rate": "1 hour", "start": "2026-11-01T00:02:00Z", "end": "2026-12-01T06:01:00Z"},
            {"StartDate": None, "State": "DISABLED"},
            id="a rate without a run before its end",
        ),
        pytest.param({"cron": None, "at": "2026-12-01T07:00:00"}, {"State": "ENABLED"}, id="a time that comes"),
    ],
)
def test_what_aws_takes_now(keys: dict[str, Any], written: dict[str, Any]) -> None:
    found = writable(desired(**keys).members, NOW)
    assert {member: found.get(member) for member in written} == written


ONCE: dict[str, Any] = {"cron": None, "at": "2026-12-01T06:00:00"}


@pytest.mark.parametrize(
    ("keys", "now", "closing", "over"),
    [
        pytest.param({}, NOW, False, False, id="without an end"),
        pytest.param(ONCE, NOW - timedelta(seconds=21), False, False, id="one time, just before"),
        pytest.param(ONCE, NOW - timedelta(seconds=20), True, False, id="one time, as it is due"),
        pytest.param(ONCE, NOW + timedelta(seconds=39), True, False, id="one time, in its last second"),
        pytest.param(ONCE, NOW + timedelta(seconds=40), False, True, id="one time, a minute later"),
        pytest.param(ONCE | {"window": 5}, NOW + timedelta(minutes=5), True, False, id="in its window"),
        pytest.param(ONCE | {"window": 5}, NOW + timedelta(minutes=6), False, True, id="after its window"),
        pytest.param({"end": "2026-12-01T06:00:00Z"}, NOW, True, False, id="a cron in its last minute"),
        pytest.param({"end": "2026-12-01T05:59:00Z"}, NOW, False, False, id="a cron after that"),
    ],
)
def test_when_the_last_run_may_begin(keys: dict[str, Any], now: datetime, closing: bool, over: bool) -> None:
    found = desired(**keys).members
    assert (is_closing(found, now), is_over(found, now)) == (closing, over)


@pytest.mark.parametrize(
    ("keys", "same"),
    [
        ({}, True),
        ({"start": "2027-01-01T00:00:00Z"}, True),
        ({"window": 5}, True),
        ({"cron": "0 7 * * ? *"}, False),
        ({"timezone": "Europe/Berlin"}, False),
        ({"end": "2027-01-01T00:00:00Z"}, False),
    ],
    ids=["the same", "another start", "a window", "other minutes", "another zone", "an end"],
)
def test_which_are_due_at_the_same_times(keys: dict[str, Any], same: bool) -> None:
    assert is_due_as(desired().members, desired(**keys).members) is same


@pytest.mark.parametrize(
    ("expression", "start", "first"),
    [
        ("rate(2 hours)", "2026-12-01T07:00:20Z", "1970-01-01T01:00:20Z"),
        ("rate(2 hours)", None, "1970-01-01T00:00:00Z"),
        ("cron(0 6 * * ? *)", "2026-12-01T07:00:20Z", "1970-01-01T00:00:00Z"),
    ],
    ids=["a rate", "a rate without a start", "a cron"],
)
def test_a_start_that_is_long_past(expression: str, start: str | None, first: str) -> None:
    members = {"ScheduleExpression": expression} | ({"StartDate": start} if start else {})
    assert long_past(SchedulerSchedule(name=NAME, members=members)) == first


@pytest.mark.parametrize(
    ("keys", "local"),
    [(ONCE, NOW.replace(second=0)), (ONCE | {"timezone": "Europe/Berlin"}, NOW.replace(hour=5, second=0)), ({}, None)],
    ids=["UTC", "a zone", "a cron"],
)
def test_the_only_time(keys: dict[str, Any], local: datetime | None) -> None:
    assert only_time(desired(**keys).members) == local


@pytest.mark.parametrize("after", [-1, 0, 1, 3599, 3600, 3601])
def test_from_when_on_a_rate_is_due(after: int) -> None:
    """At its anchor, and then every hour: the first that is not past."""
    hour, due = timedelta(hours=1), NOW if after <= 0 else NOW + timedelta(hours=1 if after <= 3600 else 2)
    assert first_due(NOW, hour, NOW + timedelta(seconds=after)) == due


SPOT = {"capacityProvider": "FARGATE_SPOT"}


@pytest.mark.parametrize(
    ("strategy", "same"),
    [
        ([{**SPOT, "weight": 0, "base": 0}], True),
        ([SPOT], True),
        ([{**SPOT, "weight": 1}], False),
        ([{**SPOT, "base": 1}], False),
    ],
    ids=["as AWS completes it", "as it is sent", "another weight", "another base"],
)
def test_what_aws_completes_is_no_difference(strategy: list[dict[str, Any]], same: bool) -> None:
    def of(strategy: list[dict[str, Any]], **more: Any) -> SchedulerSchedule:
        wanted = desired()
        ecs = {**wanted.target["EcsParameters"], "CapacityProviderStrategy": strategy, **more}
        return wanted.model_copy(
            update={"members": {**wanted.members, "Target": {**wanted.target, "EcsParameters": ecs}}}
        )

    found = shown(of(strategy, EnableECSManagedTags=False, PlacementStrategy=[]))
    assert (difference(found, of([SPOT])) is None) is same


@pytest.mark.parametrize(
    ("read_at", "changes"),
    [(NOW - timedelta(seconds=21), True), (NOW, False), (None, True)],
    ids=["before its minute", "in its minute", "not read"],
)
def test_what_is_about_to_run_is_changed_for_other_minutes_alone(read_at: datetime | None, changes: bool) -> None:
    found = shown(desired(**ONCE)).model_copy(update={"read_at": read_at})
    assert (difference(found, desired(**ONCE, count=2)) is not None) is changes
    assert difference(found, desired(cron=None, at="2026-12-01T07:00:00")) is not None


def test_a_rate_of_another_period_counts_anew() -> None:
    change = difference(shown(desired(cron=None, rate="2 hours")), desired(cron=None, rate="3 hours"))
    assert change
    assert "StartDate" not in change.members


def test_a_rate_goes_on_from_the_schedule_that_is_there() -> None:
    found = shown(desired(cron=None, rate="2 hours"))
    change = difference(found, desired(cron=None, rate="2 hours", count=2))
    assert change is not None
    assert writable(change.members, NOW + timedelta(hours=5))["StartDate"] == "2026-12-01T12:00:20Z"


@pytest.mark.parametrize(
    ("keys", "start"),
    [
        pytest.param({}, None, id="cron"),
        pytest.param({"cron": None, "rate": "2 hours"}, "2026-12-01T12:00:20Z", id="rate"),
    ],
)
def test_what_stays_in_scheduler_keeps_its_minutes(keys: dict[str, Any], start: str | None) -> None:
    there = shown(desired(**keys, window=5))
    kept = backend.staying(task(**keys), SETTINGS, {NAME: there})
    assert backend.name_of(kept, SETTINGS) == NAME
    change = difference(there, desired_schedule(kept, SETTINGS, NAME, CLUSTER_ARN, arn(2)))
    assert change is not None
    written = writable(change.members, NOW + timedelta(hours=5))
    assert (written.get("StartDate"), written["ScheduleExpressionTimezone"]) == (start, "UTC")
    own = task(**keys, start="2027-01-01T00:00:00Z")
    assert backend.staying(own, SETTINGS, {NAME: there}) == own
    assert backend.staying(task(**keys), SETTINGS, {}) == task(**keys)


def test_one_that_is_removed_is_disabled_first() -> None:
    assert dict(removal(shown(desired())).writes()) == {"UpdateSchedule": 1, "DeleteSchedule": 1}
    assert dict(removal(shown(desired(enabled=False))).writes()) == {"DeleteSchedule": 1}


def test_a_schedule_and_its_change_are_stored_and_read() -> None:
    found = shown(desired())
    for kind, value in ((backend.Schedule, found), (backend.Change, removal(found))):
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        assert adapter.validate_json(adapter.dump_json(value)) == value


def test_what_keeps_a_group_from_being_deployed() -> None:
    outside, foreign = shown(desired()), shown(desired())
    outside = outside.model_copy(update={"name": f"{SETTINGS.schedule_group}/former__IngestData"})
    foreign.members["Target"]["RoleArn"] = "arn:aws:iam::123456789012:role/other"
    found = list(GroupInventory({outside.name: outside, NAME: foreign}).problems([], SETTINGS))
    assert [problem.partition(":")[0] for problem in found] == [
        f"schedules in the app's group do not begin with the parameter RulePrefix, {PREFIX}",
        f"the schedule {NAME} names the role arn",
    ]
    assert not list(GroupInventory({NAME: shown(desired())}).problems([], SETTINGS))


def test_what_a_stored_change_has_written_starts_the_revision_that_was_registered() -> None:
    planned = desired_schedule(task(), SETTINGS, NAME, CLUSTER_ARN, to_be_registered("fingerprint"), None)
    change = SchedulerChange(kind="update", name=NAME, members=planned.members)
    assert backend.written_by(change.model_dump(mode="json"), {"fingerprint": arn(2)}) == desired()
