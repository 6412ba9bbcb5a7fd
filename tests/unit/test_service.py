"""Judging a rollout: it succeeds when its own deployment of ECS is COMPLETED, not when the service is steady."""

import time
from typing import Any

import pytest

from rota.contract.step_io import Rollout
from rota.ecs.service import ROLLOUT_VISIBLE_AFTER, judge_rollout, read_as_planned, start_rollout, state_of_service
from rota.errors import RejectedError, TransientError
from tests.guestbook import SETTINGS, arn, service_state

OLD, NEW = arn(1), arn(2)


def deployment(id_: str = "ecs-svc/2", revision: str = NEW, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "status": "PRIMARY",
        "taskDefinition": revision,
        "desiredCount": 2,
        "runningCount": 2,
        "rolloutState": "IN_PROGRESS",
        **fields,
    }


def without_state(**fields: Any) -> dict[str, Any]:
    """As ECS describes a deployment behind a Classic Load Balancer."""
    return {key: value for key, value in deployment(**fields).items() if key != "rolloutState"}


def service(*deployments: dict[str, Any], events: tuple[str, ...] = ()) -> Any:
    return {
        "serviceName": "guestbook-api",
        "taskDefinition": deployments[0]["taskDefinition"] if deployments else NEW,
        "deployments": list(deployments),
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True}},
        "events": [{"message": message} for message in events],
    }


def rollout(**changes: Any) -> Rollout:
    fields = {
        "task_definition": NEW,
        "deployment_id": "ecs-svc/2",
        "status": "IN_PROGRESS",
        "progress": "0 of 2 tasks run",
        "wait_seconds": 5,
        "waited_seconds": 0,
    }
    return Rollout.model_validate(fields | changes)


OUTGOING = deployment("ecs-svc/1", OLD, status="ACTIVE", rolloutState="COMPLETED")


@pytest.mark.parametrize(
    ("description", "status"),
    [
        pytest.param(service(deployment(rolloutState="COMPLETED")), "COMPLETED", id="completed"),
        pytest.param(service(deployment(rolloutState="COMPLETED"), OUTGOING), "COMPLETED", id="completed, old drains"),
        pytest.param(service(deployment(), OUTGOING), "IN_PROGRESS", id="in progress"),
        pytest.param(service(deployment()), "IN_PROGRESS", id="alone and full, but ECS does not say completed"),
        pytest.param(service(without_state()), "COMPLETED", id="no state: alone and full"),
        pytest.param(service(without_state(runningCount=1)), "IN_PROGRESS", id="no state: a task is missing"),
        pytest.param(service(without_state(), OUTGOING), "IN_PROGRESS", id="no state: the old one still runs"),
        pytest.param(service(deployment(rolloutState=None, runningCount=0), OUTGOING), "IN_PROGRESS", id="empty state"),
    ],
)
def test_the_status_of_a_rollout(description: Any, status: str) -> None:
    assert judge_rollout(description, rollout(), SETTINGS).status == status


@pytest.mark.parametrize(
    ("description", "message"),
    [
        pytest.param(
            service(deployment(rolloutState="FAILED", rolloutStateReason="circuit breaker: tasks failed to start")),
            "the rollout of guestbook:2 failed: circuit breaker: tasks failed to start",
            id="failed",
        ),
        pytest.param(
            service(deployment(rolloutState="FAILED"), events=("unable to pull image",)),
            "the rollout of guestbook:2 failed: ECS gives no reason. ECS says: unable to pull image",
            id="failed, the reason is in the events",
        ),
        pytest.param(
            service(
                deployment("ecs-svc/3", OLD, rolloutState="COMPLETED", rolloutStateReason="ecs-svc/3 completed"),
                events=("reached a steady state", "(deployment ecs-svc/2) deployment failed: tasks failed to start"),
            ),
            "the rollout of guestbook:2 was replaced: ECS now deploys guestbook:1 (ecs-svc/3 completed). ECS says: "
            "(deployment ecs-svc/2) deployment failed: tasks failed to start",
            id="rolled back and long done",
        ),
        pytest.param(
            service(
                deployment("ecs-svc/3", OLD, rolloutState="COMPLETED", rolloutStateReason="rolling back to ecs-svc/1")
            ),
            "the rollout of guestbook:2 was replaced: ECS now deploys guestbook:1 (rolling back to ecs-svc/1)",
            id="rolled back: the old revision is PRIMARY and COMPLETED",
        ),
        pytest.param(
            service(deployment("ecs-svc/3", OLD), deployment(status="ACTIVE")),
            "the rollout of guestbook:2 was replaced: ECS now deploys guestbook:1 (no reason given)",
            id="being rolled back",
        ),
        pytest.param(
            service(deployment("ecs-svc/3", arn(9), rolloutState="COMPLETED")),
            "the rollout of guestbook:2 was replaced: ECS now deploys guestbook:9 (no reason given)",
            id="replaced by another deployment",
        ),
        pytest.param(
            service(deployment("ecs-svc/3", NEW, rolloutState="COMPLETED")),
            "the rollout of guestbook:2 was replaced: ECS now deploys guestbook:2 (no reason given)",
            id="replaced by a forced one of the same revision",
        ),
    ],
)
def test_why_a_rollout_failed(description: Any, message: str) -> None:
    with pytest.raises(RejectedError) as raised:
        judge_rollout(description, rollout(waited_seconds=60), SETTINGS)
    assert str(raised.value) == f"{message}. Look at the service's events and the logs of its stopped tasks"


