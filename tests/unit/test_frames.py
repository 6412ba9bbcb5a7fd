"""The frame of a function that answers events: what it parses, what it logs, which errors leave it."""

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rota.contract.shape import Shape
from rota.errors import OvertakenError, RejectedError, StillRunningError, TransientError
from rota.handlers.event import on_event
from rota.log import logger
from rota.settings import Settings
from tests.guestbook import ENVIRONMENT


class Ring(Shape):
    id: str
    times: int


class Answer(Shape):
    sound: str


ERRORS = {
    -3: TransientError("a moment"),
    -4: StillRunningError("another"),
    -5: OvertakenError("a newer push"),
    -6: RejectedError("no"),
}


@on_event("id")
def bell(request: Ring, settings: Settings) -> Answer:
    if request.times == 0:
        raise ValueError("no PASSWORD=hunter2")
    if request.times in ERRORS:
        raise ERRORS[request.times]
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


@pytest.mark.parametrize(
    ("times", "error", "logged"),
    [
        (-1, TransientError, ["WARNING", "temporary AWS error", "TransientError", "RingBell: ThrottlingException: no"]),
        (-2, RejectedError, ["ERROR", "AWS refused", "RejectedError", None]),
        (-3, TransientError, ["WARNING", "stopped", "TransientError", "a moment"]),
        (-4, StillRunningError, ["WARNING", "stopped", "StillRunningError", "another"]),
        (-5, OvertakenError, ["WARNING", "stopped", "OvertakenError", "a newer push"]),
        (-6, RejectedError, ["ERROR", "failed", None, None]),
    ],
)
def test_an_error_has_a_name_and_a_line_in_the_log(
    times: int, error: type[Exception], logged: list[str | None], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error):
        ring(times=times)
    (line,) = caplog.records
    found = [line.levelname, line.message, line.__dict__.get("error"), line.__dict__.get("reason")]
    reason = found[3] and found[3].partition(" PASSWORD")[0]
    assert [*found[:3], reason] == logged
    assert (line.exc_info is not None) is (line.levelname == "ERROR"), "only what a person looks at has a traceback"


@pytest.mark.parametrize(("given", "shown"), [({"id": "an-event"}, "an-event"), ({}, None)])
def test_each_line_names_its_event(given: dict[str, Any], shown: str | None, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="times"):
        bell(given, None)  # type: ignore[arg-type]  # an event function uses no context
    assert json.loads(logger.registered_formatter.format(caplog.records[0])).get("id") == shown


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
