"""What `rota resume --run-missed` starts. Pure."""

from datetime import datetime

from rota.cli import table as items
from rota.cli.table import Item
from rota.runs.due import last_due
from rota.schedule_file.expression import period_of
from rota.schedule_file.when import When


def due_in_a_pause(pause: Item, when: When | None, now: datetime) -> datetime | None:
    """The last time that a job was due since its pause began; None if it was not, or its schedule was off anyway. Of a
    rate that is now, if the pause was longer than its period.
    """
    since = items.at(pause, "since")
    if since is None or when is None or pause.get("enabled") is False:
        return None
    if period := period_of(when.expression):
        return now.replace(microsecond=0) if now - since >= period else None
    due = last_due(when, now)
    return due if due and due > since else None
