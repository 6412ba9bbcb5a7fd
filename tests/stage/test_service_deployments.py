"""Rollouts as service deployments, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage.small_stage import SmallStage, aws, small_stage


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallStage]:
    with small_stage(tmp_path) as small:
        yield small


@pytest.mark.parametrize(
    ("rollout", "status"),
    [("completes", "SUCCESSFUL"), ("fails", "ROLLBACK_SUCCESSFUL"), ("hangs", "IN_PROGRESS")],
    ids=str,
)
def test_a_rollout_is_a_service_deployment(small: SmallStage, rollout: str, status: str) -> None:
    first, second = small.register(), small.register("two")
    small.service(first)
    small.settings.change({"rollout": rollout})
    current = small.update(taskDefinition=second)["currentServiceDeployment"]
    assert small.background.wait_until_steady()
    listed = aws("ecs").list_service_deployments(cluster=small.name, service=small.name)["serviceDeployments"]
    assert [(each["serviceDeploymentArn"] == current, each["status"]) for each in listed] == [
        (True, status),
        (False, "SUCCESSFUL"),
    ]
    [described] = aws("ecs").describe_service_deployments(serviceDeploymentArns=[current])["serviceDeployments"]
    assert described["status"] == status
    assert ("rollback" in described, "finishedAt" in described) == (rollout == "fails", rollout != "hangs")
    [revision] = aws("ecs").describe_service_revisions(serviceRevisionArns=[listed[0]["targetServiceRevisionArn"]])[
        "serviceRevisions"
    ]
    assert revision["taskDefinition"] == second
    if rollout == "fails":
        assert described["rollback"]["serviceRevisionArn"] == listed[1]["targetServiceRevisionArn"]
        assert described["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}


def test_a_superseded_service_deployment_is_stopped(small: SmallStage) -> None:
    first, second, third = small.register(), small.register("two"), small.register("three")
    small.service(first)
    small.settings.change({"rollout": "hangs"})
    small.update(taskDefinition=second)
    small.update(taskDefinition=third)
    listed = aws("ecs").list_service_deployments(cluster=small.name, service=small.name, status=["STOPPED"])
    assert len(listed["serviceDeployments"]) == 1
