"""The board's pictures: each status has a shape, and times are where they belong."""

from datetime import datetime, timedelta
from typing import get_args

import pytest

from rota.board import drawing
from rota.board.model import Coming, Run
from rota.cli.board.front import axis
from rota.cli.status.model import RunStatus
from tests.board.sample import CLOCK, NOW

DAY = axis(CLOCK, 24)


def ran(hours_ago: float, status: str = "ok", seconds: float | None = 40.0) -> Run:
    return Run(NOW - timedelta(hours=hours_ago), status, seconds, "", "")


def hours(*ahead: float) -> list[datetime]:
    return [NOW + timedelta(hours=each) for each in ahead]


def test_every_status_has_a_shape_and_every_shape_words() -> None:
    assert drawing.SHAPES.keys() == {*get_args(RunStatus)}
    assert drawing.WORDS.keys() == {*drawing.SHAPES.values()}


def test_the_newest_run_is_right_and_the_longest_highest() -> None:
    drawn = drawing.strip([ran(2, seconds=10), ran(1, "failed"), ran(0, seconds=20)])
    assert drawn.bars == "M140 24v-8M156 24v-12"
    assert [(each.name, each.x, each.y) for each in drawn.others] == [("cross", 148, 5)]
    assert drawn.stems == "M148 24v-15"


def test_a_strip_of_every_status() -> None:
    runs = [ran(hours, status) for hours, status in enumerate(drawing.SHAPES, 1)]
    runs += [ran(9, "ok", 0.0), ran(8, "ok", None), ran(7, "failed", 1.0), ran(6, "later", 60.0)]
    drawn = drawing.strip(runs)
    assert drawn.bars == "M60 24v-14M132 24v-5M140 24v-6"
    assert (
        drawn.stems
        == "M68 24v-10M76 24v-10M84 24v-10M92 24v-10M100 24v-10M108 24v-10M116 24v-10M124 24v-10M148 24v-1M156 24v-15"
    )
    assert [(each.name, each.x, each.y, each.run) for each in drawn.others] == [
        (drawing.SHAPES.get(run.status, "diamond"), 60 + 8 * place, {11: 19, 12: 5}.get(place, 10), run)
        for place, run in enumerate(runs)
        if run.status != "ok"
    ]
    assert drawing.strip([]) == drawing.Strip("", "", [])


def test_a_lane_of_every_status() -> None:
    early, at_begin, now, at_end, late = (ran(hours) for hours in (24.01, 24, 0, -24, -24.01))
    long, short = ran(3, seconds=1153.0), ran(2, seconds=1143.0)
    shapes = [ran(1, "failed"), ran(0.5, "starting", None), ran(0.2, "later", None)]
    coming = Coming(hours(0, 1, 25), [(hours(2)[0], hours(5)[0]), (hours(6)[0], hours(6)[0])])
    drawn = drawing.lane(DAY, [early, at_begin, long, short, *shapes, now, at_end, late], coming)
    assert drawn == drawing.Lane(
        unread=0,
        bars="M0 8v10M438 8v10M458 8v10M500 8v10M1000 8v10",
        others=[
            drawing.Shape("cross", 479.2, 0, shapes[0]),
            drawing.Shape("flow", 489.6, 0, shapes[1]),
            drawing.Shape("diamond", 495.8, 0, shapes[2]),
        ],
        lasting=[(437.5, 6.7, "bar"), (489.6, 10.4, "flow")],
        single=[500.0, 520.8, 1000.0],
        often=[(541.7, 62.5), (625.0, 1)],
    )


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([], "No run yet"),
        (["ok"], "Last 1 runs: 1 ok"),
        (["not_started", "ok", "ok"], "Last 3 runs: 1 not started, 2 ok"),
    ],
)
def test_a_strip_in_words(statuses: list[str], words: str) -> None:
    assert drawing.counts([ran(1, each) for each in statuses]) == words


def test_only_the_last_twenty_are_shown() -> None:
    assert drawing.strip([ran(each) for each in range(30, 0, -1)]).bars.count("M") == 20


def test_now_is_in_the_middle() -> None:
    drawn = drawing.lane(DAY, [ran(12), ran(0, "missed", None)], Coming(hours(12)))
    assert (drawn.bars, drawn.others[0].x, drawn.single) == ("M250 8v10", 500, [750])


def test_a_long_run_has_its_length() -> None:
    drawn = drawing.lane(DAY, [ran(4, seconds=2 * 3600), ran(1, "running", None)], Coming())
    assert drawn.lasting == [(416.7, 41.7, "bar"), (479.2, 20.8, "flow")]


def test_what_is_not_read_is_marked() -> None:
    runs = [ran(each / 12) for each in range(20, 0, -1)]
    assert drawing.lane(DAY, runs, Coming()).unread == 465.3
    assert drawing.lane(DAY, runs[1:], Coming()).unread == 0


@pytest.mark.parametrize(
    ("ahead", "single", "often"),
    [
        ([6, 18], [6, 18], []),
        ([6, 6.5], [6, 6.5], []),
        ([1, 1.25, 1.5, 1.75, 9], [9], [(1, 1.75)]),
        ([1, 2, 3], [], [(1, 3)]),
        ([1, 2.01, 3.02], [1, 2.01, 3.02], []),
        ([0, 1, 2, 4, 5, 6, 8], [8], [(0, 2), (4, 6)]),
        ([], [], []),
    ],
    ids=["apart", "two are two", "often", "an hour apart", "more than an hour", "two spans", "none"],
)
def test_runs_near_to_each_other_are_a_span(
    ahead: list[float], single: list[float], often: list[tuple[float, float]]
) -> None:
    spans = tuple((hours(begin)[0], hours(end)[0]) for begin, end in often)
    assert drawing.spans(hours(*ahead), DAY) == Coming(tuple(hours(*single)), spans)


def test_a_day_has_hours_and_a_week_has_days() -> None:
    assert [words for _, words in DAY.ticks] == ["18:00", "00:00", "06:00", "18:00", "00:00", "06:00"]
    assert [words for _, words in axis(CLOCK, 168).ticks][:2] == ["Wed", "Thu"]
