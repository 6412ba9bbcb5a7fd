"""RestoreDeployment and the service: rolled back, deleted, changed by a person, or shown late by ECS."""

from collections.abc import Callable

import pytest

from rota.ecs.service import ROLLOUT_VISIBLE_AFTER
from rota.errors import TransientError
from tests.guestbook import CONTENT, arn
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError, number
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments
from tests.steps.items import LEASE
from tests.steps.world import World


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("when", ["ClearRules", "CheckService"])
def test_a_service_whose_revision_was_deregistered(when: str, world: World, changing: Deployment) -> None:
    before = world.everything()
    gone = number(before[1])
    changing.until(when)
    client("ecs").deregister_task_definition(taskDefinition=before[1])
    changing.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.killing("ecs.RegisterTaskDefinition", after=True), pytest.raises(KilledError):
        changing.step("RestoreDeployment")
    cause = changing.step("RestoreDeployment")["cause"]
    again = number(world.service()["taskDefinition"])
    assert again > gone
    assert world.active_revisions() == sorted({*before[2], again} - {gone})
    assert world.containers(again) == world.containers(gone)
    assert f"back to guestbook:{again}, which has the content of guestbook:{gone}; that is INACTIVE. For" in cause


@pytest.fixture
def hotfix(world: World) -> Callable[[], str]:
    """A person rolls the service to another revision."""

    def roll() -> str:
        registered = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
        client("ecs").update_service(cluster="production", service="guestbook-api", taskDefinition=registered)
        world.roll("IN_PROGRESS", revision=registered)
        return str(registered)

    return roll


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("when", ["CreateTargets", "RegisterRevisions"])
def test_a_service_rolled_by_hand_before_is_left_alone(
    when: str, world: World, changing: Deployment, hotfix: Callable[[], str]
) -> None:
    rules = world.rules()
    changing.until(when)
    by_hand = hotfix()
    changing.fail("RejectedError", "what happened")
    changing.step("RestoreDeployment")
    assert (world.rules(), world.service()["taskDefinition"]) == (rules, by_hand)


def test_a_service_rolled_by_hand_meanwhile_is_left_alone(
    world: World, checking: Deployment, hotfix: Callable[[], str]
) -> None:
    rules, *_ = world.before
    by_hand = hotfix()
    checking.document["rollout"]["waited_seconds"] = 60
    assert checking.run() == "DeploymentFailed"
    assert (world.rules(), world.service()["taskDefinition"]) == (rules, by_hand)
    cause = checking.document["restored"]["cause"]
    remark = f"But someone has rolled the service guestbook-api to guestbook:{number(by_hand)} meanwhile"
    assert remark in cause


@pytest.mark.exhaustive(first=0)
def test_a_service_that_was_rolling_before_is_restored(world: World, later: Deployments) -> None:
    good = world.service()["taskDefinition"]
    assert later.start(NEXT).run() == "Deployed"
    world.roll("IN_PROGRESS")
    before = world.everything()
    deployment = later.start(THIRD).until("CheckService")
    world.roll("IN_PROGRESS", revision=good)
    assert deployment.run() == "DeploymentFailed"
    assert world.everything() == before


@pytest.mark.exhaustive(first=0)
def test_the_first_read_of_the_service_decides(world: World, changing: Deployment) -> None:
    before, was = world.everything(), world.service()
    changing.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.showing_service([was], skip=1):
        changing.step("RestoreDeployment")
    assert world.everything()[:2] == before[:2]


def test_the_revision_that_the_service_returns_to_stays(world: World, restoring: Deployment) -> None:
    before = world.before
    client("ecs").deregister_task_definition(taskDefinition=before[1])
    with world.calls.showing_service([world.service()], skip=1):
        restoring.step("RestoreDeployment")
    again = number(world.service()["taskDefinition"])
    assert again in world.active_revisions()
    assert world.containers(again) == world.containers(number(before[1]))


def test_what_a_killed_restore_has_rolled_out_is_no_ones_else(world: World, restoring: Deployment) -> None:
    gone = world.before[1]
    client("ecs").deregister_task_definition(taskDefinition=gone)
    with world.calls.killing("ecs.UpdateService", after=True), pytest.raises(KilledError):
        restoring.step("RestoreDeployment")
    again = number(world.service()["taskDefinition"])
    cause = restoring.step("RestoreDeployment")["cause"]
    assert f"back to guestbook:{again}, which has the content of guestbook:{number(gone)}; that is INACTIVE." in cause