@pytest.mark.parametrize(
    ("waited", "ends"),
    [pytest.param(29 * 60, False, id="29 minutes"), pytest.param(30 * 60 - 5, True, id="30 minutes")],
)
def test_a_rollout_that_takes_too_long(waited: int, ends: bool) -> None:
    hanging = service(deployment(runningCount=1), OUTGOING, events=("unable to place a task",))
    if not ends:
        assert judge_rollout(hanging, rollout(waited_seconds=waited), SETTINGS).status == "IN_PROGRESS"
        return
    with pytest.raises(RejectedError) as raised:
        judge_rollout(hanging, rollout(waited_seconds=waited), SETTINGS)
    assert str(raised.value) == (
        "the rollout of guestbook:2 is not complete after 30 minutes (1 of 2 tasks run); if it needs longer, raise the "
        "parameter RolloutTimeoutMinutes. ECS says: unable to place a task. Look at the service's events and the logs "
        "of its stopped tasks"
    )


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({}, id="none"),
        pytest.param({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": False}}}, id="off"),
    ],
)
def test_a_circuit_breaker_that_is_off_is_named(configuration: dict[str, Any]) -> None:
    hanging = service(deployment(runningCount=0), OUTGOING) | {"deploymentConfiguration": {}} | configuration
    with pytest.raises(RejectedError, match="the service's circuit breaker is off: with it, ECS fails a rollout"):
        judge_rollout(hanging, rollout(waited_seconds=1795), SETTINGS)


def test_a_rollout_that_completes_at_the_last_look() -> None:
    done = service(deployment(rolloutState="COMPLETED"))
    assert judge_rollout(done, rollout(waited_seconds=30 * 60), SETTINGS).status == "COMPLETED"


@pytest.mark.parametrize(
    ("waited", "wait"), [(0, 5), (15, 5), (55, 15), (115, 30), (600, 60), (7195, 120)], ids=lambda value: f"{value} s"
)
def test_the_looks_become_rarer(waited: int, wait: int) -> None:
    patient = SETTINGS.model_copy(update={"rollout_timeout_minutes": 2880})
    next_ = judge_rollout(service(deployment()), rollout(waited_seconds=waited), patient)
    assert (next_.wait_seconds, next_.waited_seconds) == (wait, waited + 5)


@pytest.mark.parametrize(
    ("description", "early"),
    [
        pytest.param(service(deployment(rolloutState="COMPLETED", runningCount=1), OUTGOING), True, id="early"),
        pytest.param(service(deployment(rolloutState="COMPLETED")), False, id="all run, the old ones are gone"),
        pytest.param(service(deployment(runningCount=1), OUTGOING), False, id="not complete"),
    ],
)
def test_an_early_success_is_named(description: Any, early: bool) -> None:
    description["deploymentConfiguration"] = {"earlySuccessCriteria": {"enable": True, "healthyPercent": 50}}
    said = "complete early by the service's earlySuccessCriteria, after which ECS rolls nothing back"
    assert (said in judge_rollout(description, rollout(), SETTINGS).progress) == early


def test_without_its_criteria_a_success_is_not_early() -> None:
    drains = service(deployment(rolloutState="COMPLETED", runningCount=1), OUTGOING)
    configurations: list[dict[str, Any]] = [{}, {"earlySuccessCriteria": {"enable": False}}]
    for drains["deploymentConfiguration"] in configurations:
        assert judge_rollout(drains, rollout(), SETTINGS).progress == "1 of 2 tasks run"


