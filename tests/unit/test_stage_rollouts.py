"""A service's rollouts, step by step, without a clock."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from stage.ecs.rollouts import REQUESTED, TIMED_OUT, Breaker, Deployment, Ending, Notice, Rollouts

GOOD, NEW, NEWER = "guestbook:1", "guestbook:2", "guestbook:3"


class Clock:
    """A clock that advances by a second at each call."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def settled(desired: int = 2) -> Rollouts:
    rollouts = Rollouts("api", Clock())
    rollouts.settle(GOOD, desired, {})
    return rollouts


def begin(rollouts: Rollouts, task_definition: str, ending: Ending = "completes", desired: int = 2) -> list[Notice]:
    """Begin a deployment, whose first task is placed a moment later."""
    notices = rollouts.begin(task_definition, desired, ending=ending, seconds=4, how={})
    assert rollouts.delay() == 0
    assert rollouts.primary.describe()["desiredCount"] == 0
    return notices + rollouts.step("rollback")


def picture(deployment: Deployment) -> tuple[str, str, str, int, int, int]:
    return (
        deployment.task_definition,
        deployment.status,
        deployment.state,
        deployment.running,
        deployment.pending,
        deployment.failed,
    )


def pictures(rollouts: Rollouts) -> list[tuple[str, str, str, int, int, int]]:
    return [picture(deployment) for deployment in rollouts.deployments]


def run(rollouts: Rollouts, breaker: Breaker = "rollback", at_most: int = 100) -> list[str]:
    """Step until nothing changes. Returns the published events."""
    heard: list[str] = []
    for _ in range(at_most):
        if rollouts.delay() is None:
            return heard
        heard += [notice.name for notice in rollouts.step(breaker)]
    return heard


def test_tasks_are_replaced_one_by_one() -> None:
    rollouts = settled()
    begin(rollouts, NEW)
    seen = [pictures(rollouts)]
    while rollouts.delay() is not None:
        rollouts.step("rollback")
        seen.append(pictures(rollouts))
    assert seen == [
        [(NEW, "PRIMARY", "IN_PROGRESS", 0, 1, 0), (GOOD, "ACTIVE", "COMPLETED", 2, 0, 0)],
        [(NEW, "PRIMARY", "IN_PROGRESS", 1, 1, 0), (GOOD, "ACTIVE", "COMPLETED", 1, 0, 0)],
        [(NEW, "PRIMARY", "COMPLETED", 2, 0, 0)],
    ]


def test_a_rollout_takes_the_configured_time() -> None:
    rollouts = settled(desired=4)
    begin(rollouts, NEW, desired=4)
    total = 0.0
    while (delay := rollouts.delay()) is not None:
        total += delay
        rollouts.step("rollback")
    assert total == 4


@pytest.mark.parametrize("desired", [0, 1, 2, 5], ids=lambda desired: f"desired-{desired}")
def test_a_rollout_never_runs_fewer_tasks_than_desired(desired: int) -> None:
    rollouts = settled(desired)
    begin(rollouts, NEW, desired=desired)
    while rollouts.delay() is not None:
        rollouts.step("rollback")
        assert sum(deployment.running for deployment in rollouts.deployments) >= desired
    assert pictures(rollouts) == [(NEW, "PRIMARY", "COMPLETED", desired, 0, 0)]


def test_the_circuit_breaker_rolls_back_to_what_completed_last() -> None:
    rollouts = settled()
    good = rollouts.primary.id
    begin(rollouts, NEW, "fails")
    failed = rollouts.primary
    for _ in range(3):
        assert rollouts.primary is failed
        rollouts.step("rollback")
    assert pictures(rollouts) == [
        (GOOD, "PRIMARY", "IN_PROGRESS", 0, 0, 0),
        (NEW, "ACTIVE", "FAILED", 0, 0, 3),
        (GOOD, "ACTIVE", "COMPLETED", 2, 0, 0),
    ]
    assert rollouts.primary.id != good
    assert rollouts.primary.reason == f"ECS deployment circuit breaker: rolling back to deploymentId {good}."
    assert failed.reason == "ECS deployment circuit breaker: tasks failed to start."
    run(rollouts)
    assert pictures(rollouts) == [(GOOD, "PRIMARY", "COMPLETED", 2, 0, 0)]


@pytest.mark.parametrize(
    ("desired", "threshold"),
    [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (5000, 200)],
)
def test_the_threshold_of_the_circuit_breaker(desired: int, threshold: int) -> None:
    assert Deployment(NEW, desired, datetime.now(UTC), "fails", 1).threshold == threshold


