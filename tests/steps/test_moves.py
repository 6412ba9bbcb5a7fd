"""Schedules that move between rules and EventBridge Scheduler: no minute is missed, on the stage's clock."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from rota.errors import ConfigError, RejectedError
from rota.pauses.ending import end_pauses
from rota.pauses.model import Pause
from rota.pauses.table import pauses_of
from stage import clock
from stage.gateway.calls import Call, Reply
from tests.guestbook import PREFIX, SETTINGS
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments
from tests.steps.environment import functions_environment
from tests.steps.firing import LAST, at, passes, starts
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.test_pauses import pause, resume
from tests.steps.test_rollback import BACK
from tests.steps.test_scheduler import without_dates
from tests.steps.world import World

MINUTE = timedelta(minutes=1)
NIGHTLY = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
OFTEN = {"name": "RemoveSpam", "task": "spam_task", "cron": "0/10 * * * ? *"}
EVERY_MINUTE = {"name": "CountTeaspoons", "task": "teaspoon_task", "cron": "* * * * ? *"}
RATE = {"name": "Digest", "task": "digest_task", "rate": "7 minutes"}
pytestmark = pytest.mark.usefixtures("on_the_stages_clock")


@pytest.fixture(scope="module", autouse=True)
def _functions_environment() -> Iterator[None]:
    with functions_environment(REVISION_MODE="shared"):
        yield


@once
def deployed(world: World, deployments: Deployments, tasks: list[dict[str, Any]]) -> None:
    """A first deployment, of a file of these tasks."""
    world.upload({"tasks": tasks})
    assert deployments.start().run() == "Deployed"


def deploy(world: World, deployment: Deployment, *tasks: dict[str, Any], until: str | None = None) -> str:
    """Deploy a file of these tasks, with the waits of the machine, up to that state. Returns the end."""
    world.upload({"tasks": list(tasks)})
    while deployment.at != until:
        state = str(deployment.at)
        if state == "WaitForMoves":
            passes(deployment.document["targets"]["wait_seconds"])
        with suppress(KilledError):
            end = deployment.go_on()
    return end


def due(begin: datetime, every: int) -> list[str]:
    """The minutes that are due from then until now."""
    minutes = int((LAST[-1] - begin.replace(second=0)) / MINUTE)
    times = [begin.replace(second=0) + MINUTE * number for number in range(1, minutes + 1)]
    return [f"{each:%Y-%m-%dT%H:%M}" for each in times if each.minute % every == 0]


def zoned(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """The same times, which only Scheduler can say."""
    return [{**task, "window": 1} for task in tasks]


def bounded(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """The same, without a window."""
    return [{**task, "end": "2099-01-01T00:00:00Z"} for task in tasks]


BOTH_WAYS = pytest.mark.parametrize("there", [True, False], ids=["to Scheduler", "to rules"])


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
@pytest.mark.parametrize("second", [0, 45])
@pytest.mark.parametrize("minute", [59, 58, 0, 1, 5])
def test_no_minute_is_missed_and_none_doubled(
    world: World, deployments: Deployments, minute: int, second: int, there: bool
) -> None:
    tasks = [NIGHTLY, OFTEN]
    before, after = (tasks, zoned(*tasks)) if there else (zoned(*tasks), tasks)
    deployed(world=world, deployments=deployments, tasks=before)
    at(5 if minute > 50 else 6, minute, second)
    begin = clock.now()
    passes(30)
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, *after) == "Deployed"
    assert deployment.document["cleared"] == {"disabled": 0}, "each stays on until the other is"
    passes(25 * 60)
    assert starts("RemoveSpam") == Counter(due(begin, 10))
    assert set(starts("IngestData").values()) <= {1}
    assert (set(world.owned_rules()), set(world.schedules())) == (
        (set(), {"IngestData", "RemoveSpam"}) if there else ({"IngestData", "RemoveSpam"}, set())
    )
    assert deploy(world, deployments.start(NEXT), *after) == "NothingToDo"


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
@pytest.mark.parametrize("second", [40, 0, 20, 59])
@pytest.mark.parametrize("every", [1, 2, 3], ids=lambda every: f"{every} min")
@pytest.mark.parametrize(
    "at_once", [(), ("schedules",), ("scheduler",)], ids=["late", "rules at once", "schedules at once"]
)
def test_one_that_is_due_too_often_is_doubled_once_at_most(
    world: World, deployments: Deployments, every: int, second: int, there: bool, at_once: tuple[str, ...]
) -> None:
    local_stage().settings.change({each: {"lag_seconds": 0} for each in at_once})
    task = EVERY_MINUTE if every == 1 else EVERY_MINUTE | {"cron": f"0/{every} * * * ? *"}
    before, after = ([task], bounded(task)) if there else (bounded(task), [task])
    deployed(world=world, deployments=deployments, tasks=before)
    at(6, 0, second)
    begin = clock.now()
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, *after) == "Deployed"
    assert (
        "may run twice at one minute: production__guestbook__CountTeaspoons" in deployment.document["plan"]["summary"]
    )
    passes(10 * 60)
    found = starts("CountTeaspoons")
    assert set(due(begin, every)) <= set(found)
    assert sum(found.values()) - len(found) <= 1
    assert (len(world.owned_rules()), len(world.schedules())) == ((0, 1) if there else (1, 0))


def test_a_start_that_is_past_is_not_when_it_begins(world: World, deployments: Deployments) -> None:
    """It begins at the minute at which the rule goes."""
    deployed(world=world, deployments=deployments, tasks=[EVERY_MINUTE])
    at(6, 0, 40)
    begin, deployment = clock.now(), deployments.start(NEXT)
    assert deploy(world, deployment, EVERY_MINUTE | {"start": "2026-01-01T00:00:00Z"}) == "Deployed"
    passes(5 * 60)
    found = starts("CountTeaspoons")
    assert set(due(begin, 1)) <= set(found)
    assert sum(found.values()) - len(found) <= 1
    assert deploy(world, deployments.start(), EVERY_MINUTE) == "Deployed", "it has that start as it goes"
    assert (len(world.owned_rules()), world.schedules()) == (1, {})


def test_it_runs_in_scheduler_to_the_end_of_a_minute(world: World, deployments: Deployments) -> None:
    """AWS may start the task until the minute is over: switched off at once, it could be missed."""
    deployed(world=world, deployments=deployments, tasks=bounded(EVERY_MINUTE))
    at(6, 0, 20)
    deployment = deployments.start(NEXT)
    world.upload({"tasks": [EVERY_MINUTE]})
    while not (deployment.document.get("targets") or {}).get("ends_at"):
        if deployment.at == "WaitForMoves":
            passes(deployment.document["targets"]["wait_seconds"])
        deployment.go_on()
    (old,), (rule,) = world.schedules().values(), world.owned_rules().values()
    assert (old["State"], rule["State"]) == ("ENABLED", "ENABLED")
    targets = deployment.document["targets"]
    assert old["EndDate"] == datetime.fromisoformat(targets["starts_at"]) + timedelta(seconds=59)
    assert datetime.fromisoformat(targets["ends_at"]) - old["EndDate"] == timedelta(seconds=31)


@pytest.mark.parametrize(
    ("key", "minute", "ends"),
    [
        pytest.param("start", 5, "06:06:30", id="it begins with the rule"),
        pytest.param("start", 6, None, id="it would begin a minute later"),
        pytest.param("start", 7, None, id="it would begin later"),
        pytest.param("end", 3, None, id="it is over"),
    ],
)
def test_one_that_is_not_due_in_scheduler_ends_there_at_once(
    world: World, deployments: Deployments, key: str, minute: int, ends: str | None
) -> None:
    """Nothing is waited for, and it is given no end before its start, which AWS refuses."""
    bound = clock.now().replace(hour=6, minute=minute, second=0, microsecond=0) + timedelta(days=1)
    deployed(world=world, deployments=deployments, tasks=[EVERY_MINUTE | {key: f"{bound:%Y-%m-%dT%H:%M:%SZ}"}])
    at(6, 2, 40)
    if key == "end":
        passes(60)
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, EVERY_MINUTE) == "Deployed"
    assert (deployment.document["targets"]["ends_at"] or "")[11:19] == (ends or "")
    assert world.schedules() == {}
    passes(5 * 60)
    found = starts("CountTeaspoons")
    assert set(found.values()) == {1}
    assert set(due(clock.now().replace(hour=6, minute=6), 1)) <= set(found)


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
@pytest.mark.parametrize("minutes", [7, 1, 2, 60, 1440], ids=lambda minutes: f"{minutes} min")
def test_a_rate_counts_anew_and_leaves_no_gap(
    world: World, deployments: Deployments, minutes: int, there: bool
) -> None:
    task = RATE | {"rate": f"{minutes} minute{'s' if minutes > 1 else ''}"}
    before, after = ([task], bounded(task)) if there else (bounded(task), [task])
    deployed(world=world, deployments=deployments, tasks=before)
    at(6, 3)
    passes(minutes * 60)
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, *after) == "Deployed"
    said = "counts its rate from now on, so that a run comes sooner: production__guestbook__Digest"
    assert said in deployment.document["plan"]["summary"]
    passes(3 * minutes * 60 + 10 * 60)
    times = sorted(datetime.fromisoformat(f"{minute}:00+00:00") for minute in starts("Digest").elements())
    assert max(later - earlier for earlier, later in pairwise(times)) <= max(minutes, 2) * MINUTE
    more = len(times) - 1 - (times[-1] - times[0]) / (minutes * MINUTE)
    assert int(more) <= (2 if minutes == 1 else 1)


@pytest.mark.exhaustive(first=0)
def test_a_rate_ends_after_a_run_in_second_59(world: World, deployments: Deployments) -> None:
    """AWS takes no EndDate that is its StartDate."""
    task = RATE | {"start": "2026-01-01T06:00:59Z"}
    deployed(world=world, deployments=deployments, tasks=[task])
    deploy(world, deployments.start(NEXT), RATE, until="RollService")
    assert world.owned_rules()["Digest"]["State"] == "ENABLED"


def test_a_daily_rate_is_not_late_after_an_update(world: World, deployments: Deployments) -> None:
    """Each update writes the next run as its start, which is no reason to wait for another day."""
    task = RATE | {"rate": "1 day"}
    deployed(world=world, deployments=deployments, tasks=bounded(task))
    passes(25 * 60 * 60)
    assert deploy(world, deployments.start(NEXT), *bounded(task)) == "Deployed"
    passes(2 * 60 * 60)
    deploy(world, deployments.start(), task, until="RollService")
    passes(25 * 60 * 60)
    times = sorted(datetime.fromisoformat(f"{minute}:00") for minute in starts("Digest").elements())
    assert len(times) == 3
    assert max(later - earlier for earlier, later in pairwise(times)) <= timedelta(days=1)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("start", ["2026-01-01T06:20:00Z", "2099-01-01T06:20:00Z"], ids=["past", "ahead"])
def test_a_rate_with_a_start_counts_from_that(world: World, deployments: Deployments, start: str) -> None:
    """Not from the minute at which it moves, where the file would have it elsewhere in the next deployment."""
    task = RATE | {"rate": "1 hour"}
    at(5, 30)  # the rule counts from then, and is not due meanwhile
    deployed(world=world, deployments=deployments, tasks=[task])
    at(6, 3)
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, task | {"start": start}) == "Deployed"
    said = "counts its rate from its start, so that one run comes sooner or later: production__guestbook__Digest"
    assert said in deployment.document["plan"]["summary"]
    passes(2 * 60 * 60)
    ahead = start.startswith("2099")
    assert [minute[11:] for minute in starts("Digest")] == ([] if ahead else ["06:20", "07:20"])
    assert deploy(world, deployments.start(NEXT), task | {"start": start}) == "NothingToDo"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("task", [EVERY_MINUTE, RATE | {"rate": "1 day"}], ids=["every minute", "rate"])
def test_what_ends_is_not_given_a_later_end(world: World, deployments: Deployments, task: dict[str, Any]) -> None:
    """Killed after the schedule was given its end, and tried again when that is past: it would run once more."""
    deployed(world=world, deployments=deployments, tasks=bounded(task))
    at(6, 0, 20)
    begin, deployment = clock.now(), deployments.start(NEXT)
    with world.calls.killing("scheduler.UpdateSchedule", after=True), pytest.raises(KilledError):
        deploy_until_killed(world, deployment, task)
    passes(5 * 60)
    deploy(world, deployment, task, until="RollService")
    passes(5 * 60)
    found = starts(task["name"])
    assert set(due(begin, 1)) <= set(found) or "rate" in task
    assert sum(found.values()) - len(found) <= 1
    assert len(found) == 1 or "rate" not in task


def test_what_may_not_move_is_refused(world: World, deployments: Deployments) -> None:
    deployed(world=world, deployments=deployments, tasks=[NIGHTLY, *zoned(RATE)])
    assert deployments.ask(**pause("IngestData")).run() == "Done"
    world.upload({"tasks": [*zoned(NIGHTLY), RATE]})
    with pytest.raises(ConfigError) as refused:
        deployments.start(NEXT).until("PlanDeployment")
    assert "IngestData would move to EventBridge Scheduler, and is paused: resume it" in str(refused.value)
    assert "Digest would move from EventBridge Scheduler to a rule, and is a rate in a flexible" in str(refused.value)


def test_a_rule_that_was_left_off_takes_over_no_rate_in_a_window(world: World, deployments: Deployments) -> None:
    deployed(world=world, deployments=deployments, tasks=zoned(RATE))
    own = [{"Key": "rota:app", "Value": SETTINGS.app}]
    client("events").put_rule(Name=f"{PREFIX}Digest", ScheduleExpression="rate(7 minutes)", State="DISABLED", Tags=own)
    world.upload({"tasks": [RATE]})
    with pytest.raises(ConfigError, match="Digest would move from EventBridge Scheduler to a rule, and is a rate"):
        deployments.start(NEXT).until("PlanDeployment")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("paused", [False, True], ids=["on", "paused"])
@pytest.mark.parametrize("task", [NIGHTLY, EVERY_MINUTE, RATE], ids=["daily", "every minute", "rate"])
def test_a_rollback_leaves_it_in_scheduler(
    world: World, deployments: Deployments, task: dict[str, Any], paused: bool
) -> None:
    deployed(world=world, deployments=deployments, tasks=[task])
    assert deploy(world, deployments.start(NEXT), *zoned(task)) == "Deployed"
    if paused:
        assert deployments.ask(**pause(task["name"])).run() == "Done"
    back = deployments.ask(**BACK | {"release": "v1"})
    assert deploy(world, back, *zoned(task)) == "Deployed"
    found = world.schedules()[task["name"]]
    assert (world.owned_rules(), found["FlexibleTimeWindow"]["Mode"]) == ({}, "OFF")
    assert found["State"] == ("DISABLED" if paused else "ENABLED")
    said = f"stays in EventBridge Scheduler, where no rule can take over at once: {task['name']}"
    assert said in back.document["plan"]["summary"]
    deploy(world, deployments.ask(**BACK | {"release": "v2"}), *zoned(task), until="RollService")
    assert world.schedules()[task["name"]]["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"


def test_no_run_is_lost_in_its_flexible_window(world: World, deployments: Deployments) -> None:
    """AWS may start the run of 06:00 until 07:00:59."""
    deployed(world=world, deployments=deployments, tasks=[NIGHTLY | {"window": 60}])
    at(6, 10)
    begin = clock.now()
    deployment = deployments.start(NEXT)
    deploy(world, deployment, NIGHTLY, until="RollService")
    assert timedelta(minutes=51) <= clock.now() - begin <= timedelta(minutes=55)
    said = "waits until its flexible window is over, for up to 63 minutes: production__guestbook__IngestData"
    assert said in deployment.document["plan"]["summary"]


ONCE = {"name": "Once", "task": "once_task", "timezone": "UTC", "window": 60}


DID_NOT_RUN = "the time of Once passed before its schedule was made, so it did not run: start it with rota run Once"


def once_tomorrow() -> dict[str, Any]:
    return ONCE | {"at": f"{clock.now() + timedelta(days=1):%Y-%m-%dT06:00:00}"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("call", "killed"),
    [
        pytest.param("scheduler.UpdateSchedule", True, id="updated, tried again"),
        pytest.param("scheduler.CreateSchedule", False, id="created at once"),
        pytest.param("scheduler.CreateSchedule", True, id="created, tried again"),
        pytest.param("scheduler.UpdateSchedule", False, id="updated at once"),
    ],
)
def test_one_whose_time_passes_meanwhile_is_reported(
    world: World, deployments: Deployments, call: str, killed: bool
) -> None:
    once = once_tomorrow()
    deployed(world=world, deployments=deployments, tasks=[once | {"at": "2098-01-01T06:00:00"}] * ("Up" in call))
    at(5, 0)
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("CreateTargets")
    passes(3 * 60 * 60)
    with world.calls.killing(call, after=True) if killed else nullcontext(), suppress(KilledError):
        deployment.until("RollService")
    assert deploy(world, deployment, once) == "Deployed"
    assert world.schedules()["Once"]["State"] == "DISABLED"
    assert DID_NOT_RUN in world.entry(deployment.arn)["summary"]


def test_of_many_whose_time_passes_meanwhile_the_first_are_named(world: World, deployments: Deployments) -> None:
    tasks = [once_tomorrow() | {"name": f"Once{number:02}"} for number in range(23)]
    deployed(world=world, deployments=deployments, tasks=[OFTEN])
    at(5, 0)
    world.upload({"tasks": [*tasks, *bounded(OFTEN)]})
    deployment = deployments.start(NEXT).until("CreateTargets")
    passes(3 * 60 * 60)
    assert deploy(world, deployment, *tasks, *bounded(OFTEN)) == "Deployed"
    answer = deployment.document["targets"]
    assert (answer["late"], answer["late_more"]) == ([task["name"] for task in tasks[:20]], 3)
    assert "Once18, Once19 and 3 more passed before their schedules" in world.entry(deployment.arn)["summary"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("before", ["0 12 * * ? *", "* * * * ? *"], ids=["daily", "each minute"])
def test_one_whose_time_passes_as_it_moves_is_reported(world: World, deployments: Deployments, before: str) -> None:
    once = {key: value for key, value in once_tomorrow().items() if key != "window"}
    deployed(world=world, deployments=deployments, tasks=[{"name": "Once", "task": once["task"], "cron": before}])
    at(5, 0, 10)
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("WaitForMoves")
    passes(2 * 60 * 60)
    assert deploy(world, deployment, once) == "Deployed"
    assert world.schedules()["Once"]["State"] == "DISABLED"
    assert DID_NOT_RUN in world.entry(deployment.arn)["summary"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("before", ["0 12 * * ? *", "* * * * ? *"], ids=["daily", "each minute"])
def test_one_that_moves_in_its_window_still_runs(world: World, deployments: Deployments, before: str) -> None:
    once = once_tomorrow()
    deployed(world=world, deployments=deployments, tasks=[{"name": "Once", "task": once["task"], "cron": before}])
    at(5, 0, 10)
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("WaitForMoves")
    passes(90 * 60)
    assert deploy(world, deployment, once) == "Deployed"
    assert world.schedules()["Once"]["State"] == "ENABLED"


def test_what_a_move_left_off_moves_in_its_window_and_still_runs(world: World, deployments: Deployments) -> None:
    once = once_tomorrow()
    deployed(
        world=world, deployments=deployments, tasks=[{"name": "Once", "task": once["task"], "cron": "0 12 * * ? *"}]
    )
    at(5, 0, 10)
    world.upload({"tasks": [once]})
    deployments.start(NEXT).until("WaitForMoves").stop(timedelta(minutes=10))
    deployment = deployments.start(THIRD).until("WaitForMoves")
    passes(90 * 60)
    assert deploy(world, deployment, once) == "Deployed"
    assert world.schedules()["Once"]["State"] == "ENABLED"


@pytest.mark.exhaustive(first=0)
def test_one_whose_time_has_passed_is_reported_where_a_restore_finishes_the_deployment(
    world: World, deployments: Deployments
) -> None:
    once = once_tomorrow()
    deployed(world=world, deployments=deployments, tasks=[])
    at(5, 0)
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("CreateTargets")
    passes(3 * 60 * 60)
    deployment.until("FinishDeployment")
    with world.calls.killing("dynamodb.TransactWriteItems"), suppress(KilledError):
        deployment.until("Deployed")
    deployment.fail("Lambda.Unknown", "killed")
    deployment.restore()
    entry = world.entry(deployment.arn)
    assert (entry["outcome"], DID_NOT_RUN in entry["summary"]) == ("deployed", True)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("minutes", [2, 120], ids=["about to run", "has run"])
def test_what_is_about_to_run_is_not_written(world: World, deployments: Deployments, minutes: int) -> None:
    once = once_tomorrow()
    deployed(world=world, deployments=deployments, tasks=[once])
    at(5, 59)
    before = world.schedules()["Once"]
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("CreateTargets")
    assert deployment.document["plan"]["updated"] == 1
    passes(minutes * 60)
    with world.calls.refusing("scheduler.UpdateSchedule", "AccessDeniedException", count=0):
        assert deploy(world, deployment, once) == "Deployed"
    assert world.schedules()["Once"] == before
    assert "did not run" not in world.entry(deployment.arn)["summary"]


def test_what_a_failed_deployment_wrote_is_restored_in_time(world: World, deployments: Deployments) -> None:
    once = once_tomorrow()
    deployed(world=world, deployments=deployments, tasks=[once])
    at(5, 58)
    before = world.schedules()["Once"]
    world.upload({"tasks": [once]})
    deployment = deployments.start(NEXT).until("RollService")
    assert world.schedules()["Once"] != before
    passes(3 * 60)
    with world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
        assert deployment.run() == "DeploymentFailed"
    assert world.schedules()["Once"] == before


def test_one_that_is_resumed_in_its_window_still_runs(world: World, deployments: Deployments) -> None:
    deployed(world=world, deployments=deployments, tasks=[once_tomorrow()])
    at(6, 10)
    assert deployments.ask(**pause("Once")).run() == "Done"
    assert world.schedules()["Once"]["State"] == "DISABLED"
    assert deployments.ask(**resume("Once")).run() == "Done"
    assert world.schedules()["Once"]["State"] == "ENABLED"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("task", "there"),
    [
        pytest.param(RATE, True, id="rate to Scheduler"),
        pytest.param(NIGHTLY, False, id="daily to rules"),
        pytest.param(NIGHTLY, True, id="daily to Scheduler"),
        pytest.param(RATE, False, id="rate to rules"),
    ],
)
def test_one_that_is_off_stays_off(world: World, deployments: Deployments, task: dict[str, Any], there: bool) -> None:
    off = task | {"enabled": False}
    before, after = (off, *bounded(off)) if there else (*bounded(off), off)
    deployed(world=world, deployments=deployments, tasks=[before])
    at(5, 59)
    begin = clock.now()
    assert deploy(world, deployments.start(NEXT), after) == "Deployed"
    found = {**world.owned_rules(), **world.schedules()}
    assert (len(world.schedules()), found[task["name"]]["State"]) == (int(there), "DISABLED")
    assert clock.now() - begin < MINUTE, "there is nothing to wait for"


class Slow:
    """A hook: the first call of an operation takes minutes."""

    def __init__(self, operation: str, minutes: int) -> None:
        self._operation, self._minutes = operation, minutes

    def before(self, call: Call) -> None:
        if call.operation == self._operation and self._minutes:
            self._minutes, seconds = 0, self._minutes * 60
            passes(seconds)

    def after(self, _call: Call, _reply: Reply) -> None:
        """Leave every reply as it is."""


def test_the_wait_counts_from_the_end_of_the_round(world: World, deployments: Deployments) -> None:
    deployed(world=world, deployments=deployments, tasks=[EVERY_MINUTE])
    at(6, 0, 20)
    deployment = deployments.start(NEXT)
    world.upload({"tasks": bounded(EVERY_MINUTE)})
    with local_stage().hooked(Slow("UpdateSchedule", 1)):
        while not (deployment.document.get("targets") or {}).get("starts_at"):
            deployment.go_on()
    targets = deployment.document["targets"]
    ends = clock.now() + timedelta(seconds=targets["wait_seconds"])
    assert abs(ends - datetime.fromisoformat(targets["starts_at"])) < timedelta(seconds=2), targets


def test_one_that_is_due_by_its_turn_waits(world: World, deployments: Deployments) -> None:
    """It was quiet as the round began; the others took so long that its run is near."""
    local_stage().settings.change({"schedules": {"lag_seconds": 0}})
    tasks = [NIGHTLY, EVERY_MINUTE]
    deployed(world=world, deployments=deployments, tasks=tasks)
    at(5, 54, 30)
    deployment = deployments.start(NEXT)
    world.upload({"tasks": bounded(*tasks)})
    deployment.until("WaitForMoves")
    with local_stage().hooked(Slow("GetSchedule", 5)):
        deploy(world, deployment, *bounded(*tasks), until="RollService")
    passes(10 * 60)
    assert set(starts("IngestData").values()) == {1}


def test_what_was_switched_on_is_not_left_on_beside_the_old_one(world: World, deployments: Deployments) -> None:
    """Killed between the two, it is tried again when the job is due too soon for a quiet moment."""
    deployed(world=world, deployments=deployments, tasks=bounded(OFTEN))
    at(6, 8, 20)
    deployment = deployments.start(NEXT)
    with world.calls.killing("events.EnableRule", after=True), pytest.raises(KilledError):
        deploy_until_killed(world, deployment, OFTEN)
    passes(20)
    deploy(world, deployment, OFTEN, until="RollService")
    passes(5 * 60)
    assert set(starts("RemoveSpam").values()) == {1}


def test_it_does_not_begin_twice_when_its_start_is_tried_again(world: World, deployments: Deployments) -> None:
    """Killed after the schedule was given its start, and tried again when that is past: the rule goes at once."""
    deployed(world=world, deployments=deployments, tasks=[EVERY_MINUTE])
    at(6, 0, 10)
    deployment = deployments.start(NEXT)
    with world.calls.killing("scheduler.UpdateSchedule", after=True), pytest.raises(KilledError):
        deploy_until_killed(world, deployment, *bounded(EVERY_MINUTE))
    start = world.schedules()["CountTeaspoons"]["StartDate"]
    passes(3 * 60)
    deploy(world, deployment, *bounded(EVERY_MINUTE), until="RollService")
    assert world.schedules()["CountTeaspoons"]["StartDate"] == start


def deploy_until_killed(world: World, deployment: Deployment, *tasks: dict[str, Any]) -> None:
    world.upload({"tasks": list(tasks)})
    while deployment.at:
        if deployment.at == "WaitForMoves":
            passes(deployment.document["targets"]["wait_seconds"])
        deployment.go_on()


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("task", "said"),
    [
        (OFTEN, "a run may have come twice while its schedule moved back, of production__guestbook__RemoveSpam"),
        (RATE, "a run may have come sooner, and the next later, than the rate says, of production__guestbook__Digest"),
        (NIGHTLY, ""),
    ],
    ids=["due meanwhile", "rate", "not due"],
)
@BOTH_WAYS
def test_the_cause_says_what_an_undone_move_may_do(
    world: World, deployments: Deployments, task: dict[str, Any], said: str, there: bool
) -> None:
    before, after = ([task], bounded(task)) if there else (bounded(task), [task])
    deployed(world=world, deployments=deployments, tasks=before)
    at(7, 3)
    deployment = deployments.start(NEXT)
    deploy(world, deployment, *after, until="RollService")
    at(7, 9)
    with world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
        assert deployment.run() == "DeploymentFailed"
    cause = world.entry(deployment.arn)["cause"]
    assert said in cause
    assert ("a run may" in cause) is bool(said)


CALLS = (
    *((True, "events.DisableRule"), (False, "events.EnableRule"), (True, "scheduler.UpdateSchedule")),
    *((False, "events.PutTargets"), (True, "scheduler.CreateSchedule"), (False, "scheduler.UpdateSchedule")),
    (False, "events.PutRule"),
)
KINDS = ("denied for good", "killed after", "killed before")


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("there", "call", "kind"),
    [(*each, KINDS[(number + turn) % 3]) for turn in range(3) for number, each in enumerate(CALLS)],
    ids=str,
)
def test_a_move_that_fails_is_undone_or_done(
    world: World, deployments: Deployments, there: bool, call: str, kind: str
) -> None:
    tasks = [NIGHTLY, OFTEN]
    before, after = (tasks, zoned(*tasks)) if there else (zoned(*tasks), tasks)
    deployed(world=world, deployments=deployments, tasks=before)
    at(6, 3)
    begin = clock.now()
    rules, schedules = world.owned_rules(), without_dates(world.schedules())
    fault = (
        world.calls.refusing(call, "AccessDeniedException", count=0)
        if kind == "denied for good"
        else world.calls.killing(call, after=kind == "killed after")
    )
    deployment = deployments.start(NEXT)
    with fault:
        world.upload({"tasks": after})
        end = ""
        with suppress(KilledError):
            while deployment.at and deployment.at != "RestoreDeployment":
                end = deployment.go_on()
    end = deploy(world, deployment, *after) if deployment.at else end
    passes(30 * 60)
    if end == "Deployed":
        assert len(world.schedules() if there else world.owned_rules()) == 2
    else:
        assert (end, world.owned_rules(), without_dates(world.schedules())) == ("DeploymentFailed", rules, schedules)
    assert set(due(begin, 10)) <= set(starts("RemoveSpam"))
    assert sum(starts("RemoveSpam").values()) - len(starts("RemoveSpam")) <= 1


@pytest.mark.parametrize(
    ("there", "on", "off", "what"),
    [
        pytest.param(True, "events.EnableRule", "scheduler.DeleteSchedule", "schedule", id="to Scheduler"),
        pytest.param(False, "scheduler.UpdateSchedule", "events.DeleteRule", "rule", id="to rules"),
    ],
)
def test_what_has_moved_runs_until_the_old_one_is_on(
    world: World, deployments: Deployments, there: bool, on: str, off: str, what: str
) -> None:
    before, after = ([OFTEN], bounded(OFTEN)) if there else (bounded(OFTEN), [OFTEN])
    deployed(world=world, deployments=deployments, tasks=before)
    at(6, 3)
    begin, deployment = clock.now(), deployments.start(NEXT)
    deploy(world, deployment, *after, until="RollService")
    deployment.fail("RejectedError", "what happened")
    with world.calls.refusing(on, "AccessDeniedException"), pytest.raises(RejectedError):
        deployment.step("RestoreDeployment")
    passes(12 * 60)
    said = rf"until the {what} .*RemoveSpam is deleted, each run of its task may come twice"
    with world.calls.refusing(off, "AccessDeniedException"), pytest.raises(RejectedError, match=said):
        deployment.step("RestoreDeployment")
    cause = deployment.step("RestoreDeployment")["cause"]
    assert "a run may have come twice while its schedule moved back, of production__guestbook__RemoveSpam" in cause
    assert (set(world.owned_rules()), set(world.schedules())) == (
        ({"RemoveSpam"}, set()) if there else (set(), {"RemoveSpam"})
    )
    passes(12 * 60)
    assert starts("RemoveSpam").keys() == set(due(begin, 10))


def begun(world: World, deployments: Deployments, there: bool, task: dict[str, Any]) -> list[dict[str, Any]]:
    """A move that a person stopped before anything was switched, and that was not restored: AWS may lose an event.
    Returns the tasks of the file that it was for.
    """
    before, after = ([task], bounded(task)) if there else (bounded(task), [task])
    deployed(world=world, deployments=deployments, tasks=before)
    at(6, 0, 10)
    world.upload({"tasks": after})
    deployments.start(NEXT).until("WaitForMoves").stop(timedelta(minutes=10))
    return after


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("second", [0, 20, 40, 48])
@BOTH_WAYS
def test_no_minute_is_missed_where_the_next_one_ends_a_move(
    world: World, deployments: Deployments, there: bool, second: int
) -> None:
    after = begun(world, deployments, there, EVERY_MINUTE)
    begin = clock.now()
    passes(5 * 60 + second)
    assert deploy(world, deployments.start(THIRD), *after) == "Deployed"
    passes(3 * 60)
    found = starts("CountTeaspoons")
    assert set(due(begin, 1)) <= set(found)
    assert sum(found.values()) - len(found) <= 1
    assert (len(world.owned_rules()), len(world.schedules())) == ((0, 1) if there else (1, 0))


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("second", [59, 0, 20, 40])
def test_no_minute_is_missed_where_a_move_stops_before_its_minute(
    world: World, deployments: Deployments, second: int
) -> None:
    """The rule is disabled by the next one, which takes the lease three minutes later: by then the schedule is on."""
    deployed(world=world, deployments=deployments, tasks=[EVERY_MINUTE])
    at(6, 0, second)
    begin, deployment = clock.now(), deployments.start(NEXT)
    world.upload({"tasks": bounded(EVERY_MINUTE)})
    while not (deployment.document.get("targets") or {}).get("starts_at"):
        if deployment.at == "WaitForMoves":
            passes(deployment.document["targets"]["wait_seconds"])
        deployment.go_on()
    passes(3 * 60)
    deployment.stop(timedelta(minutes=3))
    assert deploy(world, deployments.start(NEXT), *bounded(EVERY_MINUTE)) == "Deployed"
    passes(3 * 60)
    assert set(due(begin, 1)) <= set(starts("CountTeaspoons"))
    assert (world.owned_rules(), len(world.schedules())) == ({}, 1)


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
def test_what_a_move_left_off_is_off_again_after_a_restore(world: World, deployments: Deployments, there: bool) -> None:
    after = begun(world, deployments, there, OFTEN)
    rules, schedules = world.owned_rules(), without_dates(world.schedules())
    deployment = deployments.start(THIRD)
    deploy(world, deployment, *after, until="RollService")
    with world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
        assert deployment.run() == "DeploymentFailed"
    assert (world.owned_rules(), without_dates(world.schedules())) == (rules, schedules)


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
def test_a_pause_does_not_take_its_state_from_what_a_move_left_off(
    world: World, deployments: Deployments, there: bool
) -> None:
    """It is in force as the move is undone; after it the job is on."""
    after = begun(world, deployments, there, OFTEN)
    deployment = deployments.start(THIRD)
    deploy(world, deployment, *after, until="RollService")
    pauses_of(SETTINGS).change("RemoveSpam", lambda _: Pause(task="RemoveSpam", since=clock.now(), execution=""))
    with world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
        assert deployment.run() == "DeploymentFailed"
    assert deployments.ask(**resume("RemoveSpam")).run() == "Done"
    found = [*world.owned_rules().values(), *world.schedules().values()]
    assert sorted(each["State"] for each in found) == ["DISABLED", "ENABLED"]


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
def test_a_pause_over_what_a_move_left_ends_with_the_job_on(
    world: World, deployments: Deployments, there: bool
) -> None:
    """The one that goes does not say that the job is off after the pause, nor is it what runs then."""
    begun(world, deployments, there, OFTEN)
    before = [OFTEN] if there else bounded(OFTEN)
    assert deployments.ask(**pause("RemoveSpam")).run() == "Done"
    assert deploy(world, deployments.start(THIRD), *before) == "Deployed"
    assert deployments.ask(**resume("RemoveSpam")).run() == "Done"
    rules, schedules = world.owned_rules(), world.schedules()
    assert [each["State"] for each in (rules if there else schedules).values()] == ["ENABLED"]
    assert (schedules if there else rules) == {}


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
def test_a_restore_over_what_a_move_left_leaves_the_pause_as_it_is(
    world: World, deployments: Deployments, there: bool
) -> None:
    begun(world, deployments, there, OFTEN)
    found = world.owned_rules(), without_dates(world.schedules())
    assert deployments.ask(**pause("RemoveSpam")).run() == "Done"
    world.upload({"tasks": [OFTEN] if there else bounded(OFTEN)})
    deployment = deployments.start(THIRD).until("RollService")
    deployment.fail("RejectedError", "what happened")
    deployment.step("RestoreDeployment")
    assert deployments.ask(**resume("RemoveSpam")).run() == "Done"
    assert (world.owned_rules(), without_dates(world.schedules())) == found


@BOTH_WAYS
def test_a_pause_that_is_over_switches_on_which_of_two_was_on(
    world: World, deployments: Deployments, there: bool
) -> None:
    begun(world, deployments, there, OFTEN)
    found = world.owned_rules(), without_dates(world.schedules())
    until = clock.now() + 10 * MINUTE
    assert deployments.ask(**pause("RemoveSpam", until=until)).run() == "Done"
    assert end_pauses(SETTINGS, until).all["RemoveSpam"].settled_at == until
    assert (world.owned_rules(), without_dates(world.schedules())) == found


@BOTH_WAYS
def test_who_pauses_it_again_keeps_which_of_two_was_on(world: World, deployments: Deployments, there: bool) -> None:
    begun(world, deployments, there, OFTEN)
    found = world.owned_rules(), without_dates(world.schedules())
    for asked in (pause("RemoveSpam"), pause("RemoveSpam"), resume("RemoveSpam")):
        assert deployments.ask(**asked).run() == "Done"
    assert (world.owned_rules(), without_dates(world.schedules())) == found


def test_a_pause_of_the_version_before_keeps_a_move_away(world: World, deployments: Deployments) -> None:
    """It does not say where the schedule is, which is the only one."""
    deployed(world=world, deployments=deployments, tasks=bounded(OFTEN))
    assert deployments.ask(**pause("RemoveSpam")).run() == "Done"
    pauses_of(SETTINGS).change("RemoveSpam", lambda seen: seen and seen.model_copy(update={"in_scheduler": False}))
    deployment = deployments.start(NEXT)
    assert deploy(world, deployment, OFTEN) == "DeploymentFailed"
    assert "is paused: resume it, then deploy" in world.entry(deployment.arn)["cause"]
    assert deployments.ask(**resume("RemoveSpam")).run() == "Done"
    assert [each["State"] for each in world.schedules().values()] == ["ENABLED"]


@pytest.mark.exhaustive(first=1)
@BOTH_WAYS
def test_what_a_move_left_does_not_move_while_it_is_paused(world: World, deployments: Deployments, there: bool) -> None:
    after = begun(world, deployments, there, OFTEN)
    found = world.owned_rules(), without_dates(world.schedules())
    assert deployments.ask(**pause("RemoveSpam")).run() == "Done"
    deployment = deployments.start(THIRD)
    assert deploy(world, deployment, *after) == "DeploymentFailed"
    assert "is paused: resume it, then deploy" in world.entry(deployment.arn)["cause"]
    assert deployments.ask(**resume("RemoveSpam")).run() == "Done"
    assert (world.owned_rules(), without_dates(world.schedules())) == found
    assert deploy(world, deployments.start(THIRD), *after) == "Deployed"
    assert len(world.owned_rules()) + len(world.schedules()) == 1


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("how", ["rollback", "the file of before"])
def test_what_a_move_to_a_rule_left_keeps_no_one_from_going_back(
    world: World, deployments: Deployments, how: str
) -> None:
    """The rule has the retry policy that the stopped deployment gave it, and starts nothing."""
    deployed(world=world, deployments=deployments, tasks=bounded(OFTEN))
    assert deploy(world, deployments.start(NEXT), *bounded(OFTEN)) == "Deployed"
    world.upload({"tasks": [OFTEN]})
    deployments.start(THIRD).until("WaitForMoves").stop(timedelta(minutes=10))
    assert world.owned_rules()["RemoveSpam"]["State"] == "DISABLED"
    back = deployments.ask(**BACK | {"release": "v1"}) if how == "rollback" else deployments.start(NEXT)
    assert deploy(world, back, *bounded(OFTEN)) == "Deployed"
    (schedule,) = world.schedules().values()
    assert (world.owned_rules(), schedule["State"]) == ({}, "ENABLED")


def untag(rule: str) -> None:
    arn = f"arn:aws:events:us-east-1:123456789012:rule/{PREFIX}{rule}"
    client("events").untag_resource(ResourceARN=arn, TagKeys=["rota:app"])


def test_a_rule_that_is_untagged_meanwhile_ends_its_move(world: World, deployments: Deployments) -> None:
    """Left on beside the schedule, each run would come twice."""
    deployed(world=world, deployments=deployments, tasks=[OFTEN])
    at(6, 3)
    world.upload({"tasks": bounded(OFTEN)})
    deployment = deployments.start(NEXT).until("WaitForMoves")
    untag("RemoveSpam")
    assert deploy(world, deployment, *bounded(OFTEN)) == "DeploymentFailed"
    assert (world.rules()[PREFIX + "RemoveSpam"]["State"], world.schedules()) == ("ENABLED", {})
    said = "RemoveSpam was untagged by someone while its task moved to EventBridge Scheduler, and is on: disable it"
    assert said in world.entry(deployment.arn)["cause"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("until", "state", "said"),
    [
        pytest.param("WaitForMoves", "DISABLED", "", id="not switched on yet"),
        pytest.param("RollService", "ENABLED", ", on: until you disable it, each run of its task comes twice", id="on"),
    ],
)
def test_a_new_rule_that_is_untagged_is_said_to_be_on(
    world: World, deployments: Deployments, until: str, state: str, said: str
) -> None:
    deployed(world=world, deployments=deployments, tasks=bounded(OFTEN))
    at(6, 10)
    deployment = deployments.start(NEXT)
    deploy(world, deployment, OFTEN, until=until)
    untag("RemoveSpam")
    assert world.rules()[PREFIX + "RemoveSpam"]["State"] == state
    deployment.fail("RejectedError", "what happened")
    cause = deployment.restore()["cause"]
    assert f"RemoveSpam has another owner and was left unchanged{said}" in cause
    assert ("on: until you disable it" in cause) is bool(said)


class Written:
    """The writes to schedules, each with its time to ten seconds: `06:02:00 UpdateSchedule DISABLED 06:01:59/00:00:59`,
    of a schedule in Scheduler with its dates.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def before(self, _call: Call) -> Reply | None:
        return None

    def after(self, call: Call, reply: Reply) -> None:
        writes = call.operation in {"CreateSchedule", "UpdateSchedule", "PutRule", "EnableRule", "DisableRule"}
        if call.caller and writes and reply.ok:
            dates = [
                f"{call.params[name]:%H:%M:%S}" if name in call.params else "" for name in ("StartDate", "EndDate")
            ]
            shown = filter(None, (call.operation, call.params.get("State"), "/".join(dates).strip("/")))
            self.lines.append(f"{clock.now():%H:%M:%S}"[:7] + f"0 {' '.join(shown)}")


