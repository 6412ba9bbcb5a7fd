"""AWS's request rates as token buckets, enforced with `PUT /_stage/settings {"quotas": true}`.

AWS publishes no figures for ECR's DescribeImages and DescribeRepositories and the tagging API's GetResources.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from stage.gateway import refusals
from stage.gateway.calls import Call, Reply
from stage.settings import Settings


class Quota(NamedTuple):
    """One of AWS's buckets: it holds `burst` tokens and gains `per_second`. Each call of `operations` takes one."""

    name: str
    burst: int
    per_second: int
    service: str
    operations: tuple[str, ...]
    """AWS's names; `*` for all operations of the service that have no quota of their own."""


def _rate(name: str, per_second: int, service: str, *operations: str) -> Quota:
    """A quota of calls per second without a burst: the smallest bucket that keeps it holds one second's calls."""
    return Quota(name, per_second, per_second, service, operations)


QUOTAS = (
    # docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
    Quota("task definition modify", 20, 1, "ecs", ("RegisterTaskDefinition", "DeregisterTaskDefinition")),
    Quota(
        "task definition read",
        50,
        20,
        "ecs",
        ("DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"),
    ),
    Quota("task definition deletion", 5, 1, "ecs", ("DeleteTaskDefinitions",)),
    Quota("service modify", 50, 5, "ecs", ("CreateService", "DeleteService", "UpdateService")),
    Quota("service read", 100, 20, "ecs", ("DescribeServices", "ListServices")),
    Quota("service deployment", 50, 20, "ecs", ("DescribeServiceDeployments", "ListServiceDeployments")),
    Quota("service revision", 50, 20, "ecs", ("DescribeServiceRevisions",)),
    Quota("cluster resource modify", 100, 40, "ecs", ("RunTask", "StartTask", "StopTask", "ExecuteCommand")),
    Quota("cluster resource read", 100, 20, "ecs", ("DescribeTasks", "ListTasks")),
    Quota("tag modify", 20, 10, "ecs", ("TagResource", "UntagResource")),
    Quota("tag read", 50, 20, "ecs", ("ListTagsForResource",)),
    Quota("cluster read", 50, 20, "ecs", ("DescribeClusters", "ListClusters")),
    # docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
    _rate("fargate", 20, "ecs", "RunTask"),
    # docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    _rate("control plane", 50, "events", "*"),
    _rate("events", 10_000, "events", "PutEvents"),
    # docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html, in us-east-1
    _rate("create schedule", 5000, "scheduler", "CreateSchedule"),
    _rate("update schedule", 1000, "scheduler", "UpdateSchedule"),
    _rate("get schedule", 1000, "scheduler", "GetSchedule"),
    _rate("delete schedule", 1000, "scheduler", "DeleteSchedule"),
    _rate("list schedules", 50, "scheduler", "ListSchedules"),
    _rate("tag group", 1, "scheduler", "TagResource", "UntagResource"),
    _rate("groups", 10, "scheduler", "*"),
    # docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    Quota("start execution", 1300, 300, "stepfunctions", ("StartExecution",)),
    Quota("describe execution", 300, 15, "stepfunctions", ("DescribeExecution",)),
    Quota("list executions", 200, 5, "stepfunctions", ("ListExecutions",)),
    Quota("execution history", 400, 20, "stepfunctions", ("GetExecutionHistory",)),
    # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; ten times the concurrency of an account, 1,000
    _rate("invoke", 10_000, "lambda", "Invoke"),
    _rate("get function", 100, "lambda", "GetFunction"),
    _rate("control plane", 15, "lambda", "*"),
    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html, a new table; items to 1 KB
    _rate("writes", 4000, "dynamodb", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"),
    _rate("reads", 12_000, "dynamodb", "GetItem", "Query"),
    # docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html, a prefix
    _rate("writes", 3500, "s3", "PutObject", "CopyObject", "DeleteObject"),
    _rate("reads", 5500, "s3", "GetObject", "HeadObject", "ListObjectsV2"),
    # docs.aws.amazon.com/general/latest/gr/sns.html, us-east-1
    _rate("publish", 30_000, "sns", "Publish"),
)


class Bucket:
    """A token bucket, full at first; `clock` returns seconds. Not thread-safe."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        # The whole state: each call moves it by the time in which one token is gained.
        self._full_at = clock()

    @property
    def tokens(self) -> float:
        """The tokens in it now; a call needs a whole one."""
        tokens = self._burst - max(0.0, self._full_at - self._clock()) * self._per_second
        return round(tokens, 6)  # the clock's rounding errors are smaller

    def take(self) -> None:
        """Take a token, of which there must be one."""
        self._full_at = max(self._full_at, self._clock()) + 1 / self._per_second


class RequestRates:
    """A hook that throttles calls beyond the quotas, for all callers together.

    It comes before permissions and faults: AWS counts a call before it evaluates it. A call that is refused later has
    taken its tokens; one that is throttled has not.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self.fill()

    def fill(self) -> None:
        """Fill every bucket."""
        self._buckets = [(quota, Bucket(quota.burst, quota.per_second, self._clock)) for quota in QUOTAS]

    def show(self) -> list[dict[str, Any]]:
        """Every bucket and its `tokens`."""
        with self._lock:
            return [{**quota._asdict(), "tokens": bucket.tokens} for quota, bucket in self._buckets]

    def before(self, call: Call) -> Reply | None:
        """Take a token from each bucket of the call, or from none and throttle the call."""
        if not self._settings.quotas:
            return None
        with self._lock:
            drawn = [bucket for quota, bucket in self._buckets if _counts(quota, call)]
            if any(bucket.tokens < 1 for bucket in drawn):
                return refusals.throttled(call)
            for bucket in drawn:
                bucket.take()
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


_NAMED = {(quota.service, operation) for quota in QUOTAS for operation in quota.operations if operation != "*"}


def _counts(quota: Quota, call: Call) -> bool:
    if quota.service != call.service:
        return False
    return call.operation in quota.operations or ("*" in quota.operations and call.key not in _NAMED)