@pytest.mark.parametrize(
    ("ending", "breaker", "heard"),
    [
        ("completes", "rollback", ["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_STEADY_STATE"]),
        (
            "fails",
            "rollback",
            [
                "SERVICE_DEPLOYMENT_FAILED",
                "SERVICE_DEPLOYMENT_IN_PROGRESS",
                "SERVICE_DEPLOYMENT_COMPLETED",
                "SERVICE_STEADY_STATE",
            ],
        ),
        ("fails", "stop", ["SERVICE_DEPLOYMENT_FAILED"]),
        ("fails", "off", ["SERVICE_TASK_START_IMPAIRED"]),
        ("hangs", "rollback", []),
    ],
    ids=["completes", "rolls-back", "stops", "fails-for-ever", "hangs"],
)
def test_the_events_of_a_rollout(ending: Ending, breaker: Breaker, heard: list[str]) -> None:
    rollouts = settled()
    assert [notice.name for notice in begin(rollouts, NEW, ending)] == ["SERVICE_DEPLOYMENT_IN_PROGRESS"]
    assert run(rollouts, breaker, at_most=20) == heard


def test_without_a_circuit_breaker_it_fails_ever_more_slowly() -> None:
    rollouts = settled()
    begin(rollouts, NEW, "fails")
    delays = []
    for _ in range(12):
        delays.append(rollouts.delay())
        rollouts.step("off")
    assert pictures(rollouts) == [
        (NEW, "PRIMARY", "IN_PROGRESS", 0, 1, 12),
        (GOOD, "ACTIVE", "COMPLETED", 2, 0, 0),
    ]
    assert delays == [2, 2, 2, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_second_update_supersedes_the_first() -> None:
    rollouts = settled()
    begin(rollouts, NEW)
    rollouts.step("rollback")
    begin(rollouts, NEWER)
    assert pictures(rollouts) == [
        (NEWER, "PRIMARY", "IN_PROGRESS", 0, 1, 0),
        (NEW, "ACTIVE", "IN_PROGRESS", 1, 0, 0),
        (GOOD, "ACTIVE", "COMPLETED", 1, 0, 0),
    ]
    run(rollouts)
    assert pictures(rollouts) == [(NEWER, "PRIMARY", "COMPLETED", 2, 0, 0)]


@pytest.mark.parametrize("ending", ["fails", "hangs"])
def test_the_revision_that_ran_before_always_runs_again(ending: Ending) -> None:
    rollouts = settled()
    begin(rollouts, NEW, ending)
    begin(rollouts, GOOD, ending)
    run(rollouts, "off")
    assert pictures(rollouts) == [(GOOD, "PRIMARY", "COMPLETED", 2, 0, 0)]


@pytest.mark.parametrize("desired", [0, 2])
def test_a_first_deployment_has_nothing_to_replace(desired: int) -> None:
    rollouts = Rollouts("api", Clock())
    begun = [notice.name for notice in begin(rollouts, NEW, desired=desired)]
    events = ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_STEADY_STATE"]
    assert [*begun, *run(rollouts)] == events
    assert pictures(rollouts) == [(NEW, "PRIMARY", "COMPLETED", desired, 0, 0)]


def test_a_failed_first_deployment_has_no_rollback() -> None:
    rollouts = Rollouts("api", Clock())
    begin(rollouts, NEW, "fails")
    assert run(rollouts) == ["SERVICE_DEPLOYMENT_FAILED"]
    assert pictures(rollouts) == [(NEW, "PRIMARY", "FAILED", 0, 0, 3)]


@pytest.mark.parametrize("desired", [0, 1, 5], ids=["to-nothing", "in", "out"])
def test_scaling_starts_no_deployment(desired: int) -> None:
    rollouts = settled()
    identity = rollouts.primary.id
    rollouts.scale(desired)
    assert run(rollouts) == []
    assert pictures(rollouts) == [(GOOD, "PRIMARY", "COMPLETED", desired, 0, 0)]
    assert rollouts.primary.id == identity


def test_messages_are_ecss_the_newest_first() -> None:
    rollouts = settled()
    begin(rollouts, NEW, "fails")
    failed, good = rollouts.primary.id, rollouts.deployments[1].id
    for _ in range(4):
        rollouts.step("rollback")
    messages = [message["message"] for message in rollouts.messages]
    assert messages[1:3] == [
        f"(service api) rolling back to deployment {good}.",
        f"(service api) (deployment {failed}) deployment failed: tasks failed to start.",
    ]
    assert all(
        message.startswith("(service api) has started 1 tasks: (task ") for message in [messages[0], *messages[3:]]
    )


def test_messages_and_history_are_limited() -> None:
    rollouts = settled()
    for number in range(150):
        begin(rollouts, f"guestbook:{number + 2}")
        run(rollouts)
    assert len(rollouts.messages) == 100
    assert len(rollouts.history) == 100
    assert not rollouts.history[-1].sources[0].sources  # earlier deployments are dropped


def shifting(configuration: dict[str, Any]) -> Rollouts:
    """A service whose next revision is about to be deployed; a minute of its configuration lasts a second."""
    rollouts = settled()
    rollouts.begin(NEW, 2, ending="completes", seconds=4, how={}, configuration=configuration, minute=1)
    return rollouts


def stage_of(rollouts: Rollouts) -> str:
    assert rollouts.primary.lifecycle
    return rollouts.primary.lifecycle.stage


def stages(rollouts: Rollouts) -> list[tuple[str, float, float]]:
    """Until it ends: each stage with the production traffic of the new revision and how long it lasts."""
    met: list[tuple[str, float, float]] = []
    while (lifecycle := rollouts.primary.lifecycle) and rollouts.primary.state == "IN_PROGRESS":
        met.append((lifecycle.stage, lifecycle.part.production, rollouts.delay() or 0))
        rollouts.step("rollback")
    parts = groupby(met, key=lambda part: part[:2])
    return [(stage, production, sum(each[2] for each in same)) for (stage, production), same in parts]


UNTIL_TRAFFIC_SHIFTS = [
    ("PRE_SCALE_UP", 0, 0),
    ("SCALE_UP", 0, 4),
    ("POST_SCALE_UP", 0, 0),
    ("TEST_TRAFFIC_SHIFT", 0, 0),
    ("POST_TEST_TRAFFIC_SHIFT", 0, 0),
]


@pytest.mark.parametrize(
    ("configuration", "shifts", "bakes"),
    [
        pytest.param({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 7}, [(100, 0)], 7, id="blue-green"),
        pytest.param({"strategy": "CANARY", "bakeTimeInMinutes": 3}, [(5, 10), (100, 0)], 3, id="canary"),
        pytest.param(
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 40.0, "stepBakeTimeInMinutes": 2}},
            [(40, 2), (80, 2), (100, 0)],
            0,
            id="linear",
        ),
    ],
)
def test_the_stages_of_a_strategy(configuration: dict[str, Any], shifts: list[tuple[int, int]], bakes: int) -> None:
    rollouts = shifting(configuration)
    steps = [
        part
        for percent, minutes in shifts
        for part in (("PRE_PRODUCTION_TRAFFIC_SHIFT", 0, 0), ("PRODUCTION_TRAFFIC_SHIFT", percent, minutes))
    ]
    shifted = [("POST_PRODUCTION_TRAFFIC_SHIFT", 100, 0), ("BAKE_TIME", 100, bakes), ("CLEAN_UP", 100, 0)]
    assert stages(rollouts) == [*UNTIL_TRAFFIC_SHIFTS, *steps, *shifted]
    assert pictures(rollouts) == [(NEW, "PRIMARY", "COMPLETED", 2, 0, 0)]


