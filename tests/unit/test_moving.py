"""Moves between rules and EventBridge Scheduler: what may not move, and what the cause says of one that is undone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.schedule_file.when import When
from rota.schedules import backend, moving
from rota.schedules.eventbridge_rules.rule import Rule, whole
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule
from rota.schedules.interface import SETTLES_WITHIN
from rota.stepfunctions import stopped
from tests.guestbook import PREFIX, SETTINGS, task

NIGHTLY, OFTEN = When("cron(0 6 * * ? *)"), When("cron(0/10 * * * ? *)")
DAILY_RATE, ONCE = When("rate(1 day)"), When("at(2026-12-01T06:00:00)")
EVERY_MINUTE, RATE = When("cron(* * * * ? *)"), When("rate(7 minutes)")
BEGAN = datetime(2026, 12, 1, 7, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "window", "moves"),
    [
        pytest.param(EVERY_MINUTE, 1, False, id="every minute"),
        pytest.param(RATE, 1, False, id="rate"),
        pytest.param(OFTEN, 7, False, id="often, in a window"),
        pytest.param(OFTEN, 1, True, id="often, in a short window"),
        pytest.param(NIGHTLY, 1440, False, id="always in its window"),
        pytest.param(NIGHTLY, 60, True, id="daily, in a window"),
        pytest.param(EVERY_MINUTE, 0, True, id="every minute, without a window"),
    ],
)
def test_what_no_rule_can_take_over_is_a_problem(when: When, window: int, moves: bool) -> None:
    found = list(moving.problems("T", when._replace(window=window), when, to_rule=True, is_paused=False))
    said = "the schedule of T would move from EventBridge Scheduler to a rule, and is a rate in a flexible window, or"
    assert [each.startswith(said) for each in found] == [True] * (not moves)


@pytest.mark.parametrize(("minutes", "moves"), [("0/6", True), ("3/6", False)], ids=["as before", "in between"])
def test_at_other_minutes_half_of_the_time_is_left(minutes: str, moves: bool) -> None:
    old, new = When("cron(0/6 * * * ? *)", window=1), When(f"cron({minutes} * * * ? *)")
    assert (not list(moving.problems("T", old, new, to_rule=True, is_paused=False))) is moves


@pytest.mark.parametrize("to_rule", [False, True], ids=["to Scheduler", "to rules"])
def test_one_that_is_paused_is_a_problem(to_rule: bool) -> None:
    (found,) = moving.problems("T", NIGHTLY, NIGHTLY, to_rule=to_rule, is_paused=True)
    assert found.startswith(
        f"the schedule of T would move to {'a rule' if to_rule else 'EventBridge Scheduler'}, and is paused: resume it"
    )


@pytest.mark.parametrize(("state", "stays"), [("DISABLED", True), ("ENABLED", False)])
def test_a_rule_that_is_off_does_not_keep_a_job_from_staying(state: str, stays: bool) -> None:
    name = f"{PREFIX}IngestData"
    rule = Rule(name=name, schedule_expression=NIGHTLY.expression, state=state, tags={}, targets=())
    group = f"{SETTINGS.schedule_group}/{name}"
    there = SchedulerSchedule(name=group, members={"ScheduleExpression": NIGHTLY.expression, "State": "ENABLED"})
    found = backend.staying(task(), SETTINGS, {name: rule, group: there})
    assert (found.start is not None) is stays


@pytest.mark.parametrize(
    ("state", "moves"),
    [
        pytest.param(None, True, id="there is none"),
        pytest.param("DISABLED", True, id="off, of a move that did not come to its end"),
        pytest.param("ENABLED", False, id="on already"),
    ],
)
def test_what_starts_no_task_yet_takes_over_from_what_does(state: str | None, moves: bool) -> None:
    old = Rule(name="p__Job", schedule_expression=OFTEN.expression, state="ENABLED", tags={}, targets=())
    wanted = SchedulerSchedule(
        name="group/p__Job", members={"ScheduleExpression": OFTEN.expression, "State": "ENABLED"}
    )
    other = {"ScheduleExpression": NIGHTLY.expression, "State": state}
    new = wanted.model_copy(update={"members": other}) if state else None
    change = SchedulerChange(kind="update" if new else "create", name=wanted.name, members=wanted.members)
    changes = [change, backend.removal(old, "arn:aws:ecs:us-east-1:1:cluster/c")]
    found = backend.linked(changes, {each.name: each for each in (old, new) if each})
    assert [(each.replaces, each.moved) for each in found] == (
        [(OFTEN, False), (None, True)] if moves else [(None, False)] * 2
    )


@pytest.mark.parametrize(("before", "after"), [("ENABLED", "DISABLED"), ("DISABLED", "ENABLED")])
def test_what_does_not_run_before_and_after_it_does_not_run_twice(before: str, after: str) -> None:
    old = Rule(name="p__Job", schedule_expression=EVERY_MINUTE.expression, state=before, tags={}, targets=())
    members = {"ScheduleExpression": EVERY_MINUTE.expression, "State": after}
    new = SchedulerChange(kind="create", name="group/p__Job", members=members)
    moves = backend.linked([new, backend.removal(old, "arn:aws:ecs:us-east-1:1:cluster/c")], {old.name: old})
    assert list(moving.remarks(moves)) == ["moves to EventBridge Scheduler: p__Job"]


def test_the_next_deployment_comes_when_what_moves_has_begun() -> None:
    """The lease of one that was stopped is taken after the StartDate, and only then the rule goes."""
    latest = BEGAN + SETTLES_WITHIN + timedelta(minutes=1)
    assert stopped.is_active({"status": "ABORTED", "stopDate": BEGAN}, latest)  # type: ignore[typeddict-item]  # no more


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (OFTEN, OFTEN, "a run may have come twice while its schedule moved back, of Job"),
        (NIGHTLY, OFTEN, "a run may have come twice while its schedule moved back, of Job"),
        (OFTEN, NIGHTLY, "a run may have come twice while its schedule moved back, of Job"),
        (RATE, RATE, "a run may have come sooner, and the next later, than the rate says, of Job"),
        (RATE, OFTEN, "a run may have come sooner, and the next later, than the rate says, of Job"),
        (NIGHTLY, NIGHTLY, ""),
        (ONCE, ONCE, ""),
        (None, NIGHTLY, ""),
        (None, OFTEN, "a run may have come twice while its schedule moved back, of Job"),
        (None, RATE, "a run may have come sooner, and the next later, than the rate says, of Job"),
    ],
    ids=[
        "due meanwhile",
        "the new one is due",
        "the old one is due",
        "rate",
        "rate before",
        "not due",
        "over",
        "no schedule before, and not due",
        "no schedule before, and due",
        "no schedule before, and a rate",
    ],
)
def test_what_an_undone_move_may_have_done(old: When | None, new: When, said: str) -> None:
    members = {"ScheduleExpression": new.expression, "State": "ENABLED"}
    undone = SchedulerChange(kind="create", name="group/guestbook__Job", members=members, replaces=old)
    found = list(moving.remarks_on_return([undone], BEGAN, BEGAN + timedelta(minutes=6)))
    assert [each.replace("guestbook__", "") for each in found] == [said] * bool(said)


def test_an_undone_move_of_one_that_is_off_did_nothing() -> None:
    members = {"ScheduleExpression": OFTEN.expression, "State": "DISABLED"}
    undone = SchedulerChange(kind="create", name="group/Job", members=members, replaces=OFTEN)
    assert list(moving.remarks_on_return([undone], BEGAN, BEGAN + timedelta(minutes=6))) == []


def a_move(old: When, new: When, *, to_rule: bool = False, on: bool = True) -> list[backend.Change]:
    """The changes of a move of p__Job."""
    cluster, state = "arn:aws:ecs:us-east-1:1:cluster/c", "ENABLED" if on else "DISABLED"

    def rule(when: When) -> Rule:
        return Rule(name="p__Job", schedule_expression=when.expression, state=state, tags={}, targets=())

    def schedule(when: When) -> SchedulerSchedule:
        members: dict[str, Any] = {"ScheduleExpression": when.expression, "State": state}
        if when.window:
            members["FlexibleTimeWindow"] = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": when.window}
        if when.start:
            members["StartDate"] = f"{when.start:%Y-%m-%dT%H:%M:%SZ}"
        return SchedulerSchedule(name="group/p__Job", members=members)

    before, after = (schedule(old), rule(new)) if to_rule else (rule(old), schedule(new))
    created = (
        whole(after, "arn:rule")
        if isinstance(after, Rule)
        else SchedulerChange(kind="create", name=after.name, members=after.members)
    )
    return backend.linked([created, backend.removal(before, cluster)], {before.name: before})


SOONER = "counts its rate from now on, so that a run comes sooner: p__Job"
LATER = "counts its rate from its start, so that one run comes sooner or later: p__Job"
TWICE = "may run twice at one minute: p__Job"
BOTH = "if a step fails meanwhile, a run of what moves may come twice"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(a_move(NIGHTLY, NIGHTLY), [BOTH], id="daily"),
        pytest.param(a_move(EVERY_MINUTE, EVERY_MINUTE), [BOTH, TWICE], id="every minute"),
        pytest.param(a_move(EVERY_MINUTE, NIGHTLY), [BOTH, TWICE], id="every minute so far"),
        pytest.param(a_move(NIGHTLY, EVERY_MINUTE), [BOTH, TWICE], id="every minute from now on"),
        pytest.param(a_move(RATE, RATE), [BOTH, SOONER], id="a rate"),
        pytest.param(a_move(RATE, RATE._replace(start=BEGAN)), [BOTH, LATER], id="a rate with a start"),
        pytest.param(a_move(RATE, NIGHTLY), [BOTH, TWICE], id="a rate so far"),
        pytest.param(a_move(DAILY_RATE, NIGHTLY), [BOTH, TWICE], id="a daily rate so far"),
        pytest.param(a_move(NIGHTLY, ONCE), [BOTH], id="one time from now on"),
        pytest.param(a_move(NIGHTLY, RATE), [BOTH, SOONER], id="a rate from now on"),
        pytest.param(
            a_move(NIGHTLY._replace(window=60), NIGHTLY, to_rule=True),
            [BOTH, "waits until its flexible window is over, for up to 63 minutes: p__Job"],
            id="in its window",
        ),
        pytest.param(a_move(NIGHTLY, NIGHTLY._replace(window=60)), [BOTH], id="with a window from now on"),
        pytest.param(a_move(EVERY_MINUTE, EVERY_MINUTE, on=False), [], id="off"),
        pytest.param(a_move(RATE, RATE, to_rule=True, on=False), [], id="a rate that is off"),
    ],
)
def test_what_the_plan_says_of_a_move(changes: list[backend.Change], said: list[str]) -> None:
    to = "EventBridge Scheduler" if changes[0].backend == "scheduler" else "rules"
    assert list(moving.remarks(changes)) == [f"moves to {to}: p__Job", *said]


@pytest.mark.parametrize(("count", "more"), [(1, ""), (10, ""), (11, " and 1 more")])
def test_ten_are_named(count: int, more: str) -> None:
    moves = [
        each.model_copy(update={"name": each.name.replace("Job", f"J{number}")})
        for number in range(count)
        for each in a_move(NIGHTLY, NIGHTLY)
    ]
    named = ", ".join(f"p__J{number}" for number in range(min(count, 10)))
    assert next(iter(moving.remarks(moves))) == f"moves to EventBridge Scheduler: {named}{more}"


def test_what_is_created_or_removed_alone_does_not_move() -> None:
    created, removed = a_move(NIGHTLY, NIGHTLY)
    other = removed.model_copy(update={"name": "p__Other", "moved": False})
    assert moving.of([created.model_copy(update={"replaces": None}), other]) == []
    (found,) = moving.of([other, created, removed])
    assert found == moving.Move(created, removed)
    assert list(moving.remarks([other])) == []


def test_any_window_may_move_to_scheduler() -> None:
    old = RATE._replace(window=1)
    assert list(moving.problems("T", old, RATE, to_rule=False, is_paused=False)) == []


@pytest.mark.parametrize(
    ("old", "new", "hands_over"),
    [
        pytest.param(NIGHTLY, NIGHTLY, False, id="daily"),
        pytest.param(OFTEN, OFTEN, False, id="often"),
        pytest.param(EVERY_MINUTE, EVERY_MINUTE, True, id="every minute"),
        pytest.param(DAILY_RATE, NIGHTLY, True, id="a daily rate so far"),
        pytest.param(NIGHTLY, DAILY_RATE, True, id="a daily rate from now on"),
    ],
)
def test_what_is_never_quiet_or_a_rate_has_a_minute_of_its_own(old: When, new: When, hands_over: bool) -> None:
    for to_rule in (True, False):
        (found,) = moving.of(a_move(old, new, to_rule=to_rule))
        assert (found.hands_over, found.ends) == (hands_over, hands_over and to_rule)
        (off,) = moving.of(a_move(old, new, to_rule=to_rule, on=False))
        assert (off.is_on, off.hands_over) == (False, False)
