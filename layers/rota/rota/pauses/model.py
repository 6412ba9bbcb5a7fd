"""A pause of a task as the ledger's table holds it, in a partition of its own. Pure.

```
app = pauses#CLUSTER/SERVICE
  pause#TASK   a Pause
```
An item outlives its pause by an hour: whoever has read the schedule as it was in the pause finds why it was off.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime

from rota.deployment.items import Item
from rota.errors import listed
from rota.times import minute

KEPT_AFTER_ITS_END = timedelta(hours=1)
KEPT_WITHOUT_ITS_TASK = timedelta(days=30)
REMIND_EVERY = timedelta(days=7)


class Pause(Item):
    """One task is paused, or was."""

    task: str
    since: AwareDatetime
    until: AwareDatetime | None = None
    """When it ends automatically; None if a person ends it."""
    by: str = ""
    reason: str = ""
    execution: str
    """The ARN of the execution that began it, or wrote it last."""
    enabled: bool = True
    """Whether the schedule is on without the pause: as the deployment that wrote it last had it."""
    in_scheduler: bool = False
    """Whether that is no rule. A job may have both, of which one starts nothing: what a move left."""
    replaces: "Pause | None" = None
    """The pause that was in force before, and comes back if this one is withdrawn."""
    for_migration: bool = False
    """Whether a deployment began it for its migration: whoever ends it, what it replaces comes back."""
    ended_at: AwareDatetime | None = None
    """When it was over; None while it is in force."""
    ended_by: str = ""
    """Who ended it and why; empty if its time was up."""
    settled_at: AwareDatetime | None = None
    """When the schedule was as it is to be after the pause; None before."""
    reported_at: AwareDatetime | None = None
    """When people were notified last: of its end, that it continues, or that it cannot be ended."""
    looked_at: AwareDatetime | None = None
    """When its schedule was looked at last."""
    gone_since: AwareDatetime | None = None
    """Since when the task has no schedule."""
    version: int = 0
    """Counts the changes of the item: who writes it names the one that was read."""

    @property
    def is_in_force(self) -> bool:
        """Whether it is not over. One whose time is up is in force until Sweep has said that it is over."""
        return self.ended_at is None

    @property
    def is_off(self) -> bool:
        """Whether its schedule is off, or may still be."""
        return self.is_in_force or self.settled_at is None

    @property
    def is_a_migrations(self) -> bool:
        """Whether it is there for a migration alone, and no person has paused the task."""
        return self.for_migration and self.replaces is None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be ended now."""
        return self.is_in_force and self.until is not None and self.until <= now

    def may_be_why(self, since: datetime) -> bool:
        """Whether it may be why a schedule was seen to be off that was read later than `since`."""
        return self.settled_at is None or self.settled_at >= since

    def ended(self, now: datetime, by: str = "") -> "Pause":
        """The pause once it is over."""
        return self.model_copy(update={"ended_at": now, "ended_by": by, "reported_at": None})

    def over(self, now: datetime) -> "Pause":
        """The pause once its time is up."""
        if self.for_migration:
            return self.replaces or self.ended(now, "the migration's time was up")
        return self.ended(now)

    @property
    def why(self) -> str:
        """For people: `by ann until 2026-12-24 06:00 UTC: the supplier is down`."""
        until = f"until {minute(self.until)}" if self.until else "until a person resumes it"
        return f"{f'by {self.by} ' if self.by else ''}{until}{f': {self.reason}' if self.reason else ''}"


def sentences(pauses: Iterable[Pause]) -> Iterator[str]:
    """For people: `SendMail is paused by ann until 2026-12-24 06:00 UTC: the supplier is down`, those that are alike
    together.
    """
    for why, tasks in alike(pauses).items():
        yield f"{listed(tasks)} {'is' if len(tasks) == 1 else 'are'} paused {why}"


def alike(pauses: Iterable[Pause]) -> dict[str, list[str]]:
    """The names of the tasks that are paused for the same reason, by that reason with its end."""
    groups: dict[str, list[str]] = {}
    for pause in sorted(pauses, key=lambda pause: pause.task):
        groups.setdefault(pause.why, []).append(pause.task)
    return groups


def noted(pauses: Mapping[str, Pause]) -> dict[str, str]:
    """By task, a text that changes when a pause begins and when it is over."""
    return {task: f"{pause.since.isoformat()} {'off' if pause.is_off else 'on'}" for task, pause in pauses.items()}


def partition(app: str) -> str:
    """The partition key of all pauses of an app."""
    return f"pauses#{app}"


def sort_key(task: str) -> str:
    """The sort key of the pause of a task."""
    return f"pause#{task}"
