"""The tour of docs/stage.md, typed into a shell with the plain AWS CLI."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.examples import ROOT
from tests.printed import RUNBOOK, STAGE, blocks, signed_in, typed, with_the_aws_cli

pytestmark = with_the_aws_cli
# What differs between failed rollouts: durations, the progress of ECS's rollback, and the rollout's ID.
VARIES = re.compile(r"\(ECS deployment .+?\)|ecs-svc/\d+|\d+\.\d+ s\b")


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


def test_the_tour(stage: Client, watched: Callable[[str], str]) -> None:
    _, _, sign_in, *lines = blocks(STAGE, "A tour")
    push, look_around, fire, again, change, look_at_it, make_rollouts_fail, printed, undo, *of_jobs = lines
    break_a_job, go_on, mails, ask_for_approvals = of_jobs
    assert not any("#" in block for block in lines), "zsh takes a comment behind a command for words"
    (names,) = re.findall(r"^```\n(STACK=.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    sign_in = sign_in.replace("http://127.0.0.1:5000", stage.endpoint)

    def terminal(*typed_in: str) -> str:
        ran = typed(sign_in, *typed_in)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    terminal(push)
    assert "guestbook:4f2a9c1" in watched("SUCCEEDED in Deployed")
    assert set(re.findall(r"^production__guestbook__(.*)$", terminal(look_around), re.MULTILINE)) == {
        "IngestData\tcron(0 6 * * ? *)\tENABLED",
        "RemoveSpam\tcron(0/15 * * * ? *)\tENABLED",
        "CountTeaspoons\tcron(0 22 ? * SUN *)\tENABLED",
    }
    fired = terminal(fire)
    assert '"exit_code": 0' in fired
    assert "Ingested 4 postcards; the guestbook holds 4 entries." in fired
    terminal(names, again)
    watched("SUCCEEDED in NothingToDo")
    terminal(names, change)
    assert "the service is unchanged" in watched("SUCCEEDED in Deployed")
    assert re.fullmatch(r"rota-\S+\tproduction__guestbook__PrintDigest\tENABLED\n", terminal(look_at_it))

    terminal(make_rollouts_fail)
    terminal(push.replace("4f2a9c1", "b81d07e"))
    _, mark, rest = watched("FAILED in DeploymentFailed").partition("  !! CheckService")
    assert words(mark + rest + watched("For the operator: ") + watched(".\n")) == words(printed)

    terminal(undo)
    terminal(push.replace("4f2a9c1", "9e07c35"))
    assert "guestbook:9e07c35" in watched("SUCCEEDED in Deployed")
    terminal(names, break_a_job)
    watched("SUCCEEDED in Deployed")
    terminal(go_on)
    watched("RemoveSpam failed: exit code 64")
    assert "The job ended with exit code 64." in terminal(mails)

    terminal(names, ask_for_approvals)
    terminal(push.replace("4f2a9c1", "e5a1f00"))
    assert "rota approve" in watched("SUCCEEDED in Held")


def words(printed: str) -> str:
    """Without what differs between runs, which may also begin a line elsewhere."""
    return VARIES.sub("...", " ".join(printed.split()))


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
    named: dict[str, Any] = {
        "APP": "production/guestbook-api",
        "TABLE": stage.names["outputs"]["LedgerTableName"],
        "TAG": "4f2a9c1",
    }
    ran = typed(waiting, SINCE=since, **signed_in(stage), **named)
    assert (ran.returncode, ran.stderr) == (status, "")
    assert says in ran.stdout
