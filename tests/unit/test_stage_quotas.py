"""Token buckets, and which call takes tokens from which."""

import pytest
from moto.core.request import Request

from stage.gateway.calls import Call
from stage.quotas.request_rates import QUOTAS, Bucket, RequestRates
from stage.settings import Settings


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("burst", "per_second", "taken_at", "then", "tokens"),
    [
        pytest.param(20, 1, [], 0, 20, id="it begins full"),
        pytest.param(20, 1, [], 60, 20, id="and holds no more than its burst"),
        pytest.param(20, 1, [0] * 20, 0, 0, id="the burst is there at once"),
        pytest.param(20, 1, [0] * 20, 0.999, 0.999, id="a part of a token"),
        pytest.param(20, 1, [0] * 20, 1, 1, id="a token a second"),
        pytest.param(20, 1, [0] * 20, 3600, 20, id="full again"),
        pytest.param(20, 1, [3600] * 20, 3600, 0, id="an idle hour is worth no more than a full bucket"),
        pytest.param(50, 20, [0] * 50, 0.05, 1, id="a twentieth of a second"),
        pytest.param(50, 20, [0] * 49, 0.05, 2, id="what is left stays"),
        pytest.param(5, 10, [0] * 5 + [tenths / 10 for tenths in range(1, 100)], 9.9, 0, id="a hundred small refills"),
    ],
)
def test_a_bucket(burst: int, per_second: float, taken_at: list[float], then: float, tokens: float) -> None:
    clock = Clock()
    bucket = Bucket(burst, per_second, clock)
    for at in taken_at:
        clock.now = 1000 + at
        assert bucket.tokens >= 1
        bucket.take()
    clock.now = 1000 + then
    assert bucket.tokens == pytest.approx(tokens)


@pytest.mark.parametrize(
    ("drain", "then", "passes"),
    [
        pytest.param(("ecs", "RegisterTaskDefinition"), ("ecs", "DeregisterTaskDefinition"), False, id="shared"),
        pytest.param(("ecs", "RegisterTaskDefinition"), ("ecs", "DescribeTaskDefinition"), True, id="reads apart"),
        pytest.param(("ecs", "RegisterTaskDefinition"), ("ecs", "UpdateService"), True, id="services apart"),
        pytest.param(("events", "ListRules"), ("events", "PutTargets"), False, id="one figure for EventBridge"),
        pytest.param(("events", "ListRules"), ("events", "PutEvents"), True, id="events are not the control plane"),
        pytest.param(("events", "ListRules"), ("ecs", "ListClusters"), True, id="services do not share"),
        pytest.param(("ecs", "RunTask"), ("ecs", "StopTask"), True, id="Fargate's own bucket is RunTask's"),
        pytest.param(("ecs", "StopTask"), ("ecs", "RunTask"), False, id="of two buckets the emptier one counts"),
        pytest.param(("ecr", "DescribeImages"), ("ecr", "DescribeImages"), True, id="no figure, no bucket"),
    ],
)
def test_which_call_takes_from_which_bucket(drain: tuple[str, str], then: tuple[str, str], passes: bool) -> None:
    quotas = RequestRates(Settings(quotas=True), clock=lambda: 0.0)  # no tokens are gained
    draining = call(*drain)
    for _ in range(1000):
        quotas.before(draining)
    assert (quotas.before(call(*then, caller="another")) is None) == passes


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        pytest.param("ecs", "DeleteTaskDefinitions", "ThrottlingException", 400, id="ecs"),
        pytest.param("events", "PutRule", "ThrottlingException", 400, id="events"),
        pytest.param("lambda", "CreateFunction", "TooManyRequestsException", 429, id="lambda"),
        pytest.param("stepfunctions", "ListExecutions", "ThrottlingException", 400, id="stepfunctions"),
    ],
)
def test_an_excess_call_is_refused_as_by_its_service(service: str, operation: str, code: str, status: int) -> None:
    quotas = RequestRates(Settings(quotas=True))
    replies = (quotas.before(call(service, operation)) for _ in range(1000))
    refused = next(reply for reply in replies if reply)
    assert (refused.error, refused.status) == (code, status)
    assert b"rate exceeded" in refused.body.lower()


def test_a_throttled_call_takes_no_token() -> None:
    quotas = RequestRates(Settings(quotas=True), Clock())
    passed = [quotas.before(call("ecs", "RunTask")) is None for _ in range(1000)]
    left = {bucket["name"]: bucket["tokens"] for bucket in quotas.show() if "RunTask" in bucket["operations"]}
    assert (sum(passed), left) == (20, {"fargate": 0, "cluster resource modify": 80})


def test_without_quotas_no_token_is_taken() -> None:
    quotas = RequestRates(Settings())
    assert not any(quotas.before(call("ecs", "DeleteTaskDefinitions")) for _ in range(1000))
    assert {bucket["tokens"] == bucket["burst"] for bucket in quotas.show()} == {True}


def test_every_operation_of_the_table_exists() -> None:
    from moto.core.utils import get_service_model  # noqa: PLC0415 - slow, and only this test needs it

    unknown = [
        (quota.service, operation)
        for quota in QUOTAS
        for operation in quota.operations
        if operation != "*" and operation not in get_service_model(quota.service).operation_names
    ]
    assert unknown == []


def call(service: str, operation: str, caller: str | None = None) -> Call:
    return Call(service, operation, "us-east-1", "key", Request({}), caller=caller)
