"""When the jobs were paused for a migration: what was due then is skipped, and no run is missed. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.runs.missed import FIRES_WITHIN
from rota.runs.model import Migration, Swept

if TYPE_CHECKING:
    from rota.pauses.model import Pause

# EventBridge's longest retry age, a day, and the longest grace: later nothing of it is judged any more.
_KEPT_FOR = timedelta(days=3)


def noted(swept: Swept, pauses: "Iterable[Pause]", now: datetime) -> Swept:
    """With the migrations that `pauses` show, which are all that are in force and those of the last hour."""
    of_each: dict[str, list[Pause]] = {}
    for pause in pauses:
        if pause.is_a_migrations:
            of_each.setdefault(pause.execution, []).append(pause)
    # One whose pauses are gone, or a person's since, is over.
    before = {each.execution: each.model_copy(update={"until": each.until or now}) for each in swept.migrations}
    seen = {execution: _of(execution, group) for execution, group in of_each.items()}
    kept = tuple(each for each in (before | seen).values() if each.until is None or each.until > now - _KEPT_FOR)
    return swept.model_copy(update={"migrations": kept})


def lasts(swept: Swept) -> bool:
    """Whether a migration runs, for which the jobs are paused."""
    return any(each.until is None for each in swept.migrations)


def was_in_one(swept: Swept, due: datetime) -> bool:
    """Whether the jobs were paused then. EventBridge heeds within a minute that a rule is off, or on."""
    return any(
        each.since - FIRES_WITHIN <= due and (each.until is None or due <= each.until + FIRES_WITHIN)
        for each in swept.migrations
    )


def _of(execution: str, pauses: "list[Pause]") -> Migration:
    ends = [pause.ended_at for pause in pauses if pause.ended_at]
    until = max(ends) if len(ends) == len(pauses) else None
    return Migration(execution=execution, since=min(pause.since for pause in pauses), until=until)
