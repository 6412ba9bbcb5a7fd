"""The backend whose schedules are EventBridge Scheduler's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.errors import translate
from rota.errors import RejectedError
from rota.schedules.eventbridge_scheduler import api
from rota.schedules.eventbridge_scheduler.schedule import (
    SchedulerSchedule,
    difference,
    is_closing,
    is_due_as,
    is_over,
    revisions_of,
    writable,
)
from rota.schedules.found import Found
from rota.schedules.restored import BELIEVED_AFTER_RETRIES, Restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from rota.schedules.eventbridge_scheduler.inventory import GroupInventory
    from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange
    from rota.settings import Settings


class EventBridgeScheduler:
    """The app's schedules in its own group, which the template makes: all that is in it is the app's."""

    def __init__(self, settings: "Settings") -> None:
        self._settings, self._group, self._scheduler = settings, settings.schedule_group, clients.scheduler()

    def inventory(self, pool: "ThreadPoolExecutor") -> "Callable[[], GroupInventory]":
        """Begin to read the group, and what others have of its names; what is returned waits for the end."""
        from rota.schedules.eventbridge_scheduler.inventory import GroupInventory  # noqa: PLC0415  only who gathers

        reading = pool.submit(api.read_group, self._scheduler, self._group)
        prefix = self._settings.rule_prefix
        listing = pool.submit(api.on_in_other_groups, self._scheduler, self._group, prefix)
        return lambda: GroupInventory(reading.result(), listing.result())

    def read(self, name: str) -> SchedulerSchedule | None:
        """The schedule of that name as it is now."""
        return api.read_schedule(self._scheduler, self._path(name))

    def revisions_in_use(self) -> set[str]:
        """The ARNs of all task definitions that the group's schedules run now."""
        return revisions_of(api.read_group(self._scheduler, self._group, self._settings.rule_prefix).values())

    def apply(self, change: "SchedulerChange", revisions: Mapping[str, str]) -> bool:
        """Create or replace the schedule; `revisions`: ARNs by fingerprint of what was registered. True if its one time
        had passed by then, so that it is off and has not run.

        One whose last run has begun, or may just now, is not updated: the run could be lost, or begin twice. But one
        that is off has not begun, and is switched on.
        RejectedError if someone has deleted one since the plan that is to be updated.
        """
        wanted = change.with_revisions(revisions).as_schedule
        is_late = change.switches is True and is_over(wanted.members, datetime.now(UTC))
        if change.kind == "update":
            shown = api.read_schedule(self._scheduler, wanted.name) if is_late else self._closing(wanted)
            stays = is_late or not change.switches or (shown and shown.is_enabled)
            if shown and is_due_as(shown.members, wanted.members) and stays:
                return is_late and not shown.is_enabled
            if not api.replace(self._scheduler, wanted):
                raise RejectedError(
                    f"the schedule {change.name} was deleted since the deployment was planned; start it again"
                )
        elif not api.create(self._scheduler, wanted):  # an earlier try has made it: a rate keeps its phase
            made = api.read_schedule(self._scheduler, change.name)
            rest = difference(made, wanted)
            is_on = bool(made and made.is_enabled)
            is_late = is_late and not is_on
            left = rest.as_schedule if rest else wanted if change.switches and not (is_on or is_late) else None
            if left and not (made and api.replace(self._scheduler, left)):
                api.create(self._scheduler, wanted)
        return is_late

    def disable(self, change: "SchedulerChange") -> bool:
        """Disable a schedule that is to be removed; False if it was deleted since the plan."""
        return api.replace(self._scheduler, change.as_schedule.switched(on=False))

    def delete(self, change: "SchedulerChange") -> bool:
        """Delete a schedule that is to be removed; False if it was deleted since the plan."""
        return api.delete(self._scheduler, change.name)

    def restore(self, change: "SchedulerChange", before: SchedulerSchedule | None, retries: int) -> Restored:
        """Undo what a step may have written of this change. `before` is the schedule in the snapshot, None if the
        deployment creates it; `retries`: how often this restore was tried before.
        """
        if before is None:
            return Restored(changed=api.delete(self._scheduler, change.name))
        if change.kind == "remove" and not (change.disable and before.is_enabled):
            return Restored()
        if (shown := self._closing(before)) and shown.members == before.members:
            return Restored()  # `apply` has left it alone, or an earlier try has restored it
        try:
            # Someone may have deleted it meanwhile, or Scheduler itself after its last time.
            if not api.replace(self._scheduler, before):
                api.create(self._scheduler, before)
        except (ClientError, RejectedError) as refusal:
            error = translate(refusal) if isinstance(refusal, ClientError) else refusal
            if isinstance(error, RejectedError) and retries >= BELIEVED_AFTER_RETRIES and self._is_as(before):
                return Restored()  # what AWS refuses now it has refused to the deployment, too
            raise
        return _restored(before, datetime.now(UTC))

    def find(self, name: str) -> Found:
        """Whether there is a schedule of that name, and whether it is on. All in the group are the app's."""
        found = self.read(name)
        if found is None:
            return Found()
        return Found(exists=True, is_owned=True, is_on=found.is_enabled, in_scheduler=True)

    def switch(self, name: str, *, on: bool) -> Found:
        """Switch the schedule on or off: read it, and write it whole."""
        found = self.read(name)
        if found is None:
            return Found()
        if found.is_enabled != on and not api.replace(self._scheduler, found.switched(on=on)):
            return Found()
        return Found(exists=True, is_owned=True, is_on=found.is_enabled, in_scheduler=True)

    def _closing(self, wanted: SchedulerSchedule) -> SchedulerSchedule | None:
        """The schedule as it is, if AWS may start its last run just now."""
        return (
            api.read_schedule(self._scheduler, wanted.name) if is_closing(wanted.members, datetime.now(UTC)) else None
        )

    def _is_as(self, before: SchedulerSchedule) -> bool:
        return difference(api.read_schedule(self._scheduler, before.name), before) is None

    def _path(self, name: str) -> str:
        return f"{self._group}/{name}"


def _restored(before: SchedulerSchedule, now: datetime) -> Restored:
    """What became of a schedule that was written as it was, as far as AWS takes that."""
    written = writable(before.members, now)
    if written["State"] != before.members["State"]:
        why = "is off, because its last run is past, and AWS might have started it at once"
        return Restored(changed=True, remark=f"the schedule {before.name} {why}")
    is_other = written.get("StartDate") != before.members.get("StartDate", written.get("StartDate"))
    return Restored(changed=True, redated=before.name if is_other else "")
