"""The app's schedules as AWS has them now, in AWS's own members: rules, and schedules of EventBridge Scheduler.

A schedule is one of Scheduler if it has a `GroupName`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import in_parallel, thread_pool
from rota.cli.exits import CommandError, Exit
from rota.ownership import OWNER_TAG

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack

Schedule = Mapping[str, Any]
NO_JOBS = "no job is deployed yet: push an image that matches ImageTagPattern, or rota deploy --image TAG"


class Schedules:
    """Reads the schedules of a stack's app. Its clients are made with it, which is not safe in threads."""

    def __init__(self, account: "Account", stack: "Stack") -> None:
        self._prefix, self._group, self._app = stack.rule_prefix, stack.schedule_group, stack.app
        self._events = account.client("events")
        self._scheduler = account.client("scheduler") if self._group else None

    def listed(self) -> dict[str, Schedule]:
        """Those with the app's prefix, by the name of their task: each rule as ListRules has it, and each schedule of
        the app's group whole. Where a task has both, because it is being moved, the one that is on.
        """
        with thread_pool() as pool:
            of_the_group = pool.submit(self._listed_of_group)
            found = self._rules()
            for task, schedule in of_the_group.result().items():
                if task not in found or is_on(schedule):
                    found[task] = schedule
        return found

    def owned(self, found: Mapping[str, Schedule]) -> set[str]:
        """Which of these are the app's own, by the name of their task. A call for each rule."""
        rules = {task: rule for task, rule in found.items() if "GroupName" not in rule}
        tags = in_parallel(
            lambda rule: self._events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"], rules.values()
        )
        others = {task for task, each in zip(rules, tags, strict=True) if self._owner not in each}
        return {*found} - others

    def read(self, task: str) -> dict[str, Any] | None:
        """The schedule of a task with its `targets` and `tags`; None if there is none."""
        rule, schedule = self._rule(self._prefix + task), self._schedule(self._prefix + task)
        if schedule and (rule is None or is_on(schedule)):
            return self.whole(schedule)
        return self.whole(rule) if rule else None

    def whole(self, schedule: Schedule) -> dict[str, Any]:
        """One that is listed, with its `targets` and `tags`. Two calls for a rule."""
        if "GroupName" in schedule:  # the group is the app's
            return {**schedule, "targets": [schedule["Target"]], "tags": {OWNER_TAG: self._app}}
        targets = self._events.list_targets_by_rule(Rule=schedule["Name"])["Targets"]
        tags = self._events.list_tags_for_resource(ResourceARN=schedule["Arn"])["Tags"]
        return {**schedule, "targets": targets, "tags": {each["Key"]: each["Value"] for each in tags}}

    @property
    def _owner(self) -> dict[str, str]:
        return {"Key": OWNER_TAG, "Value": self._app}

    def _rules(self) -> dict[str, Schedule]:
        pages = self._events.get_paginator("list_rules").paginate(NamePrefix=self._prefix)
        found = (rule for page in pages for rule in page["Rules"])
        return {rule["Name"].removeprefix(self._prefix): rule for rule in found if "ScheduleExpression" in rule}

    def _listed_of_group(self) -> dict[str, Schedule]:
        if self._scheduler is None:
            return {}
        pages = self._scheduler.get_paginator("list_schedules").paginate(GroupName=self._group, NamePrefix=self._prefix)
        names = [each["Name"] for page in pages for each in page["Schedules"]]
        found = in_parallel(self._schedule, names)
        return {each["Name"].removeprefix(self._prefix): each for each in found if each}

    def _rule(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._events.describe_rule(Name=name)
        except self._events.exceptions.ResourceNotFoundException:
            return None
        return found

    def _schedule(self, name: str) -> dict[str, Any] | None:
        if self._scheduler is None:
            return None
        try:
            found: dict[str, Any] = self._scheduler.get_schedule(GroupName=self._group, Name=name)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return None
        return found


def is_on(schedule: Schedule) -> bool:
    """Whether it starts its task."""
    return bool(schedule["State"] != "DISABLED")


def noun(schedule: Schedule) -> str:
    """What people call it: `rule` or `schedule`."""
    return "schedule" if "GroupName" in schedule else "rule"


def all_tasks(account: "Account") -> set[str]:
    """The names of all tasks: of those whose runs are watched, and of those that have a schedule."""
    return {*account.table.jobs(), *Schedules(account, account.stack).listed()}


def require(names: Iterable[str], known: Collection[str]) -> None:
    """CommandError for names that no job has. Pure."""
    from difflib import get_close_matches

    if unknown := [name for name in names if name not in known]:
        near = get_close_matches(unknown[0], known, n=1)
        jobs = f"the jobs are {', '.join(sorted(known))}" if known else NO_JOBS
        todo = f"did you mean {near[0]}?" if near else jobs
        raise CommandError(Exit.NOT_ALLOWED, f"there is no job {', '.join(unknown)}", todo, error="NoTask")


def task_of(name: str, prefix: str) -> str:
    """The task that is meant by its name, or by that or the ARN of its rule."""
    return name.rpartition("/")[2].removeprefix(prefix)
