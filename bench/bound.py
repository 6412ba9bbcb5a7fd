"""The time below which no deployment can be, from AWS's buckets and the fewest calls that do the work. Pure.

A deployment has to know before it changes anything, and to register a revision before a rule can run it. So it has
two phases, each as long as the slowest of the buckets that its calls draw from; the buckets are full at the push:

    wait(bucket, calls) = (calls - tokens) / per second, at least 0
    wait(registrations) = (registrations - 1) x latency, because ECS refuses a family's that come at once
    quotas              = wait for what is read + wait for what is written
    bound               = quotas + starts + calls of one

`starts` is how long, in the deployment itself, no step was at AWS: cold functions started and states changed. `calls of
one` is how long the steps of the same deployment with one task were at AWS, in the same run: there no bucket is ever
empty, so that is what calls cost that wait for one another, whatever the number of tasks.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.deployment import LATENCY_MS, Case, Mode
from stage.quotas.request_rates import QUOTAS, Quota

_PER_PAGE = 100  # of ListRules, GetResources and ListTaskDefinitions, at the most

# "Too many concurrent attempts to create a new revision of the specified family"
_ONE_AT_A_TIME = ("ecs", "RegisterTaskDefinition")

Calls = Mapping[tuple[str, str], int]


def necessary(mode: Mode, tasks: int, case: Case) -> tuple[Calls, Calls]:
    """The fewest calls, by service and operation: those before the first write, and from then to the last schedule.

    Of a rule that exists one must read its targets, which no call does for several rules, to know what to put back.
    Whose the rules are and which revisions are still ACTIVE is told for a hundred at once; what a revision holds never
    changes.
    """
    rules = 0 if case == "first" else tasks
    read = {
        ("ecs", "DescribeServices"): 1,
        ("ecs", "DescribeTaskDefinition"): 1,
        ("ecs", "ListTaskDefinitions"): math.ceil(tasks / _PER_PAGE),
        ("resourcegroupstaggingapi", "GetResources"): max(1, math.ceil(rules / _PER_PAGE)),
        ("events", "ListRules"): max(1, math.ceil(rules / _PER_PAGE)),
        ("events", "ListTargetsByRule"): rules,
    }
    changed = {"first": tasks, "new-image": tasks, "one-changed": 1, "unchanged": 0}[case]
    new_image = int(case in ("first", "new-image"))
    written = {
        # The service's own revision comes last and is no schedule's, unless all run it.
        ("ecs", "RegisterTaskDefinition"): changed if mode == "per-task" else new_image,
        ("events", "PutRule"): tasks if case == "first" else 0,
        ("events", "PutTargets"): changed,
    }
    return read, written


def seconds(phases: Sequence[Calls]) -> float:
    """How long AWS makes these phases take, one after the other, calls of one phase at the same time where they may."""
    now = 0.0
    full_at: defaultdict[Quota, float] = defaultdict(float)
    for phase in phases:
        ends = [now, now + (phase.get(_ONE_AT_A_TIME, 0) - 1) * LATENCY_MS / 1000]
        for quota in QUOTAS:
            calls = sum(phase.get((quota.service, operation), 0) for operation in quota.operations)
            if "*" in quota.operations:
                calls += sum(count for (service, _), count in phase.items() if service == quota.service)
            if calls:
                full_at[quota] = max(full_at[quota], now) + calls / quota.per_second
                ends.append(full_at[quota] - quota.burst / quota.per_second)
        now = max(ends)
    return now


def of_quotas(mode: Mode, tasks: int, case: Case) -> float:
    """The seconds that the quotas alone make a deployment take until its last schedule is live."""
    return seconds(necessary(mode, tasks, case))
