"""A lease that a person deletes during a deployment, or that was released."""

import pytest

from rota.errors import OvertakenError
from tests.steps import items
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.items import LEASE
from tests.steps.snapshots import once
from tests.steps.world import World


@pytest.fixture
@once
def rolling(world: World, later: Deployments) -> Deployment:
    """The second deployment, of a new image, before its service rolls. `world.before` is what there was."""
    world.before = world.everything()
    return later.start(NEXT).until("RollService")


def test_a_deployment_whose_lease_was_deleted_is_restored(
    world: World, rolling: Deployment, deployments: Deployments
) -> None:
    items.delete(LEASE)
    assert rolling.run() == "DeploymentFailed"
    assert world.everything() == world.before
    cause = rolling.document["restored"]["cause"]
    assert cause.startswith("RollService: the lease of production/guestbook-api was deleted")
    assert "Everything is as it was before" in cause
    assert "holder" not in world.ledger()["lease"]
    assert deployments.start(NEXT).step("TakeTurn")["decision"] == "go"


def test_a_lease_of_which_the_new_reply_is_lost_is_the_restores_own(world: World, rolling: Deployment) -> None:
    rolling.fail("RejectedError", "what happened")
    items.delete(LEASE)
    with world.calls.losing("dynamodb.UpdateItem", skip=1):
        assert rolling.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == world.before


@pytest.mark.exhaustive(first=0)
def test_nothing_is_restored_after_another_deployment(
    world: World, rolling: Deployment, deployments: Deployments
) -> None:
    items.delete(LEASE)
    assert deployments.start(NEXT).run() == "Deployed"
    after = world.everything()
    assert rolling.run() == "Overtaken"
    assert world.everything() == after
    remark = (
        "Nothing was restored, because another deployment has held the lease since. If that one failed, deploy again."
    )
    assert remark in rolling.document["restored"]["cause"]


def test_an_ended_deployment_takes_no_lease_again(world: World, rolling: Deployment) -> None:
    """A late invocation of a step may begin after the lease was released."""
    rolling.fail("RejectedError", "what happened")
    rolling.step("RestoreDeployment")
    before = world.everything()
    with pytest.raises(OvertakenError):
        rolling.step("RollService")
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("dry_run", [False, True], ids=["a deployment", "a dry run"])
def test_a_failure_without_the_lease_creates_no_lease(
    dry_run: bool, world: World, rolling: Deployment, deployments: Deployments
) -> None:
    items.delete(LEASE)
    assert deployments.start(detail={}, dry_run=dry_run).run() == "DeploymentFailed"
    assert rolling.run() == "DeploymentFailed"
    assert world.everything() == world.before
