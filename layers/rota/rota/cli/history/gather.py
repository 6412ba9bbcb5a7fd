"""What `rota history` reads of the table."""

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from rota.cli import live_schedules
from rota.cli import table as items
from rota.cli.history.model import Deployment, History, TaskHistory, TaskRun
from rota.cli.pauses import past
from rota.cli.status import tasks
from rota.cli.status.gather import origin, pause_of
from rota.cli.table import Item, Table

if TYPE_CHECKING:
    from rota.cli.frame import Account

_WENT_LIVE = "deployed"
_LEDGER = 50
"""Entries in which a task's pauses, and the releases of its runs, are looked for."""


def history(table: Table, most: int, *, every: bool) -> History:
    """Of the deployments that have ended `most`: those that went live, or `every` one."""
    live = table.present(0).live
    shown = (each for each in table.deployments() if every or each["outcome"] == _WENT_LIVE)
    found = [*islice(shown, most + 1)]
    return History(releases=[*deployments(found[:most], live)], more=len(found) > most)


def deployments(entries: Iterable[Item], live: Item | None) -> "Iterable[Deployment]":
    """The entries, the newest first; the first that deployed what is live is live."""
    seen = False
    for entry in entries:
        is_live = not seen and items.is_of_live(entry, live)
        seen = seen or is_live
        yield _deployment(entry, live=is_live)


def runs(account: "Account", task: str, most: int) -> TaskHistory:
    """The last runs of a task. CommandError if there is no such task: no run of it, no job, and no rule."""
    found = account.table.runs(task, most)
    if not found:
        live_schedules.require([task], live_schedules.all_tasks(account))
    live, _, ended = account.table.present(_LEDGER)
    runs_found = [_run(each, live, ended) for each in found]
    pauses = past(ended, task, account.now())
    if len(runs_found) == most:
        pauses = [each for each in pauses if each.ended >= runs_found[-1].at]
    paused = pause_of(account.table.pauses().get(task))
    return TaskHistory(task=task, runs=runs_found, pauses=pauses, paused=paused)


def _deployment(entry: Item, *, live: bool) -> Deployment:
    started, finished = (items.at(entry, name) for name in ("started_at", "finished_at"))
    return Deployment(
        release=items.version(entry.get("release")),
        live=live,
        outcome=entry["outcome"],
        **origin(entry),
        tag=entry.get("tag"),
        digest=entry.get("digest"),
        started_at=started,
        finished_at=finished,
        seconds=round((finished - started).total_seconds(), 1) if started and finished else None,
        summary=entry.get("summary", ""),
        cause=entry.get("cause", ""),
        schedule_key=entry.get("schedule_key"),
        schedule_version=entry.get("schedule_version"),
        execution=entry["execution"],
    )


def _run(item: Item, live: Item | None, ended: Iterable[Item]) -> TaskRun:
    return TaskRun(**vars(tasks.run_of(item, live, ended)), task_arn=item.get("task_arn", ""))
