"""All rows in the order in which they are tried, what cannot be tried, and what each group costs."""

from dataclasses import dataclass

from rota.cli.verify_account.row import Group, NotTestable, Row
from rota.cli.verify_account.rows import (
    dead_letters,
    executions,
    notifications,
    permissions,
    pushes,
    refusals,
    releases,
    rules,
    scheduler,
    service,
    tasks,
    trail,
)


@dataclass(frozen=True)
class Price:
    """What a group of rows costs and takes."""

    does: str
    costs: str
    minutes: int


GROUPS: dict[Group, Price] = {
    "free": Price("calls that are refused, or undone at once", "0 $", 5),
    "tasks": Price("at most 12 Fargate tasks of 0.25 vCPU, for a minute or two each", "below 0.02 $", 16),
    "slow": Price("waits for CloudTrail", "0 $", 16),
}

BILLED_BY_OTHERS = "Where AWS Config records every type of resource, its items cost 0.003 $ each: below 0.50 $ in all."

_BY_MODULE = (
    permissions,
    rules,
    refusals,
    notifications,
    pushes,
    dead_letters,
    executions,
    releases,
    scheduler,
    tasks,
    service,
    trail,
)
_ROWS = [row for module in _BY_MODULE for row in module.ROWS]
ROWS: tuple[Row, ...] = tuple(row for group in GROUPS for row in _ROWS if row.group == group)

NOT_TESTABLE = (
    NotTestable(
        "delivery-once",
        "An event reaches each target at once, and rarely twice.",
        "AWS delivers twice by chance alone",
    ),
    NotTestable(
        "throttled-delivery",
        "EventBridge tries a throttled target again after 1, 2, 4 ... 480 seconds.",
        "ECS throttles only callers with more tasks than these rows may start",
    ),
    NotTestable(
        "no-capacity",
        "EventBridge counts a RunTask that answers 200 with `failures` as delivered, which nothing reports.",
        "Fargate cannot be made to have no capacity",
    ),
    NotTestable(
        "scheduler-no-capacity",
        "EventBridge Scheduler counts a RunTask that answers 200 with `failures` as delivered, too.",
        "Fargate cannot be made to have no capacity",
    ),
    NotTestable(
        "scheduler-settles",
        "90 seconds after a change, a rule or a schedule of EventBridge Scheduler no longer fires as it was before.",
        "AWS names no bound, and a run shows no more than that it was so once",
    ),
    NotTestable(
        "scheduler-repeated-hour",
        "A schedule of every 15 minutes does not run in the hour that a zone's clocks show a second time.",
        "it needs a night in which clocks change",
    ),
    NotTestable(
        "stopped-task-hour",
        "DescribeTasks shows a stopped task for an hour.",
        "it takes longer than an hour, and AWS says for at least one",
    ),
    NotTestable(
        "failing-starts",
        "ECS throttles the starts of a service's failing tasks by doubling the wait to a minute.",
        "it needs more failing tasks than these rows may start",
    ),
    NotTestable(
        "circuit-breaker-words",
        "The circuit breaker's reason is worded as the public logs of others show it.",
        "it needs more failing tasks than these rows may start",
    ),
    NotTestable(
        "version-lifecycle",
        "S3 deletes a noncurrent version after `NoncurrentDays`, but keeps the newest 100 of each object.",
        "S3 applies lifecycle rules once a day, to what is a day old at least",
    ),
    NotTestable(
        "express-family",
        "ECS Express Mode names the family after the service.",
        "it makes a load balancer, security groups and roles whose names it chooses itself",
    ),
    NotTestable(
        "replication",
        "Images that ECR replicates come as *ECR Replication Action*.",
        "it needs a second Region or account",
    ),
    NotTestable(
        "host-maintenance",
        "A task whose host AWS replaces stops with a reason that names the maintenance.",
        "AWS chooses when",
    ),
    NotTestable(
        "spot-interruption",
        "A task on Spot capacity is warned two minutes before it stops.",
        "AWS chooses when",
    ),
    NotTestable(
        "short-service-arn",
        "A service made before 2021 may have an ARN without its cluster, which the policies do not match.",
        "new services have the long ARN; check yours",
    ),
)
