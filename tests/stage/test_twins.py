"""Answers that are lost: Step Functions invokes a step again while its function goes on."""

import time
from typing import Any

import pytest

from stage.client import Client, wait_for
from tests.stage.account import history, images, rules, service, states
from tests.stage.held import change_lease, held, lease

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
def test_an_answer_that_is_lost_undoes_nothing(stage: Client, step: str) -> None:
    stage.deploy("v1")
    stage.settings(latency_ms=10, time_scale=0.02)
    stage.faults([lost(step)])

    ended = stage.deploy("v2")

    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    assert images(stage) == {ended["input"]["detail"]["image-digest"]}


def test_a_step_waits_longer_for_an_earlier_invocation_than_for_aws(stage: Client) -> None:
    stage.deploy("v1")
    stage.clear_calls()
    tries = _RETRIES * len(("enter", "leave"))
    with held(stage):
        stage.push("v2")
        wait_for(lambda: len(called(stage, "ClearRules", "dynamodb", "UpdateItem")) > tries, 30)

    assert states(stage, stage.wait(stage.executions()[0]))[-1] == "Deployed"


def rolling(stage: Client) -> tuple[Any, ...]:
    """Deploy v1, and push v2, whose rollout hangs: what was before v2."""
    stage.deploy("v1")
    before = app(stage)
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    return before


def test_nothing_is_put_back_while_an_invocation_may_still_write(stage: Client) -> None:
    before = rolling(stage)
    change_lease(stage, "SET at_work.somebody = :end", {":end": {"N": str(time.time() + 600)}})
    killed_for_good = {"caller": "CheckService", "count": 2, "fault": "kill"}  # it would wait as well
    stage.faults([{"service": "dynamodb", "operation": "UpdateItem", **killed_for_good}])
    wait_for(lambda: len(called(stage, "RestoreDeployment", "dynamodb", "UpdateItem")) > 3, 30)
    assert not called(stage, "RestoreDeployment", "events", "PutTargets")
    assert not called(stage, "RestoreDeployment", "ecs", "UpdateService")

    stage.settings(rollout="completes")
    change_lease(stage, "REMOVE at_work.somebody")
    ended = stage.wait(stage.executions()[0])

    assert ended["error"] == "Runtime.ExitError"
    assert app(stage) == before


def called(stage: Client, step: str, service_: str, operation: str) -> list[dict[str, Any]]:
    """The calls of that operation by that step."""
    return [call for call in stage.calls(service_, operation) if call["caller"] == step]


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


def test_a_deleted_lease_that_the_restore_takes_anew_is_its_own_also_where_the_answer_is_lost(stage: Client) -> None:
    before = rolling(stage)
    second = {"operation": "UpdateItem", "caller": "RestoreDeployment", "skip": 1, "count": 1}
    stage.faults([{"service": "dynamodb", **second, "fault": "lost"}])
    stage.client("dynamodb").delete_item(**lease(stage))

    ended = stage.wait(stage.executions()[0])
    stage.settings(rollout="completes")

    assert ended["status"] == "FAILED"
    assert any(call["error"] == "lost" for call in called(stage, "RestoreDeployment", "dynamodb", "UpdateItem"))
    assert app(stage) == before


def test_news_are_told_once_also_where_the_ledgers_answer_is_lost(stage: Client) -> None:
    stage.clear_calls()
    mark = {"operation": "UpdateItem", "caller": "FinishDeployment", "skip": 1, "count": 1}
    stage.faults([{"service": "dynamodb", **mark, "fault": "lost"}])
    stage.deploy("v1")
    assert any(call["error"] == "lost" for call in called(stage, "FinishDeployment", "dynamodb", "UpdateItem"))
    assert len(called(stage, "FinishDeployment", "events", "PutEvents")) == 1
