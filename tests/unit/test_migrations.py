"""When the jobs were paused for a migration: what Sweep notes of it, and which minutes it takes for skipped."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.pauses.model import Pause
from rota.runs.migrations import lasts, noted, was_in_one
from rota.runs.model import Swept

SIX = datetime(2026, 3, 1, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SWEPT = Swept(at=SIX)


def pause(task: str = "IngestData", *, by: str = "v2", ended: int | None = None, paused: bool = False) -> Pause:
    """A pause for the migration of that execution, which ended so many minutes after six."""
    before = Pause(task=task, since=SIX, execution="ann") if paused else None
    end = None if ended is None else SIX + ended * MINUTE
    return Pause(task=task, since=SIX, execution=by, for_migration=by != "ann", replaces=before, ended_at=end)


def times(swept: Swept) -> list[tuple[int, int | None]]:
    """From which minute after six until which."""
    minutes = [(each.since, each.until) for each in swept.migrations]
    return [((since - SIX) // MINUTE, (until - SIX) // MINUTE if until else None) for since, until in minutes]


@pytest.mark.parametrize(
    ("pauses", "found"),
    [
        pytest.param([], [], id="none"),
        pytest.param([pause()], [(0, None)], id="it runs"),
        pytest.param([pause(ended=9)], [(0, 9)], id="it is over"),
        pytest.param([pause(ended=9), pause("RemoveSpam")], [(0, None)], id="one job is off still"),
        pytest.param([pause(ended=9), pause("RemoveSpam", ended=8)], [(0, 9)], id="one job after the other"),
        pytest.param([pause(by="ann")], [], id="a person's pause"),
        pytest.param([pause(paused=True)], [], id="a person had paused it before"),
    ],
)
def test_what_the_pauses_show(pauses: list[Pause], found: list[tuple[int, int | None]]) -> None:
    swept = noted(SWEPT, pauses, SIX + 10 * MINUTE)
    assert times(swept) == found
    assert lasts(swept) is any(until is None for _, until in found)


@pytest.mark.parametrize("left", [[], [pause(by="ann")]], ids=["deleted", "a person's since"])
def test_it_is_kept_when_its_pauses_are_gone(left: list[Pause]) -> None:
    ran = noted(noted(SWEPT, [pause()], SIX), left, SIX + 5 * MINUTE)
    ended = noted(noted(SWEPT, [pause(ended=9)], SIX), left, SIX + 70 * MINUTE)
    assert (times(ran), times(ended)) == ([(0, 5)], [(0, 9)])
    assert noted(ended, [], SIX + timedelta(days=4)) == SWEPT


@pytest.mark.parametrize(
    ("minute", "was"), [(-2, False), (-1, True), (0, True), (9, True), (10, True), (11, False)], ids=str
)
def test_which_minutes_are_in_it(minute: int, was: bool) -> None:
    over = noted(SWEPT, [pause(ended=9)], SIX)
    assert was_in_one(over, SIX + minute * MINUTE) is was
    assert was_in_one(noted(SWEPT, [pause()], SIX), SIX + minute * MINUTE) is (minute >= -1)


def test_a_migration_is_remembered_for_three_days() -> None:
    over = noted(SWEPT, [pause(ended=9)], SIX)
    end = SIX + 9 * MINUTE + timedelta(days=3)
    assert times(noted(over, [], end - timedelta(seconds=1))) == [(0, 9)]
    assert times(noted(over, [], end)) == []


def test_one_that_lasts_has_all_minutes_since_it_began() -> None:
    running = noted(SWEPT, [pause(), pause("RemoveSpam")], SIX + MINUTE)
    assert [was_in_one(running, SIX + minute * MINUTE) for minute in (-2, -1, 900)] == [False, True, True]
    later = [pause(ended=3), pause(by="v3", ended=30)]
    assert [each.execution for each in noted(running, later, SIX).migrations] == ["v2", "v3"]
