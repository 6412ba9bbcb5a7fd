"""RollService: the service runs the API's revision."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import arn
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments
from tests.steps.snapshots import once
from tests.steps.world import World


@pytest.fixture
@once
def rolling(deployments: Deployments) -> Deployment:
    """A first deployment that is about to roll the service."""
    return deployments.start().until("RollService")


def test_the_service_runs_the_apis_revision(world: World, rolling: Deployment) -> None:
    answer = rolling.step("RollService")
    assert world.service()["taskDefinition"] == arn(4)
    assert answer == {
        "task_definition": arn(4),
        "deployment_id": world.service()["deployments"][0]["id"],
        "status": "IN_PROGRESS",
        "progress": "2 of 2 tasks run",
        "wait_seconds": 5,
        "waited_seconds": 0,
    }


def test_rolled_twice_it_is_updated_once(world: World, rolling: Deployment) -> None:
    world.calls.made.clear()
    assert rolling.step("RollService") == rolling.step("RollService")
    assert world.calls.writes() == ["ecs.UpdateService"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_in_the_middle_it_ends_the_same(after: bool, world: World, rolling: Deployment) -> None:
    with world.calls.killing("ecs.UpdateService", after=after), pytest.raises(KilledError):
        rolling.step("RollService")
    rolling.step("RollService")
    assert world.service()["taskDefinition"] == arn(4)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", TransientError),
        ("AccessDeniedException", RejectedError),
        ("ServerException", TransientError),
    ],
)
def test_an_error_of_ecs_has_a_name(code: str, error: type[Exception], world: World, rolling: Deployment) -> None:
    with world.calls.refusing("ecs.UpdateService", code), pytest.raises(error, match="UpdateService"):
        rolling.step("RollService")
    assert world.service()["taskDefinition"] == arn(1)
