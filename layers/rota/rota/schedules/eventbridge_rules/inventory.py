"""What is on the event bus before a deployment, and what of it prevents one. Pure."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rota.ownership import OWNER_TAG
from rota.schedules.eventbridge_rules.rule import Rule, Tags

if TYPE_CHECKING:
    from rota.settings import Settings


class RuleInventory(NamedTuple):
    """The rules of the default bus. `schedules`: the app's own with the parameter's prefix, whole, by name; `tags` and
    `managers` (an AWS service): of every rule with that prefix, by name; `names`: of every rule on the bus;
    `indexed`: the names that AWS's index of tags lists as the app's, which may be out of date.
    """

    schedules: dict[str, Rule]
    tags: dict[str, Tags]
    managers: dict[str, str]
    names: frozenset[str]
    indexed: frozenset[str]

    def slots(self, settings: "Settings") -> int:
        """How many rules the app may have on the bus, beside foreign rules."""
        return max(0, settings.rule_quota - len(self.names) + len(self.schedules))

    def problems(self, desired: Iterable[str], settings: "Settings", *, elsewhere: Iterable[str] = ()) -> Iterator[str]:
        """A sentence for everything that keeps these rules from being deployed, or from being restored. `elsewhere`:
        the names of schedules that are no rules, and that no foreign rule may have either.
        """
        desired = list(desired)
        yield from self._room(desired, settings)
        yield from _problems_of_prefix(self.names, self.indexed, settings.rule_prefix)
        yield from _problems_of_names([*desired, *elsewhere], self.tags, self.managers, settings.app)
        yield from _problems_of_roles(self.schedules.values(), settings)

    def _room(self, desired: list[str], settings: "Settings") -> Iterator[str]:
        new, free = len({*desired} - self.schedules.keys()), settings.rule_quota - len(self.names)
        if new > max(0, free) and len(desired) <= self.slots(settings):
            yield (
                f"the schedule file adds {new} tasks, and the event bus has room for {max(0, free)} more rules: rules "
                "of tasks that left the file are deleted at the end of a deployment only. Deploy a file without those "
                "tasks first, or raise the quota and the parameter RuleQuota"
            )


def _problems_of_names(
    desired: Iterable[str], tags: dict[str, Tags], managers: dict[str, str], app: str
) -> Iterator[str]:
    """A sentence for each desired name that a foreign rule has."""
    for name in desired:
        if name in managers:
            yield (
                f"the rule {name} exists and the AWS service {managers[name]} manages it, so Rota can never own it; "
                "rename the task, or choose another RulePrefix"
            )
        elif name in tags and tags[name].get(OWNER_TAG) != app:
            owner = tags[name].get(OWNER_TAG)
            tag = f"its tag {OWNER_TAG} is {owner!r}, not {app!r}" if owner else f"it has no tag {OWNER_TAG}"
            # The command hands over no rule of another app.
            how = "" if owner else ": rota import --tag"
            yield (
                f"the rule {name} exists and Rota does not own it: {tag}; rename the task, or tag the rule to hand it "
                f"over{how}"
            )


def _problems_of_prefix(on_the_bus: Iterable[str], indexed: Iterable[str], prefix: str) -> Iterator[str]:
    """A sentence if the app's rules are on the bus under another prefix than the parameter's.

    No deployment would remove them: each of their jobs would run twice, once with the old image. Only the index of tags
    is asked about such a rule, since Rota may ask EventBridge about rules with its prefix only. The index is late, so a
    rule that has just been tagged is overlooked; and it may be down, which finds none.
    """
    outside = sorted(name for name in {*on_the_bus} & {*indexed} if not name.startswith(prefix))
    if outside:
        yield (
            f"rules with the app's tag {OWNER_TAG} do not begin with the parameter RulePrefix, {prefix}: "
            f"{', '.join(outside)}. They would keep running the old image beside the new rules. If the parameter has "
            "changed, set it back, deploy a schedule file without tasks, then change it; or delete these rules or take "
            "the tag from them. A rule that lost its tag moments ago may still be listed: then start the execution "
            "again in some minutes"
        )


def _problems_of_roles(rules: Iterable[Rule], settings: "Settings") -> Iterator[str]:
    """What would keep a restore from writing these rules: roles that Rota may not pass."""
    passable = {settings.events_role_arn, *settings.former_events_role_arns}
    for rule in rules:
        for role in {rule.role_arn, *(target.get("RoleArn") for target in rule.targets)} - passable - {None}:
            yield (
                f"the rule {rule.name} names the role {role}, which Rota may not pass, so it could not restore the "
                "rule; list the role in the parameter FormerEventsRoleArns"
            )
