"""RestoreDeployment while EventBridge does not show yet what was changed a moment ago."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.steps.conftest import AFTER, BEFORE, Deployment, Deployments
from tests.steps.world import World, client


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
    assert world.everything() == before


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
    client("events").put_rule(Name="production__guestbook__Digest", ScheduleExpression="rate(1 day)")
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
