"""One round of what runs once in a deployment: what is asked of ECS, what comes of it, and when the next round is."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from rota.aws import clients
from rota.contract.deployment import Execution, Standing
from rota.contract.step_io import OneOffRun
from rota.deployment.record import LeftRunning
from rota.ecs import one_off
from rota.errors import OvertakenError, RejectedError, TaskFailedError
from rota.handlers.step import LeaseSession
from rota.one_offs import left_running
from rota.one_offs.rounds import OneOff, next_round
from rota.plan.model import PlannedRun
from tests.guestbook import SETTINGS, arn
from tests.run_events import DUE, TASK_ID, detail
from tests.stubs import asked

EXECUTION = Execution(id="arn:aws:states:us-east-1:1:execution:rota:one", name="one", started_at=DUE)
PLANNED = PlannedRun(command=("migrate",), fingerprint="f", request={"cluster": "production", "count": 1}, timeout=10)
WHAT = OneOff(SETTINGS, EXECUTION, PLANNED, arn(7))
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
END = DUE + 10 * MINUTE
TASK = detail()["taskArn"]
NEW = OneOffRun(kind="before")
BEGUN = NEW.model_copy(update={"task_arn": TASK, "revision": arn(7), "asked_at": DUE})
SPOT: dict[str, Any] = {
    "starts": False,
    "exit_code": None,
    "stopCode": "TaskFailedToStart",
    "stoppedReason": "Capacity is unavailable",
}
BY_ANN: dict[str, Any] = {
    "starts": False,
    "exit_code": None,
    "stopCode": "UserInitiated",
    "stoppedReason": "rota stop by ann",
}


@pytest.fixture
def ecs(new_clients: None) -> Iterator[Stubber]:
    with asked(clients.ecs()) as stub:
        yield stub


def session(*, overtaken: bool = False, again: bool = False, notes: list[Mapping[str, Any]] | None = None) -> Any:
    """The deployment holds the lease."""
    standing = Standing.OVERTAKEN if overtaken else Standing.HOLDS
    lease: Any = None
    return LeaseSession(lease, standing, again=again, note=([] if notes is None else notes).append)


def starts(ecs: Stubber, attempt: int = 1, **answer: Any) -> None:
    """ECS is asked to start it, and answers so."""
    request = {
        "cluster": "production",
        "count": 1,
        "taskDefinition": arn(7),
        "startedBy": one_off.started_by("before", EXECUTION.id),
        "clientToken": ANY,
    }
    ecs.add_response("run_task", answer or {"tasks": [detail("PROVISIONING")]}, request)


def shows(ecs: Stubber, *found: dict[str, Any]) -> None:
    ecs.add_response("describe_tasks", {"tasks": [*found]}, {"cluster": "production", "tasks": [TASK]})


def look(run: OneOffRun, now: datetime, of: LeaseSession | None = None) -> OneOffRun:
    return next_round(WHAT, run, of or session(), DUE, now)


@pytest.mark.parametrize("again", [False, True], ids=["the first round", "its answer was lost"])
def test_a_newer_push_comes_before_the_start(ecs: Stubber, again: bool) -> None:
    """If the start's answer was lost a task may run: it is let end."""
    waits = session(overtaken=True, again=again)
    if not again:
        with pytest.raises(OvertakenError, match=r"^a newer push has arrived$"):
            look(NEW, DUE, waits)
        return
    starts(ecs)
    assert look(NEW, DUE, waits).task_arn == TASK


def test_a_start_comes_before_the_time_is_up(ecs: Stubber) -> None:
    starts(ecs)
    created = datetime.fromisoformat(detail()["createdAt"])
    assert look(NEW.model_copy(update={"reason": "no capacity", "attempt": 3}), END - SECOND) == BEGUN.model_copy(
        update={
            "attempt": 3,
            "asked_at": created,
            "progress": f"task {TASK_ID} is being started",
            "wait_seconds": 5,
        }
    )
    with pytest.raises(RejectedError) as late:
        look(NEW.model_copy(update={"reason": "no capacity"}), END)
    assert str(late.value) == "the migration did not begin within its timeout of 10 minutes: no capacity"


