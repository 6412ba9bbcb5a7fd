"""RestoreDeployment and CreateTargets while EventBridge does not yet show recent changes."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import CLUSTER_ARN, ENVIRONMENT, arn
from tests.in_process import client
from tests.steps.deployments import AFTER, BEFORE, Deployment, Deployments
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

DIGEST, TEASPOONS = "production__guestbook__Digest", "production__guestbook__CountTeaspoons"


def made_by_hand(name: str, schedule: str, owner: str | None = None) -> None:
    """A person creates a rule of that name with a target of Rota's ID; `owner` is another app."""
    tags = {"Tags": [{"Key": "rota:app", "Value": owner}]} if owner else {}
    client("events").put_rule(Name=name, ScheduleExpression=schedule, **tags)
    target = {
        "Id": name,
        "Arn": CLUSTER_ARN,
        "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"],
        "EcsParameters": {"TaskDefinitionArn": arn(1, "cleanup")},
    }
    client("events").put_targets(Rule=name, Targets=[target])


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("late", ["the deployment's own changes", "the restore's changes"])
def test_everything_is_restored_though_changes_show_late(late: str, world: World, changing: Deployment) -> None:
    before, rules_before = world.everything(), world.rules()
    world.upload({"tasks": AFTER["tasks"][:2]})  # no task is new
    changing.until("RollService").fail("RejectedError", "what happened")
    assert world.rules() != rules_before
    with world.calls.showing(rules_before if late == "the deployment's own changes" else world.rules()):
        changing.step("RestoreDeployment")
    assert world.everything()[:2] == before[:2]
    still_shown = {5, 6, 7} - set(before[2]) if late == "the restore's changes" else set()
    assert set(world.active_revisions()) - set(before[2]) == still_shown, "EventBridge may still run them for a moment"


def test_a_created_rule_is_removed_though_it_is_not_listed_yet(world: World, rolling: Deployment) -> None:
    shown, *_ = world.before
    rolling.fail("RejectedError", "what happened")
    with (
        world.calls.showing(shown),
        pytest.raises(TransientError, match="does not show the rule production__guestbook__Digest yet"),
    ):
        rolling.step("RestoreDeployment")
    rolling.step("RestoreDeployment")
    assert world.everything() == world.before


def test_a_foreign_rule_that_is_listed_late_stays(world: World, creating: Deployment) -> None:
    shown, *_ = world.before
    made_by_hand(DIGEST, "rate(1 day)")
    foreign = world.rules(DIGEST)
    with pytest.raises(RejectedError, match=f"the rule {DIGEST} was created by someone else"):
        creating.until("RollService")
    creating.fail("RejectedError", "what happened")
    with world.calls.showing(shown), pytest.raises(TransientError, match=f"does not show the rule {DIGEST} yet"):
        creating.step("RestoreDeployment")
    creating.restore()
    assert world.rules(DIGEST) == foreign


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("targets", [True, False], ids=["its targets too", "nothing but the rule"])
def test_a_created_rule_whose_tags_show_late_is_removed(targets: bool, world: World, rolling: Deployment) -> None:
    rolling.fail("RejectedError", "what happened")
    shown = world.rules()
    shown[DIGEST] |= {"Tags": []} | ({} if targets else {"Targets": []})
    with world.calls.showing(shown), pytest.raises(TransientError, match=f"not show the tags of the rule {DIGEST}"):
        rolling.step("RestoreDeployment")
    rolling.step("RestoreDeployment")
    assert world.everything() == world.before


OWNERS = pytest.mark.parametrize("owner", ["production/another-api", None], ids=["another app", "no owner"])


@pytest.mark.exhaustive(first=1)
@OWNERS
@pytest.mark.parametrize("schedule", ["rate(2 hours)", "rate(7 days)"], ids=["its own schedule", "the task's"])
def test_a_foreign_rule_of_a_new_name_fails_the_deployment_once(
    schedule: str, owner: str | None, world: World, creating: Deployment
) -> None:
    made_by_hand(DIGEST, schedule, owner)
    foreign = world.rules(DIGEST)
    assert creating.run() == "DeploymentFailed"
    assert world.rules(DIGEST) == foreign
    assert world.everything()[1:] == world.before[1:]
    assert f"the rule {DIGEST} was created by someone else" in creating.document["restored"]["cause"]


@pytest.mark.exhaustive(first=0)
def test_a_foreign_rule_that_never_shows_a_tag_stays(world: World, changing: Deployment) -> None:
    """It has the name and the schedule of a new task, and no target yet."""
    changing.until("CreateTargets")
    client("events").put_rule(Name=DIGEST, ScheduleExpression="rate(7 days)")
    foreign = world.rules(DIGEST)
    assert changing.run() == "DeploymentFailed"
    assert world.rules(DIGEST) == foreign


def test_a_rule_that_shows_no_tags_yet_fails_no_deployment(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], AFTER["tasks"][2]]})
    adding = later.start().until("CreateTargets")
    with world.calls.refusing("events.PutTargets", "InternalException", count=0), pytest.raises(TransientError):
        adding.until("RollService")
    shown, really = world.rules(), world.rules()
    shown[DIGEST]["Tags"] = []
    monkeypatch.setattr("time.sleep", lambda _seconds: shown.update(really))
    with world.calls.showing(shown):
        adding.until("RollService")
    assert set(world.owned_rules()) == {"IngestData", "RemoveSpam", "Digest"}


@pytest.mark.exhaustive(first=0)
def test_a_denied_creation_of_a_rule_is_restored(world: World, changing: Deployment) -> None:
    world.upload({"tasks": [*BEFORE["tasks"], AFTER["tasks"][2]]})
    before = world.everything()
    with (
        world.calls.refusing("events.PutRule", "AccessDeniedException", count=0),
        world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0),
    ):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before


def test_without_a_change_a_denied_restore_ends(world: World, changing: Deployment) -> None:
    """Nothing was written and nothing can be, as with a deleted role."""
    world.upload({"tasks": BEFORE["tasks"]})
    before = world.everything()
    with world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert changing.document["restored"]["cause"].startswith("CreateTargets: PutTargets was denied: scripted")


@pytest.mark.exhaustive(first=0)
def test_a_denied_restore_is_retried_while_reads_may_be_late(world: World, changing: Deployment) -> None:
    world.upload({"tasks": BEFORE["tasks"]})
    before, shown = world.everything(), world.rules()
    changing.until("RollService").fail("RejectedError", "what happened")
    with (
        world.calls.showing(shown),
        world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0),
        pytest.raises(RejectedError, match="PutTargets was denied"),
    ):
        changing.step("RestoreDeployment")
    changing.step("RestoreDeployment")
    assert world.everything() == before
