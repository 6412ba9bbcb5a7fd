"""CheckService: how our own deployment of the service stands."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.guestbook import arn
from tests.steps.deployments import Deployment, Deployments, invoke
from tests.steps.moment import once
from tests.steps.world import World


@pytest.fixture
@once
def checking(deployments: Deployments) -> Deployment:
    """A first deployment whose service is rolling."""
    return deployments.start().until("CheckService")


def test_looked_at_until_it_is_completed(world: World, checking: Deployment) -> None:
    for state, status, waited in (("IN_PROGRESS", "IN_PROGRESS", 5), ("COMPLETED", "COMPLETED", 10)):
        world.roll(state)
        answer = checking.step("CheckService")
        assert (answer["status"], answer["waited_seconds"]) == (status, waited)
    assert answer["deployment_id"] == world.service()["deployments"][0]["id"]


def test_looked_at_twice_it_waits_on_and_writes_nothing(world: World, checking: Deployment) -> None:
    world.roll("IN_PROGRESS")
    request, before = checking.request("CheckService"), world.everything()
    world.calls.made.clear()
    first, second = invoke("check_service", request), invoke("check_service", request)
    assert first == second
    assert (world.everything(), world.calls.writes()) == (before, [])


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_what_ecs_refuses_has_a_name_and_counts_for_no_look(
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


def test_a_service_that_ecs_rolled_back_is_no_success(world: World, checking: Deployment) -> None:
    world.roll("COMPLETED", reason="rolled back", revision=arn(1))
    with pytest.raises(RejectedError, match=r"did not last: ECS now deploys guestbook:1 \(rolled back\)"):
        for _ in range(10):  # at first ECS may just not show the deployment yet
            checking.step("CheckService")


def test_a_rollout_that_hangs_is_given_up(world: World, checking: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_TIMEOUT_MINUTES", "1")
    world.roll("IN_PROGRESS")
    looks = 0
    with pytest.raises(RejectedError, match="is not complete after 1 minutes"):
        for looks in range(100):  # noqa: B007  the number of the last one counts
            checking.step("CheckService")
    assert 3 < looks < 13
    assert world.calls.writes()[-1] == "ecs.UpdateService"
