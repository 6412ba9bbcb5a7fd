"""Answers that are lost: Step Functions invokes a step again while its function goes on."""

import time
from typing import Any

import pytest

from stage.client import Client, wait_for
from tests.stage.account import APP, history, images, rules, service, states

# The invocations of a deployment, in the machine's order.
_STEPS = ("TakeTurn", "ReadConfig", "PlanDeployment", "ClearRules", "RegisterRevisions", "CreateTargets", "RollService")
_RETRIES = 6


def lost(step: str, count: int = 1) -> dict[str, Any]:
    """So many answers of that step are lost."""
    return {"service": "lambda", "operation": "Invoke", "skip": _STEPS.index(step), "count": count, "fault": "lost"}


def app(stage: Client) -> tuple[Any, ...]:
    """All that a deployment changes: the rules, what the service runs, the ACTIVE revisions."""
    active = stage.client("ecs").list_task_definitions(familyPrefix=stage.names["family"])["taskDefinitionArns"]
    return rules(stage), service(stage)["taskDefinition"], active


@pytest.mark.parametrize("step", ["ClearRules", "RegisterRevisions", "CreateTargets", "RollService"])
def test_an_answer_that_is_lost_leaves_all_new_or_all_old(stage: Client, step: str) -> None:
    stage.deploy("v1")
    before = app(stage)
    stage.settings(latency_ms=10)
    stage.faults([lost(step)])

    ended = stage.deploy("v2")

    if ended["status"] == "SUCCEEDED":
        assert images(stage) == {ended["input"]["detail"]["image-digest"]}
    else:
        assert app(stage) == before
    assert states(stage, stage.deploy("v3"))[-1] == "Deployed"


def test_nothing_is_put_back_while_an_invocation_may_still_write(stage: Client) -> None:
    stage.deploy("v1")
    before = app(stage)
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    at_work(stage, "SET at_work.somebody = :end", {":end": {"N": str(time.time() + 600)}})
    wait_for(lambda: len(restoring(stage, "dynamodb", "UpdateItem")) > 3, 30)
    assert not restoring(stage, "events", "PutTargets")
    assert not restoring(stage, "ecs", "UpdateService")

    stage.settings(rollout="completes")
    at_work(stage, "REMOVE at_work.somebody")
    ended = stage.wait(stage.executions()[0])

    assert ended["cause"].startswith(
        "CheckService: an earlier invocation of the deployment, whose answer was lost, may"
    )
    assert app(stage) == before


def at_work(stage: Client, update: str, values: dict[str, Any] | None = None) -> None:
    """Change who is at work according to the lease."""
    stage.client("dynamodb").update_item(
        TableName=stage.names["outputs"]["LedgerTableName"],
        Key={"app": {"S": APP}, "record": {"S": "lease"}},
        UpdateExpression=update,
        **({"ExpressionAttributeValues": values} if values else {}),
    )


def restoring(stage: Client, service_: str, operation: str) -> list[dict[str, Any]]:
    """The calls of that operation by RestoreDeployment."""
    return [call for call in stage.calls(service_, operation) if call["caller"] == "RestoreDeployment"]


@pytest.mark.parametrize("step", ["RegisterRevisions", "CreateTargets"])
def test_nothing_is_put_back_before_the_last_function_has_ended(stage: Client, step: str) -> None:
    stage.deploy("v1")
    before = app(stage)
    stage.settings(latency_ms=40)
    stage.faults([lost(step, count=_RETRIES + 1)])

    ended = stage.deploy("v2")

    assert ended["status"] == "FAILED"
    assert ended["error"] == "Lambda.SdkClientException"
    assert app(stage) == before
    assert history(stage)[0]["outcome"] == "failed"
    stage.settings(latency_ms=0)
    assert states(stage, stage.deploy("v3"))[-1] == "Deployed"
