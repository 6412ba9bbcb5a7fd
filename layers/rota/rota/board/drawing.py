"""The pictures: a strip of a task's last runs, and its time axis with what has run and what is to come. Pure.

Each status has a shape of its own, beside its colour: see `SHAPES`, and the symbols in `symbols.html`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.board.model import Axis, Coming, Run

SHAPES = {
    "ok": "bar",
    "failed": "cross",
    "not_started": "frame",
    "missed": "ring",
    "skipped": "dash",
    "replaced": "dash",
    "unknown": "diamond",
    "starting": "flow",
    "running": "flow",
}
"""For each status of a run its shape."""
WORDS = {
    "bar": "ok",
    "cross": "failed",
    "frame": "did not start",
    "ring": "missed",
    "dash": "skipped or replaced",
    "diamond": "not known",
    "flow": "under way",
}
"""What each shape means."""
STRIP_HEIGHT, STRIP_SLOT, STRIP_RUNS = 26, 8, 20
_LOWEST, _HIGHEST, _WITHOUT, _STEM = 5, 19, 6, 4
SLOTS = 24
"""Runs that are as near to each other as one of so many parts of the time to come are drawn as a span."""
_WHOLE = 1000


class Shape(NamedTuple):
    """A run that is no plain bar: which shape it has, and where."""

    name: str
    x: float
    y: float
    run: Run


class Strip(NamedTuple):
    """A strip: the bars of runs that are ok as one path, those that carry the mark of a failed run, and all marks."""

    bars: str
    stems: str
    others: Sequence[Shape]


class Lane(NamedTuple):
    """A task on the time axis, whose length is 1,000. `unread`: up to where runs are not read, or 0."""

    unread: float
    bars: str
    others: Sequence[Shape]
    lasting: Sequence[tuple[float, float, str]]
    """What took long enough to be seen: begin, length, shape."""
    single: Sequence[float]
    often: Sequence[tuple[float, float]]


def strip(runs: Sequence[Run]) -> Strip:
    """Of the last runs, the newest right; a bar is as high as its run was long, beside the others of the task."""
    shown = runs[-STRIP_RUNS:]
    longest = max((run.seconds for run in shown if run.seconds), default=0.0)
    bars, stems, others = [], [], []
    for place, run in enumerate(shown, STRIP_RUNS - len(shown)):
        height = _height(run.seconds, longest)
        shape, x = SHAPES.get(run.status, "diamond"), place * STRIP_SLOT + STRIP_SLOT // 2
        if shape == "bar":
            bars.append(f"M{x} {STRIP_HEIGHT - 2}v-{height}")
            continue
        if run.seconds and height > _STEM:
            stems.append(f"M{x} {STRIP_HEIGHT - 2}v-{height - _STEM}")
        others.append(Shape(shape, x, STRIP_HEIGHT - 2 - height, run))
    return Strip("".join(bars), "".join(stems), others)


def lane(axis: Axis, runs: Sequence[Run], coming: Coming) -> Lane:
    """What of a task lies within the axis."""
    inside = [run for run in runs if axis.begin <= run.at <= axis.end]
    bars, others, lasting = [], [], []
    for run in inside:
        shape, x = SHAPES.get(run.status, "diamond"), _x(axis, run.at)
        seconds = (axis.now - run.at).total_seconds() if shape == "flow" else run.seconds or 0.0
        length = round(seconds / (axis.end - axis.begin).total_seconds() * _WHOLE, 1)
        if length > _WHOLE / 150:
            lasting.append((x, length, shape))
        if shape == "bar":
            bars.append(f"M{round(x)} 8v10")
        else:
            others.append(Shape(shape, x, 0, run))
    whole = len(runs) >= STRIP_RUNS and runs[0].at > axis.begin
    return Lane(
        _x(axis, runs[0].at) if whole else 0,
        "".join(bars),
        others,
        lasting,
        [_x(axis, at) for at in coming.single],
        [(x, round(max(_x(axis, end) - x, 1), 1)) for x, end in ((_x(axis, one), two) for one, two in coming.often)],
    )


def counts(runs: Sequence[Run]) -> str:
    """A strip for who does not see it: `Last 3 runs: 1 missed, 2 ok`."""
    if not runs:
        return "No run yet"
    found = Counter(run.status.replace("_", " ") for run in runs)
    return f"Last {len(runs)} runs: {', '.join(f'{number} {status}' for status, number in sorted(found.items()))}"


def spans(times: Sequence[datetime], axis: Axis) -> Coming:
    """Times to come, those that are near to each other as spans."""
    slot = (axis.end - axis.begin) / 2 / SLOTS
    single: list[datetime] = []
    often: list[tuple[datetime, datetime]] = []
    for group in _groups(times, slot):
        if len(group) > 2:  # noqa: PLR2004  two are two
            often.append((group[0], group[-1]))
        else:
            single += group
    return Coming(tuple(single), tuple(often))


def _groups(times: Sequence[datetime], slot: timedelta) -> list[list[datetime]]:
    groups: list[list[datetime]] = []
    for at in times:
        if groups and at - groups[-1][-1] <= slot:
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups


def _height(seconds: float | None, longest: float) -> int:
    if not seconds or not longest:
        return _WITHOUT if seconds is None else _LOWEST
    return round(_LOWEST + (_HIGHEST - _LOWEST) * seconds / longest)


def _x(axis: Axis, at: datetime) -> float:
    inside = min(max(at, axis.begin), axis.end)
    return round((inside - axis.begin) / (axis.end - axis.begin) * _WHOLE, 1)
