"""The fixtures: Docker, SAM CLI, the built application, and a stage that containers reach."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client, running
from tests.examples import EVENTS, ROOT, snake

SAM = ROOT / ".venv-sam/bin/sam"
BUILT = ROOT / ".aws-sam/build/template.yaml"

Invoke = Callable[..., dict[str, Any]]


def skip_unless_functions_can_run() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker engine answers; start one, then: make test-local-invoke")
    if not (SAM.exists() and BUILT.exists()):
        pytest.skip("the application is not built; make test-local-invoke builds it first")


@pytest.fixture(scope="session")
def one_stage() -> Iterator[Client]:
    """A stage that listens where containers can reach it. Skips where the functions cannot run."""
    skip_unless_functions_can_run()
    with running("--host", "0.0.0.0") as client:  # noqa: S104 - containers are not on the loopback interface
        yield client


@pytest.fixture
def stage(one_stage: Client) -> Client:
    """As a user has it before the first push."""
    one_stage.reset()
    return one_stage


@pytest.fixture
def invoke(stage: Client, tmp_path: Path) -> Invoke:
    """`sam local invoke` with the step's event, or another, on the stage as it is before the step. Its answer."""

    def run(step: str, change: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
        variables = tmp_path / "env.json"
        variables.write_text(json.dumps(stage.before(step)))
        event = json.loads((EVENTS / f"{snake(step)}.json").read_text())
        change(event)
        path = tmp_path / "event.json"
        path.write_text(json.dumps(event))
        return sam_local_invoke(step, path, variables)

    return run


def sam_local_invoke(step: str, event: Path, variables: Path) -> dict[str, Any]:
    """Run the command as a person types it. Its answer."""
    credentials = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "me", "AWS_DEFAULT_REGION": "us-east-1"}
    ran = subprocess.run(
        [SAM, "local", "invoke", f"{step}Function", "-e", event, "--env-vars", variables],
        cwd=ROOT,
        env={**os.environ, **credentials, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    assert "errorType" not in answer, answer
    return answer
