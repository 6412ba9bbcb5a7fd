"""The frame of a function that answers events: what it parses, what it logs, which errors leave it."""

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rota.contract.shape import Shape
from rota.errors import RejectedError, TransientError
from rota.handlers.event import on_event
from rota.log import logger
from rota.settings import Settings
from tests.guestbook import ENVIRONMENT


class Ring(Shape):
    id: str
    times: int


class Answer(Shape):
    sound: str


@on_event("id")
def bell(request: Ring, settings: Settings) -> Answer:
    if request.times == 0:
        raise ValueError("no PASSWORD=hunter2")
    if request.times < 0:
        code = "ThrottlingException" if request.times == -1 else "AccessDeniedException"
        reply: Any = {"Error": {"Code": code, "Message": "no PASSWORD=hunter2"}, "ResponseMetadata": {}}
        raise ClientError(reply, "RingBell")
    return Answer(sound=f"{settings.service}: {'ding ' * request.times}")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def ring(**event: Any) -> dict[str, Any]:
    return bell({"id": "an-event", **event}, None)  # type: ignore[arg-type]  # an event function uses no context


def test_an_event_is_parsed_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert ring(times=2, **{"detail-type": "AWS adds members"}) == {"sound": "guestbook-api: ding ding "}
    (line,) = caplog.records
    assert (line.message, line.__dict__["answer"]) == ("done", {"sound": "guestbook-api: ding ding "})


@pytest.mark.parametrize(("times", "error", "level"), [(-1, TransientError, "WARNING"), (-2, RejectedError, "ERROR")])
def test_an_error_of_aws_has_a_name(
    times: int, error: type[Exception], level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error, match="RingBell"):
        ring(times=times)
    assert [line.levelname for line in caplog.records] == [level]


def test_an_event_of_another_shape_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="times"):
        ring()
    assert [(line.message, line.levelname) for line in caplog.records] == [("failed", "ERROR")]


@pytest.mark.parametrize("times", [0, -2], ids=["a bug", "AWS refused"])
def test_what_an_error_quotes_is_masked(times: int, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises((ValueError, RejectedError)):
        ring(times=times)
    line = logger.registered_formatter.format(caplog.records[0])
    assert "no PASSWORD=***" in json.loads(line)["exception"]
    assert "hunter2" not in line