@pytest.mark.parametrize(
    ("attempt", "wait"), [(1, 15), (2, 30), (3, 60), (4, 120), (5, None)], ids=lambda each: f"{each}"
)
def test_what_ecs_does_not_start_is_tried_again(ecs: Stubber, attempt: int, wait: int | None) -> None:
    starts(ecs, tasks=[], failures=[{"reason": "RESOURCE:ENI"}])
    run = NEW.model_copy(update={"attempt": attempt})
    if wait is None:
        with pytest.raises(RejectedError, match=r"^the migration did not begin: ECS started nothing in 5 attempts: R"):
            look(run, DUE)
        return
    progress = f"it did not begin (RESOURCE:ENI); tried again in {wait} s"
    update = {"attempt": attempt + 1, "reason": "RESOURCE:ENI", "wait_seconds": wait, "progress": progress}
    assert look(run, DUE) == NEW.model_copy(update=update)


def test_what_ecs_does_not_start_gives_way_to_a_newer_push(ecs: Stubber) -> None:
    starts(ecs, tasks=[], failures=[])
    with pytest.raises(OvertakenError, match=r"^a newer push has arrived$"):
        look(NEW, DUE, session(overtaken=True, again=True))


@pytest.mark.parametrize(
    ("asked", "waits"), [(120, True), (121, False), (None, True)], ids=["two minutes ago", "longer ago", "not known"]
)
def test_a_task_that_ecs_does_not_show_is_waited_for(ecs: Stubber, asked: int | None, waits: bool) -> None:
    shows(ecs)
    now = DUE + 5 * MINUTE
    run = BEGUN.model_copy(update={"asked_at": None if asked is None else now - asked * SECOND})
    if waits:
        assert look(run, now) == run.model_copy(update={"wait_seconds": 12 if asked else 5})
        return
    with pytest.raises(RejectedError, match=rf"^ECS does not know the task {TASK} of the migration any more"):
        look(run, now)


@pytest.mark.parametrize(
    ("status", "now", "wait", "words"),
    [
        pytest.param("PENDING", DUE + MINUTE, 6, "is being started", id="on its way up"),
        pytest.param("RUNNING", DUE + MINUTE, 6, "runs", id="it runs"),
        pytest.param("RUNNING", END - 20 * SECOND, 21, "runs", id="its time is nearly up"),
        pytest.param("RUNNING", END - SECOND, 5, "runs", id="a second before"),
        pytest.param("DEPROVISIONING", END, 5, "runs", id="its process ended in time"),
    ],
)
def test_what_runs_is_waited_for(ecs: Stubber, status: str, now: datetime, wait: int, words: str) -> None:
    shows(ecs, detail(status))
    assert look(BEGUN, now, session(overtaken=True)) == BEGUN.model_copy(
        update={"progress": f"task {TASK_ID} {words}", "wait_seconds": wait}
    )


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        ("PENDING", RejectedError, f"did not begin within its timeout of 10 minutes: task {TASK_ID} is PENDING"),
        ("RUNNING", TaskFailedError, "did not end within its timeout of 10 minutes, and is stopped"),
    ],
)
def test_its_time_is_up(ecs: Stubber, status: str, error: type[Exception], said: str) -> None:
    shows(ecs, detail(status))
    if status == "RUNNING":
        ecs.add_client_error("describe_task_definition", "AccessDeniedException")  # where it logs is not known then
    with pytest.raises(error) as late:
        look(BEGUN, END)
    assert str(late.value) == f"the migration {said}"


def test_it_ended_well(ecs: Stubber) -> None:
    shows(ecs, detail(exit_code=0))
    notes: list[Mapping[str, Any]] = []
    well = {"finished": True, "exit_code": 0, "progress": "ended with exit code 0", "wait_seconds": 0}
    found = look(BEGUN.model_copy(update={"wait_seconds": 5}), END, session(notes=notes))
    assert found == BEGUN.model_copy(update={**well, "seconds": found.seconds})
    assert found.seconds == pytest.approx(7, abs=1)
    assert notes == []


