"""The README's commands for one step in Docker, as printed there."""

import re

import pytest

from examples.guestbook.client import Client
from tests.printed import README, blocks, typed

pytestmark = pytest.mark.docker


def test_the_readmes_lines_invoke_a_step(stage: Client) -> None:
    (in_the_other_terminal,) = blocks(README, "Develop")
    (answer,) = re.findall(r"It answers `(.+?)`", README)
    ran = typed(in_the_other_terminal.replace("http://127.0.0.1:5000", stage.endpoint), SAM_CLI_TELEMETRY="0")
    assert ran.returncode == 0, ran.stderr
    assert answer in ran.stdout
    assert stage.calls("events", "PutTargets")
