"""A lease that somebody deletes by hand while a deployment is under way, or that has been given back."""

import pytest

from rota.errors import OvertakenError
from tests.guestbook import ENVIRONMENT
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.moment import once
from tests.steps.world import World, client


@pytest.fixture
@once
def changing(world: World, later: Deployments) -> Deployment:
    """The second deployment: a new image."""
    world.push(NEXT, "next")
    return later.start(NEXT)


def delete_lease() -> None:
    """Somebody deletes the item by hand."""
    client("dynamodb").delete_item(
        TableName=ENVIRONMENT["TABLE"], Key={"app": {"S": "production/guestbook-api"}, "record": {"S": "lease"}}
    )


def test_a_deployment_whose_lease_was_deleted_puts_everything_back(
    world: World, changing: Deployment, deployments: Deployments
) -> None:
    before = world.everything()
    changing.until("RollService")
    delete_lease()
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    cause = changing.document["restored"]["cause"]
    assert cause.startswith("RollService: somebody has deleted the lease of production/guestbook-api")
    assert "Everything is as it was before" in cause
    assert "holder" not in world.ledger()["lease"]
    assert deployments.start(NEXT).run() == "Deployed"


def test_where_another_deployment_has_had_its_turn_since_nothing_is_put_back_and_that_is_told(
    world: World, changing: Deployment, deployments: Deployments
) -> None:
    changing.until("RollService")
    delete_lease()
    assert deployments.start(NEXT).run() == "Deployed"
    after = world.everything()
    assert changing.run() == "Overtaken"
    assert world.everything() == after
    told = "Nothing was restored, because another deployment has had its turn since. If that one failed, deploy again."
    assert told in changing.document["restored"]["cause"]


def test_a_deployment_that_has_ended_takes_no_lease_anew(world: World, changing: Deployment) -> None:
    """A late invocation of a step, and of the restoring itself, comes when the lease was given back."""
    changing.until("RollService").fail("RejectedError", "what happened")
    changing.step("RestoreDeployment")
    before = world.everything()
    with pytest.raises(OvertakenError):
        changing.step("RollService")
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.parametrize("dry_run", [False, True], ids=["a deployment", "a dry run"])
def test_one_that_fails_before_its_turn_takes_no_lease_that_was_deleted_meanwhile(
    dry_run: bool, world: World, changing: Deployment, deployments: Deployments
) -> None:
    before = world.everything()
    changing.until("RollService")
    delete_lease()
    assert deployments.start(detail={}, dry_run=dry_run).run() == "DeploymentFailed"
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
