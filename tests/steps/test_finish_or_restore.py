"""FinishDeployment and RestoreDeployment of one deployment, in each order: the first decides how it ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rota.errors import OvertakenError, RejectedError
from tests.guestbook import ENVIRONMENT
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments, entered
from tests.steps.items import LEASE
from tests.steps.world import World


def restorer_of(deployment: Deployment) -> Deployment:
    """The execution that restores one that was stopped, up to RestoreDeployment."""
    return deployment.restorer().until("RestoreDeployment")


def refused(world: World, restorer: Deployment) -> None:
    """An attempt to restore that has begun to write when AWS refuses the rest."""
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        restorer.step("RestoreDeployment")


def killed_as_it_entered(world: World, restorer: Deployment) -> None:
    """An attempt to restore of which only the first write was made, to the lease."""
    with world.calls.killing("dynamodb.UpdateItem", after=True), pytest.raises(KilledError):
        restorer.step("RestoreDeployment")
    world.calls.history.clear()  # it is the restorer's, and the deployment's is asked for first


def forget_the_record(world: World, deployment: Deployment) -> None:
    """The previous version of Rota wrote the ledger's entry, which makes no record."""
    key = {name: {"S": world.entry(deployment.arn)[name]} for name in ("app", "record")}
    client("dynamodb").update_item(TableName=ENVIRONMENT["TABLE"], Key=key, UpdateExpression="REMOVE deployment")


BEGUN = pytest.mark.parametrize("begin", [refused, killed_as_it_entered])


@pytest.mark.exhaustive(first=1)
@BEGUN
def test_a_restore_that_began_before_a_late_finish_wins(
    begin: Callable[[World, Deployment], None], world: World, finishing: Deployment
) -> None:
    """The invocation of FinishDeployment was on its way when a person stopped the deployment."""
    before = world.before
    finishing.stop()
    restorer = restorer_of(finishing)
    begin(world, restorer)
    deleted = world.calls.made.count("events.DeleteRule")
    with pytest.raises(OvertakenError):
        finishing.step("FinishDeployment")
    assert world.calls.made.count("events.DeleteRule") == deleted
    expire(world)
    assert restorer.run() == "Restored"
    assert world.everything() == before
    assert world.entry(finishing.arn)["outcome"] == "aborted"


@pytest.mark.exhaustive(first=0)
@BEGUN
def test_a_restore_that_began_is_not_finished_by_a_redrive(
    begin: Callable[[World, Deployment], None], world: World, finishing: Deployment
) -> None:
    """The redriven execution fails in FinishDeployment, and its document says that all before that is done."""
    before = world.before
    finishing.stop()
    begin(world, restorer_of(finishing))
    expire(world)
    assert finishing.run() == "Restored"
    assert world.everything() == before
    entry = world.entry(finishing.arn)
    assert (entry["outcome"], "the execution was aborted" in entry["cause"]) == ("aborted", True)


def expire(world: World) -> None:
    """The time of every invocation in the lease is up."""
    lease = items.read(LEASE)
    world.calls.history.clear()
    lease["at_work"] = {"M": {invocation: {"N": "1"} for invocation in lease["at_work"]["M"]}}
    client("dynamodb").put_item(TableName=ENVIRONMENT["TABLE"], Item=lease)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("recorded", [True, False], ids=["a record", "by the previous version of Rota"])
def test_a_restore_continues_though_its_lease_was_deleted(recorded: bool, world: World, finishing: Deployment) -> None:
    """The execution's history says that the rollout was complete when it was stopped."""
    before = world.before
    finishing.stop()
    restorer = restorer_of(finishing)
    refused(world, restorer)
    items.delete(LEASE)
    if not recorded:
        forget_the_record(world, finishing)
    world.calls.history[:0] = [entered("FinishDeployment", finishing.document)]
    assert restorer.run() == "Restored"
    assert world.everything() == before
    assert world.entry(finishing.arn)["outcome"] == "aborted"


def test_a_finish_deletes_nothing_while_the_ledger_says_restoring(world: World, finishing: Deployment) -> None:
    """By the lease alone it could begin: a person has changed that."""
    finishing.stop()
    refused(world, restorer_of(finishing))
    items.change(LEASE, "REMOVE shut, deployment")
    deleted = world.calls.made.count("events.DeleteRule")
    with pytest.raises(OvertakenError, match="this deployment is being restored"):
        finishing.step("FinishDeployment")
    assert world.calls.made.count("events.DeleteRule") == deleted
    assert world.entry(finishing.arn)["outcome"] == "restoring"


@pytest.mark.parametrize("call", ["dynamodb.UpdateItem", "events.DeleteRule", "dynamodb.TransactWriteItems"])
def test_a_finish_that_began_before_a_restore_wins(call: str, world: World, finishing: Deployment) -> None:
    """Also where the response of its first write, to the lease, was lost."""
    rules = world.owned_rules()
    with world.calls.killing(call, after=True), pytest.raises(KilledError):
        finishing.step("FinishDeployment")
    finishing.stop()
    assert restorer_of(finishing).run() == "Deployed"
    del rules["CountTeaspoons"]
    assert world.owned_rules() == rules
    assert world.entry(finishing.arn)["outcome"] == "deployed"


def test_a_later_restore_keeps_why_the_deployment_failed(
    world: World, deployments: Deployments, restoring: Deployment
) -> None:
    """Started by hand after another deployment has held the lease: it has nothing to restore, and knows no more."""
    refused(world, restoring)
    first = world.entry(restoring.arn)
    restoring.stop(timedelta(hours=1))
    assert deployments.start().step("TakeTurn")["decision"] == "go"
    restorer_of(restoring).run()
    entry = world.entry(restoring.arn)
    assert entry["outcome"] == "failed"
    assert entry["cause"] == (
        "CheckService: what happened. Nothing was restored, because another deployment has held the lease since. If "
        "that one failed, deploy again. For the operator: fix this, then deploy again."
    )
    kept = ("digest", "tag", "summary", "schedule_version", "durations")
    assert {key: entry[key] for key in kept} == {key: first[key] for key in kept}


@pytest.mark.exhaustive(first=0)
def test_a_later_restore_keeps_what_the_version_before_wrote(
    world: World, deployments: Deployments, restoring: Deployment
) -> None:
    refused(world, restoring)
    forget_the_record(world, restoring)
    restoring.stop(timedelta(hours=1))
    assert deployments.start().run() == "Deployed"
    restorer_of(restoring).run()
    entry = world.entry(restoring.arn)
    assert entry["cause"].startswith("CheckService: what happened. It is being restored. For the operator: fix this")
    assert entry["cause"].endswith("another deployment has held the lease since. If that one failed, deploy again.")
    assert entry["tag"] == "next"
