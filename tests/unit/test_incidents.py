"""When an incident begins, goes on and ends, whatever the order in which runs are judged."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.runs.incidents import after_run
from rota.runs.model import Actor, GoodRun, Job, Owed, Reason, Release, Run, Status, Trigger, Why

FIRST = datetime(2026, 3, 1, 6, tzinfo=UTC)
OLD, NEW = (Release(number=number, digest=f"sha256:{number:064}") for number in (40, 41))
STATUSES = {"+": Status.OK, "-": Status.FAILED, "m": Status.MISSED, "n": Status.NOT_STARTED, "?": Status.UNKNOWN}
REASON = Reason(why=Why.EXIT_CODE, words="it failed", todo="look", reader=Actor.AUTHOR)


def run(number: int, sign: str, release: Release = OLD) -> Run:
    """The run of that number's hour."""
    at = FIRST + timedelta(hours=number)
    status = STATUSES[sign]
    return Run(
        task="IngestData",
        scheduled_at=at,
        task_id=f"t{number}",
        status=status,
        ended_at=None if status == Status.MISSED else at + timedelta(minutes=1),
        reason=REASON if status.is_bad else None,
        release=release,
        tail=("a line",),
    )


def job(**more: int) -> Job:
    return Job(task="IngestData", retry_age=300, grace=300, **more)


def after(signs: str, order: list[int] | None = None, **more: int) -> Job:
    """The job after these runs, judged in that order."""
    whole = job(**more)
    for number in order or range(len(signs)):
        whole = after_run(whole, run(number, signs[number]))
    return whole


@pytest.mark.parametrize(
    ("signs", "bad", "incident"),
    [
        ("+", 0, None),
        ("-", 1, (0, 0, 1, None)),
        ("+m", 1, (1, 1, 1, None)),
        ("+n", 1, (1, 1, 1, None)),
        ("++-", 1, (2, 2, 1, None)),
        ("+--", 2, (1, 2, 2, None)),
        ("+--+", 0, (1, 2, 2, 3)),
        ("+--++", 0, (1, 2, 2, 3)),
        ("+-+-", 1, (1, 3, 2, None)),
        ("+?", 0, None),
        ("-?-", 2, (0, 2, 2, None)),
        ("-?+", 0, (0, 0, 1, 2)),
    ],
)
def test_an_incident(signs: str, bad: int, incident: tuple[int, int, int, int | None] | None) -> None:
    """(its first run, its last, how many, the good run that ended it)"""
    found = after(signs)
    assert found.bad_runs == bad
    if incident is None:
        assert found.incident is None
        return
    assert found.incident is not None
    first, last, runs, recovered = incident
    assert found.incident.first.task_id == f"t{first}"
    assert found.incident.first.tail == ()
    assert found.incident.last == run(last, signs[last])
    assert found.incident.runs == runs
    ended = found.incident.recovered
    assert (ended and ended.scheduled_at) == (None if recovered is None else run(recovered, "+").scheduled_at)
    assert found.incident.id == f"IngestData#2026-03-01T{6 + first:02}:00:00Z"


@pytest.mark.parametrize("sign", ["-", "m", "n"])
def test_a_good_run_that_is_judged_late_ends_no_row_of_bad_ones(sign: str) -> None:
    found = after(f"-+{sign}", [0, 2, 1], tolerance=2)
    assert (found.bad_runs, found.last_run_at) == (2, run(2, sign).scheduled_at)


@pytest.mark.parametrize(
    ("signs", "opens"),
    [("--", False), ("---", True), ("--+--", False), ("--+---", True)],
)
def test_so_many_bad_runs_in_a_row_are_tolerated(signs: str, opens: bool) -> None:
    found = after(signs, tolerance=2)
    assert (found.incident is not None) is opens
    if found.incident:
        assert found.incident.runs == 3


@pytest.mark.parametrize(
    ("signs", "order", "recovered"),
    [
        pytest.param("+-", [1, 0], False, id="the good one before comes late"),
        pytest.param("-+", [1, 0], True, id="the bad one before comes late"),
        pytest.param("+-+", [0, 2, 1], True, id="one of the past"),
        pytest.param("--+", [0, 2, 1], True, id="another of the incident"),
        pytest.param("-+-", [0, 2, 1], False, id="the good one between"),
    ],
)
def test_runs_are_judged_in_any_order(signs: str, order: list[int], recovered: bool) -> None:
    found = after(signs, order)
    assert found.incident is not None
    assert bool(found.incident.recovered) is recovered
    assert found.bad_runs == (0 if recovered else found.bad_runs)


