"""The calls that a deployment cannot do without until its last schedule is live, and what each waits for. Pure.

Rules, their tags and targets, schedules of EventBridge Scheduler, the service and which revisions are ACTIVE are read
in every deployment; what a revision contains is read from the record of the deployment that registered it. Before a
rule is changed or made, its owner is asked; all in the app's group of Scheduler is the app's. The steps follow one
another in the state machine's order and hand over through S3; a step that writes enters the lease and leaves it. Within
a step, only what depends on an answer waits for it.
"""

import math
from collections.abc import Iterator

from bench.bound import Need
from bench.deployment import Case, Mode

_PER_PAGE = 100  # of ListRules, ListSchedules, GetResources and ListTaskDefinitions, at the most
# On the stage's bus: the stack's own, and one of another app. The whole bus is listed, because its quota is checked.
_OTHER_RULES = 4


def of_deployment(mode: Mode, tasks: int, case: Case) -> tuple[Need, ...]:
    """Until the last write to a schedule is answered; where there is none, until the outcome is published."""
    changed = {"first": tasks, "new-image": tasks, "one-changed": 1, "unchanged": 0}[case]
    has_new_image = case in ("first", "new-image")
    registrations = (changed if mode == "per-task" else 0) + int(has_new_image)  # the API's is the last one
    needs = [*_reads(mode, tasks, case, revisions=tasks + 1 if mode == "per-task" else 1)]
    if not changed:
        return (*needs, *_finish())
    if registrations:
        needs += _register(registrations, registers_api=has_new_image)
    return (*needs, *_create_targets(mode, changed, case, registered=registrations > 0))


def _reads(mode: Mode, tasks: int, case: Case, revisions: int) -> Iterator[Need]:
    """TakeTurn, ReadConfig and PlanDeployment, for so many owned revisions that are in use."""
    there = 0 if case == "first" else tasks
    rules, schedules = (0, there) if mode == "scheduler" else (there, 0)
    yield Need("ended before", "dynamodb", "GetItem")
    yield Need("take the lease", "dynamodb", "UpdateItem", after=("ended before",))

    begun = ("take the lease",)
    yield Need("ended meanwhile", "dynamodb", "GetItem", after=begun)
    yield Need("schedule file", "s3", "GetObject", after=begun)
    yield Need("repository", "ecr", "DescribeRepositories", after=begun)
    yield Need("image", "ecr", "DescribeImages", after=begun)
    yield Need("service", "ecs", "DescribeServices", after=begun)
    yield Need("base", "ecs", "DescribeTaskDefinition", after=("service",))
    yield Need("live release", "dynamodb", "GetItem", after=begun)
    yield Need("its plan and revisions", "s3", "GetObject", 0 if case == "first" else 2, after=("live release",))
    yield Need("ACTIVE revisions", "ecs", "ListTaskDefinitions", _pages(revisions), after=begun, one_by_one=True)
    yield Need("rules", "events", "ListRules", _pages(rules + _OTHER_RULES), after=begun, one_by_one=True)
    yield Need("owners", "resourcegroupstaggingapi", "GetResources", _pages(rules), after=begun, one_by_one=True)
    yield Need("targets", "events", "ListTargetsByRule", rules, after=("rules", "owners"))
    # Of the app's group, and what is on in all groups.
    listed = ("schedules", "schedules of all groups")
    for each in listed:
        yield Need(each, "scheduler", "ListSchedules", _pages(schedules), after=begun, one_by_one=True)
    yield Need("each schedule", "scheduler", "GetSchedule", schedules, after=("schedules",))
    checked = ("ended meanwhile", "schedule file", "repository", "image")
    gathered = (*checked, "base", "its plan and revisions", "ACTIVE revisions", "targets", listed[1], "each schedule")
    yield Need("store the state", "s3", "PutObject", after=gathered)

    yield Need("state", "s3", "GetObject", after=("store the state",))
    yield Need("store plan and snapshot", "s3", "PutObject", 2, after=("state",))


_PLANNED = ("store plan and snapshot",)


def _register(registrations: int, *, registers_api: bool) -> Iterator[Need]:
    """RegisterRevisions. ECS refuses registrations of one family that come at once."""
    yield Need("enter to register", "dynamodb", "UpdateItem", after=_PLANNED)
    yield Need("plan to register", "s3", "GetObject", after=_PLANNED)
    # What an earlier invocation of the step has registered.
    yield Need("registered", "ecs", "ListTaskDefinitions", after=("enter to register", "plan to register"))
    yield Need("register", "ecs", "RegisterTaskDefinition", registrations - 1, after=("registered",), one_by_one=True)
    # Whether infrastructure code has registered a base meanwhile, which the API's revision then names.
    again = int(registers_api and registrations > 1)
    yield Need("registered since", "ecs", "ListTaskDefinitions", again, after=("register",))
    yield Need("register the last", "ecs", "RegisterTaskDefinition", after=("registered since",))
    yield Need("store revisions", "s3", "PutObject", after=("register the last",))
    yield Need("leave after registering", "dynamodb", "UpdateItem", after=("store revisions",))


def _create_targets(mode: Mode, changed: int, case: Case, *, registered: bool) -> Iterator[Need]:
    """CreateTargets, until the last target is put, or the last schedule written."""
    begun = ("leave after registering",) if registered else _PLANNED
    yield Need("enter to create", "dynamodb", "UpdateItem", after=begun)
    yield Need("plan and revisions", "s3", "GetObject", 1 + int(registered), after=begun)
    # A pause may have ended since the plan was made.
    yield Need("pauses", "dynamodb", "Query", after=begun)
    ready = ("enter to create", "plan and revisions", "pauses")
    if mode == "scheduler":
        yield Need(
            "schedule", "scheduler", "CreateSchedule" if case == "first" else "UpdateSchedule", changed, after=ready
        )
        return
    yield Need("owner", "events", "ListTagsForResource", changed, after=ready)
    yield Need("rule", "events", "PutRule", changed if case == "first" else 0, after=("owner",))
    yield Need("target", "events", "PutTargets", changed, after=("rule",))


def _finish() -> Iterator[Need]:
    """FinishDeployment, where nothing is to do."""
    yield Need("enter to finish", "dynamodb", "UpdateItem", after=_PLANNED)
    yield Need("ledger", "dynamodb", "PutItem", after=("enter to finish",))
    yield Need("release the lease", "dynamodb", "UpdateItem", after=("ledger",))
    yield Need("publish", "events", "PutEvents", after=("ledger",))


def _pages(items: int) -> int:
    return max(1, math.ceil(items / _PER_PAGE))
