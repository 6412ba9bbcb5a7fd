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
def changing(later: Deployments) -> Deployment:
    """The second deployment: a new image."""
    return later.start(NEXT)


def test_a_deployment_whose_lease_was_deleted_is_restored(
    world: World, changing: Deployment, deployments: Deployments
) -> None:
    before = world.everything()
    changing.until("RollService")
    items.delete(LEASE)
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    cause = changing.document["restored"]["cause"]
    assert cause.startswith("RollService: the lease of production/guestbook-api was deleted")
    assert "Everything is as it was before" in cause
    assert "holder" not in world.ledger()["lease"]
    assert deployments.start(NEXT).run() == "Deployed"


def test_nothing_is_restored_after_another_deployment(
    world: World, changing: Deployment, deployments: Deployments
) -> None:
    changing.until("RollService")
    items.delete(LEASE)
    assert deployments.start(NEXT).run() == "Deployed"
    after = world.everything()
    assert changing.run() == "Overtaken"
    assert world.everything() == after
    remark = (
        "Nothing was restored, because another deployment has held the lease since. If that one failed, deploy again."
    )
    assert remark in changing.document["restored"]["cause"]


def test_an_ended_deployment_takes_no_lease_again(world: World, changing: Deployment) -> None:
    """A late invocation of a step may begin after the lease was released."""
    changing.until("RollService").fail("RejectedError", "what happened")
    changing.step("RestoreDeployment")
    before = world.everything()
    with pytest.raises(OvertakenError):
        changing.step("RollService")
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("dry_run", [False, True], ids=["a deployment", "a dry run"])
def test_a_failure_without_the_lease_creates_no_lease(
    dry_run: bool, world: World, changing: Deployment, deployments: Deployments
) -> None:
    before = world.everything()
    changing.until("RollService")
    items.delete(LEASE)
    assert deployments.start(detail={}, dry_run=dry_run).run() == "DeploymentFailed"
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
