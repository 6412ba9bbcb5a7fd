"""Schedules and changes of either backend, as plans and snapshots hold them, and what each backend does with them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import Discriminator, Tag

from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule
from rota.schedules.found import Found
from rota.schedules.restored import Restored

SETTLES_WITHIN = timedelta(seconds=90)
"""How long a schedule may still fire as it was before a change; one that is due fires within the minute. AWS names no
time. It is the longest that Rota waits, where else a run could be missed or come twice; two that are shorter say why:
`_SHOWN_WITHIN` in `moving.py`, `_UNTIL_NOTHING_FIRES` in `restore/revisions.py`.
"""
BackendName: TypeAlias = Literal["rules", "scheduler"]


def _backend_of(given: Any) -> str:
    """The first versions of Rota stored rules without the name of their backend."""
    return str(given.get("backend", "rules") if isinstance(given, dict) else given.backend)


Schedule: TypeAlias = Annotated[
    Annotated[Rule, Tag("rules")] | Annotated[SchedulerSchedule, Tag("scheduler")], Discriminator(_backend_of)
]
Change: TypeAlias = Annotated[
    Annotated[RuleChange, Tag("rules")] | Annotated[SchedulerChange, Tag("scheduler")], Discriminator(_backend_of)
]


class Backend(Protocol):
    """Reads and writes schedules. What AWS refuses is raised as its client does (`AWS_ERRORS`), for the frame of the
    functions to translate, or as TransientError or RejectedError where the backend knows more.

    `name` of a schedule is here what both backends call it: RulePrefix and the task's name. `inventory` of each begins
    to read what there is; what it returns waits for the end, and then holds `schedules` by the names that plans have.
    """

    def read(self, name: str) -> Schedule | None:
        """The app's schedule of that name as it is now; None if it has none."""

    def revisions_in_use(self) -> set[str]:
        """The ARNs of all task definitions that any schedule with the app's prefix runs now, foreign ones included."""

    def apply(self, change: Any, revisions: Mapping[str, str]) -> bool:
        """Create or update one schedule; `revisions`: ARNs by fingerprint. True if its one time had passed by then, so
        that it did not run.
        """

    def disable(self, change: Any) -> bool:
        """Stop a schedule that is to be removed; False if it is not the app's any more."""

    def delete(self, change: Any) -> bool:
        """Delete a schedule that is to be removed; False if it is not the app's any more."""

    def restore(self, change: Any, before: Any, retries: int) -> Restored:
        """Undo one change. `before`: the schedule in the snapshot, None if there was none."""

    def find(self, name: str) -> Found:
        """Whether there is a schedule of that name, whose it is, and whether it is on."""

    def switch(self, name: str, *, on: bool) -> Found:
        """Switch the app's schedule of that name on or off. Returns what was found before; nothing is written to a
        schedule that is not the app's.
        """


def plain_name(name: str) -> str:
    """What both backends call the schedule that a plan knows by that name: RulePrefix and the task's name."""
    return name.rpartition("/")[2]


def in_group(name: str) -> dict[str, str]:
    """How Scheduler's calls name the schedule that a plan knows as `GROUP/NAME`."""
    group, _, own = name.partition("/")
    return {"GroupName": group, "Name": own}
