"""CreateTargets: each task's rule and its one target in place, only where they differ."""

import json

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import CLUSTER_ARN, ENVIRONMENT, PREFIX, RUN_QUEUE, arn
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World


@pytest.fixture
@once
def creating(deployments: Deployments) -> Deployment:
    """A first deployment of two tasks that is about to create their rules."""
    return deployments.start().until("CreateTargets")


def deployed(world: World) -> bool:
    """Whether each of both tasks has one target with the revision that the first deployment registers."""
    targets = {name: rule["Targets"] for name, rule in world.owned_rules().items()}
    revisions = {name: [t["EcsParameters"]["TaskDefinitionArn"] for t in found] for name, found in targets.items()}
    return revisions == {"IngestData": [arn(2)], "RemoveSpam": [arn(3)]}


def test_a_rule_and_its_target_in_full(world: World, creating: Deployment) -> None:
    assert creating.step("CreateTargets")["written"] == 2
    rule = world.owned_rules()["IngestData"]
    assert (rule["Name"], rule["ScheduleExpression"], rule["State"]) == (
        "production__guestbook__IngestData",
        "cron(0 6 * * ? *)",
        "ENABLED",
    )
    assert world.target("IngestData") == {
        "Id": "production__guestbook__IngestData",
        "Arn": CLUSTER_ARN,
        "RoleArn": "arn:aws:iam::123456789012:role/events",
        "EcsParameters": {
            "TaskDefinitionArn": arn(2),
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
        "Input": '{"containerOverrides":[{"name":"app","environment":[{"name":"ROTA_TASK","value":"IngestData"}]}]}',
        "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 21_600},
        "DeadLetterConfig": {"Arn": RUN_QUEUE},
    }


def test_created_twice_it_is_the_same(world: World, creating: Deployment) -> None:
    creating.step("CreateTargets")
    once = world.owned_rules()
    creating.step("CreateTargets")
    assert world.owned_rules() == once
    assert deployed(world)


def test_a_new_image_writes_targets_alone(world: World, pushing: Deployment) -> None:
    world.calls.made.clear()
    assert pushing.step("CreateTargets")["written"] == 2
    assert world.calls.writes() == ["events.PutTargets"] * 2


def test_only_what_differs_is_written(world: World, later: Deployments) -> None:
    ingest, spam = SCHEDULE["tasks"]
    world.upload({"tasks": [ingest | {"cron": "0 7 * * ? *"}, spam]})
    deployment = later.start().until("CreateTargets")
    world.calls.made.clear()
    assert deployment.step("CreateTargets")["written"] == 1
    assert world.calls.writes() == ["events.PutRule", "events.PutTargets"]
    assert world.owned_rules()["IngestData"]["ScheduleExpression"] == "cron(0 7 * * ? *)"


def test_a_task_is_switched_off_and_on(world: World, later: Deployments) -> None:
    ingest, spam = SCHEDULE["tasks"]
    for enabled, state in ((False, "DISABLED"), (True, "ENABLED")):
        world.upload({"tasks": [ingest | {"enabled": enabled}, spam]})
        assert later.start().run() == "Deployed"
        assert world.owned_rules()["IngestData"]["State"] == state


def test_tasks_that_share_a_revision_differ_by_their_input(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVISION_MODE", "shared")
    deployments.start().until("CheckService")
    assert world.service()["taskDefinition"] == arn(2)
    for name, module in (("IngestData", "data_ingestion_task"), ("RemoveSpam", "spam_task")):
        target = world.target(name)
        assert target["EcsParameters"]["TaskDefinitionArn"] == arn(2)
        (override,) = json.loads(target["Input"])["containerOverrides"]
        variables = [{"name": "ROTA_TASK", "value": name}]
        assert override == {"name": "app", "command": ["./bin/start", module], "environment": variables}
    assert world.active_revisions() == [1, 2]


def test_an_extra_target_is_removed(world: World, later: Deployments) -> None:
    extra = world.target("IngestData") | {"Id": "by-hand"}
    client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[extra])
    assert later.start().run() == "Deployed"
    assert world.target("IngestData")["Id"] == PREFIX + "IngestData"


def test_a_target_that_is_already_gone_is_no_failure(world: World, later: Deployments) -> None:
    extra = world.target("IngestData") | {"Id": "by-hand"}
    client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[extra])
    deployment = later.start().until("CreateTargets")
    client("events").remove_targets(Rule=PREFIX + "IngestData", Ids=["by-hand"])
    with world.calls.half_failing("events.RemoveTargets", "ResourceNotFoundException"):
        deployment.step("CreateTargets")
    assert world.target("IngestData")["Id"] == PREFIX + "IngestData"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ConcurrentModificationException", TransientError),
        ("LimitExceededException", RejectedError),
        ("ResourceNotFoundException", RejectedError),
    ],
)
def test_a_target_refused_in_a_200_is_noticed(
    code: str, error: type[Exception], world: World, creating: Deployment
) -> None:
    with (
        world.calls.half_failing("events.PutTargets", code),
        pytest.raises(error, match=f"PutTargets on {PREFIX}.*: {code}: scripted"),
    ):
        creating.step("CreateTargets")
    assert not deployed(world)
    creating.step("CreateTargets")
    assert deployed(world)


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["events.PutRule", "events.PutTargets"])
@pytest.mark.parametrize("skip", [0, 1])
def test_killed_in_the_middle_it_ends_the_same(
    call: str, skip: int, after: bool, world: World, creating: Deployment
) -> None:
    with world.calls.killing(call, skip=skip, after=after), pytest.raises(KilledError):
        creating.step("CreateTargets")
    creating.step("CreateTargets")
    assert deployed(world)


