"""Judging a rollout that goes through lifecycle stages by its service deployment, and how long it may last."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.contract.step_io import Rollout, Staged
from rota.ecs.service import has_stages
from rota.ecs.service_deployments import bakes, judge, pauses, remarks
from rota.errors import RejectedError
from tests.guestbook import SETTINGS, arn

OLD, NEW = arn(1), arn(2)
PAUSE = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
FUNCTION = {"hookTargetArn": "arn:aws:lambda:us-east-1:123456789012:function:smoke", "lifecycleStages": ["BAKE_TIME"]}
HOOK = {
    "hookId": "hook-1",
    "targetType": "PAUSE",
    "status": "AWAITING_ACTION",
    "expiresAt": datetime(2026, 3, 9, 17, 5, tzinfo=UTC),
    "timeoutAction": "ROLLBACK",
}
LAST_WORDS = ". Look at the service's events and the logs of its stopped tasks"


def configured(configuration: dict[str, Any], **members: Any) -> Any:
    """The service."""
    return {
        "serviceName": "guestbook-api",
        "taskDefinition": NEW,
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True}, **configuration},
        **members,
    }


def deployment(status: str = "IN_PROGRESS", stage: str = "BAKE_TIME", running: int = 2, **members: Any) -> Any:
    target = {"requestedTaskCount": 2, "runningTaskCount": running, **members.pop("target", {})}
    known = {"serviceDeploymentArn": "arn:deployment", "status": status, "targetServiceRevision": target}
    return {**known, **({"lifecycleStage": stage} if stage else {}), **members}


def rollout(waited: int = 0, wait: int = 5, **staged: Any) -> Rollout:
    return Rollout(
        task_definition=NEW,
        deployment_id="ecs-svc/2",
        status="IN_PROGRESS",
        progress="",
        wait_seconds=wait,
        waited_seconds=waited,
        staged=Staged(**staged),
    )


SERVICE = configured({"strategy": "CANARY"})


@pytest.mark.parametrize(
    ("configuration", "staged"),
    [
        pytest.param({}, False, id="not said"),
        pytest.param({"strategy": "ROLLING"}, False, id="rolling"),
        pytest.param({"strategy": "ROLLING", "lifecycleHooks": []}, False, id="rolling, no hooks"),
        pytest.param({"strategy": "ROLLING", "lifecycleHooks": [PAUSE]}, True, id="rolling with a pause"),
        *(pytest.param({"strategy": each}, True, id=each) for each in ("BLUE_GREEN", "LINEAR", "CANARY")),
    ],
)
def test_which_services_have_stages(configuration: dict[str, Any], staged: bool) -> None:
    assert has_stages(configured(configuration)) == staged


@pytest.mark.parametrize(
    ("configuration", "found"),
    [
        pytest.param({}, {}, id="rolling"),
        pytest.param({"bakeTimeInMinutes": 7}, {"bakeTimeInMinutes 7": 7}, id="rolling with a bake"),
        pytest.param(
            {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1380}, {"bakeTimeInMinutes 1380": 1380}, id="blue/green"
        ),
        pytest.param({"strategy": "CANARY"}, {"canaryBakeTimeInMinutes 10": 10}, id="canary, by default"),
        pytest.param(
            {"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": 3}, "bakeTimeInMinutes": 3},
            {"canaryBakeTimeInMinutes 3": 3, "bakeTimeInMinutes 3": 3},
            id="canary as Express Mode has it",
        ),
        pytest.param({"strategy": "LINEAR"}, {"9 times stepBakeTimeInMinutes 6": 54}, id="linear, by default"),
        pytest.param(
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 33.3, "stepBakeTimeInMinutes": 2}},
            {"3 times stepBakeTimeInMinutes 2": 6},
            id="linear with a rest",
        ),
    ],
)
def test_how_long_a_rollout_bakes(configuration: Any, found: dict[str, int]) -> None:
    assert bakes(configuration) == found


def test_how_long_ecs_waits_for_a_person() -> None:
    both = {**PAUSE, "lifecycleStages": ["PRE_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"]}
    hooks: Any = [FUNCTION, PAUSE, {**both, "timeoutConfiguration": {"timeoutInMinutes": 100}}]
    before_each_shift = {"ROLLING": 100, "BLUE_GREEN": 100, "CANARY": 200, "LINEAR": 1000}
    for strategy, minutes in before_each_shift.items():
        configuration: Any = {"strategy": strategy, "lifecycleHooks": hooks}
        assert pauses(configuration) == {
            "POST_SCALE_UP": 1440,
            "PRE_SCALE_UP": 100,
            "PRE_PRODUCTION_TRAFFIC_SHIFT": minutes,
        }


def test_what_a_person_should_know_of_a_rollout() -> None:
    configuration = {
        "strategy": "LINEAR",
        "bakeTimeInMinutes": 1440,
        "lifecycleHooks": [PAUSE],
        "earlySuccessCriteria": {"enable": True},
    }
    assert list(remarks(configured(configuration))) == [
        "ECS bakes the rollout for 1,494 minutes (9 times stepBakeTimeInMinutes 6, bakeTimeInMinutes 1440)",
        "ECS waits for a person in POST_SCALE_UP, for 1,440 minutes at most",
        "the rollout is complete as soon as the service's earlySuccessCriteria are met",
    ]
    assert list(remarks(configured({}))) == []


@pytest.mark.parametrize(
    ("found", "status", "progress"),
    [
        pytest.param(None, "IN_PROGRESS", "ECS does not show it yet", id="not shown"),
        pytest.param(deployment("PENDING", "", 0), "IN_PROGRESS", "0 of 2 tasks run", id="pending"),
        pytest.param(deployment(stage="SCALE_UP", running=1), "IN_PROGRESS", "SCALE_UP, 1 of 2 tasks run", id="scales"),
        pytest.param(
            deployment(stage="PRODUCTION_TRAFFIC_SHIFT", target={"requestedProductionTrafficWeight": 5.0}),
            "IN_PROGRESS",
            "PRODUCTION_TRAFFIC_SHIFT, 2 of 2 tasks run, 5 % of the production traffic",
            id="canary",
        ),
        pytest.param(
            deployment(target={"requestedProductionTrafficWeight": 100.0}),
            "IN_PROGRESS",
            "BAKE_TIME, 2 of 2 tasks run, production traffic has shifted",
            id="bakes",
        ),
        pytest.param(
            deployment(stage="POST_SCALE_UP", lifecycleHookDetails=[HOOK]),
            "IN_PROGRESS",
            "POST_SCALE_UP, 2 of 2 tasks run, ECS waits for a person, hook hook-1, until 2026-03-09 17:05 UTC, then it "
            "rolls back",
            id="waits for a person",
        ),
        pytest.param(
            deployment(stage="POST_SCALE_UP", lifecycleHookDetails=[HOOK | {"timeoutAction": "CONTINUE"}]),
            "IN_PROGRESS",
            "POST_SCALE_UP, 2 of 2 tasks run, ECS waits for a person, hook hook-1, until 2026-03-09 17:05 UTC, then it "
            "continues",
            id="waits, then continues",
        ),
        pytest.param(
            deployment(stage="", lifecycleHookDetails=[{k: v for k, v in HOOK.items() if k != "expiresAt"}]),
            "IN_PROGRESS",
            "2 of 2 tasks run, ECS waits for a person, hook hook-1, then it rolls back",
            id="waits without an end",
        ),
        pytest.param(
            deployment(lifecycleHookDetails=[HOOK | {"status": "SUCCEEDED"}, HOOK | {"targetType": "AWS_LAMBDA"}]),
            "IN_PROGRESS",
            "BAKE_TIME, 2 of 2 tasks run, production traffic has shifted",
            id="hooks that are past or functions",
        ),
        pytest.param(
            deployment("SUCCESSFUL", "CLEAN_UP"),
            "COMPLETED",
            "CLEAN_UP, 2 of 2 tasks run, production traffic has shifted",
            id="successful",
        ),
    ],
)
def test_the_status_of_a_staged_rollout(found: Any, status: str, progress: str) -> None:
    judged = judge(found, SERVICE, rollout(), SETTINGS)
    assert (judged.status, judged.progress) == (status, progress)


@pytest.mark.parametrize(
    ("found", "service", "message"),
    [
        pytest.param(
            deployment("ROLLBACK_IN_PROGRESS", rollback={"reason": "alarm in ALARM."}, statusReason="other"),
            SERVICE,
            "was rolled back by ECS in BAKE_TIME: alarm in ALARM",
            id="rolls back",
        ),
        pytest.param(
            deployment("ROLLBACK_SUCCESSFUL", statusReason="an alarm", alarms={"triggeredAlarmNames": ["5xx", "slow"]}),
            SERVICE,
            "was rolled back by ECS in BAKE_TIME: an alarm (5xx, slow)",
            id="rolled back by alarms",
        ),
        pytest.param(
            deployment("ROLLBACK_FAILED", ""), SERVICE, "was rolled back by ECS: ECS gives no reason", id="no reason"
        ),
        pytest.param(
            deployment("STOP_REQUESTED", "SCALE_UP", statusReason="superseded"),
            SERVICE,
            "was stopped in SCALE_UP: superseded",
            id="superseded",
        ),
        pytest.param(
            deployment("STOPPED", "", statusReason="superseded"), SERVICE, "was stopped: superseded", id="stopped"
        ),
        pytest.param(
            None,
            SERVICE | {"taskDefinition": OLD, "events": [{"message": "rolling back"}]},
            "was replaced: ECS now deploys guestbook:1. ECS says: rolling back",
            id="another revision",
        ),
    ],
)
def test_why_a_staged_rollout_failed(found: Any, service: Any, message: str) -> None:
    with pytest.raises(RejectedError) as raised:
        judge(found, service, rollout(waited=60), SETTINGS)
    assert str(raised.value) == f"the rollout of guestbook:2 {message}{LAST_WORDS}"


@pytest.mark.parametrize(("waited", "paused", "fails"), [(15, 0, False), (16, 0, True), (5, 10, False), (5, 11, True)])
def test_another_revision_may_be_shown_for_twenty_seconds(waited: int, paused: int, fails: bool) -> None:
    service = SERVICE | {"taskDefinition": OLD}
    if not fails:
        shown = judge(None, service, rollout(waited, paused_seconds=paused), SETTINGS)
        assert (shown.status, shown.progress) == ("IN_PROGRESS", "ECS does not show it yet")
        return
    with pytest.raises(RejectedError, match="was replaced: ECS now deploys guestbook:1"):
        judge(None, service, rollout(waited, paused_seconds=paused), SETTINGS)


@pytest.mark.parametrize("found", [deployment(stage="SCALE_UP", running=1), None], ids=["scales", "not shown"])
def test_a_staged_rollout_that_takes_too_long(found: Any) -> None:
    assert judge(found, SERVICE, rollout(waited=29 * 60), SETTINGS).status == "IN_PROGRESS"
    with pytest.raises(RejectedError, match="is not complete after 30 minutes"):
        judge(found, SERVICE, rollout(waited=30 * 60 - 5), SETTINGS)


def test_no_limit_ends_a_wait_for_a_person() -> None:
    waits = deployment(lifecycleHookDetails=[HOOK])
    assert judge(waits, SERVICE, rollout(waited=1800), SETTINGS).status == "IN_PROGRESS"


def test_one_that_is_successful_at_the_last_look() -> None:
    assert judge(deployment("SUCCESSFUL"), SERVICE, rollout(waited=1800), SETTINGS).status == "COMPLETED"


@pytest.mark.parametrize(
    ("was_paused", "is_paused", "counts"),
    [(False, False, True), (False, True, False), (True, True, False), (True, False, False)],
    ids=["not paused", "begins to wait", "waits", "was continued"],
)
def test_the_wait_for_a_person_does_not_count(was_paused: bool, is_paused: bool, counts: bool) -> None:
    waits = deployment(lifecycleHookDetails=[HOOK] if is_paused else [])
    judged = judge(waits, SERVICE, rollout(600, 40, paused=was_paused, paused_seconds=7), SETTINGS)
    assert judged.staged
    assert (judged.waited_seconds, judged.staged.paused_seconds) == ((640, 7) if counts else (600, 47))
    assert judged.staged.paused == is_paused


@pytest.mark.parametrize(
    ("waited", "wait"),
    [(0, 5), (235, 60), (3600, 60), (7195, 120), (86_395, 1440), (10**6, 1800)],
    ids=lambda value: f"{value} s",
)
def test_the_longer_it_waits_the_rarer_it_looks(waited: int, wait: int) -> None:
    waits = deployment(lifecycleHookDetails=[HOOK])
    assert judge(waits, SERVICE, rollout(paused_seconds=waited), SETTINGS).wait_seconds == wait


def test_once_it_is_known_it_is_that_one() -> None:
    shown = judge(deployment(), SERVICE, rollout(), SETTINGS)
    assert shown.staged
    assert shown.staged.service_deployment == "arn:deployment"
    again = judge(None, SERVICE, shown, SETTINGS)
    assert again.staged
    assert again.staged.service_deployment == "arn:deployment"
