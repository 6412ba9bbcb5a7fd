"""RestoreDeployment while EventBridge does not show yet what was changed a moment ago."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import CLUSTER_ARN, arn
from tests.steps.deployments import AFTER, BEFORE, Deployment, Deployments
from tests.steps.world import SCHEDULE, World, client

DIGEST, TEASPOONS = "production__guestbook__Digest", "production__guestbook__CountTeaspoons"


def made_by_hand(name: str, schedule: str, owner: str | None = None) -> None:
    """Somebody makes a rule of that name, with a target by the Id that ours would have; `owner` is another app."""
    tags = {"Tags": [{"Key": "rota:app", "Value": owner}]} if owner else {}
    client("events").put_rule(Name=name, ScheduleExpression=schedule, **tags)
    theirs = {"Id": name, "Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(1, "cleanup")}}
    client("events").put_targets(Rule=name, Targets=[theirs])


@pytest.mark.parametrize("late", ["the deployment's own changes", "those of the restore"])
def test_everything_is_put_back_though_eventbridge_shows_changes_late(
    late: str, world: World, changing: Deployment
) -> None:
    before, rules_before = world.everything(), world.rules()
    without_a_new_one = {"tasks": AFTER["tasks"][:2]}
    world.upload(without_a_new_one)
    changing.until("RollService").fail("RejectedError", "what happened")
    assert world.rules() != rules_before
    with world.calls.showing(rules_before if late == "the deployment's own changes" else world.rules()):
        changing.step("RestoreDeployment")
    assert world.everything()[:2] == before[:2]
    still_shown = {5, 6, 7} - set(before[2]) if late == "those of the restore" else set()
    assert set(world.active_revisions()) - set(before[2]) == still_shown, "EventBridge may run them for a moment yet"


def test_a_rule_that_was_made_is_removed_though_eventbridge_does_not_list_it_yet(
    world: World, changing: Deployment
) -> None:
    before, shown = world.everything(), world.rules()
    changing.until("RollService").fail("RejectedError", "what happened")
    with (
        world.calls.showing(shown),
        pytest.raises(TransientError, match="does not show the rule production__guestbook__Digest yet"),
    ):
        changing.step("RestoreDeployment")
    changing.step("RestoreDeployment")
    assert world.everything() == before


def test_a_rule_of_somebody_else_s_that_eventbridge_lists_late_stays(world: World, changing: Deployment) -> None:
    shown = world.rules()
    changing.until("CreateTargets")
    made_by_hand(DIGEST, "rate(1 day)")
    somebody_s = world.rules("production__guestbook__Digest")
    with pytest.raises(RejectedError, match="somebody has made the rule"):
        changing.until("RollService")
    changing.fail("RejectedError", "what happened")
    with (
        world.calls.showing(shown),
        pytest.raises(TransientError, match="does not show the rule production__guestbook__Digest yet"),
    ):
        changing.step("RestoreDeployment")
    changing.step("RestoreDeployment")
    assert world.rules("production__guestbook__Digest") == somebody_s


@pytest.mark.parametrize("targets", [True, False], ids=["its targets too", "nothing but the rule"])
def test_a_rule_whose_tags_eventbridge_shows_late_is_not_taken_for_somebody_else_s(
    targets: bool, world: World, changing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.everything()
    changing.until("RollService").fail("RejectedError", "what happened")
    shown, really = world.rules(), world.rules()
    shown[DIGEST] |= {"Tags": []} | ({} if targets else {"Targets": []})
    monkeypatch.setattr("time.sleep", lambda _seconds: shown.update(really))
    with (
        world.calls.showing(shown),
        pytest.raises(TransientError, match=f"does not show the tags of the rule {DIGEST}"),
    ):
        changing.step("RestoreDeployment")
    changing.step("RestoreDeployment")
    assert world.everything() == before


def test_a_rule_that_never_shows_our_tag_is_somebody_else_s(world: World, changing: Deployment) -> None:
    """Made by a name that ours was to have, with its schedule, and no target yet."""
    changing.until("CreateTargets")
    client("events").put_rule(Name=DIGEST, ScheduleExpression="rate(7 days)")
    somebody_s = world.rules(DIGEST)
    assert changing.run() == "DeploymentFailed"
    assert world.rules(DIGEST) == somebody_s
    assert "somebody has made the rule" in changing.document["restored"]["cause"]


OWNERS = pytest.mark.parametrize("owner", ["production/another-api", None], ids=["another app", "nobody"])


@OWNERS
@pytest.mark.parametrize("schedule", ["rate(2 hours)", "rate(1 day)"], ids=["its own schedule", "ours"])
def test_a_rule_that_somebody_makes_by_a_name_that_was_freed_is_left_alone_and_told(
    schedule: str, owner: str | None, world: World, changing: Deployment
) -> None:
    changing.until("CheckService")
    made_by_hand(TEASPOONS, schedule, owner)
    somebody_s = world.rules(TEASPOONS)
    changing.fail("RejectedError", "what happened")
    cause = changing.step("RestoreDeployment")["cause"]
    assert world.rules(TEASPOONS) == somebody_s
    assert f"But the rule {TEASPOONS} is somebody else's by now, and was left alone" in cause


@OWNERS
@pytest.mark.parametrize("schedule", ["rate(2 hours)", "rate(7 days)"], ids=["its own schedule", "ours"])
def test_a_rule_that_somebody_makes_by_a_name_that_ours_was_to_have_fails_the_deployment_once(
    schedule: str, owner: str | None, world: World, changing: Deployment
) -> None:
    before = world.everything()
    changing.until("CreateTargets")
    made_by_hand(DIGEST, schedule, owner)
    somebody_s = world.rules(DIGEST)
    assert changing.run() == "DeploymentFailed"
    assert world.rules(DIGEST) == somebody_s
    assert world.everything()[1:] == before[1:]
    assert "somebody has made the rule" in changing.document["restored"]["cause"]


def test_a_rule_that_a_restore_has_half_put_back_is_not_taken_for_somebody_else_s(
    world: World, changing: Deployment
) -> None:
    before = world.everything()
    changing.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.refusing("events.PutTargets", "InternalException", count=0), pytest.raises(TransientError):
        changing.step("RestoreDeployment")
    shown = world.rules()
    assert shown[TEASPOONS]["Targets"] == []
    shown[TEASPOONS]["Tags"] = []
    with world.calls.showing(shown):
        changing.step("RestoreDeployment")
    assert world.everything()[:2] == before[:2]


def test_a_rule_of_ours_that_shows_no_tags_yet_fails_no_deployment(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployments.start().run() == "Deployed"
    world.upload({"tasks": [*SCHEDULE["tasks"], AFTER["tasks"][2]]})
    adding = deployments.start().until("CreateTargets")
    with world.calls.refusing("events.PutTargets", "InternalException", count=0), pytest.raises(TransientError):
        adding.until("RollService")
    shown, really = world.rules(), world.rules()
    shown[DIGEST]["Tags"] = []
    monkeypatch.setattr("time.sleep", lambda _seconds: shown.update(really))
    with world.calls.showing(shown):
        adding.until("RollService")
    assert set(world.our_rules()) == {"IngestData", "RemoveSpam", "Digest"}


def test_what_refuses_to_make_a_rule_and_to_look_for_it_ends_at_once(world: World, changing: Deployment) -> None:
    world.upload({"tasks": [*BEFORE["tasks"], AFTER["tasks"][2]]})
    before = world.everything()
    with (
        world.calls.refusing("events.PutRule", "AccessDeniedException", count=0),
        world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0),
        world.calls.refusing("events.RemoveTargets", "AccessDeniedException", count=0),
    ):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert "Nothing had to be put back" in changing.document["restored"]["cause"]


def test_what_refuses_the_restore_too_and_has_changed_nothing_ends_at_once(world: World, changing: Deployment) -> None:
    world.upload({"tasks": BEFORE["tasks"]})
    before = world.everything()
    with world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    cause = changing.document["restored"]["cause"]
    assert cause.startswith("CreateTargets: PutTargets was denied: scripted")
    assert "Nothing had to be put back" in cause


def test_what_refuses_the_restore_is_tried_again_where_eventbridge_shows_changes_late(
    world: World, changing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload({"tasks": BEFORE["tasks"]})
    before, shown = world.everything(), world.rules()
    changing.until("RollService").fail("RejectedError", "what happened")
    really = world.rules()
    monkeypatch.setattr("time.sleep", lambda _seconds: shown.update(really))
    with (
        world.calls.showing(shown),
        world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0),
        pytest.raises(RejectedError, match="PutTargets was denied"),
    ):
        changing.step("RestoreDeployment")
    changing.step("RestoreDeployment")
    assert world.everything() == before


@pytest.mark.parametrize(
    ("failed", "writes"),
    [
        pytest.param("RegisterRevisions", ["events.PutRule", "events.PutTargets"], id="CountTeaspoons was removed"),
        pytest.param(
            "RollService",
            ["events.DeleteRule", *["events.PutRule"] * 2, "events.PutTargets", "events.RemoveTargets"],
            id="RemoveSpam was moved and Digest made, too",
        ),
    ],
)
def test_a_rule_that_the_plan_leaves_alone_is_not_put_back(
    failed: str, writes: list[str], world: World, deployments: Deployments
) -> None:
    world.upload(BEFORE)
    assert deployments.start().run() == "Deployed"
    world.upload(AFTER)
    same_image = deployments.start().until(failed)
    same_image.fail("RejectedError", "what happened")
    world.calls.made.clear()
    same_image.step("RestoreDeployment")
    rules_written = [call for call in world.calls.writes() if call not in ("ecs.DeregisterTaskDefinition",)]
    assert sorted(rules_written) == sorted([*writes, "events.PutEvents"])
