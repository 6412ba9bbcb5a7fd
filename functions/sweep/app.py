"""Sweep: looks once a minute at what time alone shows: pauses and holds that are over, runs that are missed, overlong
or lost, and whom to notify. Once a day it keeps what releases need to be brought back.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.contract.shape import Shape
from rota.deployment.lease.item import lease_table_of
from rota.deployment.lease.pending import start_pending
from rota.handlers.event import on_event
from rota.pauses.ending import end_pauses
from rota.runs.metrics import count_runs
from rota.runs.model import Run
from rota.runs.sweep import sweep
from rota.settings import Settings

if TYPE_CHECKING:
    from rota.deployment.gates import Closed

# Hour and minute in UTC. What is done then has a week's time.
_ONCE_A_DAY = (3, 10)


class Tick(Shape):
    """The event of the schedule."""

    id: str


class SweepAnswer(Shape):
    """How many runs it found to have ended, or to be missed, which no event had reported."""

    found: int


@on_event("id")
def handler(request: Tick, settings: Settings) -> SweepAnswer:
    found: list[Run] = []
    now = datetime.now(UTC)
    # What fails of one does not keep the other from being done.
    try:
        pauses = end_pauses(settings, now)
        if settings.watch_runs:
            sweep(settings, now, found.append, pauses.all)
        pauses.raise_first()
    finally:
        if settings.watch_runs:
            count_runs(settings, found)
        gates = lease_table_of(settings).read().gate
        if gates.in_their_order:
            start_pending(clients.stepfunctions(), settings, gates, lambda: _closed(settings, now), now)
        if (now.hour, now.minute) == _ONCE_A_DAY:
            _keep_releases(settings, now)
    return SweepAnswer(found=len(found))


def _closed(settings: Settings, now: datetime) -> "Closed | None":
    from rota.deployment import window  # noqa: PLC0415 - next to no sweep needs it

    return window.closed_at(settings.deploy_window, now)


def _keep_releases(settings: Settings, now: datetime) -> None:
    """What the last releases need to be brought back outlives HistoryDays."""
    from rota.deployment import retention  # noqa: PLC0415 - once a day
    from rota.deployment.releases import releases_of  # noqa: PLC0415

    kept = releases_of(settings).kept()
    retention.keep(clients.s3(), settings.bucket, kept, settings.history_days, now)
