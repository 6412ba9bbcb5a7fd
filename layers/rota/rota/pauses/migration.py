"""Pausing the app's jobs while a migration runs. It is a pause as any other, of which all know who write schedules, and
Sweep; what a person had paused before is paused again afterwards.
"""

from typing import TYPE_CHECKING

from rota.contract.deployment import Kind, Origin
from rota.pauses import change
from rota.schedules import backend

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rota.contract.deployment import Execution
    from rota.schedules.backend import Schedule
    from rota.settings import Settings


def pause(
    settings: "Settings", schedules: "Iterable[Schedule]", execution: "Execution", until: "datetime", now: "datetime"
) -> None:
    """Keep the jobs of those schedules that are on from starting, until then at the latest: Sweep ends it."""
    on = (
        backend.plain_name(each.name)
        for each in schedules
        if backend.is_enabled(each) and not backend.is_over(each, now)
    )
    names = tuple(sorted(name.removeprefix(settings.rule_prefix) for name in on))
    if not names:
        return
    origin = Origin(kind=Kind.PAUSE, by="Rota", reason="a migration runs")
    change.pause(settings, change.Asked(names, until, origin, execution, for_migration=True), now)


def lift(settings: "Settings", execution: str, now: "datetime") -> list[str]:
    """End what the execution of that ARN has paused, also what Sweep has ended already. Returns the tasks."""
    return change.withdraw(settings, execution, now, "the migration is over")
