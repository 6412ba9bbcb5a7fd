"""The timer runs actions in order, in one thread, and not after they are dropped."""

import threading
from collections.abc import Iterator

import pytest

from stage import clock
from stage.ecs.timer import Timer


@pytest.fixture
def timer() -> Iterator[Timer]:
    timer = Timer()
    yield timer
    timer.close()


def test_actions_run_in_the_order_of_their_times(timer: Timer) -> None:
    done: list[str] = []
    timer.after(0.06, lambda: done.append("third"))
    timer.after(0.02, lambda: done.append("first"))
    timer.after(0.04, lambda: done.append("second"))
    assert timer.wait_for(lambda: len(done) == 3)
    assert done == ["first", "second", "third"]


def test_an_earlier_action_runs_before_one_that_waits(timer: Timer) -> None:
    done: list[str] = []
    timer.after(60, lambda: done.append("late"))
    timer.after(0, lambda: done.append("early"))
    assert timer.wait_for(lambda: done == ["early"])


def test_an_action_can_schedule_another(timer: Timer) -> None:
    steps: list[int] = []

    def step() -> None:
        steps.append(len(steps))
        if len(steps) < 5:
            timer.after(0, step)

    timer.after(0, step)
    assert timer.wait_for(lambda: steps == [0, 1, 2, 3, 4])


def test_all_actions_run_in_one_thread(timer: Timer) -> None:
    names: list[str] = []
    for _ in range(20):
        timer.after(0.01, lambda: names.append(threading.current_thread().name))
    assert timer.wait_for(lambda: len(names) == 20)
    assert set(names) == {"stage-timer"}


def test_what_follows_from_an_action_is_played_too(timer: Timer) -> None:
    steps: list[int] = []

    def step() -> None:
        steps.append(len(steps))
        timer.after(10, step)

    timer.after(0, step)  # it may run while the clock begins to be moved
    timer.play(35)
    clock.reset()
    assert steps == [0, 1, 2, 3]


def test_dropped_actions_do_not_run(timer: Timer) -> None:
    done: list[str] = []
    timer.after(0.02, lambda: done.append("forgotten"))
    timer.clear()
    timer.after(0.04, lambda: done.append("kept"))
    assert timer.wait_for(lambda: bool(done))
    assert done == ["kept"]


def test_a_failing_action_does_not_stop_the_others(timer: Timer, capfd: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    nothing: list[None] = []
    timer.after(0, lambda: nothing[0])
    timer.after(0.01, lambda: done.append("next"))
    assert timer.wait_for(lambda: done == ["next"])
    assert "IndexError: list index out of range" in capfd.readouterr().err


def test_waiting_ends_after_the_timeout(timer: Timer) -> None:
    assert not timer.wait_for(lambda: False, timeout=0.02)


@pytest.mark.parametrize("due", [[], [60.0]], ids=["idle", "waiting"])
def test_a_closed_timer_leaves_no_thread(due: list[float]) -> None:
    before = threading.active_count()
    timer = Timer()
    for seconds in due:
        timer.after(seconds, lambda: None)
    timer.close()
    assert threading.active_count() == before
