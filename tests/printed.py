"""What the documents print for a reader to type, and the terminal that it is typed into."""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import ROOT

README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs/operations.md").read_text()
STAGE = (ROOT / "docs/stage.md").read_text()
FIRST_ACCOUNT = (ROOT / "docs/first-account.md").read_text()
RUNS = (ROOT / "docs/runs.md").read_text()
SCHEDULES = (ROOT / "docs/schedule.md").read_text()
DEVELOP = (ROOT / "docs/develop.md").read_text()
with_the_aws_cli = [
    pytest.mark.aws_cli,
    pytest.mark.skipif(
        shutil.which("aws") is None,
        reason="there is no AWS CLI on PATH; boto3, of which it is made, sends the same calls in all other tests",
    ),
]


def blocks(document: str, heading: str) -> list[str]:
    """The blocks of lines of one section, in order."""
    (section,) = re.findall(rf"^## {re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^( *)```(?:json)?\n(.*?)^\1```$", section, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(lines) for _, lines in found]


def signed_in(stage: Client) -> dict[str, Any]:
    """The variables of a terminal that has the stage for its AWS."""
    return {
        "AWS_ENDPOINT_URL": stage.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "user",
        "AWS_PAGER": "",
    }


def typed(*lines: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Lines that were typed into one terminal, up to the first that fails: that of a person who has set these
    variables and no others.
    """
    of_a_person = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_CONFIG_FILE": os.devnull}
    # Where only sh is, there is nothing else to type into; it need not know pipefail.
    shell = ["bash", "-euo", "pipefail"] if shutil.which("bash") else ["sh", "-eu"]
    command = [*shell, "-c", "\n".join(lines)]
    return subprocess.run(
        command, cwd=cwd, env=of_a_person | variables, capture_output=True, text=True, timeout=300, check=False
    )
