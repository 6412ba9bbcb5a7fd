"""Which runs are missed: by schedule, retry age and grace, against runs that are late, lost, doubled or of before."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from rota.runs.missed import Lacking, lacking, terms
from rota.runs.model import MISSED, Job, Run, Span, Status, Trigger
from rota.schedule_file.when import When

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def job(expression: str, *, retry: int = 5, grace: int = 5, count: int = 1, since: float = -10_000) -> Job:
    """Retry age and grace in minutes."""
    span = Span(expression=expression, since=at(since))
    return Job(task="J", spans=(span,), retry_age=60 * retry, grace=60 * grace, count=count)


def ran(due: float, late: float = 0.5, *, traced: bool = False, trigger: Trigger = Trigger.SCHEDULE) -> Run:
    """A run of that minute, created so many minutes after it; if it is not traced, `due` is when it was."""
    return Run(
        task="J",
        scheduled_at=at(due),
        task_id=f"t{due}-{late}",
        status=Status.OK,
        created_at=at(due + late),
        traced=traced,
        trigger=trigger,
    )


def missed(due: float, tasks: int = 1) -> Run:
    return Run(task="J", scheduled_at=at(due), task_id=MISSED, status=Status.MISSED, lacking=tasks)


def found(whole: Job, runs: Iterable[Run], *, now: float, after: float = -300) -> list[tuple[float, int]]:
    """(minute, tasks) of all that is lacking."""
    return [((each.due - START) / MINUTE, each.tasks) for each in lacking(whole, [*runs], at(after), at(now))]


HOURLY = "cron(0 * * * ? *)"
EVERY_5 = "cron(0/5 * * * ? *)"
EVERY_MINUTE = "cron(* * * * ? *)"


@pytest.mark.parametrize("first", [0, 3], ids=["punctual", "late"])
def test_a_rates_minutes_are_known_from_its_first_run_on(first: int) -> None:
    """Of one that was late, from the minute on for which it was due, as the others show."""
    assert found(job("rate(1 hour)"), [ran(first), ran(120), ran(180)], now=200) == [(60, 1)]


@pytest.mark.parametrize(
    ("expression", "retry", "traced", "horizon", "counted"),
    [
        (HOURLY, 30, False, 36, False),
        ("cron(0 6 * * ? *)", 360, False, 366, False),
        ("rate(10 minutes)", 5, False, 11, False),
        (EVERY_5, 5, False, 65, True),
        (EVERY_5, 5, True, 11, False),
        (EVERY_MINUTE, 5, False, 65, True),
        (HOURLY, 1440, False, 1506, True),
        (HOURLY, 1440, True, 1446, False),
    ],
)
def test_when_a_run_counts_as_missed(expression: str, retry: int, traced: bool, horizon: int, counted: bool) -> None:
    judged = terms(job(expression, retry=retry), When(expression), traced=traced)
    assert (judged.horizon, judged.counted) == (timedelta(minutes=horizon), counted)


@pytest.mark.parametrize(
    ("runs", "now", "expected"),
    [
        pytest.param([], 35, [], id="not yet"),
        pytest.param([], 36, [(0, 1)], id="missed"),
        pytest.param([ran(0)], 36, [], id="it ran"),
        pytest.param([ran(0, late=29)], 36, [], id="it was late"),
        pytest.param([ran(60)], 100, [(0, 1)], id="only the next ran"),
        pytest.param([missed(0)], 36, [], id="it is known"),
        pytest.param([ran(0, trigger=Trigger.BY_HAND)], 36, [(0, 1)], id="started by hand"),
        pytest.param([ran(0, trigger=Trigger.CATCH_UP)], 36, [], id="caught up"),
    ],
)
def test_an_hourly_job(runs: list[Run], now: float, expected: list[tuple[float, int]]) -> None:
    assert found(job(HOURLY, retry=30), runs, now=now, after=-1) == expected


def spanned(when: When, **keys: object) -> Job:
    """A job of one schedule, which ECS takes within 5 minutes and that is missed 5 minutes later."""
    return Job.model_validate(
        {"task": "J", "spans": [{**when._asdict(), "since": at(-10_000)}], "retry_age": 300, "grace": 300, **keys}
    )


def test_a_flexible_window_lets_a_run_begin_later() -> None:
    whole = spanned(When(HOURLY, window=30))
    assert terms(whole, whole.spans[0].when).late == timedelta(minutes=36)
    assert found(whole, [ran(0, late=34, traced=True)], now=50, after=-1) == []
    assert found(whole, [ran(-60, traced=True)], now=40, after=-1) == []
    assert found(whole, [ran(-60, traced=True)], now=41, after=-1) == [(0, 1)]


def test_what_a_change_of_clocks_skips_is_not_missed() -> None:
    """2:30 of 29 March in Berlin, which is minute 40,410 where it exists."""
    whole = spanned(When("cron(30 2 * * ? *)", "Europe/Berlin"))
    day = 24 * 60
    assert found(whole, [], now=31 * day, after=26 * day) == [
        (26 * day + 90, 1),
        (27 * day + 90, 1),
        (29 * day + 30, 1),
        (30 * day + 30, 1),
    ]


def test_nothing_is_due_before_a_start_and_after_an_end() -> None:
    whole = spanned(When(HOURLY, start=at(60), end=at(120)))
    assert found(whole, [], now=500) == [(60, 1), (120, 1)]
    rate = spanned(When("rate(50 minutes)", start=at(60), end=at(120)))
    assert found(rate, [], now=500) == [(60, 1), (110, 1)]
    assert found(rate, [ran(60), ran(110.4)], now=500) == []


def test_one_time_is_missed_once() -> None:
    whole = spanned(When("at(2026-03-01T02:00:00)", "Europe/Berlin"))
    assert found(whole, [], now=500) == [(60, 1)]
    assert found(whole, [ran(60, traced=True)], now=500) == []


def test_nothing_is_missed_outside_of_a_schedules_span() -> None:
    spans = (Span(expression=HOURLY, since=at(30), until=at(90)),)
    whole = job(HOURLY, retry=30).model_copy(update={"spans": spans})
    assert found(whole, [], now=500) == [(60, 1)]


def test_a_minute_that_both_schedules_have_is_judged_by_its_own() -> None:
    spans = (
        Span(expression=HOURLY, since=at(-500), until=at(50)),
        Span(expression="cron(30 * * * ? *)", since=at(70)),
    )
    whole = job(HOURLY, retry=20).model_copy(update={"spans": spans})
    runs = [ran(0), ran(90), ran(60)]
    assert found(whole, runs, now=200, after=-1) == [(150, 1)], "60 is between the two"


def test_a_late_start_across_a_change_is_not_missed() -> None:
    """Untraced it looks like a run of the new schedule."""
    spans = (
        Span(expression=HOURLY, since=at(-500), until=at(5)),
        Span(expression="cron(7 * * * ? *)", since=at(6)),
    )
    whole = job(HOURLY, retry=20).model_copy(update={"spans": spans})
    late = ran(7, late=2)
    assert found(whole, [late], now=60, after=-1) == []
    assert found(whole, [], now=50, after=-1) == [(0, 1), (7, 1)]


def test_each_of_three_tasks_is_counted() -> None:
    whole = job(HOURLY, retry=30, count=3)
    runs = [ran(0, late=late) for late in (0.1, 0.2)]
    assert found(whole, runs, now=40, after=-1) == [(0, 1)]
    assert found(whole, [*runs, missed(0)], now=40, after=-1) == []


RUNS_OF_2H = [float(minute) for minute in range(-120, 121, 5)]


@pytest.mark.parametrize(
    ("lost", "late", "now", "expected"),
    [
        pytest.param(set(), set(), 120, [], id="all well"),
        pytest.param({0}, set(), 64, [], id="not yet"),
        pytest.param({0}, set(), 66, [(0, 1)], id="one is lacking"),
        pytest.param({0, 20}, set(), 90, [(0, 1), (20, 1)], id="two are lacking"),
        pytest.param(set(), {0}, 120, [], id="one was late"),
        pytest.param({5}, {0}, 120, [(0, 1)], id="one late, one lacking"),
        pytest.param(set(RUNS_OF_2H), set(), 66, [(float(m), 1) for m in range(-295, 5, 5)], id="none at all"),
    ],
)
def test_frequent_runs_are_counted(
    lost: set[float], late: set[float], now: float, expected: list[tuple[float, int]]
) -> None:
    """A start that is late by five minutes looks like a second one of the next due minute."""
    runs = [ran(due) for due in RUNS_OF_2H if due not in lost | late and due <= now]
    runs += [ran(due + 5, late=0.2) for due in late]
    assert found(job(EVERY_5), runs, now=now, after=-300 if len(lost) > 2 else -60) == expected


def test_a_late_start_pays_for_one_minute_alone() -> None:
    runs = [ran(due) for due in RUNS_OF_2H if due not in (0, 5)] + [ran(10, late=0.2)]
    assert found(job(EVERY_5), runs, now=80, after=-60) == [(5, 1)]


def test_a_late_start_pays_for_one_of_two_tasks() -> None:
    runs = [ran(due, late) for due in RUNS_OF_2H if due for late in (0.1, 0.2)] + [ran(5, late=0.3)]
    assert found(job(EVERY_5, count=2), runs, now=80, after=-60) == [(0, 1)]


def test_frequent_runs_that_are_traced_are_distinguished() -> None:
    runs = [ran(due, traced=True) for due in RUNS_OF_2H if due != 0 and due <= 20]
    assert found(job(EVERY_5), runs, now=20, after=-60) == [(0, 1)]


def test_while_some_are_not_traced_all_are_counted() -> None:
    runs = [ran(due, traced=due > -30) for due in RUNS_OF_2H if due != 0 and due <= 20]
    assert found(job(EVERY_5), runs, now=20, after=-60) == []


def test_what_was_missed_before_a_change_began_near_none() -> None:
    spans = (
        Span(expression=HOURLY, since=at(-500), until=at(5)),
        Span(expression="cron(30 * * * ? *)", since=at(5)),
    )
    whole = job(HOURLY, retry=20).model_copy(update={"spans": spans})
    assert found(whole, [missed(-60)], now=40, after=-70) == [(0, 1)]


def test_a_job_of_every_minute() -> None:
    runs = [ran(minute) for minute in range(-200, 120) if minute not in (0, 7)]
    assert found(job(EVERY_MINUTE), runs, now=100, after=-60) == [(0, 1), (7, 1)]


RATE = "rate(10 minutes)"


@pytest.mark.parametrize(
    ("phase", "lost", "expected"),
    [
        pytest.param(0.0, set(), [], id="all well"),
        pytest.param(3.7, set(), [], id="another phase"),
        pytest.param(3.7, {40}, [40], id="one is lacking"),
        pytest.param(3.7, {40, 50}, [40, 50], id="two in a row"),
        pytest.param(3.7, set(range(40, 200, 10)), [40, 50, 60, 70, 80, 90, 100], id="it stopped"),
    ],
)
def test_a_rate_is_known_by_its_runs(phase: float, lost: set[int], expected: list[int]) -> None:
    runs = [ran(due + phase, late=0) for due in range(0, 120, 10) if due not in lost]
    result = found(job(RATE, since=-1), runs, now=115, after=0)
    assert [round(due - phase) for due, _ in result] == expected


def test_a_rate_is_not_known_by_what_was_missed() -> None:
    runs = [ran(due + 3.5, late=0) for due in range(10, 120, 10) if due != 40]
    assert found(job(RATE, since=-1), [missed(0), *runs], now=115, after=5) == [(43.5, 1)]


@pytest.mark.parametrize("late", [0, 10, 50])
def test_a_rate_whose_run_was_late_misses_nothing(late: int) -> None:
    """The run that was late gives another phase; those that were not give the right one."""
    runs = [ran(due + (5 if due == late else 0), late=0) for due in range(0, 120, 10)]
    assert found(job(RATE, since=-1), runs, now=115, after=0) == []


@pytest.mark.parametrize("late", [0, 300, 600])
def test_by_a_run_that_was_late_no_other_comes_earlier(late: int) -> None:
    """Taken for punctual, it would have one due at 620."""
    runs = [ran(due + (20 if due == late else 0), late=0) for due in range(0, 660, 60)]
    assert found(job("rate(1 hour)", retry=30, since=-1), runs, now=657, after=0) == []


def test_a_rate_of_which_none_has_run_is_known_by_what_was_missed() -> None:
    """AWS says in a dead letter when it was due."""
    whole = job("rate(1 day)", retry=360, since=0)
    assert found(whole, [missed(600)], now=24 * 60 + 366, after=-10_000) == []
    assert found(whole, [missed(600)], now=24 * 60 + 600 + 366, after=-10_000) == [(24 * 60 + 600, 1)]


def test_the_first_run_of_a_rate_comes_within_a_period() -> None:
    whole = job("rate(1 day)", retry=360, since=0)
    assert found(whole, [], now=24 * 60 + 365, after=-10_000) == []
    assert found(whole, [], now=24 * 60 + 366, after=-10_000) == [(24 * 60, 1)]
    assert found(whole, [ran(600)], now=24 * 60 + 366, after=-10_000) == []
    assert found(whole, [missed(24 * 60)], now=24 * 60 + 366, after=-10_000) == []


def test_a_rate_that_is_missed_twice_is_missed_twice() -> None:
    whole = job("rate(1 day)", retry=360, since=-10)
    day = 24 * 60
    assert found(whole, [ran(0)], now=2 * day + 400, after=-100) == [(day, 1), (2 * day, 1)]
    assert found(whole, [ran(0), missed(day)], now=2 * day + 400, after=-100) == [(2 * day, 1)]


def test_what_is_counted_says_so() -> None:
    (one,) = lacking(job(EVERY_5), [ran(due) for due in RUNS_OF_2H if due != 0], at(-30), at(80))
    assert one == Lacking(at(0), 1, counted=True)
    (other,) = lacking(job(HOURLY, retry=30), [], at(-1), at(40))
    assert not other.counted


@pytest.mark.parametrize(
    ("expression", "extra", "lost", "expected"),
    [
        pytest.param("rate(1 minute)", 4.2, 5, [], id="a minute: the run before may be its own"),
        pytest.param("rate(1 minute)", 3.2, 5, [], id="and so may those between"),
        pytest.param("rate(2 minutes)", 4.2, 6, [], id="two minutes"),
        pytest.param("rate(3 minutes)", 3.2, 6, [6.0], id="three minutes: it is distinguished"),
        pytest.param(EVERY_MINUTE, 4.0, 5, [5.0], id="no rate"),
    ],
)
def test_a_run_that_comes_early_counts_for_the_next_of_a_short_rate(
    expression: str, extra: float, lost: float, expected: list[float]
) -> None:
    period = 1 if expression == EVERY_MINUTE else int(expression[5])
    runs = [ran(float(due), late=0) for due in range(-30, 70, period) if due != lost]
    result = found(job(expression), [*runs, ran(extra, late=0)], now=72, after=0)
    assert [round(due) for due, _ in result] == expected


@pytest.mark.parametrize(
    ("late", "traced", "expected"),
    [
        pytest.param(21, False, [7.0], id="at the end of its retry age"),
        pytest.param(21.1, False, [0.0, 7.0], id="after it"),
        pytest.param(9, True, [0.0], id="it says whose it is"),
    ],
)
def test_a_late_start_across_a_change_is_one_within_its_retry_age(
    late: float, traced: bool, expected: list[float]
) -> None:
    spans = (
        Span(expression=HOURLY, since=at(-500), until=at(5)),
        Span(expression="cron(7 * * * ? *)", since=at(6)),
    )
    whole = job(HOURLY, retry=20).model_copy(update={"spans": spans})
    run = Run(
        task="J", scheduled_at=at(7 if traced else 8), task_id="t", status=Status.OK, created_at=at(late), traced=traced
    )
    assert [due for due, _ in found(whole, [run], now=60, after=-1)] == expected
