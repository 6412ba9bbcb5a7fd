"""What a person should know before a job runs by hand: that it is paused, runs already, or is due soon. Of a migration,
that a deployment's runs.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.cli import table as items
from rota.cli import time_text
from rota.cli.ecs_tasks import running, short
from rota.cli.table import Item
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import next_runs
from rota.schedules import backend

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.run.start import Job

_SOON = timedelta(minutes=1)


def remarks(account: "Account", job: "Job", now: datetime) -> Iterator[str]:
    """A sentence for each, from what AWS and the table say."""
    pause = account.table.pauses().get(job.task)
    item = account.table.jobs().get(job.task, {}) if account.stack.watches_runs else {}
    if not job.is_of_a_release:
        yield from remarks_on_schedule(job, pause, item, now)
    for change in running(account, job.task):
        yield f"{job.task} runs already, as task {short(change.task_arn)}: both run at once."


def remarks_on_schedule(job: "Job", pause: Item | None, item: Item, now: datetime) -> Iterator[str]:
    """What its pause, its rule and its next run say. Pure."""
    if pause:
        until, reason = items.at(pause, "until"), pause.get("reason")
        ends = f" until {time_text.whole(until, utc=True)}" if until else ""
        by = f" by {pause['by']}" if pause.get("by") else ""
        yield f"{job.task} is paused{by}{ends}{f': {reason}' if reason else ''}. It runs all the same, this once."
    elif not backend.is_enabled(job.schedule):
        yield f"The rule of {job.task} is disabled. It runs all the same, this once."
    elif due := _following(job, now):
        lasted = sorted(float(each) for each in item.get("lasted", ()))
        usual = timedelta(seconds=lasted[len(lasted) // 2]) if lasted else timedelta()
        if due - now <= max(usual, _SOON):
            gives_way = ", and is skipped while this one runs" if item.get("overlap") == "skip" else ""
            yield f"{job.task} is due by its schedule {time_text.ahead(due, now)}{gives_way}."


def remarks_on_migration(lease: Item) -> Iterator[str]:
    """That the migration of a deployment runs, or may, as the lease has it. Pure."""
    record = items.record_of_holder(lease)
    if "RunBefore" in record.get("entered", {}) and not (record.get("before") or {}).get("finished"):
        yield f"The deployment {record['execution']['name']} runs its migration: both run at once."
    if left := lease.get("left_running"):
        name = left["execution"].rpartition(":")[2]
        yield f"The migration of {name}, which was aborted, may still run: both run at once."


def _following(job: "Job", now: datetime) -> datetime | None:
    """When its schedule starts it next; None if that is not known, or never."""
    when = backend.when_of(job.schedule)
    if when is None or (period_of(when.expression) and not when.start):
        return None
    return next(iter(next_runs(when, now, 1)), None)
