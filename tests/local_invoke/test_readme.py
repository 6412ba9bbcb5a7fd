"""The commands of docs/develop.md for one step in Docker, as printed there."""

import re

import pytest

from examples.guestbook.client import Client
from tests.printed import DEVELOP, blocks, typed

pytestmark = pytest.mark.docker


def test_the_printed_lines_invoke_a_step(stage: Client) -> None:
    _, prepare, invoke = blocks(DEVELOP, "A step in Lambda's runtime")
    (answer,) = re.findall(r"It answers `(.+?)`", DEVELOP)
    ran = typed(prepare.replace("http://127.0.0.1:5000", stage.endpoint), invoke, SAM_CLI_TELEMETRY="0")
    assert ran.returncode == 0, ran.stderr
    assert answer in ran.stdout
    assert stage.calls("events", "PutTargets")
