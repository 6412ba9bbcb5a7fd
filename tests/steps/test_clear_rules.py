"""ClearRules: disables the owned rules whose task was removed from the file, and nothing else."""

import pytest

from rota.errors import OvertakenError
from tests.guestbook import PREFIX
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.snapshots import once
from tests.steps.test_pauses import pause
from tests.steps.world import World

ONE_LEFT = {"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]}
SPAM = PREFIX + "RemoveSpam"


@pytest.fixture
@once
def clearing(world: World, later: Deployments) -> Deployment:
    """A deployment about to run ClearRules; one of two tasks was removed from the file."""
    world.upload(ONE_LEFT)
    world.calls.made.clear()
    return later.start().until("ClearRules")


def states(world: World) -> dict[str, str]:
    return {name: rule["State"] for name, rule in world.owned_rules().items()}


def test_the_rule_of_a_removed_task_is_disabled(world: World, clearing: Deployment) -> None:
    before = world.owned_rules()
    assert clearing.step("ClearRules") == {"disabled": 1}
    assert world.owned_rules() == before | {"RemoveSpam": before["RemoveSpam"] | {"State": "DISABLED"}}
    assert world.calls.writes() == ["events.DisableRule"]


def test_it_is_deleted_when_the_deployment_finishes(world: World, clearing: Deployment) -> None:
    assert clearing.run() == "Deployed"
    assert states(world) == {"IngestData": "ENABLED"}


def test_cleared_twice_it_is_the_same(world: World, clearing: Deployment) -> None:
    for _ in range(2):
        clearing.step("ClearRules")
        assert states(world) == {"IngestData": "ENABLED", "RemoveSpam": "DISABLED"}


@pytest.mark.parametrize("enabled", [False, True], ids=["off", "switched on since the plan"])
@pytest.mark.parametrize("digest", [None, NEXT], ids=["schedules alone", "with an image"])
def test_a_rule_that_is_disabled_already_is_deleted_without_it(
    digest: str | None, enabled: bool, world: World, later: Deployments
) -> None:
    client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    deployment = later.start(digest).until("IsThereAnythingToDo")
    if enabled:
        client("events").enable_rule(Name=SPAM)
    world.calls.made.clear()
    assert deployment.run() == "Deployed"
    assert "ClearRules" not in world.entry(deployment.arn)["deployment"]
    assert deployment.document["cleared"] == {"disabled": 0}, "an older RestoreDeployment looks for it"
    assert states(world) == {"IngestData": "ENABLED"}
    assert "events.DisableRule" not in world.calls.writes()
    assert deployment.document["plan"]["removed"] == 1


def test_beside_one_that_is_on_it_is_not_written(world: World, later: Deployments) -> None:
    client("events").disable_rule(Name=SPAM)
    world.upload({"tasks": [{"name": "Digest", "task": "digest_task", "rate": "7 days"}]})
    deployment = later.start().until("ClearRules")
    world.calls.made.clear()
    assert deployment.step("ClearRules") == {"disabled": 1}
    assert world.calls.writes() == ["events.DisableRule"]
    assert deployment.run() == "Deployed"
    assert states(world) == {"Digest": "ENABLED"}


def test_one_that_is_paused_is_not_off_already(world: World, later: Deployments) -> None:
    """Its pause would switch it on again."""
    assert later.ask(**pause("RemoveSpam")).run() == "Done"
    world.upload(ONE_LEFT)
    deployment = later.start()
    assert deployment.run() == "Deployed"
    assert deployment.document["cleared"] == {"disabled": 1}
    assert states(world) == {"IngestData": "ENABLED"}


@pytest.mark.parametrize(("enabled", "disabled"), [(True, 1), (False, 0)], ids=["on", "off"])
def test_a_plan_of_the_version_before_has_it_entered(
    enabled: bool, disabled: int, world: World, later: Deployments
) -> None:
    """The stack was rolled back while it planned: its machine goes by what that PlanDeployment does not answer."""
    if not enabled:
        client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    deployment = later.start().until("IsThereAnythingToDo")
    del deployment.document["plan"]["disables"]
    assert deployment.run() == "Deployed"
    assert deployment.document["cleared"] == {"disabled": disabled}
    assert states(world) == {"IngestData": "ENABLED"}


@pytest.mark.parametrize("step", ["RegisterRevisions", "CreateTargets", "RollService", "CheckService"])
def test_without_it_a_deployment_that_fails_is_restored(step: str, world: World, later: Deployments) -> None:
    client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    before = world.everything()
    deployment = later.start(NEXT).until(step)
    deployment.fail("RejectedError", "what happened")
    assert deployment.step("RestoreDeployment")["outcome"] == "failed"
    assert deployment.document["restored"]["cause"].startswith(f"{step}: what happened. ")
    assert world.everything() == before


@pytest.mark.parametrize(("has_entered", "end"), [(False, "Restored"), (True, "Deployed")])
def test_without_it_an_aborted_deployment_is_as_before_or_complete(
    has_entered: bool, end: str, world: World, later: Deployments
) -> None:
    """FinishDeployment is the first that enters the lease."""
    client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    before = world.everything()
    deployment = later.start().until("FinishDeployment")
    with world.calls.killing("dynamodb.UpdateItem", after=has_entered), pytest.raises(KilledError):
        deployment.step("FinishDeployment")
    deployment.stop()
    assert deployment.restorer().run() == end
    assert (world.everything() == before) is not has_entered
    assert ("RemoveSpam" in states(world)) is not has_entered


def test_without_it_finish_deployment_goes_forward(world: World, later: Deployments) -> None:
    """What it was to delete may be gone already."""
    client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    deployment = later.start().until("FinishDeployment")
    deployment.fail("RejectedError", "what happened")
    assert deployment.step("RestoreDeployment")["outcome"] == "deployed"
    assert states(world) == {"IngestData": "ENABLED"}


def test_a_rule_that_was_deleted_meanwhile_is_no_failure(world: World, clearing: Deployment) -> None:
    client("events").remove_targets(Rule=SPAM, Ids=[SPAM])
    client("events").delete_rule(Name=SPAM)
    assert clearing.step("ClearRules") == {"disabled": 0}
    assert clearing.run() == "Deployed"


def test_a_rule_that_was_untagged_since_the_plan_stays(world: World, clearing: Deployment) -> None:
    """A redrive may come two weeks after the plan."""
    rule = client("events").describe_rule(Name=SPAM)["Arn"]
    client("events").untag_resource(ResourceARN=rule, TagKeys=["rota:app"])
    before = world.rules()
    assert clearing.step("ClearRules") == {"disabled": 0}
    assert clearing.run() == "Deployed"
    assert world.rules() == before


def test_with_nothing_to_clear_the_state_is_not_entered(deployments: Deployments) -> None:
    first = deployments.start()
    assert first.run() == "Deployed"
    assert "cleared" not in first.document


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_in_the_middle_it_ends_the_same(after: bool, world: World, clearing: Deployment) -> None:
    with world.calls.killing("events.DisableRule", after=after), pytest.raises(KilledError):
        clearing.step("ClearRules")
    clearing.step("ClearRules")
    assert states(world) == {"IngestData": "ENABLED", "RemoveSpam": "DISABLED"}


def test_without_the_lease_nothing_is_written(world: World, clearing: Deployment, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    with pytest.raises(OvertakenError, match="another deployment holds the lease"):
        clearing.step("ClearRules")
    assert world.calls.writes() == []
