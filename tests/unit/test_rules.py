"""EventBridge rules: what a task's rule must be, and the least that turns one rule into another."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.schedules import backend
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import (
    Rule,
    RuleChange,
    difference,
    removal,
    task_definitions_used_by,
    undo,
    whole,
)
from rota.schedules.eventbridge_rules.tag_index import tags_of_rules
from rota.schedules.revision import to_be_registered
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn, task

Change = Callable[[dict[str, Any]], None]


def rule(**changes: Any) -> Rule:
    return desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(7)).model_copy(update=changes)


def target(change: Change = lambda target: None) -> dict[str, Any]:
    (made,) = rule().targets
    change(made)
    return made


def with_target(change: Change) -> Rule:
    return rule(targets=(target(change),))


def network(target: dict[str, Any]) -> dict[str, Any]:
    configuration: dict[str, Any] = target["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
    return configuration


def test_a_task_becomes_a_tagged_rule_with_one_fargate_target() -> None:
    assert desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(7)) == Rule(
        name="production__guestbook__IngestData",
        schedule_expression="cron(0 6 * * ? *)",
        state="ENABLED",
        tags={"rota:app": "production/guestbook-api"},
        targets=(
            {
                "Id": "production__guestbook__IngestData",
                "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/production",
                "RoleArn": "arn:aws:iam::123456789012:role/events",
                "EcsParameters": {
                    "TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/guestbook:7",
                    "TaskCount": 1,
                    "LaunchType": "FARGATE",
                    "NetworkConfiguration": {
                        "awsvpcConfiguration": {
                            "Subnets": ["subnet-1", "subnet-2"],
                            "SecurityGroups": ["sg-1"],
                            "AssignPublicIp": "DISABLED",
                        }
                    },
                    "PlatformVersion": "LATEST",
                },
                "Input": '{"containerOverrides":[{"name":"app",'
                '"environment":[{"name":"ROTA_TASK","value":"IngestData"}]}]}',
                "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 21_600},
                "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:rota-RunQueue-1A2B3C4D5E6F"},
            },
        ),
    )


@pytest.mark.parametrize(
    ("keys", "attribute", "value"),
    [
        pytest.param({"rate": "5 minutes"}, "schedule_expression", "rate(5 minutes)", id="rate"),
        pytest.param({"enabled": False}, "state", "DISABLED", id="disabled"),
        pytest.param({"description": "Every morning"}, "description", "Every morning", id="description"),
    ],
)
def test_a_tasks_keys_set_its_rule(keys: dict[str, Any], attribute: str, value: str) -> None:
    assert getattr(desired_rule(task(**keys), SETTINGS, CLUSTER_ARN, arn(7)), attribute) == value


@pytest.mark.parametrize(
    ("keys", "path", "value"),
    [
        pytest.param({"count": 3}, ("EcsParameters", "TaskCount"), 3, id="count"),
        pytest.param(
            {"subnets": ["subnet-9"], "security_groups": ["sg-9"], "assign_public_ip": True},
            ("EcsParameters", "NetworkConfiguration", "awsvpcConfiguration"),
            {"Subnets": ["subnet-9"], "SecurityGroups": ["sg-9"], "AssignPublicIp": "ENABLED"},
            id="network",
        ),
        pytest.param({"platform_version": "1.4.0"}, ("EcsParameters", "PlatformVersion"), "1.4.0", id="platform"),
        pytest.param(
            {"retry": {"attempts": 0, "age": 60}},
            ("RetryPolicy",),
            {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
            id="retry",
        ),
    ],
)
def test_a_tasks_keys_set_its_target(keys: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    found: Any = desired_rule(task(**keys), SETTINGS, CLUSTER_ARN, arn(7)).targets[0]
    for key in path:
        found = found[key]
    assert found == value


def test_the_default_platform_version_is_the_stacks() -> None:
    older = SETTINGS.model_copy(update={"platform_version": "1.3.0"})
    (made,) = desired_rule(task(), older, CLUSTER_ARN, arn(7)).targets
    assert made["EcsParameters"]["PlatformVersion"] == "1.3.0"


ARN = f"arn:aws:events:us-east-1:123456789012:rule/{PREFIX}IngestData"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue"
BY_HAND = {"Id": "by-hand", "Arn": QUEUE}


def changed(current: Rule, desired: Rule | None = None) -> tuple[Any, ...]:
    """What turns one rule into the other: PutRule's request, targets to put, targets to remove."""
    change = difference(current, desired or rule(), ARN)
    assert change is not None
    assert (change.kind, change.name, change.arn) == ("update", rule().name, ARN)
    return change.put_rule, change.put_targets, change.remove_targets