def test_no_order_hides_a_bad_run_or_invents_one() -> None:
    for signs in map("".join, itertools.product("+-", repeat=4)):
        for order in itertools.permutations(range(4)):
            found = after(signs, list(order))
            assert (found.incident is not None) is ("-" in signs), (signs, order)
            if found.incident:
                assert bool(found.incident.recovered) is (signs[-1] == "+"), (signs, order)


@pytest.mark.parametrize("sign", ["+", "-"])
def test_a_run_that_a_person_started_says_nothing_of_the_job(sign: str) -> None:
    before = after("+-")
    by_hand = run(2, sign).model_copy(update={"trigger": Trigger.BY_HAND})
    assert after_run(before, by_hand) == before
    caught_up = by_hand.model_copy(update={"trigger": Trigger.CATCH_UP})
    assert after_run(before, caught_up) != before


def test_one_of_the_past_within_the_tolerance_is_not_reported() -> None:
    assert after("-+", [1, 0], tolerance=1).incident is None


@pytest.mark.parametrize(
    ("signs", "good", "opens", "recovers"),
    [
        pytest.param(["++"], 0, False, False, id="two of three so far"),
        pytest.param(["+++"], 1, False, False, id="all three"),
        pytest.param(["+++", "+-+"], 1, True, False, id="one of three is bad"),
        pytest.param(["+-+", "++"], 0, True, False, id="not all of the next yet"),
        pytest.param(["+-+", "+++"], 1, True, True, id="all of the next"),
    ],
)
def test_with_three_tasks_a_run_is_good_when_all_are(signs: list[str], good: int, opens: bool, recovers: bool) -> None:
    whole = job(count=3)
    for number, tasks in enumerate(signs):
        for sign in tasks:
            whole = after_run(whole, run(number, sign))
    assert (whole.last_good.runs if whole.last_good else 0) == good
    assert (whole.incident is not None) is opens
    assert bool(whole.incident and whole.incident.recovered) is recovers


def test_good_runs_are_counted_on_each_release() -> None:
    whole = job()
    for number in range(3):
        whole = after_run(whole, run(number, "+"))
    assert whole.last_good is not None
    assert (whole.last_good.runs, whole.last_good.release) == (3, OLD)
    whole = after_run(whole, run(3, "-", NEW))
    assert whole.incident is not None
    assert whole.incident.last_good == whole.last_good
    whole = after_run(whole, run(4, "+", NEW))
    assert whole.last_good is not None
    assert (whole.last_good.runs, whole.last_good.release) == (1, NEW)


def owing(*runs: Run, **more: Any) -> Job:
    whole = Job(task="IngestData", retry_age=300, grace=300, **more)
    for each in runs:
        whole = after_run(whole, each)
    return whole


@pytest.mark.parametrize(
    ("catch_up", "signs", "owed"),
    [
        pytest.param(False, "mn", None, id="off"),
        pytest.param("both", "+-?", None, id="none"),
        pytest.param("both", "m", (0, True), id="missed"),
        pytest.param("both", "n", (0, False), id="not started"),
        pytest.param("missed", "mn", (0, True), id="missed alone"),
        pytest.param("not_started", "nm", (0, False), id="not started alone"),
        pytest.param("both", "mnm+", (2, True), id="the newest"),
    ],
)
def test_what_catch_up_owes(catch_up: object, signs: str, owed: tuple[int, bool] | None) -> None:
    runs = [run(number, sign) for number, sign in enumerate(signs)]
    orders = itertools.permutations(runs)
    found = {
        (each.owed.scheduled_at, each.owed.given_up) if each.owed else None
        for each in (owing(*order, catch_up=catch_up) for order in orders)
    }
    assert found == {owed and (FIRST + timedelta(hours=owed[0]), owed[1])}


@pytest.mark.parametrize(
    "more",
    [
        {"reason": REASON.model_copy(update={"why": Why.DISABLED})},
        {"reason": REASON.model_copy(update={"why": Why.GONE})},
        {"status": Status.NOT_STARTED, "reason": REASON.model_copy(update={"why": Why.STOPPED})},
        {"counted": True},
        {"trigger": Trigger.BY_HAND},
        {"trigger": Trigger.CATCH_UP},
    ],
    ids=[
        "disabled by a person",
        "deleted",
        "stopped by a person",
        "which minute is not known",
        "by hand",
        "caught up already",
    ],
)
def test_what_catch_up_does_not_owe(more: dict[str, object]) -> None:
    assert owing(run(0, "m").model_copy(update=more), catch_up="both").owed is None


