"""What Rota's functions have logged, as a person finds it."""

import logging
from typing import Any

import pytest

from rota.log import logger

Line = tuple[str, str, dict[str, Any]]
"""The level, the message, and what the line says besides; one of level ERROR has a traceback."""
_OF_EVERY_LINE = {*vars(logging.makeLogRecord({})), "message", "asctime"}


def logged(caplog: pytest.LogCaptureFixture) -> list[Line]:
    """Rota's own lines so far, in their order."""
    own = [line for line in caplog.records if line.name == logger.name]
    assert all(bool(line.exc_info) is (line.levelname == "ERROR") for line in own)
    return [
        (line.levelname, line.getMessage(), {name: vars(line)[name] for name in vars(line).keys() - _OF_EVERY_LINE})
        for line in own
    ]
