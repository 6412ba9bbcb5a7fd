"""What a person types into a terminal while the stage is served: the plain AWS CLI, nothing of ours."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from stage.client import Client
from stage.manifest import MEDIA_TYPE, digest, manifest
from tests.stage.account import PREFIX

Aws = Callable[..., Any]


@pytest.fixture
def aws(stage: Client) -> Aws:
    """Runs `aws` with these words. Returns what it prints, read as JSON."""
    program = shutil.which("aws")
    if program is None:
        pytest.skip("there is no AWS CLI on PATH; boto3, of which it is made, sends the same calls in all other tests")

    def run(*words: str) -> Any:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_ENDPOINT_URL": stage.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "user",
            "AWS_SECRET_ACCESS_KEY": "user",
            "AWS_PAGER": "",
        }
        command = [program, "--output", "json", *words]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
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