EACH_TEN = {"name": "Digest", "task": "digest_task", "rate": "10 minutes"}
DAILY = EACH_TEN | {"rate": "1 day"}
WITH_START = {"start": "2026-01-01T06:04:00Z"}
BETWEEN = OFTEN | {"cron": "5/10 * * * ? *"}
OFTEN_IN_BETWEEN = OFTEN | {"cron": "5/6 * * * ? *"}


@pytest.mark.parametrize(
    ("before", "after", "now", "written", "dates"),
    [
        pytest.param(
            NIGHTLY,
            NIGHTLY | {"window": 1},
            "05:57:40",
            ["05:57:40 CreateSchedule DISABLED", "05:57:40 UpdateSchedule ENABLED", "05:57:40 DisableRule"],
            "06:00:00 None",
            id="quiet",
        ),
        pytest.param(
            NIGHTLY,
            NIGHTLY | {"window": 1},
            "05:58:40",
            ["05:58:40 CreateSchedule DISABLED", "06:01:30 UpdateSchedule ENABLED", "06:01:30 DisableRule"],
            "06:01:00 None",
            id="due soon",
        ),
        pytest.param(
            NIGHTLY | {"window": 15},
            NIGHTLY,
            "06:03:20",
            ["06:03:20 PutRule DISABLED", "06:16:30 EnableRule", "06:16:30 UpdateSchedule DISABLED"],
            "06:05:00 None",
            id="in its window",
        ),
        pytest.param(
            OFTEN,
            BETWEEN | {"end": "2099-01-01T00:00:00Z"},
            "06:08:40",
            [
                "06:08:40 CreateSchedule DISABLED 00:00:59",
                "06:11:30 UpdateSchedule ENABLED 00:00:59",
                "06:11:30 DisableRule",
            ],
            "06:11:00 None",
            id="other minutes, which leave time between",
        ),
        pytest.param(
            OFTEN | {"cron": "0/6 * * * ? *"},
            OFTEN_IN_BETWEEN | {"window": 1},
            "06:07:20",
            ["06:07:20 CreateSchedule DISABLED", "06:07:20 UpdateSchedule ENABLED 06:08:59", "06:09:00 DisableRule"],
            "06:09:00 None",
            id="other minutes, which leave none",
        ),
        pytest.param(
            EVERY_MINUTE,
            EVERY_MINUTE | {"end": "2099-01-01T00:00:00Z"},
            "06:00:20",
            [
                "06:00:20 CreateSchedule DISABLED 00:00:59",
                "06:00:20 UpdateSchedule ENABLED 06:01:59/00:00:59",
                "06:02:00 DisableRule",
            ],
            "06:02:00 None",
            id="each minute, to Scheduler",
        ),
        pytest.param(
            EVERY_MINUTE,
            EVERY_MINUTE | {"start": "2026-01-01T00:00:00Z"},
            "06:00:40",
            ["06:00:40 CreateSchedule DISABLED", "06:00:40 UpdateSchedule ENABLED 06:02:59", "06:03:00 DisableRule"],
            "06:03:00 None",
            id="each minute, with a start that is past",
        ),
        pytest.param(
            EVERY_MINUTE | {"end": "2099-01-01T00:00:00Z"},
            EVERY_MINUTE,
            "06:00:05",
            [
                "06:00:00 PutRule DISABLED",
                "06:02:00 EnableRule",
                "06:02:00 UpdateSchedule ENABLED 06:02:59",
                "06:03:30 UpdateSchedule DISABLED 00:00:59",
            ],
            "06:02:00 06:03:30",
            id="each minute, to a rule",
        ),
        pytest.param(
            EACH_TEN,
            EACH_TEN | WITH_START,
            "06:00:20",
            [
                "06:00:20 CreateSchedule DISABLED 06:04:00",
                "06:00:20 UpdateSchedule ENABLED 06:04:00",
                "06:02:00 DisableRule",
            ],
            "06:02:00 None",
            id="a rate with a start",
        ),
        pytest.param(
            EACH_TEN | WITH_START,
            EACH_TEN,
            "06:00:20",
            [
                "06:00:20 PutRule DISABLED",
                "06:02:00 EnableRule",
                "06:02:00 UpdateSchedule ENABLED 06:04:00/06:04:59",
                "06:05:30 UpdateSchedule DISABLED 06:14:00",
            ],
            "06:02:00 06:05:30",
            id="a rate runs once more",
        ),
        pytest.param(
            DAILY | {"start": "2026-01-01T12:00:00Z"},
            DAILY,
            "06:00:20",
            [
                "06:00:20 PutRule DISABLED",
                "06:02:00 EnableRule",
                "06:02:00 UpdateSchedule ENABLED 06:04:00/06:04:59",
                "06:05:30 UpdateSchedule DISABLED 12:00:00",
            ],
            "06:02:00 06:05:30",
            id="a daily rate runs once more, soon",
        ),
        pytest.param(
            DAILY | {"start": "2026-01-01T06:08:00Z"},
            DAILY,
            "06:00:20",
            [
                "06:00:20 PutRule DISABLED",
                "06:02:00 EnableRule",
                "06:02:00 UpdateSchedule ENABLED 06:08:00/06:08:59",
                "06:09:30 UpdateSchedule DISABLED 06:08:00",
            ],
            "06:02:00 06:09:30",
            id="a daily rate that is due soon runs then",
        ),
        pytest.param(
            EACH_TEN | WITH_START,
            OFTEN | {"name": "Digest"},
            "06:00:20",
            [
                "06:00:20 PutRule DISABLED",
                "06:02:00 EnableRule",
                "06:02:00 UpdateSchedule DISABLED 06:02:59",
                "06:03:30 UpdateSchedule DISABLED 06:04:00",
            ],
            "06:02:00 06:03:30",
            id="a rate becomes a cron in a rule",
        ),
    ],
)
def test_what_is_written_when(
    world: World,
    deployments: Deployments,
    before: dict[str, Any],
    after: dict[str, Any],
    now: str,
    written: list[str],
    dates: str,
) -> None:
    deployed(world=world, deployments=deployments, tasks=[before])
    at(*map(int, now.split(":")))
    deployment, seen = deployments.start(NEXT), Written()
    with local_stage().hooked(seen):
        deploy(world, deployment, after, until="RollService")
    assert sorted(seen.lines, key=lambda line: line[:8]) == written
    targets = deployment.document["targets"]
    found = [each and each[11:19] for each in (targets["starts_at"], targets["ends_at"])]
    assert f"{found[0]} {found[1]}" == dates
    assert (targets["finished"], targets["wait_seconds"], targets["left"], targets["late"]) == (True, 0, [], [])


def test_a_rate_that_a_move_left_off_is_switched_on_once(world: World, deployments: Deployments) -> None:
    """Another write, as its rule goes, would begin its rate anew."""
    (after,) = begun(world, deployments, True, EACH_TEN)
    at(6, 10, 20)
    deployment, seen = deployments.start(THIRD), Written()
    with local_stage().hooked(seen):
        deploy(world, deployment, after, until="RollService")
    assert [line[:8] for line in seen.lines if " ENABLED" in line] == ["06:10:20"]
