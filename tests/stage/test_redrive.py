"""What *Redrive* in the console does to a deployment: as docs/operations.md tells it."""

import pytest
from botocore.exceptions import ClientError

from stage.client import Client, wait_for
from stage.manifest import digest
from tests.stage.account import Described, account, history, images, schedules, states, writes


def stopped_while_rolling(stage: Client) -> Described:
    """Push v1 and stop its execution while the service rolls."""
    stage.settings(rollout_seconds=2)
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (execution,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    stopped = stage.wait(execution)
    assert stopped["status"] == "ABORTED"
    return stopped


def redriven(stage: Client, execution: Described) -> Described:
    """How it ends after it has been redriven."""
    stage.client("stepfunctions").redrive_execution(executionArn=execution["executionArn"])
    return stage.wait(execution["executionArn"])


def test_an_execution_that_was_aborted_goes_on_by_its_plan(stage: Client) -> None:
    stopped = stopped_while_rolling(stage)
    before = [event["type"] for event in stage.history(stopped["executionArn"])]

    ended = redriven(stage, stopped)

    assert (ended["status"], ended["output"]["outcome"]["outcome"]) == ("SUCCEEDED", "deployed")
    assert [event["type"] for event in stage.history(ended["executionArn"])][: len(before) + 1] == [
        *before,
        "ExecutionRedriven",
    ]
    assert images(stage) == {digest("v1")}
    assert writes(stage) == {"RegisterTaskDefinition": 4, "PutRule": 3, "PutTargets": 3, "UpdateService": 1}
    assert [entry["outcome"] for entry in history(stage)] == ["deployed"]
    assert states(stage, ended).count("RegisterRevisions") == 1


def test_it_changes_nothing_if_another_deployment_has_had_its_turn_since(stage: Client) -> None:
    stopped = stopped_while_rolling(stage)
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    before = account(stage)
    stage.clear_calls()

    ended = redriven(stage, stopped)

    assert (ended["status"], states(stage, ended)[-1]) == ("SUCCEEDED", "Overtaken")
    assert not writes(stage)
    assert account(stage) == before
    assert images(stage) == {digest("v2")}


def test_an_execution_that_failed_fails_again_at_once(stage: Client) -> None:
    stage.faults([{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}])
    failed = stage.deploy("v1")
    stage.clear_calls()

    again = redriven(stage, failed)

    told = ("status", "error", "cause")
    assert [again[each] for each in told] == [failed[each] for each in told]
    assert not stage.calls("lambda", "Invoke")
    assert schedules(stage) == {}
    assert len(history(stage)) == 1


def test_an_execution_that_succeeded_is_not_redriven(stage: Client) -> None:
    succeeded = stage.deploy("v1")
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        redriven(stage, succeeded)
