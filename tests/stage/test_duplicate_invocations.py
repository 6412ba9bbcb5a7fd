"""Lost replies: Step Functions invokes a step again while its function still runs."""

import time
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.contract.steps import STEPS
from stage.client import wait_for
from tests import asl
from tests.stage.account import history, images, rules, service, states
from tests.stage.held import change_lease, held, lease

pytestmark = pytest.mark.exhaustive(first=0)

# The invocations of a deployment that removes no task and runs nothing once, in the machine's order.
_STEPS = [step.name for step in STEPS if step.name not in ("ClearRules", *asl.ONE_OFFS)]
_RETRIES = 6


def lost(step: str, count: int = 1) -> dict[str, Any]:
    """Lose so many replies of that step."""
    return {"service": "lambda", "operation": "Invoke", "skip": _STEPS.index(step), "count": count, "fault": "lost"}


def app(stage: Client) -> tuple[Any, ...]:
    """What a deployment changes: the rules, the service's revision, the ACTIVE revisions."""
    active = stage.client("ecs").list_task_definitions(familyPrefix=stage.names["family"])["taskDefinitionArns"]
    return rules(stage), service(stage)["taskDefinition"], active


@pytest.mark.parametrize("step", ["RegisterRevisions", "CreateTargets", "RollService"])
def test_a_lost_reply_undoes_nothing(deployed: Client, step: str) -> None:
    deployed.settings(latency_ms=10, time_scale=0.02)
    deployed.faults([lost(step)])

    ended = deployed.deploy("v2")

    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    assert images(deployed) == {ended["input"]["detail"]["image-digest"]}


def test_a_step_waits_for_an_earlier_invocation(deployed: Client) -> None:
    deployed.clear_calls()
    tries = _RETRIES * len(("enter", "leave"))
    with held(deployed):
        deployed.push("v2")
        wait_for(lambda: len(called(deployed, "RegisterRevisions", "dynamodb", "UpdateItem")) > tries, 30)

    assert states(deployed, deployed.wait(deployed.executions()[0]))[-1] == "Deployed"


def rolling(stage: Client) -> tuple[Any, ...]:
    """Push v2, whose rollout hangs. Returns the app before it."""
    before = app(stage)
    stage.settings(rollout="hangs")
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    return before


def test_nothing_is_restored_while_an_invocation_may_write(deployed: Client) -> None:
    before = rolling(deployed)
    change_lease(deployed, "SET at_work.another = :end", {":end": {"N": str(time.time() + 600)}})
    killed_for_good = {"caller": "CheckService", "count": 2, "fault": "kill"}  # it would wait as well
    deployed.faults([{"service": "dynamodb", "operation": "UpdateItem", **killed_for_good}])
    wait_for(lambda: len(called(deployed, "RestoreDeployment", "dynamodb", "UpdateItem")) > 3, 30)
    assert not called(deployed, "RestoreDeployment", "events", "PutTargets")
    assert not called(deployed, "RestoreDeployment", "ecs", "UpdateService")

    deployed.settings(rollout="completes")
    change_lease(deployed, "REMOVE at_work.another")
    ended = deployed.wait(deployed.executions()[0])

    assert ended["error"] == "Runtime.ExitError"
    assert app(deployed) == before


def called(stage: Client, step: str, service_: str, operation: str) -> list[dict[str, Any]]:
    """The calls of that operation by that step."""
    return [call for call in stage.calls(service_, operation) if call["caller"] == step]


@pytest.mark.parametrize("step", ["CreateTargets", "RegisterRevisions"])
def test_nothing_is_restored_before_the_last_function_ends(deployed: Client, step: str) -> None:
    before = app(deployed)
    deployed.settings(latency_ms=40)
    deployed.faults([lost(step, count=_RETRIES + 1)])

    ended = deployed.deploy("v2")

    assert ended["status"] == "FAILED"
    assert ended["error"] == "Lambda.SdkClientException"
    assert app(deployed) == before
    assert history(deployed)[0]["outcome"] == "failed"
    deployed.settings(latency_ms=0)
    assert states(deployed, deployed.deploy("v3"))[-1] == "Deployed"


def test_a_restore_owns_a_lease_that_it_recreated(deployed: Client) -> None:
    before = rolling(deployed)
    second = {"operation": "UpdateItem", "caller": "RestoreDeployment", "skip": 1, "count": 1}
    deployed.faults([{"service": "dynamodb", **second, "fault": "lost"}])
    deployed.client("dynamodb").delete_item(**lease(deployed))

    ended = deployed.wait(deployed.executions()[0])
    deployed.settings(rollout="completes")

    assert ended["status"] == "FAILED"
    assert any(call["error"] == "lost" for call in called(deployed, "RestoreDeployment", "dynamodb", "UpdateItem"))
    assert app(deployed) == before


def test_an_outcome_is_published_again_after_a_lost_response(stage: Client) -> None:
    stage.clear_calls()
    stage.faults([{"service": "events", "operation": "PutEvents", "caller": "FinishDeployment", "fault": "lost"}])
    assert states(stage, stage.deploy("v1"))[-1] == "Deployed"
    lost_one, *again = called(stage, "FinishDeployment", "events", "PutEvents")
    assert (lost_one["error"], [call["error"] for call in again]) == ("lost", [None])