def test_both_revisions_run_until_the_bake_is_over() -> None:
    rollouts = shifting({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 7})
    while stage_of(rollouts) != "BAKE_TIME":
        rollouts.step("rollback")
    assert pictures(rollouts) == [
        (NEW, "PRIMARY", "IN_PROGRESS", 2, 0, 0),
        (GOOD, "ACTIVE", "COMPLETED", 2, 0, 0),
    ]
    rollouts.roll_back(REQUESTED)
    run(rollouts)
    assert pictures(rollouts) == [(GOOD, "PRIMARY", "COMPLETED", 2, 0, 0)]


PAUSES = {
    "targetType": "PAUSE",
    "timeoutConfiguration": {"timeoutInMinutes": 90, "action": "ROLLBACK"},
}


@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN"])
@pytest.mark.parametrize("stage", ["PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP"])
@pytest.mark.parametrize(
    ("decision", "ends", "why"),
    [("CONTINUE", NEW, None), ("ROLLBACK", GOOD, REQUESTED), (None, GOOD, TIMED_OUT)],
    ids=["continued", "rolled back", "timed out"],
)
def test_a_hook_waits_for_a_person(strategy: str, stage: str, decision: Any, ends: str, why: str | None) -> None:
    rollouts = shifting({"strategy": strategy, "lifecycleHooks": [{**PAUSES, "lifecycleStages": [stage]}]})
    while stage_of(rollouts) != stage:
        rollouts.step("rollback")
    asked = rollouts.primary
    assert rollouts.delay() == pytest.approx(90, abs=3)
    if decision:
        rollouts.decide(decision)
    run(rollouts)
    assert pictures(rollouts) == [(ends, "PRIMARY", "COMPLETED", 2, 0, 0)]
    assert asked.status_reason == why


def test_an_alarm_before_the_first_task_starts_none() -> None:
    rollouts = shifting({"strategy": "BLUE_GREEN"})
    rollouts.alarm("guestbook-errors", rolls_back=False)
    assert rollouts.delay() is None
    assert pictures(rollouts)[0] == (NEW, "PRIMARY", "FAILED", 0, 0, 0)
