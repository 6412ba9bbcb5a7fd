"""ClearRules: disables the owned rules whose task was removed from the file, and nothing else."""

import pytest

from rota.errors import OvertakenError
from tests.guestbook import PREFIX
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments
from tests.steps.snapshots import once
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


def test_a_rule_that_is_disabled_already_is_not_written(world: World, later: Deployments) -> None:
    client("events").disable_rule(Name=SPAM)
    world.upload(ONE_LEFT)
    clearing = later.start().until("ClearRules")
    world.calls.made.clear()
    assert clearing.step("ClearRules") == {"disabled": 0}
    assert [call for call in world.calls.made if call.startswith("events.")] == []


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