def test_progress_in_tasks() -> None:
    assert judge_rollout(service(deployment(runningCount=1)), rollout(), SETTINGS).progress == "1 of 2 tasks run"


def test_a_service_without_a_primary_deployment() -> None:
    with pytest.raises(TransientError, match="guestbook-api shows no PRIMARY deployment"):
        judge_rollout(service(), rollout(waited_seconds=60), SETTINGS)


def test_a_rollout_that_ecs_does_not_show_yet() -> None:
    stale = service(deployment("ecs-svc/1", OLD, rolloutState="COMPLETED"))
    not_yet = judge_rollout(stale, rollout(waited_seconds=15), SETTINGS)
    assert not_yet == rollout(progress="ECS does not show it yet", waited_seconds=20)
    with pytest.raises(RejectedError, match="was replaced"):
        judge_rollout(stale, rollout(waited_seconds=16), SETTINGS)
    with pytest.raises(RejectedError, match="was replaced"):
        judge_rollout(stale, rollout(waited_seconds=60), SETTINGS)


@pytest.mark.parametrize(
    ("description", "steady"),
    [
        pytest.param(service(deployment(rolloutState="COMPLETED")), True, id="completed"),
        pytest.param(service(without_state()), True, id="no state"),
        pytest.param(service(deployment()), False, id="in progress"),
        pytest.param(service(deployment(rolloutState="COMPLETED"), OUTGOING), False, id="an older one drains"),
        pytest.param(service(deployment(rolloutState="FAILED")), False, id="failed"),
    ],
)
def test_the_service_in_a_snapshot(description: Any, steady: bool) -> None:
    expected = service_state(NEW, steady=steady).model_copy(update={"deployment_id": "ecs-svc/2"})
    assert state_of_service(description) == expected


class _Ecs:
    """ECS, which answers DescribeServices with one of these after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers = [*answers]
        self.forced: list[bool] = []
        """Of each update, whether it forces a new deployment."""

    class exceptions:  # noqa: N801 - as botocore names it
        class ClusterNotFoundException(Exception):  # noqa: N818 - likewise
            pass

    def describe_services(self, **_request: Any) -> Any:
        return {"services": [self.answers.pop(0)]}

    def update_service(self, *, forceNewDeployment: bool, **_request: Any) -> Any:  # noqa: N803 - as botocore names it
        self.forced.append(forceNewDeployment)
        return {"service": RUNS_NEW}


RUNS_OLD, RUNS_NEW, RUNS_ANOTHER = (service(deployment(revision=revision)) for revision in (OLD, NEW, arn(3)))


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        pytest.param([RUNS_OLD], RUNS_OLD, id="as planned"),
        pytest.param([RUNS_NEW], RUNS_NEW, id="rolled by an earlier attempt"),
        pytest.param([RUNS_ANOTHER, RUNS_NEW], RUNS_NEW, id="shown late"),
    ],
)
def test_the_service_that_was_planned_for(answers: list[Any], found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert read_as_planned(_Ecs(*answers), SETTINGS, OLD, NEW) == found  # type: ignore[arg-type]  # what is called of it
    assert slept == [ROLLOUT_VISIBLE_AFTER] * (len(answers) - 1)


def test_a_service_that_was_changed_since_the_plan_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with pytest.raises(
        RejectedError,
        match="guestbook-api was changed during this deployment: it ran guestbook:1 and now runs "
        "guestbook:3; start the deployment again",
    ):
        read_as_planned(_Ecs(RUNS_ANOTHER, RUNS_ANOTHER), SETTINGS, OLD, NEW)  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("description", "again", "forced"),
    [
        pytest.param(RUNS_OLD, False, [False], id="it runs another revision"),
        pytest.param(RUNS_NEW, False, [], id="it is rolled to this one"),
        pytest.param(service(deployment(rolloutState="FAILED")), False, [True], id="that has failed"),
        pytest.param(RUNS_NEW, True, [True], id="that is known to have failed"),
    ],
)
def test_only_the_same_revision_is_forced(description: Any, again: bool, forced: list[bool]) -> None:
    ecs = _Ecs()
    start_rollout(ecs, SETTINGS, NEW, description, again=again)  # type: ignore[arg-type]  # what is called of it
    assert ecs.forced == forced
