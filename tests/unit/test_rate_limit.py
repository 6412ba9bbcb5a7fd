"""Rota's own token buckets: which calls draw from one, and how long a call waits for a token."""

import pytest

from rota.aws.rate_limit import (
    EVENTS,
    MODIFY_DEFINITIONS,
    READ_DEFINITIONS,
    SCHEDULER,
    Quota,
    TokenBucket,
    quota_for,
)


class Clock:
    """A clock that only `sleep` and the tests move."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(clock: Clock) -> TokenBucket:
    """Two calls at once, then one a second."""
    return TokenBucket(Quota(2, 1), clock, clock.sleep)


@pytest.mark.parametrize(
    ("service", "operation", "quota"),
    [
        ("ecs", "RegisterTaskDefinition", MODIFY_DEFINITIONS),
        ("ecs", "DeregisterTaskDefinition", MODIFY_DEFINITIONS),
        ("ecs", "DescribeTaskDefinition", READ_DEFINITIONS),
        ("ecs", "ListTaskDefinitions", READ_DEFINITIONS),
        ("ecs", "UpdateService", None),
        ("events", "PutRule", EVENTS),
        ("events", "ListTagsForResource", EVENTS),
        ("scheduler", "UpdateSchedule", SCHEDULER),
        ("scheduler", "ListSchedules", None),
        ("s3", "ListTaskDefinitions", None),
    ],
)
def test_which_quota_a_call_draws_from(service: str, operation: str, quota: Quota | None) -> None:
    assert quota_for(service, operation) == quota


def test_the_burst_does_not_wait_and_the_next_call_does(bucket: TokenBucket, clock: Clock) -> None:
    bucket.wait()
    bucket.wait()
    assert clock.slept == []
    bucket.wait()
    assert clock.slept == [1.0]


def test_tokens_return_with_time(bucket: TokenBucket, clock: Clock) -> None:
    for _ in range(2):
        bucket.wait()
    clock.now += 0.5
    bucket.wait()
    assert clock.slept == [0.5]
    clock.now += 100
    for _ in range(3):
        bucket.wait()
    assert clock.slept == [0.5, 1.0], "never more tokens than the burst"


def test_a_throttled_call_empties_the_bucket(bucket: TokenBucket, clock: Clock) -> None:
    clock.now += 10
    bucket.drain()
    bucket.wait()
    assert clock.slept == [1.0]


def test_calls_that_wait_keep_their_turn(clock: Clock) -> None:
    waits: list[float] = []
    waiting = TokenBucket(Quota(1, 2), clock, waits.append)
    for _ in range(4):
        waiting.wait()
    assert waits == [0.5, 1.0, 1.5]
    waiting.drain()
    waiting.wait()
    assert waits[-1] == 2.0, "draining gives no token back"