def test_a_new_rule_that_is_not_visible_yet_is_tried_again(world: World, creating: Deployment) -> None:
    with (
        world.calls.refusing("events.PutTargets", "ResourceNotFoundException"),
        pytest.raises(TransientError, match="yet"),
    ):
        creating.step("CreateTargets")
    creating.step("CreateTargets")
    assert deployed(world)


def test_an_existing_target_keeps_its_id(world: World, later: Deployments) -> None:
    events, rule = client("events"), PREFIX + "IngestData"
    target = world.target("IngestData")
    events.remove_targets(Rule=rule, Ids=[target["Id"]])
    events.put_targets(Rule=rule, Targets=[target | {"Id": "rule_target__IngestData"}])
    later.start(NEXT).until("RollService")
    assert world.target("IngestData")["Id"] == "rule_target__IngestData"


@pytest.mark.exhaustive(first=0)
def test_a_foreign_rule_created_meanwhile_is_not_overwritten(world: World, creating: Deployment) -> None:
    rule = PREFIX + "RemoveSpam"
    client("events").put_rule(Name=rule, ScheduleExpression="rate(1 hour)", Description="by hand")
    by_hand = {
        "Id": "1",
        "Arn": CLUSTER_ARN,
        "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"],
        "EcsParameters": {"TaskDefinitionArn": arn(1)},
    }
    client("events").put_targets(Rule=rule, Targets=[by_hand])
    before = world.rules(rule)
    assert creating.run() == "DeploymentFailed"
    assert f"the rule {rule} was created by someone else since" in creating.document["restored"]["cause"]
    assert creating.document["restored"]["error"] == "RejectedError"
    assert (world.rules(rule), world.owned_rules(), world.active_revisions()) == (before, {}, [1])


def test_each_rule_is_asked_for_its_owner_before_it_is_written(world: World, later: Deployments) -> None:
    new = {"name": "CountTeaspoons", "task": "teaspoon_task", "rate": "1 day"}
    world.upload({"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"rate": "20 minutes"}, new]})
    deployment = later.start().until("CreateTargets")
    world.calls.made.clear()
    assert deployment.step("CreateTargets")["written"] == 2
    assert world.calls.made.count("events.ListTagsForResource") == 2


def test_a_rule_deleted_just_before_its_write_is_created_whole(world: World, later: Deployments) -> None:
    """It was there when it was asked for its owner."""
    ingest, spam = SCHEDULE["tasks"]
    world.upload({"tasks": [ingest | {"cron": "0 7 * * ? *"}, spam]})
    deployment, rule = later.start().until("CreateTargets"), PREFIX + "IngestData"
    target = world.target("IngestData")
    shown = world.rules(rule)
    delete_rule(rule)
    with world.calls.showing(shown):
        deployment.step("CreateTargets")
    found = world.owned_rules()["IngestData"]
    assert (found["ScheduleExpression"], found["Targets"]) == ("cron(0 7 * * ? *)", [target])


def delete_rule(rule: str) -> None:
    client("events").remove_targets(Rule=rule, Ids=[rule])
    client("events").delete_rule(Name=rule)


@pytest.mark.parametrize("gone", [False, True], ids=["untagged", "deleted"])
def test_a_rule_that_is_no_longer_owned_is_not_written(gone: bool, world: World, pushing: Deployment) -> None:
    rule = PREFIX + "RemoveSpam"
    if gone:
        delete_rule(rule)
    else:
        client("events").untag_resource(ResourceARN=world.rules(rule)[rule]["Arn"], TagKeys=["rota:app"])
    before = world.rules(rule)
    with pytest.raises(RejectedError, match=f"the rule {rule} was {'deleted' if gone else 'untagged'}"):
        pushing.step("CreateTargets")
    assert world.rules(rule) == before