def test_a_rule_that_does_not_exist_is_created_whole() -> None:
    assert difference(None, rule(), ARN) == RuleChange(
        kind="create", name=rule().name, arn=ARN, put_rule=rule().put_request(), put_targets=rule().targets
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: None, id="the same"),
        pytest.param(lambda t: network(t)["Subnets"].reverse(), id="order of subnets"),
        pytest.param(lambda t: t["EcsParameters"].update(EnableECSManagedTags=False), id="false"),
        pytest.param(lambda t: t["EcsParameters"].update(PlacementConstraints=[], Tags=[]), id="empty lists"),
        pytest.param(lambda t: t.update(SqsParameters={}), id="empty object"),
        pytest.param(lambda t: t.update(InputPath=""), id="empty text"),
    ],
)
def test_defaults_that_aws_adds_are_no_difference(change: Change) -> None:
    assert difference(with_target(change), rule(), ARN) is None


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        pytest.param(
            {"capacity_provider": {"FARGATE_SPOT": 1, "FARGATE": 0}},
            {
                "CapacityProviderStrategy": [
                    {"capacityProvider": "FARGATE"},
                    {"capacityProvider": "FARGATE_SPOT", "weight": 1},
                ],
                "LaunchType": None,
            },
            id="capacity providers",
        ),
        pytest.param(
            {"tags": {"b": "1", "a": "2"}, "enable_execute_command": False},
            {"Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}], "EnableExecuteCommand": None},
            id="tags in another order",
        ),
    ],
)
def test_a_key_that_eventbridge_shows_otherwise_is_no_difference(keys: dict[str, Any], shown: dict[str, Any]) -> None:
    made = desired_rule(task(**keys), SETTINGS, CLUSTER_ARN, arn(7))
    (put,) = made.targets
    seen = {**put, "EcsParameters": put["EcsParameters"] | shown}
    assert difference(made.model_copy(update={"targets": (seen,)}), made, ARN) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"schedule_expression": "cron(0 7 * * ? *)"}, id="schedule"),
        pytest.param({"state": "DISABLED"}, id="switched off by hand"),
        pytest.param({"state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}, id="AWS's third state"),
        pytest.param({"description": "changed by hand"}, id="description"),
        pytest.param({"role_arn": "arn:aws:iam::123456789012:role/other"}, id="role"),
        pytest.param({"event_pattern": '{"source": ["aws.s3"]}'}, id="pattern"),
    ],
)
def test_a_changed_rule_gets_its_target_too(changes: dict[str, Any]) -> None:
    """PutRule creates a rule without target if a person has deleted the rule a moment ago."""
    assert changed(rule(**changes)) == (rule().put_request(), rule().targets, ())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: t["EcsParameters"].update(TaskDefinitionArn=arn(6)), id="revision"),
        pytest.param(lambda t: t["EcsParameters"].update(TaskCount=2), id="count"),
        pytest.param(lambda t: t["EcsParameters"].update(LaunchType="EC2"), id="launch type"),
        pytest.param(lambda t: t["EcsParameters"].update(PlatformVersion="1.3.0"), id="platform version"),
        pytest.param(lambda t: t["EcsParameters"].update(EnableExecuteCommand=True), id="execute command"),
        pytest.param(lambda t: network(t)["Subnets"].pop(), id="subnets"),
        pytest.param(lambda t: network(t).update(AssignPublicIp="ENABLED"), id="public address"),
        pytest.param(lambda t: t.update(RoleArn="arn:aws:iam::123456789012:role/old"), id="role"),
        pytest.param(lambda t: t.update(Arn=CLUSTER_ARN + "-2"), id="cluster"),
        pytest.param(lambda t: t.update(Input='{"x": 1}'), id="input"),
        pytest.param(lambda t: t.update(RetryPolicy={"MaximumRetryAttempts": 0}), id="no retries"),
    ],
)
def test_a_change_of_the_target_leaves_the_rule_alone(change: Change) -> None:
    assert changed(with_target(change)) == (None, rule().targets, ())


