"""Both backends behind one interface: each is loaded when something names it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from rota.errors import TransientError
from rota.schedule_file.when import when_of_aws
from rota.schedules.found import Found
from rota.schedules.interface import plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from concurrent.futures import ThreadPoolExecutor

    from rota.schedule_file.when import When
    from rota.schedules.eventbridge_rules.backend import EventBridgeRules
    from rota.schedules.eventbridge_rules.inventory import RuleInventory
    from rota.schedules.eventbridge_scheduler.backend import EventBridgeScheduler
    from rota.schedules.eventbridge_scheduler.inventory import GroupInventory
    from rota.schedules.interface import Backend, BackendName, Change, Schedule
    from rota.schedules.restored import Restored
    from rota.settings import Settings


class Inventories(NamedTuple):
    """What both backends hold before a deployment."""

    rules: "RuleInventory"
    group: "GroupInventory"

    @property
    def schedules(self) -> "dict[str, Schedule]":
        """The app's own schedules, whole, by name."""
        return {**self.rules.schedules, **self.group.schedules}

    def slots(self, settings: "Settings") -> int:
        """How many rules the app may have."""
        return self.rules.slots(settings)

    def problems(self, desired: Iterable[str], settings: "Settings") -> Iterator[str]:
        """A sentence for everything that keeps schedules of these names from being deployed or restored."""
        names = list(desired)
        rules = [name for name in names if plain_name(name) == name]
        # A rule with the name of a schedule in Scheduler would start its task a second time.
        yield from self.rules.problems(rules, settings, elsewhere=[plain_name(each) for each in {*names} - {*rules}])
        yield from self.group.problems(map(plain_name, names), settings)


class Connected:
    """Reads and writes schedules, each change in the backend that it names. By its name alone a rule is looked for
    first: few apps have schedules in Scheduler. A task may have both, as while it moves: then it is the one that is on.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    @cached_property
    def _rules(self) -> "EventBridgeRules":
        from rota.schedules.eventbridge_rules.backend import EventBridgeRules  # noqa: PLC0415  loaded where it is used

        return EventBridgeRules(self._settings)

    @cached_property
    def _scheduler(self) -> "EventBridgeScheduler":
        from rota.schedules.eventbridge_scheduler.backend import EventBridgeScheduler  # noqa: PLC0415  likewise

        return EventBridgeScheduler(self._settings)

    def inventory(self, pool: "ThreadPoolExecutor") -> "Callable[[], Inventories]":
        """Begin to read all that there is, once; what is returned waits for the end."""
        rules, group = self._rules.inventory(pool), self._scheduler.inventory(pool)
        return lambda: Inventories(rules(), group())

    def read(self, name: str) -> "Schedule | None":
        """The app's schedule of that name as it is now; None if it has none."""
        rule = self._rules.read(name)
        if rule and rule.is_enabled:
            return rule
        scheduled = self._scheduler.read(name)
        return scheduled if scheduled and (rule is None or scheduled.is_enabled) else rule

    def revisions_in_use(self, backends: "Collection[BackendName]") -> set[str]:
        """The ARNs of all task definitions that any schedule with the app's prefix runs now, foreign ones included; in
        rules, and in Scheduler if it is among `backends`.
        """
        in_group = self._scheduler.revisions_in_use() if "scheduler" in backends else set()
        return self._rules.revisions_in_use() | in_group

    def apply(self, change: "Change", revisions: Mapping[str, str]) -> bool:
        """Create or update one schedule; `revisions`: ARNs by fingerprint. True if its one time had passed by then, so
        that it did not run.
        """
        return self._of(change).apply(change, revisions)

    def disable(self, change: "Change") -> bool:
        """Stop a schedule that is to be removed; False if it is not the app's any more."""
        return self._of(change).disable(change)

    def delete(self, change: "Change") -> bool:
        """Delete a schedule that is to be removed; False if it is not the app's any more."""
        return self._of(change).delete(change)

    def restore(self, change: "Change", before: "Schedule | None", retries: int) -> "Restored":
        """Undo one change. `before`: the schedule in the snapshot, None if there was none."""
        return self._of(change).restore(change, before, retries)

    def find(self, name: str) -> Found:
        """Whether there is a schedule of that name, whose it is, and whether it is on."""
        rule = self._rules.find(name)
        return rule if rule.is_owned and rule.is_on else _the_one_in_use(rule, self._scheduler.find(name))

    def switch(self, name: str, *, on: bool, in_scheduler: bool = False) -> Found:
        """Switch the app's schedule of that name on, or all of that name off. Returns what was found before; nothing
        is written to a schedule that is not the app's. `in_scheduler`: of two, both off, it is not the rule.
        """
        if not on:
            return _the_one_in_use(self._rules.switch(name, on=False), self._scheduler.switch(name, on=False))
        scheduled = self._scheduler.find(name)
        if scheduled.is_on:  # with a rule that is on, too, the task would be started twice
            return scheduled
        if in_scheduler and scheduled.exists:
            return self._scheduler.switch(name, on=True)
        rule = self._rules.switch(name, on=True)
        return rule if rule.is_owned else _the_one_in_use(rule, self._scheduler.switch(name, on=True))

    def is_on(self, change: "Change") -> bool:
        """Whether what a change writes is there and on."""
        return self._of(change).find(plain_name(change.name)).is_on

    def when_on(self, change: "Change") -> "When | None":
        """When the schedule in Scheduler that a change writes is due; None if it is not on."""
        found = self._scheduler.read(plain_name(change.name))
        return when_of_aws(found.members) if found and found.is_enabled else None

    def switch_on(self, change: "Change", revisions: Mapping[str, str]) -> bool:
        """Switch on what `apply` has created off: a rule by its name, a schedule by writing it whole. True as of
        `apply`.
        """
        if not change.switches:
            return False
        if change.backend == "scheduler":
            return self._scheduler.apply(change, revisions)
        if not self._rules.switch(change.name, on=True).is_owned:
            raise TransientError(f"EventBridge does not show the rule {change.name} yet, which was made a moment ago")
        return False

    def _of(self, change: "Change") -> "Backend":
        match change.backend:
            case "rules":
                return self._rules
            case "scheduler":
                return self._scheduler


def _the_one_in_use(rule: Found, scheduled: Found) -> Found:
    return scheduled if scheduled.exists and (scheduled.is_on or not rule.is_owned) else rule
