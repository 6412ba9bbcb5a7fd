"""What is asked of a schedule or a change of either backend, beside what plans and moves do with them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.schedule_file.when import When
from rota.schedules import backend
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange, difference, is_taken_over, rule_name, undo
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule, members_of
from rota.schedules.revision import to_be_registered
from tests.guestbook import CLUSTER_ARN, arn

NOW = datetime(2026, 12, 1, 6, 0, 20, tzinfo=UTC)
CRON = "cron(0 6 * * ? *)"
RULE_ARN = "arn:aws:events:us-east-1:123456789012:rule/p__Job"
TARGET: dict[str, Any] = {"Id": "p__Job", "Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(7)}}


def rule(**changes: Any) -> Rule:
    whole = {"name": "p__Job", "schedule_expression": CRON, "state": "ENABLED", "tags": {}, "targets": (TARGET,)}
    return Rule(**whole | changes)


def schedule(**members: Any) -> SchedulerSchedule:
    target = {"Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(8)}}
    shown = {"ScheduleExpression": CRON, "Target": target} | members
    return SchedulerSchedule(name="group/p__Job", members=members_of(shown))


RETRIED = {"RetryPolicy": {"MaximumEventAgeInSeconds": 600}}


@pytest.mark.parametrize(
    ("given", "revisions", "enabled", "when", "age"),
    [
        (rule(), {arn(7)}, True, When(CRON), 86_400),
        (rule(state="DISABLED", schedule_expression=None), {arn(7)}, False, None, 86_400),
        (rule(targets=({**TARGET, **RETRIED},)), {arn(7)}, True, When(CRON), 600),
        (schedule(), {arn(8)}, True, When(CRON), 86_400),
        (
            schedule(State="DISABLED", Target={"Arn": "x", **RETRIED}, ScheduleExpressionTimezone="Europe/Berlin"),
            set(),
            False,
            When(CRON, "Europe/Berlin"),
            600,
        ),
    ],
    ids=["a rule", "a rule that is off", "a rule with an age", "a schedule", "a schedule that is off"],
)
def test_what_a_schedule_says(
    given: backend.Schedule, revisions: set[str], enabled: bool, when: When | None, age: int
) -> None:
    assert backend.revisions_of([given]) == revisions
    assert backend.is_enabled(given) is enabled
    assert backend.is_on(given.name, {given.name: given}) is enabled
    assert backend.when_of(given) == when
    assert backend.retry_age_of(given) == age
    for on in (True, False):
        switched = backend.switched(given, on=on)
        assert backend.is_enabled(switched) is on
        assert (switched == given) is (on is enabled)


def test_the_revisions_of_both_kinds_together() -> None:
    assert backend.revisions_of([schedule(), rule()]) == {arn(7), arn(8)}
    assert not backend.is_on("p__Other", {"p__Job": rule()})


@pytest.mark.parametrize(
    ("change", "on", "words"),
    [
        (RuleChange(kind="remove", name="p__Job", arn=RULE_ARN), None, "the rule p__Job"),
        (
            RuleChange(kind="update", name="p__Job", arn=RULE_ARN, put_rule=rule().put_request()),
            True,
            "the rule p__Job",
        ),
        (SchedulerChange(kind="remove", name="group/p__Job", members=schedule().members), None, "the schedule"),
        (SchedulerChange(kind="create", name="group/p__Job", members=schedule().members), True, "the schedule"),
        (
            SchedulerChange(kind="create", name="group/p__Job", members=schedule(State="DISABLED").members),
            False,
            "the schedule",
        ),
    ],
    ids=["a rule removed", "a rule", "a schedule removed", "a schedule", "a schedule that is off"],
)
def test_whether_a_change_leaves_it_on(change: backend.Change, on: bool | None, words: str) -> None:
    assert backend.switches(change) is on
    assert backend.in_words(change) == (words if words.endswith("Job") else f"{words} group/p__Job")
    kept = backend.kept_off(change)
    assert (backend.switches(kept), kept == change) == (False if on else on, not on)


@pytest.mark.parametrize(
    ("expression", "due"), [(CRON, True), ("at(2026-12-01T06:01:00)", True), ("at(2026-12-01T06:00:00)", False)]
)
def test_whether_it_is_due_yet(expression: str, due: bool) -> None:
    change = SchedulerChange(kind="create", name="g/J", members=schedule(ScheduleExpression=expression).members)
    assert backend.is_due_after(change, NOW) is due


@pytest.mark.parametrize(
    ("given", "over"),
    [
        (rule(schedule_expression="at(2026-01-01T06:00:00)"), False),
        (schedule(), False),
        (schedule(State="DISABLED"), True),
        (schedule(ScheduleExpression="at(2026-12-01T05:58:00)"), True),
        (schedule(ScheduleExpression="at(2026-12-01T06:00:00)"), False),
        (schedule(EndDate=NOW - timedelta(minutes=2)), True),
    ],
    ids=["a rule", "ahead", "off", "one time, past", "one time, in its minute", "ended"],
)
def test_what_has_no_run_left(given: backend.Schedule, over: bool) -> None:
    assert backend.is_over(given, NOW) is over


def test_the_request_that_brings_a_schedule_back() -> None:
    there = schedule(StartDate=NOW - timedelta(days=1), EndDate=NOW + timedelta(days=1))
    expected = {**there.members, "GroupName": "group", "Name": "p__Job"}
    del expected["StartDate"]
    assert backend.update_request(there.model_dump(mode="json"), NOW) == expected
    assert backend.update_request(rule().model_dump(mode="json"), NOW) is None
    assert backend.update_request({"name": "p__Job"}, NOW) is None, "the first versions named no backend"


@pytest.mark.parametrize(
    ("rules", "schedules", "seconds"),
    [(0, 0, 0), (16, 0, 0), (25, 0, 0.5), (0, 1_000, 0), (0, 1_500, 0.5), (75, 1_500, 3.5), (25, 3_000, 2)],
)
def test_how_long_changes_take_at_the_least(rules: int, schedules: int, seconds: float) -> None:
    """A rule takes three calls, a schedule one; both kinds are written at once."""
    whole = RuleChange(kind="create", name="p__Job", arn=RULE_ARN, put_rule=rule().put_request(), put_targets=(TARGET,))
    own = SchedulerChange(kind="create", name="group/p__Job", members=schedule().members)
    assert backend.seconds([whole] * rules + [own] * schedules) == seconds


@pytest.mark.parametrize(
    ("before", "kind", "targets"),
    [
        (rule(), "update", (TARGET,)),
        (rule(targets=()), "update", ({"Id": "p__Job"},)),
        (None, "create", ()),
        (schedule(), "create", ()),
    ],
    ids=["a rule", "one without a target", "none", "a schedule"],
)
def test_all_of_a_rule_is_put_where_no_more_is_known(
    before: backend.Schedule | None, kind: str, targets: tuple[Any, ...]
) -> None:
    found = backend.restored_whole("p__Job", before, CLUSTER_ARN)
    assert isinstance(found, RuleChange)
    assert (found.kind, found.name, found.arn, found.put_targets) == (kind, "p__Job", RULE_ARN, targets)
    assert (found.put_rule is not None) is (kind == "update")


@pytest.mark.parametrize(
    ("recorded", "current", "registered", "before"),
    [
        (["p__Job"], rule(), set(), True),
        (["p__Other"], rule(), {arn(7)}, False),
        (None, None, set(), False),
        (None, rule(), set(), False),
        (None, rule(), {arn(7)}, True),
    ],
    ids=["recorded", "not recorded", "there is none", "of another", "of Rota, by a version that recorded none"],
)
def test_whether_rota_had_set_the_retry_policy(
    recorded: list[str] | None, current: Rule | None, registered: set[str], before: bool
) -> None:
    assert backend.set_retry_before("p__Job", current, recorded, registered) is before


def test_what_a_stored_change_has_written() -> None:
    target = {**TARGET, "EcsParameters": {"TaskDefinitionArn": to_be_registered("f1")}}
    change = RuleChange(kind="create", name="p__Job", arn=RULE_ARN, put_targets=(target,))
    found = backend.written_by(change.model_dump(mode="json"), {"f1": arn(9)})
    assert found
    assert (found.name, backend.revisions_of([found]), found.is_enabled) == ("p__Job", {arn(9)}, True)
    assert (
        backend.written_by(RuleChange(kind="remove", name="p__Job", arn=RULE_ARN).model_dump(mode="json"), {}) is None
    )
    own = SchedulerChange(kind="create", name="group/p__Job", members=schedule().members)
    assert backend.written_by({**own.model_dump(mode="json"), "later": 1}, {}) == own.as_schedule


def test_a_change_is_spelled_as_the_previous_release_does() -> None:
    """What moves no schedule is read by it."""
    assert RuleChange(kind="remove", name="p__Job", arn=RULE_ARN).model_dump(mode="json") == {
        "backend": "rules",
        "kind": "remove",
        "name": "p__Job",
        "arn": RULE_ARN,
        "put_rule": None,
        "put_targets": [],
        "remove_targets": [],
        "disable": False,
    }
    own = SchedulerChange(kind="create", name="group/p__Job", members={"State": "ENABLED"})
    shown = {"backend": "scheduler", "kind": "create", "name": "group/p__Job", "disable": False}
    assert own.model_dump(mode="json") == shown | {"members": {"State": "ENABLED"}}
    moves = own.model_copy(update={"moved": True, "replaces": When(CRON)}).model_dump(mode="json")
    assert (moves["moved"], moves["replaces"]) == (True, [CRON, "UTC", None, None, 0])


def test_a_rule_that_is_kept_off_is_put_with_all_that_it_has() -> None:
    made = RuleChange(kind="create", name="p__Job", arn=RULE_ARN, put_rule=rule().put_request())
    assert made.kept_off.put_rule == rule(state="DISABLED").put_request()
    assert made.when == When(CRON)


@pytest.mark.parametrize(
    ("arn_", "name"),
    [(RULE_ARN, "p__Job"), (RULE_ARN.replace(":rule/", ":rule/bus/"), "bus/p__Job"), ("x", "")],
    ids=["the default bus", "another bus", "no rule"],
)
def test_the_name_in_a_rules_arn(arn_: str, name: str) -> None:
    assert rule_name(arn_) == name


@pytest.mark.parametrize(
    ("ages", "longest"), [([600], 600), ([600, 900], 900), ([600, None], 86_400), ([], 86_400)], ids=str
)
def test_the_longest_age_of_a_rules_targets_counts(ages: list[int | None], longest: int) -> None:
    policies = [{"RetryPolicy": {"MaximumEventAgeInSeconds": age}} if age else {} for age in ages]
    assert backend.retry_age_of(rule(targets=tuple({**TARGET, **policy} for policy in policies))) == longest


@pytest.mark.parametrize(
    ("targets", "taken"),
    [((), False), ((TARGET,), True), (({"Id": "q", "Arn": "arn:queue"},), True), ((TARGET | {"Id": "own"},), True)],
    ids=["no target", "of a script", "a queue", "another id"],
)
def test_whose_target_a_rule_has(targets: tuple[dict[str, Any], ...], taken: bool) -> None:
    assert is_taken_over(rule(targets=targets), set()) is taken
    assert is_taken_over(rule(targets=(TARGET,)), {arn(7)}) is False


SPOT = {"capacityProvider": "FARGATE_SPOT"}


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ({"CapacityProviderStrategy": [{**SPOT, "weight": 0, "base": 0}]}, True),
        ({"CapacityProviderStrategy": [{**SPOT, "weight": 1}]}, False),
        ({"CapacityProviderStrategy": [{**SPOT, "base": 1}]}, False),
        ({"CapacityProviderStrategy": [SPOT], "EnableECSManagedTags": False, "Tags": []}, True),
    ],
    ids=["what AWS completes", "another weight", "another base", "what AWS adds"],
)
def test_what_aws_completes_is_no_difference(shown: dict[str, Any], same: bool) -> None:
    def spot(ecs: dict[str, Any]) -> Rule:
        return rule(targets=({**TARGET, "EcsParameters": {**TARGET["EcsParameters"], **ecs}},))

    desired = spot({"CapacityProviderStrategy": [SPOT]})
    assert (difference(spot(shown), desired, RULE_ARN) is None) is same


def test_the_targets_that_an_undo_removes_are_in_order() -> None:
    added = tuple({**TARGET, "Id": each} for each in ("c", "a", "b"))
    change = RuleChange(kind="update", name="p__Job", arn=RULE_ARN, put_targets=added)
    assert undo(change, rule()).remove_targets == ("a", "b", "c")


def test_what_scheduler_asks_of_ecs_for_a_run() -> None:
    ecs = {
        "TaskDefinitionArn": arn(8),
        "TaskCount": 2,
        "LaunchType": "FARGATE",
        "PlatformVersion": "LATEST",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
        "PropagateTags": "TASK_DEFINITION",
        "EnableExecuteCommand": True,
        "Tags": [{"team": "data"}, {"cost": "42"}],
    }
    overrides = '{"containerOverrides":[{"name":"app","environment":[{"name":"AT","value":"%s"}]}]}'
    target = {"Arn": CLUSTER_ARN, "EcsParameters": ecs, "Input": overrides % "<aws.scheduler.scheduled-time>"}
    assert backend.start_of(schedule(Target=target), NOW.replace(second=0)) == {
        "cluster": CLUSTER_ARN,
        "taskDefinition": arn(8),
        "count": 2,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
        "propagateTags": "TASK_DEFINITION",
        "enableExecuteCommand": True,
        "overrides": json.loads(overrides % "2026-12-01T06:00:00Z"),
        "tags": [{"key": "team", "value": "data"}, {"key": "cost", "value": "42"}],
    }


@pytest.mark.parametrize(
    "changes",
    [{"EcsParameters": None}, {"Input": "no JSON"}, {"Input": "[]"}, {"Input": '"text"'}],
    ids=["no task", "no JSON", "a list", "a text"],
)
def test_what_is_not_asked_of_ecs(changes: dict[str, Any]) -> None:
    target = {**schedule().target, **changes}
    given = {name: value for name, value in target.items() if value is not None}
    assert backend.start_of(schedule(Target=given), NOW) is None
