"""What runs once in a deployment: the request that starts it, and the words for what became of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from rota.contract.step_io import OneOffRun
from rota.ecs import one_off
from rota.errors import RejectedError, TaskFailedError
from rota.one_offs.rounds import seconds_between_looks
from rota.one_offs.words import failed, lost, not_started, timed_out
from rota.runs.model import Actor, LogPlace, Reason, Status, Why
from rota.schedule_file.task import Before
from tests import alerts
from tests.guestbook import CLUSTER_ARN, SETTINGS

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:one"


@dataclass
class Ecs:
    """A client that answers so, and keeps what it was asked."""

    answer: dict[str, Any]
    asked: tuple[dict[str, Any], ...] = ()

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.asked += (request,)
        return self.answer


def test_a_repeated_start_is_the_same_and_another_attempt_is_not() -> None:
    ecs: Any = Ecs({"tasks": [{"taskArn": "one"}], "failures": []})
    for attempt in (1, 1, 2):
        one_off.start(ecs, {"count": 1}, "guestbook:6", "before", EXECUTION, attempt)
    first, again, another = ecs.asked
    assert first == again
    assert first | {"clientToken": ""} == another | {"clientToken": ""}
    assert first["clientToken"] != another["clientToken"]
    assert len(first["clientToken"]) == 64
    assert one_off.started_by("after", EXECUTION) != one_off.started_by("after", EXECUTION + "2")
    assert len(first["startedBy"]) == 36


@pytest.mark.parametrize("failures", [[], [{"reason": "RESOURCE:FARGATE"}]])
def test_a_start_that_ecs_does_not_make_has_a_reason(failures: list[dict[str, str]]) -> None:
    ecs: Any = Ecs({"tasks": [], "failures": failures})
    task, why = one_off.start(ecs, {}, "guestbook:6", "before", EXECUTION, 1)
    assert (task, why) == (None, failures[0]["reason"] if failures else "Capacity is unavailable at this time")


def test_it_runs_where_its_keys_say() -> None:
    task = Before(
        task="migrate",
        subnets=("subnet-9",),
        assign_public_ip=True,
        capacity_provider={"FARGATE_SPOT": 3, "FARGATE": 0},
        platform_version="1.4.0",
    )
    request = one_off.request_of(task, SETTINGS, CLUSTER_ARN)
    assert request["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    assert "launchType" not in request
    assert request["platformVersion"] == "1.4.0"
    network = request["networkConfiguration"]["awsvpcConfiguration"]
    assert network == {
        "subnets": ["subnet-9"],
        "securityGroups": list(SETTINGS.security_groups),
        "assignPublicIp": "ENABLED",
    }


PLACE = LogPlace(driver="awslogs", group="/ecs/guestbook", stream="app/app/1")
SPOT = Reason(
    why=Why.SPOT, words="AWS interrupted the Spot task", aws="SpotInterruption", todo="", reader=Actor.OPERATOR
)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        pytest.param(
            {"tail": ("adding the column", "no such table")},
            TaskFailedError,
            "the migration ended with exit code 1 after 4 s. The last lines of its log:\n"
            "  adding the column\n  no such table",
            id="exit code",
        ),
        pytest.param(
            {"tail": ("INSERT " + "x" * 9_000, "no such table")},
            TaskFailedError,
            "the migration ended with exit code 1 after 4 s. The last lines of its log:\n"
            f"  INSERT {'x' * 493}\n  no such table",
            id="a long line",
        ),
        pytest.param(
            {"log": PLACE, "tail": ()},
            TaskFailedError,
            "the migration ended with exit code 1 after 4 s. Read its log, in /ecs/guestbook: rota logs before. Its "
            "last lines are shown here if JobLogGroups names it",
            id="no tail",
        ),
        pytest.param(
            {"reason": SPOT},
            RejectedError,
            "the migration failed: AWS interrupted the Spot task after 4 s (SpotInterruption)",
            id="Spot",
        ),
        pytest.param(
            {"reason": alerts.SECRET, "status": Status.NOT_STARTED, "seconds": None},
            RejectedError,
            "the migration did not begin: a secret that the task definition names could not be read "
            f"({alerts.SECRET.aws})",
            id="never began",
        ),
        pytest.param({"reason": None}, RejectedError, "the migration ended, and why is not known", id="not known"),
        pytest.param(
            {"reason": SPOT, "log": PLACE, "status": Status.NOT_STARTED, "seconds": 0.4},
            RejectedError,
            "the migration did not begin: AWS interrupted the Spot task after 0 s (SpotInterruption)",
            id="no log of one that never began",
        ),
    ],
)
def test_why_it_failed(changes: dict[str, Any], error: type[Exception], said: str) -> None:
    judged = alerts.failed(seconds=4, tail=(), log=None).model_copy(update=changes)
    settings = SETTINGS.model_copy(update={"job_log_groups": ()})
    found = failed(OneOffRun(kind="before"), judged, settings)
    assert (type(found), str(found)) == (error, said)


def test_what_the_last_of_several_attempts_says() -> None:
    judged = alerts.failed(seconds=4, tail=(), log=PLACE)
    found = failed(OneOffRun(kind="after", attempt=3), judged, SETTINGS.model_copy(update={"job_log_groups": ("*",)}))
    assert str(found) == (
        "the smoke test ended with exit code 1 after 4 s; that was attempt 3. Its log is in /ecs/guestbook, stream "
        "app/app/1"
    )


@pytest.mark.parametrize(
    ("log", "lines", "said"),
    [
        (PLACE.model_copy(update={"stream": None}), 20, ". Its log is in /ecs/guestbook"),
        (PLACE.model_copy(update={"group": None}), 20, ""),
        (PLACE, 0, ""),
        (None, 20, ""),
    ],
    ids=["a group alone", "no group", "no lines are asked for", "no log"],
)
def test_where_its_log_is(log: LogPlace | None, lines: int, said: str) -> None:
    settings = SETTINGS.model_copy(update={"job_log_groups": ("*",), "log_tail": lines})
    found = timed_out(OneOffRun(kind="before"), 30, alerts.failed(tail=(), log=log), settings)
    assert str(found) == f"the migration did not end within its timeout of 30 minutes, and is stopped{said}"


def test_what_is_said_of_one_that_did_not_begin_in_time_or_is_lost() -> None:
    run = OneOffRun(kind="after", task_arn="arn:task/1")
    assert str(not_started(run, 10)) == "the smoke test did not begin within its timeout of 10 minutes"
    why = run.model_copy(update={"reason": "RESOURCE:ENI"})
    assert str(not_started(why, 10)) == "the smoke test did not begin within its timeout of 10 minutes: RESOURCE:ENI"
    assert str(lost(run)) == (
        "ECS does not know the task arn:task/1 of the smoke test any more, so it is not known how it ended: look at "
        "its log"
    )


@pytest.mark.parametrize(("ran", "wait"), [(0, 5), (59, 5), (60, 6), (3_000, 300), (86_400, 300)])
def test_how_long_until_the_next_look(ran: int, wait: int) -> None:
    assert seconds_between_looks(timedelta(seconds=ran)) == wait
