"""The pauses of a task that are over, by the ledger: the item of one is kept for an hour after its end alone. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from rota.cli import table as items
from rota.cli.table import Item
from rota.runs.due import due_between
from rota.schedule_file.when import When

_COUNTED = 1000


@dataclass(frozen=True)
class PastPause:
    """What was due in it was not started. `ended_by` is empty if its time was up."""

    since: datetime
    ended: datetime
    by: str
    reason: str
    ended_by: str


def past(entries: Iterable[Item], task: str, now: datetime) -> list[PastPause]:
    """Those that the entries show, the newest first."""
    found: list[PastPause] = []
    paused: PastPause | None = None
    until: datetime | None = None
    for entry in sorted(filter(lambda each: _is_about(each, task), entries), key=lambda each: str(each["finished_at"])):
        at = items.at(entry, "finished_at") or now
        if paused and until and until <= at:
            found.append(replace(paused, ended=until))
            paused = None
        if entry["kind"] == "pause":
            begun = PastPause(at, at, entry.get("by") or "", entry.get("reason") or "", "")
            paused, until = replace(begun, since=paused.since) if paused else begun, items.at(entry, "until")
        elif paused:
            found.append(replace(paused, ended=at, ended_by=entry.get("by") or "a person"))
            paused = None
    if paused and until and until <= now:
        found.append(replace(paused, ended=until))
    return found[::-1]


def due_in(pause: PastPause, when: When, run_at: datetime | None) -> list[datetime]:
    """The times at which a task was due in it, a thousand at most; `run_at`: one of a rate's times, without which there
    are none.
    """
    return [*islice(due_between(when, pause.since, pause.ended, run_at), _COUNTED)]


def _is_about(entry: Item, task: str) -> bool:
    """A request to resume that names no task is about all."""
    tasks = entry.get("paused")
    if tasks is None or entry["outcome"] != "done":
        return False
    return task in tasks or (entry["kind"] == "resume" and not tasks)
