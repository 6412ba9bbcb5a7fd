"""What is in the app's group before a deployment, and what of it prevents one. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rota.errors import listed
from rota.schedules.eventbridge_scheduler.schedule import SchedulerSchedule

if TYPE_CHECKING:
    from rota.settings import Settings


class GroupInventory(NamedTuple):
    """The schedules of the app's group, whole, by `GROUP/NAME`: all of them are the app's."""

    schedules: dict[str, SchedulerSchedule]

    def problems(self, settings: "Settings") -> Iterator[str]:
        """A sentence for everything that keeps these schedules from being deployed, or from being restored."""
        begin = f"{settings.schedule_group}/{settings.rule_prefix}"
        if outside := sorted(name for name in self.schedules if not name.startswith(begin)):
            yield (
                f"schedules in the app's group do not begin with the parameter RulePrefix, {settings.rule_prefix}: "
                f"{listed(outside)}. They would keep running the old image beside the new ones. If the parameter has "
                "changed, set it back, deploy a schedule file without tasks, then change it; or delete these schedules"
            )
        for name, schedule in self.schedules.items():
            if (role := schedule.target["RoleArn"]) != settings.scheduler_role_arn:
                yield (
                    f"the schedule {name} names the role {role}, which Rota may not pass, so it could not restore the "
                    f"schedule; give it the stack's role, {settings.scheduler_role_arn}"
                )