def test_all_else_is_restored_if_the_service_was_deleted(world: World, restoring: Deployment) -> None:
    rules, *_ = world.before
    client("ecs").delete_service(cluster="production", service="guestbook-api", force=True)
    cause = restoring.step("RestoreDeployment")["cause"]
    assert world.rules() == rules
    assert "But the service guestbook-api was deleted meanwhile." in cause


def test_the_service_is_restored_though_ecs_shows_it_late(
    world: World, changing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, shown, waited = world.everything(), [world.service()], []
    changing.until("CheckService").fail("OvertakenError", "a newer one waits")

    def wait(seconds: float) -> None:
        waited.append(seconds)
        shown.clear()

    monkeypatch.setattr("time.sleep", wait)
    with world.calls.showing_service(shown):
        changing.step("RestoreDeployment")
    assert world.everything() == before
    assert waited[0] == ROLLOUT_VISIBLE_AFTER


def test_a_service_rolled_by_hand_since_the_plan_is_not_rolled(
    world: World, rolling: Deployment, hotfix: Callable[[], str]
) -> None:
    rules, *_ = world.before
    by_hand = hotfix()
    assert rolling.run() == "DeploymentFailed"
    assert (world.rules(), world.service()["taskDefinition"]) == (rules, by_hand)
    remark = "the service guestbook-api was changed during this deployment: it ran guestbook:5 and now runs"
    assert f"{remark} guestbook:{number(by_hand)}" in rolling.document["restored"]["cause"]


def test_a_service_that_ecs_shows_late_is_read_again(
    world: World, rolling: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [world.service() | {"taskDefinition": arn(1)}]
    monkeypatch.setattr("time.sleep", lambda _seconds: shown.clear())
    with world.calls.showing_service(shown):
        rolling.step("RollService")
    assert rolling.run() == "Deployed"


def test_a_hotfix_stays_if_rollservice_refused_to_touch_it(
    world: World, changing: Deployment, hotfix: Callable[[], str]
) -> None:
    """The service was not steady when the deployment began, and RollService refused to touch the hotfix."""
    world.roll("IN_PROGRESS")
    changing.until("RollService")
    theirs = hotfix()
    assert changing.run() == "DeploymentFailed"
    assert world.service()["taskDefinition"] == theirs
    assert "someone has rolled the service guestbook-api to" in changing.document["restored"]["cause"]


@pytest.mark.parametrize(("waited", "times"), [(20, 2), (21, 1)])
def test_until_when_ecs_may_not_show_the_rollout(
    waited: int,
    times: int,
    world: World,
    restoring: Deployment,
    hotfix: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits once more, before revisions are deregistered."""
    hotfix()
    items.change(LEASE, "SET deployment.rollout.waited_seconds = :waited", waited={"N": str(waited)})
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    restoring.step("RestoreDeployment")
    assert slept == [20] * times


def test_a_rollout_that_ecs_shows_is_not_waited_for(
    world: World, restoring: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    restoring.step("RestoreDeployment")
    assert slept == [20], "before revisions are deregistered"


def test_a_service_that_is_deleted_may_be_shown_for_a_while(world: World, restoring: Deployment) -> None:
    shown = world.service() | {"status": "INACTIVE"}
    with world.calls.showing_service([shown]):
        assert "But the service guestbook-api was deleted meanwhile." in restoring.step("RestoreDeployment")["cause"]


def test_a_rollback_by_ecs_that_goes_on_is_left_to_it(world: World, restoring: Deployment) -> None:
    world.roll("IN_PROGRESS", revision=world.before[1])
    world.calls.made.clear()
    assert "ECS is rolling the service back to guestbook:5. For" in restoring.step("RestoreDeployment")["cause"]
    assert "ecs.UpdateService" not in world.calls.made


def test_a_service_that_was_rolling_is_rolled_to_that_wherever_ecs_has_gone(world: World, changing: Deployment) -> None:
    """ECS goes back to what was complete before, which is neither."""
    world.roll("IN_PROGRESS")
    before = world.service()["taskDefinition"]
    changing.until("CheckService")
    world.roll("IN_PROGRESS", revision=arn(1))
    changing.fail("RejectedError", "what happened")
    assert "someone has rolled" not in changing.step("RestoreDeployment")["cause"]
    assert world.service()["taskDefinition"] == before


def test_a_revision_is_registered_again_once_though_the_reply_is_lost(world: World, restoring: Deployment) -> None:
    client("ecs").deregister_task_definition(taskDefinition=world.before[1])
    before = world.active_revisions()
    with world.calls.losing("ecs.RegisterTaskDefinition"), pytest.raises(TransientError):
        restoring.step("RestoreDeployment")
    (again,) = set(world.active_revisions()) - set(before)
    restoring.step("RestoreDeployment")
    assert number(world.service()["taskDefinition"]) == again
