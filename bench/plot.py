"""The plot: seconds over tasks, both logarithmic, as an SVG written by hand."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 760, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 210, 48, 52
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #e4e4e4 } .axis { stroke: #999 }
  polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .dashed { stroke-dasharray: 5 5; stroke-width: 1.8 }
"""
_TIMES = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36_000: "10 h"}


@dataclass(frozen=True)
class Series:
    """One line: seconds by number of tasks. What was computed is dashed, what was measured has dots.

    The name stands at its end; one that another continues has none.
    """

    name: str
    colour: str
    seconds: Mapping[int, float]
    computed: bool = False


def draw(title: str, series: list[Series]) -> str:
    """The SVG as text."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="{_LEFT}" y="26">{escape(title)}</text>',
    ]
    scale = _Scale(series)
    parts += [*scale.grid(), *(part for each in series for part in _line(each, scale)), *_legend(series, scale)]
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Where a number of tasks and of seconds is on the paper."""

    def __init__(self, series: list[Series]) -> None:
        seconds = [value for each in series for value in each.seconds.values()]
        self._tasks = sorted({tasks for each in series for tasks in each.seconds})
        self._times = (min([*seconds, 10.0]) / 1.3, max(seconds) * 1.3)

    def x(self, tasks: float) -> float:
        return _LEFT + _share(tasks, self._tasks[0], self._tasks[-1]) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, seconds: float) -> float:
        return _HEIGHT - _BOTTOM - _share(seconds, *self._times) * (_HEIGHT - _TOP - _BOTTOM)

    def grid(self) -> Iterator[str]:
        low, high = self._times
        for seconds in (each for each in _TIMES if low <= each <= high):
            y = self.y(seconds)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_TIMES[seconds]}</text>'
        bottom = _HEIGHT - _BOTTOM
        yield f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>'
        for tasks in self._tasks:
            yield f'<text x="{self.x(tasks):.1f}" y="{bottom + 18}" text-anchor="middle">{tasks:,}</text>'
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        yield f'<text x="{middle}" y="{bottom + 40}" text-anchor="middle">tasks in the schedule file</text>'


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


def _line(series: Series, scale: _Scale) -> Iterator[str]:
    points = [(scale.x(tasks), scale.y(seconds)) for tasks, seconds in sorted(series.seconds.items())]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = ' class="dashed"' if series.computed else ""
    yield f'<polyline{dashed} stroke="{series.colour}" points="{path}"/>'
    if not series.computed:
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{series.colour}"/>' for x, y in points)


def _legend(series: list[Series], scale: _Scale) -> Iterator[str]:
    """Each name at the end of its line, moved down where two would overlap."""
    below = 0.0
    for each in sorted(
        (each for each in series if each.name), key=lambda each: scale.y(each.seconds[max(each.seconds)])
    ):
        last = max(each.seconds)
        below = max(scale.y(each.seconds[last]) + 4, below + 18)
        x = _WIDTH - _RIGHT + 12
        yield f'<text x="{x}" y="{below:.1f}" style="fill: {each.colour}">{escape(each.name)}</text>'
