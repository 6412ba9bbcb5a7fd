"""As fast as AWS's quotas allow and no faster: a token bucket of our own beside the one that AWS keeps.

AWS's bucket is the account's and others draw from it too, so ours only guesses: it begins full, and a throttled call
tells it that it is empty.
"""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import NamedTuple


class Quota(NamedTuple):
    """A bucket of AWS's: so many calls at once, then so many a second."""

    burst: int
    per_second: int

    def seconds(self, calls: int) -> float:
        """How long that many calls take at the least."""
        return max(0, calls - self.burst) / self.per_second


# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
MODIFY_DEFINITIONS, READ_DEFINITIONS = Quota(20, 1), Quota(50, 20)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 50 a second, all control-plane calls together
EVENTS = Quota(50, 50)

_ECS = {
    "RegisterTaskDefinition": MODIFY_DEFINITIONS,
    "DeregisterTaskDefinition": MODIFY_DEFINITIONS,
    "DescribeTaskDefinition": READ_DEFINITIONS,
    "ListTaskDefinitions": READ_DEFINITIONS,
}


def quota_for(service: str, operation: str) -> Quota | None:
    """The bucket that a call draws from; None where a deployment cannot drain one."""
    return EVENTS if service == "events" else _ECS.get(operation) if service == "ecs" else None


# Beside every code with "throttl" in it: Throttling, ThrottlingException, Throttled, KmsThrottlingException, ...
_THROTTLES = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
}


def is_throttle(code: str) -> bool:
    """Whether an error code of AWS says that a bucket was empty."""
    return code in _THROTTLES or "throttl" in code.lower()


class TokenBucket:
    """Our idea of how full a bucket is. Safe in threads; `clock` and `sleep` in seconds."""

    def __init__(
        self,
        quota: Quota,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._quota, self._clock, self._sleep = quota, clock, sleep
        self._lock = threading.Lock()
        self._tokens, self._counted_at = float(quota.burst), clock()

    def wait(self) -> None:
        """Take a token; if there is none, wait in line for it."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            missing = -self._tokens / self._quota.per_second
        if missing > 0:
            self._sleep(missing)

    def drain(self) -> None:
        """AWS refused a call: its bucket is empty, so is ours."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)

    def _refill(self) -> None:
        now = self._clock()
        gained = (now - self._counted_at) * self._quota.per_second
        self._tokens, self._counted_at = min(float(self._quota.burst), self._tokens + gained), now


@cache
def bucket_for(quota: Quota) -> TokenBucket:
    """The bucket of this process for a quota: calls of one quota draw from one bucket, whichever client makes them."""
    return TokenBucket(quota)
