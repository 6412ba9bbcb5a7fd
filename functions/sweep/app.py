"""Sweep: looks once a minute at what time alone tells: runs that are missed, overlong, or lost, and what to tell."""

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
    """How many runs it found to have ended, or to be missed, which no event had told."""

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
