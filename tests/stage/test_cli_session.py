"""The README's commands for a served stage, typed into a shell with the plain AWS CLI."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.examples import ROOT
from tests.printed import README, blocks, signed_in, typed, with_the_aws_cli

pytestmark = with_the_aws_cli
# What differs between failed rollouts: the progress of ECS's rollback, and the rollout's ID.
VARIES = re.compile(r"\(ECS deployment .+?\)|ecs-svc/\d+")


@pytest.fixture
def watched(stage: Client, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`make watch` in a second terminal: waits for these words and returns the new lines up to them."""
    terminal = tmp_path / "watch.txt"
    command = [sys.executable, "-m", "examples.guestbook.watch", "--port", stage.endpoint.rpartition(":")[2]]
    unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}
    read = 0

    def printed_until(words: str) -> str:
        nonlocal read
        before, said, _ = wait_for(lambda: (parts := terminal.read_text()[read:].partition(words))[1] and parts, 60)
        read += len(before + said)
        return before + said

    with terminal.open("w") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, env=unbuffered) as watch:
        printed_until("Watching")
        yield printed_until
        watch.terminate()


def test_the_session_of_the_readme(stage: Client, watched: Callable[[str], str]) -> None:
    _, begin, look_around = blocks(README, "See it run")
    sign_in, push = begin.replace("http://127.0.0.1:5000", stage.endpoint).split("\n", 1)
    assert "#" not in begin + look_around, "zsh takes a comment behind a command for words"
    (make_rollouts_fail,) = re.findall(r"`(curl -X PUT .+?)`", README)
    (cause,) = blocks(README, "What failure looks like")

    def terminal(lines: str) -> str:
        ran = typed(sign_in, lines)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    terminal(push)
    assert "guestbook:4f2a9c1" in watched("SUCCEEDED in Deployed")
    seen = terminal(look_around)
    assert set(re.findall(r"^production__guestbook__(.*)$", seen, re.MULTILINE)) == {
        "IngestData\tcron(0 6 * * ? *)\tENABLED",
        "RemoveSpam\tcron(0/15 * * * ? *)\tENABLED",
        "CountTeaspoons\tcron(0 22 ? * SUN *)\tENABLED",
    }
    assert '"exit_code": 0' in seen
    assert "Ingested 4 postcards; the guestbook holds 4 entries." in seen
    watched("SUCCEEDED in NothingToDo")

    terminal(make_rollouts_fail)
    terminal(push.replace("4f2a9c1", "b81d07e"))
    _, _, failed = watched("For the operator: fix this, then deploy again.\n").partition("FAILED in DeploymentFailed")
    assert VARIES.sub("...", failed.splitlines()[1].strip()) == VARIES.sub("...", " ".join(cause.split()))

    terminal(make_rollouts_fail.replace("fails", "completes"))
    terminal(push.replace("4f2a9c1", "9e07c35"))
    assert "guestbook:9e07c35" in watched("SUCCEEDED in Deployed")


@pytest.mark.parametrize(
    ("schedule", "status", "says"),
    [
        pytest.param(b'{"tasks": []}', 0, "deployed\t", id="deployed"),
        pytest.param(b'{"tasks": [{}]}', 1, "tasks[0].name: is missing", id="failed"),
    ],
)
def test_the_example_workflow_fails_with_its_deployment(stage: Client, schedule: bytes, status: int, says: str) -> None:
    workflow = yaml.safe_load((ROOT / "examples/app/.github/workflows/deploy.yml").read_text())
    steps = workflow["jobs"]["deploy"]["steps"]
    (waiting,) = (step["run"] for step in steps if step.get("name") == "Wait for the deployment")
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stage.upload_schedule(schedule)
    stage.deploy("4f2a9c1")
    named = {"APP": "production/guestbook-api", "TABLE": stage.names["outputs"]["LedgerTableName"], "TAG": "4f2a9c1"}
    ran = typed(waiting, SINCE=since, **signed_in(stage), **named)
    assert (ran.returncode, ran.stderr) == (status, "")
    assert says in ran.stdout