def test_an_extra_target_is_removed_and_the_right_one_kept() -> None:
    assert changed(rule(targets=(*rule().targets, BY_HAND))) == (None, (), ("by-hand",))
    assert changed(rule(targets=(BY_HAND, *rule().targets))) == (None, (), ("by-hand",))


def test_a_target_with_another_id_is_replaced() -> None:
    assert changed(with_target(lambda t: t.update(Id="by-hand"))) == (None, rule().targets, ("by-hand",))


def desired(current: Rule | None) -> Rule:
    return desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(7), current=current)


def test_a_tasks_target_keeps_its_id_or_takes_that_of_another() -> None:
    renamed = with_target(lambda t: t.update(Id="by-hand"))
    assert difference(renamed, desired(renamed), ARN) is None
    two = rule(targets=(BY_HAND, *rule().targets))
    assert changed(two, desired(two)) == (None, (), ("by-hand",))
    none = rule(targets=(BY_HAND,))
    assert changed(none, desired(none)) == (None, (target() | {"Id": "by-hand"},), ())
    assert desired(None) == desired(rule(targets=())) == rule()


@pytest.mark.parametrize(
    ("state", "disable", "writes"),
    [
        pytest.param("ENABLED", True, {"DisableRule": 1, "RemoveTargets": 1, "DeleteRule": 1}, id="enabled"),
        pytest.param("DISABLED", False, {"RemoveTargets": 1, "DeleteRule": 1}, id="disabled already"),
        pytest.param(
            "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            True,
            {"DisableRule": 1, "RemoveTargets": 1, "DeleteRule": 1},
            id="AWS's third state",
        ),
    ],
)
def test_the_removal_of_a_rule(state: str, disable: bool, writes: dict[str, int]) -> None:
    change = removal(rule(state=state), ARN)
    assert change == RuleChange(kind="remove", name=rule().name, arn=ARN, disable=disable)
    assert change.writes() == writes


@pytest.mark.parametrize(
    ("current", "writes"),
    [
        pytest.param(None, {"PutRule": 1, "PutTargets": 1}, id="new"),
        pytest.param(rule(description="by hand"), {"PutRule": 1, "PutTargets": 1}, id="the rule"),
        pytest.param(with_target(lambda t: t.update(Input="{}")), {"PutTargets": 1}, id="its target"),
        pytest.param(rule(targets=(*rule().targets, BY_HAND)), {"RemoveTargets": 1}, id="an extra target"),
        pytest.param(
            rule(state="DISABLED", targets=(BY_HAND,)),
            {"PutRule": 1, "PutTargets": 1, "RemoveTargets": 1},
            id="everything",
        ),
    ],
)
def test_the_writes_of_a_change(current: Rule | None, writes: dict[str, int]) -> None:
    change = difference(current, rule(), ARN)
    assert change is not None
    assert change.writes() == writes


def test_a_change_names_revisions_once_they_are_registered() -> None:
    planned = desired_rule(task(), SETTINGS, CLUSTER_ARN, to_be_registered("f00"))
    change = difference(None, planned, ARN)
    assert change is not None
    assert change.with_revisions({"f00": arn(7), "f01": arn(8)}) == difference(None, rule(), ARN)
    with pytest.raises(KeyError, match="f00"):
        change.with_revisions({})
    reused = difference(None, rule(), ARN)
    assert reused is not None
    assert reused.with_revisions({}) == reused


def test_a_stored_change_is_read_as_it_was() -> None:
    for change in (difference(None, rule(), ARN), removal(rule(), ARN)):
        assert change is not None
        assert RuleChange.model_validate_json(change.model_dump_json()) == change
        assert json.loads(change.model_dump_json())["backend"] == "rules"


@pytest.mark.parametrize(
    ("before", "undoing"),
    [
        pytest.param(
            rule(description="by hand"), {"put_rule": True, "put_targets": rule().targets}, id="the rule and its target"
        ),
        pytest.param(
            rule(description="by hand", targets=(*rule().targets, BY_HAND)),
            {"put_rule": True, "put_targets": (*rule().targets, BY_HAND)},
            id="the rule and all its targets",
        ),
        pytest.param(
            rule(targets=(target() | {"Input": "{}"},)), {"put_targets": (target() | {"Input": "{}"},)}, id="its target"
        ),
        pytest.param(rule(targets=(*rule().targets, BY_HAND)), {"put_targets": (BY_HAND,)}, id="an extra target"),
        pytest.param(
            rule(targets=(BY_HAND,)),
            {"put_targets": (BY_HAND,), "remove_targets": (target()["Id"],)},
            id="another target",
        ),
        pytest.param(rule(targets=()), {"remove_targets": (target()["Id"],)}, id="no target"),
    ],
)
def test_an_undo_writes_what_the_change_wrote(before: Rule, undoing: dict[str, Any]) -> None:
    change = difference(before, rule(), ARN)
    assert change is not None
    if undoing.pop("put_rule", False):
        undoing |= {"put_rule": before.put_request()}
    assert undo(change, before) == RuleChange(kind="update", name=before.name, arn=ARN, **undoing)


