"""CheckService: follows the rollout until it is complete, has failed or takes too long."""

from typing import Literal

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import arn
from tests.steps.deployments import Deployment, Deployments, invoke
from tests.steps.snapshots import once
from tests.steps.world import World


@pytest.fixture
@once
def checking(deployments: Deployments) -> Deployment:
    """A first deployment whose service is rolling."""
    return deployments.start().until("CheckService")


def test_checked_until_the_rollout_is_complete(world: World, checking: Deployment) -> None:
    states: list[tuple[Literal["IN_PROGRESS", "COMPLETED"], int]] = [("IN_PROGRESS", 5), ("COMPLETED", 10)]
    for state, waited in states:
        world.roll(state)
        answer = checking.step("CheckService")
        assert (answer["status"], answer["waited_seconds"]) == (state, waited)
    assert answer["deployment_id"] == world.service()["deployments"][0]["id"]


def test_checked_twice_it_writes_nothing(world: World, checking: Deployment) -> None:
    world.roll("IN_PROGRESS")
    request, before = checking.request("CheckService"), world.everything()
    world.calls.made.clear()
    first, second = invoke("check_service", request), invoke("check_service", request)
    assert first == second
    assert (world.everything(), world.calls.writes()) == (before, [])


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_an_error_of_ecs_is_named_and_adds_no_waiting_time(
    code: str, error: type[Exception], world: World, checking: Deployment
) -> None:
    world.roll("COMPLETED")
    with world.calls.refusing("ecs.DescribeServices", code), pytest.raises(error, match="DescribeServices"):
        checking.step("CheckService")
    answer = checking.step("CheckService")
    assert (answer["status"], answer["waited_seconds"]) == ("COMPLETED", 5)


def test_a_failed_rollout_says_why(world: World, checking: Deployment) -> None:
    world.roll("FAILED", reason="tasks failed to start")
    with pytest.raises(RejectedError, match="the rollout of guestbook:4 failed: tasks failed to start"):
        checking.step("CheckService")


def test_a_rollback_by_ecs_is_a_failure(world: World, checking: Deployment) -> None:
    world.roll("COMPLETED", reason="rolled back", revision=arn(1))
    with pytest.raises(RejectedError, match=r"was replaced: ECS now deploys guestbook:1 \(rolled back\)"):
        for _ in range(10):  # at first ECS may just not show the deployment yet
            checking.step("CheckService")


def test_a_rollout_that_hangs_times_out(world: World, checking: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_TIMEOUT_MINUTES", "1")
    world.roll("IN_PROGRESS")
    checks = 0
    with pytest.raises(RejectedError, match="is not complete after 1 minutes"):
        for checks in range(100):  # noqa: B007  the number of the last one counts
            checking.step("CheckService")
    assert 3 < checks < 13
    assert world.calls.writes()[-1] == "ecs.UpdateService"
