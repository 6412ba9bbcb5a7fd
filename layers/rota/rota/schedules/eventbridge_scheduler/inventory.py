"""What is in the app's group before a deployment, and what of it prevents one. Pure."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rota.errors import listed
from rota.schedules.eventbridge_scheduler.schedule import SchedulerSchedule

if TYPE_CHECKING:
    from rota.settings import Settings


class GroupInventory(NamedTuple):
    """The schedules of the app's group, whole, by `GROUP/NAME`: all of them are the app's. `elsewhere`: the names of
    those that are on in other groups and begin with the prefix, likewise.
    """

    schedules: dict[str, SchedulerSchedule]
    elsewhere: frozenset[str] = frozenset()

    def problems(self, tasks: Iterable[str], settings: "Settings") -> Iterator[str]:
        """A sentence for everything that keeps these schedules from being deployed, or from being restored. `tasks`:
        what the schedules of all tasks are called, in rules too.
        """
        yield from self._problems_of_other_groups({*tasks})
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

    def _problems_of_other_groups(self, tasks: set[str]) -> Iterator[str]:
        """A sentence if a group of another stack has schedules of the app, also of tasks that have left the file since.
        Such a group is known by a task's name: another app's prefix may begin with this one's.
        """
        groups = {group for group, _, name in (each.partition("/") for each in self.elsewhere) if name in tasks}
        if found := sorted(name for name in self.elsewhere if name.partition("/")[0] in groups):
            yield (
                f"schedules of other groups have the names of this app's tasks: {listed(found)}. A stack that was made "
                "before has left them, or a person has made them; Rota does not change them, and their jobs would run "
                "twice. Delete them while none is due (aws scheduler delete-schedule, which needs --group-name and "
                "--name), then start the execution again"
            )
