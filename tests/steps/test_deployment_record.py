"""The record in the lease's item: written as the deployment goes on, and what an aborted one is restored from."""

from datetime import timedelta
from typing import Any

import pytest

from rota.deployment.items import plain
from rota.errors import OvertakenError, RejectedError
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments
from tests.steps.items import LEASE
from tests.steps.world import World

STEPS = ["RegisterRevisions", "ClearRules", "CreateTargets", "RollService", "CheckService", "FinishDeployment"]


def record() -> dict[str, Any]:
    found: dict[str, Any] = plain(items.read(LEASE)["deployment"])
    return found


def stop(deployment: Deployment) -> Deployment:
    """A person stops the deployment; the execution that Step Functions' event starts to restore it."""
    deployment.stop()
    return deployment.restorer()


def test_it_says_who_started_the_deployment_and_why(world: World, deployments: Deployments) -> None:
    started = deployments.start(by="ann", reason="the invoices are wrong", kind="image")
    started.step("TakeTurn")
    found = record()
    assert found["origin"] == {"kind": "image", "by": "ann", "reason": "the invoices are wrong"}
    assert (found["phase"], found["execution"]["id"], found["image"]["tag"]) == ("planning", started.arn, "5d0c6a1")
    assert list(found["entered"]) == ["TakeTurn"]


def test_intent_is_written_before_the_act_and_the_result_after(world: World, changing: Deployment) -> None:
    changing.until("RegisterRevisions")
    with world.calls.killing("ecs.RegisterTaskDefinition"), pytest.raises(KilledError):
        changing.step("RegisterRevisions")
    found, document = record(), changing.document
    assert (found["phase"], "revisions" in found) == ("registering", False)
    assert (found["plan"], found["snapshot"]) == (document["plan"]["document"], document["plan"]["snapshot"])
    assert (found["schedule"], found["tasks"]) == (document["config"]["schedule"], "3")
    assert found["summary"] == document["plan"]["summary"]
    changing.until("CreateTargets")
    found = record()
    assert found["revisions"] == document["revisions"]["document"]
    assert float(found["seconds"]["RegisterRevisions"]) > 0
    changing.until("CheckService")
    assert record()["rollout"]["deployment_id"] == document["rollout"]["deployment_id"]
    changing.until("FinishDeployment")
    assert record()["rollout"]["status"] == "COMPLETED"
    assert list(record()["entered"]) == ["TakeTurn", *STEPS[:-1]]


def test_it_costs_no_call(world: World, changing: Deployment) -> None:
    changing.until(STEPS[0])
    for step in STEPS[:-1]:
        world.calls.made.clear()
        changing.until(STEPS[STEPS.index(step) + 1])
        calls = [call for call in world.calls.made if call.startswith("dynamodb.") and call != "dynamodb.Query"]
        assert calls == ["dynamodb.UpdateItem"] * 2, "beside that for pauses"


@pytest.mark.exhaustive(first=0)
def test_a_free_lease_has_no_record_and_the_entry_has_it(world: World, finishing: Deployment) -> None:
    assert finishing.run() == "Deployed"
    assert items.read(LEASE).keys() == {"app", "record", "newest"}
    assert "deployment" in world.entry(finishing.arn)


def test_the_next_deployments_record_is_its_own(world: World, deployments: Deployments, rolling: Deployment) -> None:
    rolling.stop(timedelta(hours=1))
    after = deployments.start()
    assert after.step("TakeTurn")["decision"] == "go"
    found = record()
    assert (found["execution"]["id"], found["phase"]) == (after.arn, "planning")
    assert not found.keys() & {"plan", "snapshot", "revisions", "rollout", "schedule"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", STEPS[::-1])
@pytest.mark.parametrize("within", [False, True], ids=["before", "within"])
def test_wherever_it_is_aborted_it_is_restored_from_its_record(
    step: str, within: bool, world: World, changing: Deployment
) -> None:
    """Nothing is read of the execution's history."""
    before = world.everything()
    changing.until(step)
    if within:
        with world.calls.killing("dynamodb.UpdateItem", after=True), pytest.raises(KilledError):
            changing.step(step)
    restorer = stop(changing)
    world.calls.made.clear()
    complete = within and step == "FinishDeployment"
    assert restorer.run() == ("Deployed" if complete else "Restored")
    if not complete:
        assert world.everything() == before
    entry = world.entry(changing.arn)
    assert entry["outcome"] == ("deployed" if complete else "aborted")
    assert entry["tag"] == "next"
    if not complete:
        assert ": the execution was aborted" in entry["cause"]
    assert items.read(LEASE).keys() == {"app", "record", "newest"}
    if not within:
        assert "stepfunctions.GetExecutionHistory" not in world.calls.made


def test_one_that_was_aborted_before_its_first_write_is_recorded(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until(STEPS[0])
    assert stop(changing).run() == "Restored"
    assert world.everything() == before
    entry = world.entry(changing.arn)
    assert entry["cause"].startswith("Planning: the execution was aborted. Nothing had to be restored.")


def test_one_that_took_too_long_is_restored_and_has_failed(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("RollService")
    changing.stop(status="TIMED_OUT")
    assert changing.restorer().run() == "DeploymentFailed"
    assert world.everything() == before
    entry = world.entry(changing.arn)
    assert entry["outcome"] == "failed"
    assert entry["cause"].startswith("CreateTargets: the execution took too long. Everything is as it was before")
    assert "For the operator: find out what it waited for" in entry["cause"]


def test_one_that_was_aborted_while_it_waited_is_recorded(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1")
    waiting = deployments.start()
    assert waiting.step("TakeTurn")["decision"] == "wait"
    assert stop(waiting).run() == "Restored"
    entry = world.entry(waiting.arn)
    assert entry["cause"].startswith("TakeTurn: the execution was aborted. Nothing was restored, because")
    assert (entry["outcome"], entry["tag"], entry["started_by"]) == ("aborted", "5d0c6a1", "by hand")


@pytest.mark.exhaustive(first=0)
def test_nothing_is_restored_once_another_has_the_lease(
    world: World, deployments: Deployments, rolling: Deployment
) -> None:
    rolling.stop(timedelta(hours=1))
    assert deployments.start().run() == "Deployed"
    after = world.everything()
    restorer = rolling.restorer()
    assert restorer.run() == "Restored"
    assert world.everything() == after
    assert "another deployment has held the lease since" in restorer.document["restored"]["cause"]


@pytest.mark.exhaustive(first=0)
def test_a_later_restore_says_why_the_deployment_failed(world: World, restoring: Deployment) -> None:
    """Another execution restores in its name, long after: it has the error from the record."""
    before = world.before
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        restoring.step("RestoreDeployment")
    assert stop(restoring).run() == "DeploymentFailed"
    assert world.everything() == before
    entry = world.entry(restoring.arn)
    assert (entry["outcome"], "what happened" in entry["cause"]) == ("failed", True)


@pytest.mark.exhaustive(first=0)
def test_a_late_step_of_an_aborted_deployment_writes_nothing(world: World, creating: Deployment) -> None:
    stop(creating).run()
    before = world.everything()
    with pytest.raises(OvertakenError):
        creating.step("CreateTargets")
    assert world.everything() == before
