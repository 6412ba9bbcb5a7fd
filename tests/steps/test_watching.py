"""A stack that begins to watch runs, or ends that: which targets change, when, and what of them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.guestbook import RUN_QUEUE
from tests.steps.deployments import NEXT, Deployments
from tests.steps.snapshots import once
from tests.steps.world import World

WATCHING = {"Input", "InputTransformer", "RetryPolicy", "DeadLetterConfig"}
Watch = Callable[[str], None]


@pytest.fixture
@once
def unwatched(world: World, deployments: Deployments) -> Deployments:
    """Deployments after a first one of a stack that watched no runs, as the previous version of Rota was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATCH_RUNS", "false")
        assert deployments.start().run() == "Deployed"
    assert not any(WATCHING & world.target(task).keys() for task in ("IngestData", "RemoveSpam"))
    return deployments


def without(rules: dict[str, dict[str, Any]], *members: str) -> dict[str, dict[str, Any]]:
    """The rules with these members removed from each target."""
    return {
        name: rule | {"Targets": [{k: v for k, v in target.items() if k not in members} for target in rule["Targets"]]}
        for name, rule in rules.items()
    }


def test_an_update_traces_each_target_once_and_in_place(world: World, unwatched: Deployments) -> None:
    before = world.owned_rules()
    deployment = unwatched.start()
    world.calls.made.clear()
    assert deployment.run() == "Deployed"
    assert world.calls.writes() == [*["events.PutTargets"] * 2, "events.PutEvents"]
    assert without(world.owned_rules(), *WATCHING) == before
    assert {task: world.target(task)["RetryPolicy"]["MaximumEventAgeInSeconds"] for task in before} == {
        "IngestData": 21_600,
        "RemoveSpam": 450,
    }
    assert {world.target(task)["DeadLetterConfig"]["Arn"] for task in before} == {RUN_QUEUE}
    assert deployment.document["plan"]["summary"].endswith(
        "; 2 targets: traced from now on; 2 targets: a start is given up after 7.5 min to 6 h, no longer after 24 h"
    )
    world.calls.made.clear()
    assert unwatched.start().run() == "NothingToDo"
    assert world.calls.writes() == ["events.PutEvents"]


@pytest.mark.exhaustive(first=0)
def test_a_failed_update_leaves_each_target_as_it_was(world: World, unwatched: Deployments) -> None:
    before = world.everything()
    deployment = unwatched.start(NEXT).until("CheckService")
    assert WATCHING & world.target("IngestData").keys()
    deployment.fail("RejectedError", "what happened")
    assert deployment.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("times", ["false", "true"])
def test_a_stack_that_stops_watching_leaves_what_is_there(
    times: str, world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACE_SCHEDULED_TIME", times)
    assert later.start().run() == ("Deployed" if times == "true" else "NothingToDo")
    watched = world.owned_rules()
    monkeypatch.setenv("WATCH_RUNS", "false")
    assert later.start().run() == "NothingToDo"
    monkeypatch.setenv("TRACE_SCHEDULED_TIME", "false")
    assert later.start(NEXT).run() == "Deployed", "another image"
    assert without(world.owned_rules(), "EcsParameters") == without(watched, "EcsParameters")
    monkeypatch.setenv("WATCH_RUNS", "true")
    monkeypatch.setenv("TRACE_SCHEDULED_TIME", times)
    assert later.start(NEXT).run() == "NothingToDo"


def test_the_minute_that_is_due_is_passed_on_request_alone(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.owned_rules()
    monkeypatch.setenv("TRACE_SCHEDULED_TIME", "true")
    world.calls.made.clear()
    assert later.start().run() == "Deployed"
    assert world.calls.writes() == [*["events.PutTargets"] * 2, "events.PutEvents"]
    assert {*world.target("IngestData"), "Input"} - {"InputTransformer"} == {*before["IngestData"]["Targets"][0]}
    assert later.start().run() == "NothingToDo"
    monkeypatch.setenv("TRACE_SCHEDULED_TIME", "false")
    later.start().until("FinishDeployment")
    assert world.owned_rules() == before
