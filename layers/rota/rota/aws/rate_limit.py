"""Client-side rate limit: token buckets that follow AWS's own, so that few calls are throttled.

AWS's buckets are the account's, and others draw from them too. So these are estimates: they start full, and a
throttled call drains them.
"""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import NamedTuple


class Quota(NamedTuple):
    """A quota of AWS: `burst` calls at once, then `per_second` calls a second."""

    burst: int
    per_second: int

    def seconds(self, calls: int) -> float:
        """The least time in which that many calls are possible."""
        return max(0, calls - self.burst) / self.per_second


# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
MODIFY_DEFINITIONS, READ_DEFINITIONS = Quota(20, 1), Quota(50, 20)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 50 a second, all control-plane calls together
EVENTS = Quota(50, 50)
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html: each of these operations, in the larger
# Regions; in others a quarter, which throttled calls find out
SCHEDULER = Quota(1000, 1000)
# The same page: ListTagsForResource and what reads groups
SCHEDULER_GROUPS = Quota(10, 10)

_OF_OPERATIONS = {
    ("ecs", "RegisterTaskDefinition"): MODIFY_DEFINITIONS,
    ("ecs", "DeregisterTaskDefinition"): MODIFY_DEFINITIONS,
    ("ecs", "DescribeTaskDefinition"): READ_DEFINITIONS,
    ("ecs", "ListTaskDefinitions"): READ_DEFINITIONS,
    **{("scheduler", f"{verb}Schedule"): SCHEDULER for verb in ("Create", "Get", "Update", "Delete")},
}


def quota_for(service: str, operation: str) -> Quota | None:
    """The quota that a call counts towards; None if a deployment cannot use it up."""
    return EVENTS if service == "events" else _OF_OPERATIONS.get((service, operation))


# Besides every code with "throttl" in it: Throttling, ThrottlingException, Throttled, KmsThrottlingException, ...
_THROTTLES = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
}


def is_throttle(code: str) -> bool:
    """True if AWS's error code says that a call was throttled."""
    return code in _THROTTLES or "throttl" in code.lower()


class TokenBucket:
    """An estimate of one of AWS's buckets. Safe in threads; `clock` and `sleep` in seconds."""

    def __init__(
        self,
        quota: Quota,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._quota, self._clock, self._sleep = quota, clock, sleep or time.sleep
        self._lock = threading.Lock()
        self._tokens, self._counted_at = float(quota.burst), clock()

    def wait(self) -> None:
        """Take a token. If there is none, sleep until this call's turn."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            missing = -self._tokens / self._quota.per_second
        if missing > 0:
            self._sleep(missing)

    def drain(self) -> None:
        """Empty the bucket: AWS throttled a call, so its bucket is empty."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)

    def _refill(self) -> None:
        now = self._clock()
        gained = (now - self._counted_at) * self._quota.per_second
        self._tokens, self._counted_at = min(float(self._quota.burst), self._tokens + gained), now


@cache
def bucket_for(quota: Quota) -> TokenBucket:
    """The bucket for a quota: one in this process, shared by all clients."""
    return TokenBucket(quota)
