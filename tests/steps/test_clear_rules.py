"""ClearRules: removes our rules whose task has left the file, and nothing else."""

import itertools

import pytest

from rota.errors import OvertakenError, RejectedError, TransientError
from tests.guestbook import PREFIX
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.moment import once
from tests.steps.world import World, client

ONE_LEFT = {"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]}


@pytest.fixture
@once
def clearing(world: World, later: Deployments) -> Deployment:
    """A deployment that is about to clear the rules of two tasks, of which one has left the file."""
    world.upload(ONE_LEFT)
    world.calls.made.clear()
    return later.start().until("ClearRules")


def test_the_rule_of_a_task_that_left_is_gone_with_its_target(world: World, clearing: Deployment) -> None:
    kept = world.our_rules()["IngestData"]
    assert clearing.step("ClearRules")["removed"] == 1
    assert world.our_rules() == {"IngestData": kept}
    assert world.calls.writes() == ["events.RemoveTargets", "events.DeleteRule"]


def test_cleared_twice_it_is_the_same(world: World, clearing: Deployment) -> None:
    for _ in range(2):
        clearing.step("ClearRules")
        assert world.our_rules().keys() == {"IngestData"}


def test_targets_that_others_added_to_our_rule_go_with_it(world: World, clearing: Deployment) -> None:
    extra = [{"Id": f"extra-{n}", "Arn": world.target("IngestData")["Arn"]} for n in range(12)]
    client("events").put_targets(Rule=PREFIX + "RemoveSpam", Targets=extra)
    clearing.step("ClearRules")
    assert world.our_rules().keys() == {"IngestData"}


def test_a_rule_that_somebody_removed_meanwhile_is_as_good(world: World, clearing: Deployment) -> None:
    client("events").remove_targets(Rule=PREFIX + "RemoveSpam", Ids=[PREFIX + "RemoveSpam"])
    client("events").delete_rule(Name=PREFIX + "RemoveSpam")
    clearing.step("ClearRules")
    assert world.our_rules().keys() == {"IngestData"}


def test_a_rule_that_was_taken_out_of_our_hands_since_the_plan_stays(world: World, clearing: Deployment) -> None:
    """A redrive may come two weeks after the plan."""
    rule = client("events").describe_rule(Name=PREFIX + "RemoveSpam")["Arn"]
    client("events").untag_resource(ResourceARN=rule, TagKeys=["rota:app"])
    before = world.rules()
    assert clearing.step("ClearRules")["removed"] == 0
    assert world.rules() == before


def test_with_nothing_to_clear_the_bus_is_not_asked(world: World, deployments: Deployments) -> None:
    ours = deployments.start().until("ClearRules")
    world.calls.made.clear()
    assert ours.step("ClearRules")["removed"] == 0
    assert [call for call in world.calls.made if call.startswith("events.")] == []


@pytest.mark.parametrize(
    ("code", "error"), [("ConcurrentModificationException", TransientError), ("AccessDenied", RejectedError)]
)
def test_targets_that_a_200_leaves_behind_are_noticed(
    code: str, error: type[Exception], world: World, clearing: Deployment
) -> None:
    with world.calls.half_failing("events.RemoveTargets", code), pytest.raises(error, match=PREFIX + "RemoveSpam"):
        clearing.step("ClearRules")
    assert "RemoveSpam" in world.our_rules()
    clearing.step("ClearRules")
    assert world.our_rules().keys() == {"IngestData"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["events.RemoveTargets", "events.DeleteRule"])
def test_killed_in_the_middle_it_ends_the_same_when_run_again(
    call: str, after: bool, world: World, clearing: Deployment
) -> None:
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        clearing.step("ClearRules")
    clearing.step("ClearRules")
    assert world.our_rules().keys() == {"IngestData"}


def test_without_the_lease_nothing_is_written(world: World, clearing: Deployment, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    with pytest.raises(OvertakenError, match="another deployment holds the lease"):
        clearing.step("ClearRules")
    assert world.calls.writes() == []


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds it three minutes later, so that no step has time for more than a few revisions."""
    clock = itertools.count(step=180)
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))


@pytest.mark.usefixtures("slow")
def test_what_a_restore_has_no_time_for_goes_with_the_next_deployment_in_turns(
    world: World, deployments: Deployments
) -> None:
    tasks = [{"name": f"Task{n}", "task": f"task_{n}", "rate": "1 day"} for n in range(5)]
    world.upload({"tasks": tasks})
    failing = deployments.start().until("CreateTargets")
    failing.fail("RejectedError", "what happened")
    cause = failing.step("RestoreDeployment")["cause"]
    assert world.active_revisions() == [1, 2, 3, 4]
    assert "But guestbook:4, guestbook:3, guestbook:2 stay ACTIVE, because ECS" in cause

    world.push(NEXT, "next")
    next_ = deployments.start(NEXT).until("ClearRules")
    assert next_.step("ClearRules") == {"finished": False, "removed": 0, "deregistered": 2, "remaining": 1}
    assert next_.run() == "Deployed"
    assert next_.document["cleared"] == {"finished": True, "removed": 0, "deregistered": 3, "remaining": 0}
    assert world.active_revisions() == [1, *range(8, 14)]


def test_what_is_inactive_already_costs_none_of_ecs_quota(world: World, deployments: Deployments) -> None:
    deployments.start().until("CreateTargets")
    world.push(NEXT, "next")
    next_ = deployments.start(NEXT).until("ClearRules")
    for revision in (2, 4):
        client("ecs").deregister_task_definition(taskDefinition=f"guestbook:{revision}")
    world.calls.made.clear()
    assert next_.step("ClearRules")["deregistered"] == 3
    assert world.calls.writes() == ["ecs.DeregisterTaskDefinition"]