def test_a_rule_is_made_whole_with_all_its_targets() -> None:
    before = rule(description="by hand", targets=(BY_HAND, *rule().targets))
    assert whole(before, ARN) == RuleChange(
        kind="create", name=before.name, arn=ARN, put_rule=before.put_request(), put_targets=before.targets
    )


@pytest.mark.parametrize(
    ("changes", "owned"),
    [
        pytest.param({}, True, id="the app's"),
        pytest.param({"tags": {}}, False, id="no tag"),
        pytest.param({"tags": {"rota:app": "production/shop"}}, False, id="another app's"),
        pytest.param({"managed_by": "states.amazonaws.com"}, False, id="managed by an AWS service"),
    ],
)
def test_the_owner_of_a_rule(changes: dict[str, Any], owned: bool) -> None:
    assert rule(**changes).belongs_to(APP) is owned


@pytest.mark.parametrize(
    ("targets", "revisions"),
    [
        pytest.param(rule().targets, {arn(7)}, id="one"),
        pytest.param((), set(), id="none"),
        pytest.param(({"Id": "x", "Arn": QUEUE}, *rule().targets), {arn(7)}, id="beside another's target"),
        pytest.param(({"Id": "x", "Arn": QUEUE},), set(), id="no ECS target"),
    ],
)
def test_the_revisions_that_rules_run(targets: tuple[dict[str, Any], ...], revisions: set[str]) -> None:
    assert task_definitions_used_by([rule(targets=targets)]) == revisions


def test_put_rule_holds_everything_the_rule_has() -> None:
    whole = rule(description="Every morning", role_arn="arn:aws:iam::123456789012:role/x", event_pattern="{}")
    assert whole.put_request() == {
        "Name": PREFIX + "IngestData",
        "ScheduleExpression": "cron(0 6 * * ? *)",
        "EventPattern": "{}",
        "State": "ENABLED",
        "Description": "Every morning",
        "RoleArn": "arn:aws:iam::123456789012:role/x",
    }


def test_put_rule_omits_what_the_rule_lacks() -> None:
    assert rule().put_request() == {
        "Name": PREFIX + "IngestData",
        "ScheduleExpression": "cron(0 6 * * ? *)",
        "State": "ENABLED",
    }


def test_what_a_stored_change_has_written_starts_the_revision_that_was_registered() -> None:
    planned = desired_rule(task(), SETTINGS, CLUSTER_ARN, to_be_registered("fingerprint"))
    change = whole(planned, "an-arn")
    written = backend.written_by(change.model_dump(mode="json"), {"fingerprint": arn(2)})
    assert isinstance(written, Rule) and (written.name, written.is_enabled) == (planned.name, True)
    assert written.targets == desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(2)).targets


def test_a_stored_change_of_the_expression_alone_says_nothing_of_what_starts() -> None:
    change = RuleChange(kind="update", name="p__Job", arn="an-arn", put_rule={"Name": "p__Job"})
    assert backend.written_by(change.model_dump(mode="json"), {}) is None


def test_the_index_is_asked_for_the_apps_rules_alone() -> None:
    """The app's revisions have the same tag, and there may be thousands."""
    tagging = boto3.client("resourcegroupstaggingapi", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    tags = {"Key": "rota:app", "Value": APP}
    asked = {
        "ResourceTypeFilters": ["events:rule"],
        "TagFilters": [{"Key": "rota:app", "Values": [APP]}],
        "ResourcesPerPage": 100,
    }
    rule = "arn:aws:events:us-east-1:123456789012:rule/IngestData"
    with Stubber(tagging) as stub:
        stub.add_response("get_resources", {"ResourceTagMappingList": [{"ResourceARN": rule, "Tags": [tags]}]}, asked)
        assert tags_of_rules(tagging, APP) == {"IngestData": {"rota:app": APP}}
