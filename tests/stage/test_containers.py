"""Command, environment, secrets and output of a task's container."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from stage.ecs.containers import repository_of
from tests.stage.small_stage import SmallStage, aws


def command(*words: str, **more: Any) -> str:
    """A target's Input that overrides the command of the app's container."""
    return json.dumps({"containerOverrides": [{"name": "app", "command": ["./bin/start", *words], **more}]})


def test_a_targets_input_overrides_command_and_environment(small: SmallStage) -> None:
    revision = small.register("something", environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    override = command("environment", environment=[{"name": "B", "value": "3"}])
    fired = small.background.fire(small.rule("task", small.task_target(revision, Input=override)))
    lines = fired["output"].splitlines()
    assert fired["command"] == ["./bin/start", "environment"]
    assert [line for line in lines if line[:2] in ("A=", "B=")] == ["A=1", "B=3"]


def test_a_process_sees_its_containers_environment_and_no_more(
    small: SmallStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_OWN", "secret")
    fired = small.fire("environment", environment=[{"name": "GREETING", "value": "hi"}])
    names = {line.partition("=")[0] for line in fired["output"].splitlines()}
    of_the_host = {"HOME", "LANG", "LC_CTYPE"}  # Python sets the last one if there is no locale
    assert names - of_the_host == {"PATH", "DATA_DIR", "PYTHONUNBUFFERED", "GREETING"}


def test_it_runs_in_the_apps_directory_and_shares_data(small: SmallStage, tmp_path: Path) -> None:
    assert small.fire("where")["output"].strip() == os.path.realpath(tmp_path)
    assert small.fire("remember", environment=[{"name": "DATA_DIR", "value": "/data"}])["exit_code"] == 0
    assert small.fire("recall")["output"] == "written before\n"
    small.background.reset()
    assert small.fire("recall")["exit_code"] == 1


@pytest.mark.parametrize("where", ["secret", "secret-key", "parameter", "parameter-arn"])
def test_secrets_are_resolved(small: SmallStage, where: str) -> None:
    secret = aws("secretsmanager").create_secret(Name=small.name, SecretString='{"user": "root"}')["ARN"]
    aws("ssm").put_parameter(Name=f"/{small.name}/key", Value="1234", Type="SecureString")
    source, value = {
        "secret": (secret, '{"user": "root"}'),
        "secret-key": (f"{secret}:user::", "root"),
        "parameter": (f"/{small.name}/key", "1234"),
        "parameter-arn": (f"arn:aws:ssm:us-east-1:123456789012:parameter/{small.name}/key", "1234"),
    }[where]
    fired = small.fire("environment", secrets=[{"name": "TOKEN", "valueFrom": source}])
    assert f"TOKEN={value}" in fired["output"].splitlines()


def test_output_goes_to_the_log_stream_by_line(small: SmallStage) -> None:
    group = f"/ecs/{small.name}"
    aws("logs").create_log_group(logGroupName=group)
    options = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "jobs"}
    fired = small.fire("environment", logConfiguration={"logDriver": "awslogs", "options": options})
    task_id = fired["task_arn"].rpartition("/")[2]
    assert (fired["log_group"], fired["log_stream"]) == (group, f"jobs/app/{task_id}")
    logged = aws("logs").get_log_events(logGroupName=group, logStreamName=fired["log_stream"])["events"]
    assert [event["message"] for event in logged] == fired["output"].splitlines()


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"image": "<image>:gone"}, "CannotPullContainerError: .*:gone: not found"),
        ({"image": "<image>@sha256:" + "0" * 64}, "CannotPullContainerError: .*: not found"),
        ({"image": "elsewhere/other:1"}, "containers of the repository .* only"),
        ({"command": ["./bin/none"]}, "CannotStartContainerError: .*No such file"),
        ({"secrets": [{"name": "T", "valueFrom": "/no/such"}]}, "ResourceInitializationError: unable to pull secrets"),
        (
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/no/such"}}},
            "ResourceInitializationError: .*log group does not exist",
        ),
    ],
    ids=["no-tag", "no-digest", "foreign-image", "no-command", "no-secret", "no-log-group"],
)
def test_a_task_that_cannot_start_says_why(small: SmallStage, container: dict[str, Any], reason: str) -> None:
    container = json.loads(json.dumps(container).replace("<image>", small.image))
    fired = small.fire(**container)
    task = small.task(fired["task_arn"])
    assert (fired["exit_code"], fired["output"], task["stopCode"]) == (None, "", "TaskFailedToStart")
    assert fired["stopped_reason"] == task["stoppedReason"]
    assert re.search(reason, fired["stopped_reason"])


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("guestbook", "guestbook"),
        ("guestbook:1", "guestbook"),
        ("team/guestbook:1", "team/guestbook"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/guestbook@sha256:0", "team/guestbook"),
        ("localhost:5000/guestbook:1", "guestbook"),
    ],
)
def test_the_repository_of_an_image(image: str, repository: str) -> None:
    assert repository_of(image) == repository