@pytest.mark.parametrize(
    ("members", "attempt", "error", "said", "noted"),
    [
        pytest.param(
            {"exit_code": 3},
            1,
            TaskFailedError,
            "the migration ended with exit code 3",
            {"exit_code": 3, "reason": "the job ended with exit code 3", "progress": "ended with exit code 3"},
            id="exit code",
        ),
        pytest.param(
            SPOT,
            5,
            RejectedError,
            "the migration did not begin: Fargate had no capacity for the task",
            {"exit_code": None, "reason": "Fargate had no capacity for the task", "progress": "never ran"},
            id="the fifth that never began",
        ),
        pytest.param(
            BY_ANN,
            1,
            RejectedError,
            "the migration did not begin: it was stopped by ann",
            {"exit_code": None, "reason": "it was stopped by ann", "progress": "never ran"},
            id="a person stopped it before it began",
        ),
    ],
)
def test_it_did_not_end_well(
    ecs: Stubber, members: dict[str, Any], attempt: int, error: type[Exception], said: str, noted: dict[str, Any]
) -> None:
    shows(ecs, detail(**members))
    ecs.add_client_error("describe_task_definition", "AccessDeniedException")
    notes: list[Mapping[str, Any]] = []
    run = BEGUN.model_copy(update={"attempt": attempt, "wait_seconds": 5})
    with pytest.raises(error) as failed:
        look(run, DUE + MINUTE, session(notes=notes))
    assert str(failed.value).startswith(said)
    (facts,) = notes
    seconds = facts["before"]["seconds"]
    done = run.model_copy(update={"finished": True, "wait_seconds": 0, "seconds": seconds, **noted})
    assert facts == done.facts()
    assert (seconds is None) is (noted["exit_code"] is None)


@pytest.mark.parametrize(
    ("now", "overtaken"),
    [(DUE + MINUTE, False), (DUE + MINUTE, True), (END, False)],
    ids=["again", "overtaken", "late"],
)
def test_what_never_began_is_started_again(ecs: Stubber, now: datetime, overtaken: bool) -> None:
    shows(ecs, detail(**SPOT))
    if overtaken:
        with pytest.raises(OvertakenError):
            look(BEGUN, now, session(overtaken=True))
        return
    if now == END:
        ecs.add_client_error("describe_task_definition", "AccessDeniedException")
        with pytest.raises(RejectedError, match=r"^the migration did not begin: Fargate had no capacity"):
            look(BEGUN, now)
        return
    why = "Fargate had no capacity for the task: Capacity is unavailable"
    assert look(BEGUN, now) == BEGUN.model_copy(
        update={
            "attempt": 2,
            "task_arn": "",
            "reason": why,
            "wait_seconds": 15,
            "progress": f"it did not begin ({why}); tried again in 15 s",
        }
    )


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        pytest.param("RUNNING", f"the migration of one, task {TASK_ID}, is being stopped", id="it runs on"),
        pytest.param("DEPROVISIONING", "", id="its process has ended"),
        pytest.param("STOPPED", "", id="it has ended"),
    ],
)
def test_what_a_deployment_before_has_left_running_is_stopped(ecs: Stubber, after: str, waits: str) -> None:
    own: dict[str, Any] = {"startedBy": one_off.started_by("before", EXECUTION.id)}
    for state in ("RUNNING", "STOPPED"):
        asked = {"cluster": "production", "family": "guestbook", "desiredStatus": state}
        ecs.add_response("list_tasks", {"taskArns": []}, asked)
    shows(ecs, detail("RUNNING", **own))
    reason = "The deployment one was aborted, and the next one runs its own migration"
    asked = {"cluster": "production", "task": TASK, "reason": reason}
    ecs.add_response("stop_task", {"task": detail(after, **own)}, asked)
    left = LeftRunning(execution=EXECUTION.id, task_arn=TASK)
    assert left_running.stop(SETTINGS, left) == waits
