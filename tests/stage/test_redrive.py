"""*Redrive* of a deployment in the console, as docs/operations.md describes it."""

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.ecr.manifest import digest
from tests.stage.account import Described, account, history, images, schedules, states, writes
from tests.stage.held import held, pushed_behind
from tests.stage.restored import assert_all_is_as_it_was


def stopped_while_rolling(stage: Client, **rollout: object) -> Described:
    """Push v1 and stop its execution during the rollout, which hangs unless another `rollout` is given."""
    stage.settings(**(rollout or {"rollout": "hangs"}))
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (execution,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    stopped = stage.wait(execution)
    assert stopped["status"] == "ABORTED"
    stage.settings(rollout="completes")
    return stopped


def redriven(stage: Client, execution: Described) -> Described:
    """How an execution ends after a redrive."""
    stage.client("stepfunctions").redrive_execution(executionArn=execution["executionArn"])
    return stage.wait(execution["executionArn"])


def assert_a_redrive_changes_nothing(stage: Client, stopped: Described) -> None:
    before = account(stage)
    stage.clear_calls()

    ended = redriven(stage, stopped)

    assert states(stage, ended)[-1] == "Restored"
    assert not writes(stage)
    assert account(stage) == before


@pytest.mark.exhaustive(first=0)
def test_a_redrive_during_the_restore_has_the_same_end(stage: Client) -> None:
    """Whichever comes first: it is deployed or restored as a whole."""
    before = account(stage)
    stopped = stopped_while_rolling(stage, rollout_seconds=2)
    ended = redriven(stage, stopped)
    restored = stage.restored_by(stopped["executionArn"])
    (entry,) = history(stage)
    ends = [states(stage, each)[-1] for each in (ended, restored)]
    if entry["outcome"] == "deployed":
        assert ends[0] == "Deployed"
        assert images(stage) == {digest("v1")}
    else:
        assert ends == ["Restored", "Restored"]
        assert_all_is_as_it_was(stage, before)


@pytest.mark.exhaustive(first=0)
def test_a_redrive_of_one_aborted_while_waiting_changes_nothing(deployed: Client) -> None:
    """It has its entry in the ledger, which does not change any more."""
    with held(deployed):
        first, waiting = pushed_behind(deployed, "v2", "v3")
        deployed.client("stepfunctions").stop_execution(executionArn=waiting)
    stopped = deployed.wait(waiting)
    deployed.restored_by(waiting)
    assert states(deployed, deployed.wait(first))[-1] == "Overtaken"
    assert_a_redrive_changes_nothing(deployed, stopped)
    assert deployed.deploy("v4")["status"] == "SUCCEEDED"


@pytest.mark.exhaustive(first=0)
def test_a_redrive_after_another_deployment_changes_nothing(stage: Client) -> None:
    stopped = stopped_while_rolling(stage)
    stage.restored_by(stopped["executionArn"])
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    assert_a_redrive_changes_nothing(stage, stopped)


@pytest.mark.exhaustive(first=0)
def test_a_redriven_failed_execution_fails_again_at_once(stage: Client) -> None:
    stage.faults([{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}])
    failed = stage.deploy("v1")
    stage.clear_calls()

    again = redriven(stage, failed)

    keys = ("status", "error", "cause")
    assert [again[each] for each in keys] == [failed[each] for each in keys]
    assert not stage.calls("lambda", "Invoke")
    assert schedules(stage) == {}
    assert len(history(stage)) == 1


def test_a_successful_execution_cannot_be_redriven(deployed: Client, v1: Described) -> None:
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        redriven(deployed, v1)
