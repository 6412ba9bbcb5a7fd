"""The README's lines for one step in Docker, as they are printed there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from stage.client import Client
from tests.examples import ROOT

pytestmark = pytest.mark.docker


def test_the_readmes_lines_invoke_a_step(stage: Client) -> None:
    (block,) = re.findall(r"^```\n(make build && make stage.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    in_the_other_terminal = "\n".join(block.splitlines()[1:])
    (answer,) = re.findall(r"It answers `(.+?)`", (ROOT / "README.md").read_text())
    as_a_newcomer = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "SAM_CLI_TELEMETRY": "0"}
    ran = subprocess.run(
        ["bash", "-ec", in_the_other_terminal.replace("http://127.0.0.1:5000", stage.endpoint)],
        cwd=ROOT,
        env=as_a_newcomer,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert answer in ran.stdout
    assert stage.calls("events", "PutTargets")
