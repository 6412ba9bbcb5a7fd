"""Generated files whose jobs move between rules and EventBridge Scheduler, there and back, under faults by seed.

No due minute is missed, one is doubled only where the plan or the cause says so, and a restore is exact but for what
the cause names.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from rota.schedule_file.expression import period_of
from stage import clock
from stage.eventbridge.schedules import due
from tests.guestbook import PREFIX
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments
from tests.steps.environment import functions_environment
from tests.steps.firing import FIRED, passes, starts
from tests.steps.test_scheduler import in_phase, without_dates
from tests.steps.world import World

pytestmark = pytest.mark.usefixtures("on_the_stages_clock")
MINUTE = timedelta(minutes=1)
SEEDS, ROUNDS = range(20), 6
Task = dict[str, Any]
# What a job may have beside its times, which then is in Scheduler without being due at other times.
PLACES: tuple[Task, ...] = ({}, {}, {"end": "2099-01-01T00:00:00Z"})
OF_CRONS: tuple[Task, ...] = (*PLACES, {"start": "2026-01-01T00:00:00Z"}, {"timezone": "Africa/Abidjan"})
CALLS = (
    *("scheduler.CreateSchedule", "scheduler.UpdateSchedule", "scheduler.GetSchedule", "scheduler.DeleteSchedule"),
    *("events.PutRule", "events.PutTargets", "events.EnableRule", "events.DisableRule", "events.DeleteRule"),
    *("events.ListTagsForResource", "ecs.UpdateService", "ecs.RegisterTaskDefinition"),
)


@pytest.fixture(scope="module", autouse=True)
def _functions_environment() -> Iterator[None]:
    with functions_environment(REVISION_MODE="shared"):
        yield


class Round(NamedTuple):
    """One deployment: when it began and ended, and what its plan and its cause say."""

    began: datetime
    ended: datetime
    end: str
    said: str
    is_faulty: bool

    def names(self, job: str, sentence: str) -> bool:
        """Whether the plan or the cause says that of the job."""
        found = [each.partition(sentence)[2] for each in self.said.replace(". ", "; ").split("; ") if sentence in each]
        return any(PREFIX + job in each.replace(",", " ").split() for each in found)

    def spans(self, begin: datetime, end: datetime) -> bool:
        return begin <= self.ended + 2 * MINUTE and self.began - MINUTE <= end


def drawn_jobs(draw: random.Random) -> list[Task]:
    """Eight jobs, of every kind: due each minute, often, once an hour, once meanwhile; rates; one that is off."""
    minute = draw.randrange
    whens: list[Task] = [
        {"cron": "* * * * ? *"},
        {"cron": f"{minute(2)}/{draw.choice((2, 3, 4))} * * * ? *"},
        {"cron": f"{minute(5)}/{draw.choice((5, 10, 15))} * * * ? *"},
        {"cron": f"{minute(60)} * * * ? *"},
        {"cron": f"{minute(60)} 6 * * ? *"},
        {"rate": draw.choice(("1 minute", "2 minutes", "7 minutes"))},
        {"rate": draw.choice(("20 minutes", "1 hour", "1 day"))},
        {"rate": "15 minutes", "enabled": False},
    ]
    return [{"name": f"Job{number}", "task": "spam_task", **when} for number, when in enumerate(whens)]


def faults(world: World, draw: random.Random) -> AbstractContextManager[None]:
    """One that the deployment may survive, or not; of a call that may not come."""
    call, skip, calls = draw.choice(CALLS), draw.randrange(10), world.calls
    found: list[Callable[[], AbstractContextManager[None]]] = [
        lambda: calls.killing(call, skip=skip),
        lambda: calls.killing(call, skip=skip, after=True),
        lambda: calls.refusing(call, "AccessDeniedException", skip=skip, count=0),
        lambda: calls.refusing(call, "ThrottlingException", skip=skip, count=9),
        lambda: calls.refusing(call, "InternalServerException", status=500, skip=skip, count=0),
        lambda: calls.refusing("ecs.UpdateService", "AccessDeniedException", count=0),
        nullcontext,
    ]
    return draw.choice(found)()


def played(world: World, deployment: Deployment, draw: random.Random) -> str:
    """Deploy with a fault, or an abort, and restore without. Returns the end."""
    end, aborted_at = "", draw.randrange(6, 30) if draw.random() < 0.25 else None
    with faults(world, draw), suppress(KilledError):
        for number in range(100):
            if deployment.at in (None, "RestoreDeployment") or number == aborted_at:
                break
            end = one_state(deployment)
    if deployment.at and aborted_at is not None and deployment.at != "RestoreDeployment":
        passes(draw.randrange(1, 120))
        deployment.stop()
        return deployment.restorer(f"restorer-{draw.random()}").run()
    while deployment.at:  # as the machine tries again what was killed
        passes(draw.choice((2, 20, 70)))
        end = one_state(deployment)
    return end


def one_state(deployment: Deployment) -> str:
    if deployment.at == "WaitForMoves":
        passes(deployment.document["targets"]["wait_seconds"])
    else:
        # What a step takes of the real time must not reach the next minute: schedules fire as they are after the step.
        passes(1 if clock.now().second < 50 else 11)
    return deployment.go_on()


def moved(world: World, deployments: Deployments, tasks: list[Task], draw: random.Random, number: int) -> Round:
    """One deployment of the jobs, each where its keys and `SchedulesIn` have it."""
    began, is_faulty = clock.now(), draw.random() < 0.7
    before = world.owned_rules(), world.schedules()
    world.upload({"tasks": tasks})
    deployment = deployments.start(NEXT if number % 2 else THIRD)
    end = ""
    if is_faulty:
        end = played(world, deployment, draw)
    while deployment.at and not is_faulty:
        end = one_state(deployment)
    # One that is aborted before it holds the lease has none.
    entry: Mapping[str, str] = next(
        (each for each in world.ledger().values() if each.get("execution") == deployment.arn), {}
    )
    cause = entry.get("cause", "")
    summary = (deployment.document.get("plan") or {}).get("summary", "")
    if end not in ("Deployed", "NothingToDo") and entry.get("outcome") != "deployed":
        assert world.owned_rules() == before[0], cause
        assert without_dates(world.schedules()) == without_dates(before[1]), cause
        for name, found in world.schedules().items():
            had, has = before[1][name].get("StartDate"), found.get("StartDate")
            period = period_of(found["ScheduleExpression"])
            assert had == has or "did not take back a StartDate" in cause, cause
            assert not (period and had and has) or in_phase(had, has, period)
    return Round(began, clock.now(), end, f"{summary}; {cause}", is_faulty)


def judge(task: Task, rounds: list[Round], begin: datetime) -> Iterator[str]:
    """A sentence for each due minute that was missed, or doubled without a word."""
    name, found = task["name"], starts(task["name"])
    if task.get("enabled") is False:
        yield from (f"{name} is off and ran at {minute}" for minute in found)
    elif "rate" in task:
        yield from _of_rate(name, period_of(f"rate({task['rate']})") or MINUTE, rounds)
    else:
        until = clock.now() - 2 * MINUTE
        wanted = {f"{at:%Y-%m-%dT%H:%M}" for at in due(f"cron({task['cron']})", begin, begin, until)}
        yield from (f"{name} was missed at {minute}" for minute in sorted(wanted - found.keys()))
        for minute in sorted(minute for minute, times in found.items() if times > 1):
            if not any(each.spans(_time(minute), _time(minute)) and _may_double(each, name) for each in rounds):
                yield f"{name} ran {found[minute]} times at {minute}"
        for each in rounds:
            twice = [
                minute for minute, times in found.items() if times > 1 and each.spans(_time(minute), _time(minute))
            ]
            if len(twice) > 1 and not each.is_faulty:
                yield f"{name} ran twice at {twice}"


def _may_double(each: Round, name: str) -> bool:
    """Whether plan or cause say so: of each job that moves, if a step fails."""
    moves = each.names(name, "moves to rules: ") or each.names(name, "moves to EventBridge Scheduler: ")
    return (
        each.names(name, "may run twice at one minute: ")
        or each.names(name, "a run may have come twice")
        or (moves and each.is_faulty and "if a step fails meanwhile, a run of what moves may come twice" in each.said)
    )


def _of_rate(name: str, period: timedelta, rounds: list[Round]) -> Iterator[str]:
    times = sorted(_time(minute) for minute in starts(name).elements())
    for earlier, later in pairwise(times):
        said = any(each.spans(earlier, later) and each.names(name, "than the rate says, of ") for each in rounds)
        if later - earlier > (2 * period if said else period) + MINUTE:
            yield f"{name} did not run from {earlier} to {later}"
        if later - earlier < period - MINUTE and not any(
            each.spans(earlier, later)
            and (each.names(name, "counts its rate from now on") or each.names(name, "than the rate says, of "))
            for each in rounds
        ):
            yield f"{name} ran at {earlier} and {later}"


def _time(minute: str) -> datetime:
    return datetime.fromisoformat(f"{minute}:00").replace(tzinfo=UTC)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_due_minute_is_missed(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    jobs = drawn_jobs(draw)
    clock.move((clock.now().replace(hour=5, minute=30) + timedelta(days=1) - clock.now()).total_seconds())
    world.upload({"tasks": jobs})
    assert deployments.start().run() == "Deployed"
    passes(3 * 60)
    begin, rounds = clock.now(), []
    FIRED.clear()
    for number in range(ROUNDS):
        monkeypatch.setenv("SCHEDULES_IN", draw.choice(("rules", "scheduler")))
        places: list[Task] = [draw.choice(PLACES if "rate" in job else OF_CRONS) for job in jobs]
        tasks = [job | place for job, place in zip(jobs, places, strict=True)]
        rounds.append(moved(world, deployments, tasks, draw, number))
        passes(draw.randrange(60, 15 * 60))
    passes(5 * 60)
    assert [each for job in jobs for each in judge(job, rounds, begin)] == []


@pytest.mark.exhaustive(first=0)
def test_290_jobs_move_there_and_back(world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `SchedulesIn` alone: crons of every kind, rates, and one that is due each minute."""
    whens = [{"cron": f"{n % 60} {n % 24} * * ? *"} for n in range(280)]
    whens += [{"cron": "* * * * ? *"}, {"cron": "0/3 * * * ? *"}, *({"rate": f"{n + 2} hours"} for n in range(8))]
    tasks = [{"name": f"Job{n}", "task": "spam_task", **when} for n, when in enumerate(whens)]
    world.upload({"tasks": tasks})
    assert deployments.start().run() == "Deployed"
    passes(2 * 60)  # until all that was just made is on
    for there in ("scheduler", "rules"):
        monkeypatch.setenv("SCHEDULES_IN", there)
        begin, deployment = clock.now(), deployments.start(NEXT if there == "scheduler" else THIRD)
        FIRED.clear()
        end = ""
        while deployment.at:
            end = one_state(deployment)
        assert (end, len(world.schedules()), len(world.owned_rules())) == (
            "Deployed",
            *((290, 0) if there == "scheduler" else (0, 290)),
        )
        passes(3 * 60)
        said = Round(begin, clock.now(), end, deployment.document["plan"]["summary"], is_faulty=False)
        crons = [task for task in tasks if "cron" in task]
        assert [each for task in crons for each in judge(task, [said], begin)] == []