def test_each_task_of_a_start_is_owed_until_it_is_taken_on() -> None:
    first, second = run(0, "n"), run(0, "n").model_copy(update={"task_id": "t0b"})
    both = owing(first, second, catch_up="both", count=3)
    assert both.owed is not None
    assert both.owed.tasks == 2
    claimed = both.model_copy(update={"owed": both.owed.model_copy(update={"claimed_at": FIRST})})
    late = after_run(claimed, run(0, "n").model_copy(update={"task_id": "t0c"}))
    assert late.owed == claimed.owed


@pytest.mark.parametrize(("count", "good"), [(1, 1), (2, 2)])
def test_a_run_that_was_caught_up_ends_the_incident(count: int, good: int) -> None:
    caught_up = [
        run(0, "+").model_copy(update={"task_id": f"c{number}", "trigger": Trigger.CATCH_UP}) for number in range(good)
    ]
    missed = run(0, "m").model_copy(update={"lacking": count})
    before, whole = owing(missed, *caught_up[:-1], count=count), owing(missed, *caught_up, count=count)
    assert before.incident is not None
    assert before.incident.recovered is None
    assert whole.incident is not None
    assert whole.incident.recovered is not None
    assert whole.incident.recovered.caught_up


def skipped(number: int) -> Run:
    return run(number, "+").model_copy(update={"status": Status.SKIPPED})


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([run(0, "-"), *map(skipped, range(1, 26))], id="the earlier run hangs"),
        pytest.param([run(0, "-"), *(run(n, "+") if n % 3 else skipped(n) for n in range(1, 28))], id="each third run"),
    ],
)
def test_skipped_runs_are_reported_once_a_day(runs: list[Run]) -> None:
    """They are neither good nor bad."""
    whole = owing(*runs)
    first, second = (notice.run for notice in whole.notices)
    assert (first.status, second.scheduled_at - first.scheduled_at) == (Status.SKIPPED, timedelta(days=1))
    assert whole.bad_runs == (not whole.last_good)


def test_how_long_the_last_good_runs_took_is_known() -> None:
    runs = [run(number, "+").model_copy(update={"seconds": float(number)}) for number in range(7)]
    assert owing(*runs).lasted == (2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("releases", "order", "runs"),
    [
        pytest.param([OLD, OLD, OLD], [0, 1, 2], 3, id="one after the other"),
        pytest.param([OLD, OLD, OLD], [0, 2, 1], 3, id="one comes late"),
        pytest.param([OLD, NEW, OLD], [0, 2, 1], 2, id="one of another release comes late"),
        pytest.param([OLD, OLD, NEW], [0, 1, 2], 1, id="another release"),
        pytest.param([OLD, None, OLD], [0, 1, 2], 1, id="a release that is not known"),
    ],
)
def test_how_many_good_runs_a_release_has(releases: list[Release], order: list[int], runs: int) -> None:
    whole = job()
    for number in order:
        whole = after_run(whole, run(number, "+", releases[number]))
    assert whole.last_good == GoodRun(
        scheduled_at=run(2, "+").scheduled_at,
        ended_at=FIRST + timedelta(hours=2, minutes=1),
        release=releases[2],
        runs=runs,
    )


def test_of_two_tasks_of_one_start_the_good_one_ends_no_incident() -> None:
    good = run(0, "+").model_copy(update={"task_id": "t0b"})
    after_both = owing(run(0, "-"), good)
    assert after_both.incident is not None
    assert after_both.incident.recovered is None


def test_what_is_owed_of_one_minute_is_added_up() -> None:
    missed, not_started = run(0, "m"), run(0, "n")
    for runs in ([missed, not_started], [not_started, missed]):
        whole = owing(*runs, catch_up="both", count=2)
        assert whole.owed == Owed(scheduled_at=FIRST, tasks=2, given_up=True)
    older = owing(run(1, "n"), run(0, "m"), catch_up="both")
    assert older.owed == Owed(scheduled_at=FIRST + timedelta(hours=1), tasks=1, given_up=False)
    silent = run(0, "m").model_copy(update={"reason": None})
    assert owing(silent, catch_up="missed").owed == Owed(scheduled_at=FIRST, tasks=1, given_up=True)
