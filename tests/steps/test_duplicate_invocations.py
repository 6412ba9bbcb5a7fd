"""One step twice at a time: Step Functions invokes it again after a lost response, while the first runs."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from rota.contract.deployment import Standing
from rota.contract.steps import STEPS
from rota.errors import OvertakenError, RejectedError, StillRunningError
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments, killed
from tests.steps.items import LEASE
from tests.steps.snapshots import once
from tests.steps.world import World

FIRST = "first-invocation"
ROWS = {step.name: step for step in STEPS}


def begin(deployment: Deployment, step: str = "RollService", seconds: float = 60) -> Callable[[], None]:
    """An invocation of that step of the deployment begins to write. Returns what ends it."""
    lease = deployment.lease()
    assert lease.enter(FIRST, seconds, ROWS[step], {}).standing == Standing.HOLDS
    return lambda: lease.leave(FIRST, 0, ROWS[step], {})


@pytest.fixture
@once
def clearing(deployments: Deployments) -> Deployment:
    return deployments.start().until("RegisterRevisions")


@pytest.fixture
@once
def failed(deployments: Deployments) -> Deployment:
    """A first deployment, failed at the last step that is restored."""
    deployment = deployments.start().until("CheckService")
    deployment.fail("RejectedError", "what happened")
    return deployment


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", ["RegisterRevisions", "CreateTargets", "RollService"])
def test_a_step_does_not_write_while_another_invocation_may(step: str, world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until(step)
    end = begin(deployment, step)
    world.calls.made.clear()
    with pytest.raises(StillRunningError, match="an earlier invocation of the deployment, whose response was lost"):
        deployment.step(step)
    assert world.calls.writes() == []
    end()
    deployment.step(step)


def test_an_invocation_may_write_until_its_functions_timeout(world: World, deployments: Deployments) -> None:
    """A minute, as the context says, and five seconds for the difference between two clocks."""
    deployment = deployments.start().until("CreateTargets")
    began = time.time()
    with world.calls.killing("events.PutRule"), pytest.raises(KilledError):
        deployment.step("CreateTargets")
    (until,) = (float(each["N"]) for each in items.read(LEASE)["at_work"]["M"].values())
    assert until - time.time() <= 60 + 5 <= until - began


def test_leaving_removes_only_the_own_invocation(world: World, clearing: Deployment) -> None:
    begin(clearing, "RegisterRevisions")
    for _ in range(2):
        with pytest.raises(StillRunningError):
            clearing.step("RegisterRevisions")


def test_nothing_is_restored_while_a_step_may_still_write(world: World, failed: Deployment) -> None:
    end = begin(failed)
    now = world.everything()
    with pytest.raises(StillRunningError, match="may still write"):
        failed.step("RestoreDeployment")
    assert world.everything() == now
    end()
    failed.step("RestoreDeployment")
    assert world.owned_rules() == {}
    assert "holder" not in world.ledger()["lease"]


def test_a_step_that_begins_after_a_later_one_cannot_write(world: World, failed: Deployment) -> None:
    """Its response was lost long ago, and Lambda runs it only now."""
    now = world.everything()
    with pytest.raises(OvertakenError):
        failed.step("CreateTargets")
    assert world.everything() == now


def test_no_step_writes_once_the_restore_has_begun(world: World, failed: Deployment) -> None:
    begin(failed)
    with pytest.raises(StillRunningError):
        failed.step("RestoreDeployment")
    with pytest.raises(OvertakenError):
        failed.step("RollService")


@pytest.mark.parametrize("step", ["RollService", "RestoreDeployment"])
def test_a_killed_invocation_is_not_waited_for(step: str, world: World, failed: Deployment) -> None:
    begin(failed)
    world.calls.history = [killed(FIRST)]
    world.calls.made.clear()
    assert failed.step(step), "it answers at once"
    assert "stepfunctions.GetExecutionHistory" in world.calls.made


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("name", ["deployment-1", "restorer"])
def test_the_histories_of_both_executions_count(name: str, world: World, deployments: Deployments) -> None:
    """The killed invocation belongs to the aborted execution, or to the one that restores it."""
    stopped = deployments.start().until("RollService")
    begin(stopped)
    stopped.stop()
    restorer = stopped.restorer()
    world.calls.history = [killed(FIRST)]
    world.calls.history_of = {"deployment-1": stopped, "restorer": restorer}[name].arn
    assert restorer.run() == "Restored"


def test_an_invocation_is_waited_for_until_its_time_limit(world: World, failed: Deployment) -> None:
    begin(failed, seconds=-10)
    failed.step("RestoreDeployment")
    assert "stepfunctions.GetExecutionHistory" not in world.calls.made[: world.calls.made.index("dynamodb.PutItem")]


@pytest.mark.parametrize("error", ["Lambda.SdkClientException", "Lambda.ServiceException"])
def test_an_error_of_lambdas_api_does_not_end_the_wait(error: str, world: World, failed: Deployment) -> None:
    begin(failed)
    world.calls.history = [killed(FIRST, error)]
    with pytest.raises(StillRunningError):
        failed.step("RestoreDeployment")


def test_an_ended_deployment_that_may_write_blocks_the_next(world: World, deployments: Deployments) -> None:
    ended = deployments.start().until("FinishDeployment")
    end = begin(ended)
    world.execution("deployment-1", ended=timedelta(minutes=4))
    assert ended.run() == "Deployed"
    waiting = deployments.start(NEXT)
    answer = waiting.step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == (
        "wait",
        "deployment-1 has ended, but one of its functions may still write",
    )
    with pytest.raises(OvertakenError):
        ended.step("RollService")
    end()
    assert waiting.step("TakeTurn")["decision"] == "go"
    assert world.ledger()["lease"]["holder"] == waiting.arn


def test_a_killed_step_does_not_delay_the_next_deployment(world: World, deployments: Deployments) -> None:
    ended = deployments.start().until("FinishDeployment")
    begin(ended)
    world.calls.history = [killed(FIRST)]
    assert ended.run() == "Deployed"
    assert world.ledger()["lease"].keys() == {"app", "record", "newest"}


def test_that_a_step_could_not_leave_hides_no_error(world: World, deployments: Deployments) -> None:
    """What it could not write says more; the lease frees itself."""
    creating = deployments.start().until("CreateTargets")
    with (
        world.calls.refusing("events.PutRule", "AccessDeniedException", count=0),
        world.calls.refusing("dynamodb.UpdateItem", "AccessDeniedException", skip=1, count=0),
        pytest.raises(RejectedError, match="PutRule was denied"),
    ):
        creating.step("CreateTargets")


def test_a_step_that_could_not_leave_is_tried_again(world: World, deployments: Deployments) -> None:
    creating = deployments.start().until("CreateTargets")
    with (
        world.calls.refusing("dynamodb.UpdateItem", "AccessDeniedException", skip=1, count=0),
        pytest.raises(RejectedError, match="UpdateItem was denied"),
    ):
        creating.step("CreateTargets")
