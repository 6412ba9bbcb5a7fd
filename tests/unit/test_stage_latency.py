"""How long a call takes on the stage: `latency_ms`, whatever the stage itself needs for the answer."""

from types import SimpleNamespace

import pytest
from moto.core.request import Request

from stage.gateway import latency
from stage.gateway.calls import Call, Reply
from stage.gateway.latency import Latency
from stage.settings import Settings


@pytest.mark.parametrize(
    ("access_key", "until_it_comes", "answering", "sleeps"),
    [
        pytest.param("user", 0, 0, [20, 20], id="there and back"),
        pytest.param("user", 5, 10, [15, 10], id="what the stage needs is within it"),
        pytest.param("user", 0, 30, [20], id="a slow answer"),
        pytest.param("user", 25, 0, [15], id="a busy stage"),
        pytest.param("states:role", 0, 0, [], id="Step Functions' own stay inside AWS"),
    ],
)
def test_a_call_takes_the_latency(
    access_key: str, until_it_comes: int, answering: int, sleeps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, slept = 1000.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(round(seconds * 1000))

    monkeypatch.setattr(latency, "time", SimpleNamespace(time=lambda: now, sleep=sleep))
    hook = Latency(Settings(latency_ms=40))
    call = Call("ecs", "ListClusters", "us-east-1", access_key, Request({}), time=now)
    now += until_it_comes / 1000
    hook.before(call)
    now += answering / 1000
    hook.after(call, Reply(200))
    assert slept == sleeps
