"""Sweep: looks once a minute for what no event reports: runs that are missed, overlong or lost; and reports jobs."""

from datetime import UTC, datetime

from rota.contract import Shape
from rota.handlers.event import on_event
from rota.runs.metrics import count_runs
from rota.runs.model import Run
from rota.runs.sweep import sweep
from rota.settings import Settings


class Tick(Shape):
    """The event of the schedule."""

    id: str


class SweepAnswer(Shape):
    """How many runs it found to have ended, or to be missed, which no event had reported."""

    found: int


@on_event("id")
def handler(request: Tick, settings: Settings) -> SweepAnswer:
    found: list[Run] = []
    if settings.watch_runs:
        try:
            sweep(settings, datetime.now(UTC), found.append)
        finally:
            count_runs(settings, found)
    return SweepAnswer(found=len(found))
