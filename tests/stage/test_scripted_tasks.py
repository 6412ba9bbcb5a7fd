"""Tasks that run no process: how long they take and how they end is scripted, on the stage's clock."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from stage import clock
from stage.ecs.api import backend
from stage.ecs.script import outcome
from stage.moto.clients import ACCOUNT
from stage.settings import Script
from tests.stage.small_stage import SmallStage, aws


@pytest.fixture
def small(small: SmallStage) -> SmallStage:
    """Its tasks run no process."""
    small.settings.change({"tasks": "scripted"})
    return small


EXITED = ("EssentialContainerExited", "Essential container in task exited")


@pytest.mark.parametrize(
    ("script", "seconds", "code", "stop"),
    [
        ({}, 60, 0, EXITED),
        ({"fails": 1, "exit_code": 3}, 60, 3, EXITED),
        ({"out_of_memory": 1, "seconds": 5}, 5, 137, EXITED),
        ({"interrupted": 1}, 180, 143, ("SpotInterruption", "Your Spot Task was interrupted.")),
        ({"maintenance": 1}, 60, 143, ("ServiceSchedulerInitiated", "ECS is performing maintenance on")),
        ({"seconds": 7200}, 7200, 0, EXITED),
    ],
    ids=["ok", "fails", "memory", "spot", "maintenance", "two hours"],
)
def test_a_task_ends_as_scripted(
    small: SmallStage, script: dict[str, Any], seconds: int, code: int, stop: tuple[str, str]
) -> None:
    small.settings.change({"script": script})
    arn = small.fire("fail")["task_arn"]
    small.background.move_clock(seconds - 2)
    assert small.task(arn)["lastStatus"] == "RUNNING"
    small.background.move_clock(3)
    ended = small.task(arn)
    [container] = [each for each in ended["containers"] if each["name"] == "app"]
    assert (ended["lastStatus"], container["exitCode"], ended["stopCode"]) == ("STOPPED", code, stop[0])
    assert ended["stoppedReason"].startswith(stop[1])
    assert ("reason" in container) == ("out_of_memory" in script)
    assert round((ended["executionStoppedAt"] - ended["startedAt"]).total_seconds()) in (seconds - 1, seconds)


ENDED = ("app", "STOPPED")


class _Container(dict[str, Any]):
    """A container that someone reads in the middle of a change: after its status, before its exit code."""

    def __init__(self, members: dict[str, Any], read: Callable[[], object]) -> None:
        super().__init__(members)
        self._read = read

    def __setitem__(self, member: str, value: Any) -> None:
        super().__setitem__(member, value)
        if (member, value) == ("lastStatus", "STOPPED"):
            reader = threading.Thread(target=self._read)
            reader.start()
            reader.join(0.2)


def test_a_reader_sees_a_whole_change(small: SmallStage) -> None:
    small.settings.change({"script": {"exit_code": 3, "fails": 1}})
    arn, seen = small.fire("fail")["task_arn"], list[dict[str, Any]]()
    (placed,) = [tasks[arn] for tasks in backend().tasks.values() if arn in tasks]
    containers = vars(placed)["containers"]
    containers[:] = [_Container(each, lambda: seen.append(small.task(arn))) for each in containers]
    small.background.move_clock(61)
    small.task(arn)
    containers[:] = [dict(each) for each in containers]  # the account is kept as a snapshot, which holds no threads
    ended = [each for task in seen for each in task["containers"] if (each["name"], each["lastStatus"]) == ENDED]
    assert ended
    assert {each.get("exitCode") for each in ended} == {3}


def test_a_task_can_fail_to_start(small: SmallStage) -> None:
    small.settings.change({"script": {"does_not_start": 1}, "start_seconds": 25})
    arn = small.fire("hello")["task_arn"]
    small.background.move_clock(100)
    ended = small.task(arn)
    assert (ended["lastStatus"], ended["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert "startedAt" not in ended
    assert all("exitCode" not in container for container in ended["containers"])


def test_a_spot_task_is_warned_while_it_runs(small: SmallStage) -> None:
    small.settings.change({"script": {"interrupted": 1}})
    heard = small.listen({"source": ["aws.ecs"], "detail": {"stopCode": ["SpotInterruption"]}})
    small.fire("hello")
    small.background.move_clock(200)
    details = [each["detail"] for each in heard()]
    assert [(each["lastStatus"], each["desiredStatus"]) for each in details] == [
        ("RUNNING", "STOPPED"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
    ]


def test_a_scripted_task_can_be_stopped(small: SmallStage) -> None:
    arn = small.fire("hello")["task_arn"]
    small.background.move_clock(10)
    aws("ecs").stop_task(cluster=small.name, task=arn, reason="enough")
    ended = small.task(arn)
    assert (ended["lastStatus"], ended["stopCode"], ended["stoppedReason"]) == ("STOPPED", "UserInitiated", "enough")
    assert [each["exitCode"] for each in ended["containers"] if each["name"] == "app"] == [143]


def test_a_reset_ends_scripted_tasks(small: SmallStage) -> None:
    small.settings.change({"start_seconds": 25})
    arn = small.fire("hello")["task_arn"]
    small.background.move_clock(30)
    small.background.reset()
    assert small.task(arn)["lastStatus"] == "STOPPED"


@pytest.mark.exhaustive(first=0)
def test_days_of_runs_are_played_in_seconds(small: SmallStage) -> None:
    small.settings.change({"script": {"seconds": 3000, "spread": 0.3, "fails": 0.1, "seed": 7}, "start_seconds": 25})
    target = {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:watcher"}
    small.rule("ends", target, EventPattern=json.dumps({"detail": {"lastStatus": ["STOPPED"]}}))
    small.rule("hourly", small.task_target(small.register("hello")), ScheduleExpression="cron(0 * * * ? *)")
    fired = small.background.fire_due(clock.now() + timedelta(days=4))
    assert len(fired) == 4 * 24
    ends = [event["detail"] for _, event in small.invoked]
    assert len(ends) in (4 * 24, 4 * 24 - 1), "the last may run yet"
    codes = [each["exitCode"] for end in ends for each in end["containers"] if each["name"] == "app"]
    assert codes == [each["exit_code"] for each in fired][: len(codes)]
    assert 0 < codes.count(1) < 24


def test_rules_fire_late_and_twice_for_one_time(small: SmallStage) -> None:
    environment = '[{"name": "SCHEDULED_AT", "value": <time>}]'
    template = f'{{"containerOverrides": [{{"name": "app", "environment": {environment}}}]}}'
    passed = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": template}
    small.settings.change({"schedules": {"late_seconds": 40, "repeat": 1}})
    target = small.task_target(small.register(), InputTransformer=passed)
    small.rule("hourly", target, ScheduleExpression="cron(0 * * * ? *)")
    fired = small.background.fire_due(clock.now() + timedelta(hours=1))
    tasks = [small.task(each["task_arn"]) for each in fired]
    at = fired[0]["at"]
    assert at.endswith(":00:00Z")
    assert [each["at"] for each in fired] == [at, at]
    for task in tasks:
        assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "SCHEDULED_AT", "value": at}]
        assert 40 <= (task["createdAt"] - datetime.fromisoformat(at)).total_seconds() < 50


def test_a_rule_is_switched_some_time_late(small: SmallStage) -> None:
    small.settings.change({"schedules": {"lag_seconds": 90}})
    target = small.task_target(small.register())
    name = small.rule("often", target, ScheduleExpression="cron(* * * * ? *)")

    def fired(minutes: int) -> int:
        clock.move(1 - clock.now().second)
        return len(small.background.fire_due(clock.now() + timedelta(minutes=minutes)))

    assert fired(3) == 2, "it is new"
    aws("events").disable_rule(Name=name)
    assert fired(3) == 1


def test_the_seed_chooses_which_tasks_fail() -> None:
    def codes(seed: int) -> list[int | None]:
        return [outcome(Script(fails=0.2, does_not_start=0.1, seed=seed), number).exit_code for number in range(500)]

    assert codes(1) == codes(1) != codes(2)
    assert 60 < codes(1).count(1) < 140
    assert 20 < codes(1).count(None) < 80
