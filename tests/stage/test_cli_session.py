"""What a person types into a terminal while the stage is served: the plain AWS CLI, nothing of ours."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from stage.client import Client
from stage.manifest import MEDIA_TYPE, digest, manifest
from tests.examples import ROOT
from tests.stage.account import PREFIX

pytestmark = pytest.mark.aws_cli

Aws = Callable[..., Any]


def users(stage: Client) -> dict[str, str]:
    """The environment of a person's terminal, with the stage as their AWS."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_ENDPOINT_URL": stage.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "user",
        "AWS_PAGER": "",
    }


@pytest.fixture
def aws(stage: Client) -> Aws:
    """Runs `aws` with these words. Returns what it prints, read as JSON."""
    program = shutil.which("aws")
    if program is None:
        pytest.skip("there is no AWS CLI on PATH; boto3, of which it is made, sends the same calls in all other tests")

    def run(*words: str) -> Any:
        command = [program, "--output", "json", *words]
        ran = subprocess.run(command, env=users(stage), capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout or "null")

    return run


def test_a_session_with_the_aws_cli(stage: Client, aws: Aws) -> None:
    machine = stage.names["state_machine_arn"]
    pushed = aws(
        *["ecr", "put-image", "--repository-name", "guestbook", "--image-tag", "v1"],
        *["--image-manifest", manifest("v1"), "--image-manifest-media-type", MEDIA_TYPE],
    )
    assert pushed["image"]["imageId"] == {"imageDigest": digest("v1"), "imageTag": "v1"}

    listed = aws("stepfunctions", "list-executions", "--state-machine-arn", machine)
    (execution,) = [each["executionArn"] for each in listed["executions"]]
    stage.wait(execution)
    described = aws("stepfunctions", "describe-execution", "--execution-arn", execution)
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"])["outcome"]["outcome"] == "deployed"

    found = aws("events", "list-rules", "--name-prefix", PREFIX)["Rules"]
    assert {rule["Name"]: rule["ScheduleExpression"] for rule in found} == {
        f"{PREFIX}IngestData": "cron(0 6 * * ? *)",
        f"{PREFIX}RemoveSpam": "cron(0/15 * * * ? *)",
        f"{PREFIX}CountTeaspoons": "cron(0 22 ? * SUN *)",
    }

    again = aws("stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", described["input"])
    assert stage.wait(again["executionArn"])["output"]["outcome"]["outcome"] == "nothing to do"


@pytest.mark.parametrize(
    ("schedule", "status", "told"),
    [
        pytest.param(b'{"tasks": []}', 0, "deployed\t", id="deployed"),
        pytest.param(b'{"tasks": [{}]}', 1, "tasks[0].name: is missing", id="failed"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_the_examples_build_is_as_red_as_its_deployment(stage: Client, schedule: bytes, status: int, told: str) -> None:
    workflow = yaml.safe_load((ROOT / "examples/app/.github/workflows/deploy.yml").read_text())
    steps = workflow["jobs"]["deploy"]["steps"]
    (waiting,) = (step["run"] for step in steps if step.get("name") == "Wait for the deployment")
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stage.upload_schedule(schedule)
    stage.deploy("4f2a9c1")
    named = {"APP": "production/guestbook-api", "TABLE": stage.names["outputs"]["LedgerTableName"], "TAG": "4f2a9c1"}
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", waiting],
        env=users(stage) | named | {"SINCE": since},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (status, "")
    assert told in ran.stdout
