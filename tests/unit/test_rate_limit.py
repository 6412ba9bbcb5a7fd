"""Rota's own token buckets: which calls draw from one, and how long a call waits for a token."""

import pytest

from rota.aws.rate_limit import Quota, TokenBucket, bucket_for, is_throttle, quota_for


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
        ("ecs", "RegisterTaskDefinition", Quota(20, 1)),
        ("ecs", "DeregisterTaskDefinition", Quota(20, 1)),
        ("ecs", "DescribeTaskDefinition", Quota(50, 20)),
        ("ecs", "ListTaskDefinitions", Quota(50, 20)),
        ("ecs", "UpdateService", None),
        ("events", "PutRule", Quota(50, 50)),
        ("events", "ListTagsForResource", Quota(50, 50)),
        ("scheduler", "CreateSchedule", Quota(1000, 1000)),
        ("scheduler", "GetSchedule", Quota(1000, 1000)),
        ("scheduler", "UpdateSchedule", Quota(1000, 1000)),
        ("scheduler", "DeleteSchedule", Quota(1000, 1000)),
        ("scheduler", "ListSchedules", None),
        ("s3", "ListTaskDefinitions", None),
    ],
)
def test_which_quota_a_call_draws_from(service: str, operation: str, quota: Quota | None) -> None:
    assert quota_for(service, operation) == quota


@pytest.mark.parametrize(("calls", "seconds"), [(0, 0), (20, 0), (21, 0.5), (100, 40)])
def test_how_long_calls_take_at_the_least(calls: int, seconds: float) -> None:
    assert Quota(20, 2).seconds(calls) == seconds


@pytest.mark.parametrize(
    ("code", "throttled"),
    [
        ("Throttling", True),
        ("KmsThrottlingException", True),
        ("RequestThrottled", True),
        ("TooManyRequestsException", True),
        ("RequestLimitExceeded", True),
        ("SlowDown", True),
        ("ProvisionedThroughputExceededException", True),
        ("LimitExceededException", False),
        ("AccessDeniedException", False),
    ],
)
def test_what_counts_as_throttled(code: str, throttled: bool) -> None:
    assert is_throttle(code) is throttled


def test_clients_share_the_bucket_of_a_quota() -> None:
    assert bucket_for(Quota(3, 1)) is bucket_for(Quota(3, 1))
    assert bucket_for(Quota(3, 1)) is not bucket_for(Quota(4, 1))


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
    clock.now += 1.5
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
    clock.now += 0.25
    waiting.wait()
    assert waits[-1] == 2.25, "two come back each second"
