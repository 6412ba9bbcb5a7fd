"""Answers that are lost: Step Functions invokes a step again while its function goes on."""

from typing import Any

import pytest

from stage.client import Client
from tests.stage.account import history, images, rules, service, states

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
