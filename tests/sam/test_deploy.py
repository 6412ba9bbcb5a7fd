"""The SAM CLI on a stage that has only the user's own resources: it deploys, updates and deletes the stack."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from examples.guestbook.client import Client, running
from tests.examples import ROOT

pytestmark = pytest.mark.sam

SAM = ROOT / ".venv-sam/bin/sam"
BUILT = ROOT / ".aws-sam/build/template.yaml"
PREFIX = "production__guestbook__"


def sam(stage: Client, *words: str) -> str:
    """Run SAM CLI with the stage as its AWS. Its output."""
    return run(stage, str(SAM), *words)


def run(stage: Client, *command: str, typed: str = "") -> str:
    """Run a command with the stage as its AWS, and with answers that a person types. Its output."""
    environment = {
        "AWS_ENDPOINT_URL": stage.endpoint,
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "me",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
    }
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def deploy(stage: Client, **overrides: str) -> str:
    parameters = {**stage.describe()["parameters"], **overrides}
    # SAM CLI takes an empty value in quotes alone.
    pairs = [f"{name}={value}" if value else f'{name}=""' for name, value in parameters.items()]
    return sam(stage, "deploy", "--no-confirm-changeset", "--parameter-overrides", *pairs)


def schedules(stage: Client) -> dict[str, Any]:
    """The app's rules with their targets."""
    events = stage.client("events")
    return {
        rule["Name"]: (rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"])
        for rule in events.list_rules(NamePrefix=PREFIX)["Rules"]
    }


def environments(stage: Client) -> list[dict[str, Any]]:
    """What each function of the stack is given."""
    return [each["Environment"]["Variables"] for each in stage.client("lambda").list_functions()["Functions"]]


@dataclass
class Seen:
    """The state after a command of `sam`."""

    outputs: dict[str, str]
    schedules: dict[str, Any]
    push: str = ""
    """How the push that followed ended."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Client]:
    if not (SAM.exists() and BUILT.exists()):
        pytest.skip("the application is not built; make test-sam builds it first")
    with running("--bare") as client:
        client.settings(time_scale=0.01, rollout_seconds=0.1)
        yield client


@pytest.fixture(scope="module")
def first(stage: Client) -> Seen:
    """The first `sam deploy`, the schedule file, a push."""
    deploy(stage)
    outputs = stage.describe()["outputs"]
    stage.upload_schedule((ROOT / "examples/app/scheduled_tasks.json").read_bytes())
    push = stage.deploy("v1", timeout=180)
    return Seen(outputs, schedules(stage), push["status"])


@pytest.fixture(scope="module")
def second(stage: Client, first: Seen) -> Seen:
    """Another `sam deploy` with another parameter, while the schedules are watched; then a push."""
    stage.watch(dict.fromkeys(first.schedules, "ENABLED"))
    deploy(stage, HistoryDays="30")
    outputs, after = stage.describe()["outputs"], schedules(stage)
    push = stage.deploy("v2", timeout=180)
    return Seen(outputs, after, push["status"])


@pytest.fixture(scope="module")
def removed(stage: Client, second: Seen) -> Seen:
    run(stage, "make", "delete", "STACK=rota", typed="y\ny\n")
    return Seen(stage.describe()["outputs"], schedules(stage))


def test_a_push_deploys_the_app_after_sam_deploy(first: Seen) -> None:
    assert first.push == "SUCCEEDED"
    assert set(first.schedules) == {PREFIX + task for task in ("IngestData", "RemoveSpam", "CountTeaspoons")}
    assert all(len(targets) == 1 for _, targets in first.schedules.values())


def test_a_second_sam_deploy_updates_the_stack_in_place(stage: Client, first: Seen, second: Seen) -> None:
    lasting = ("StateMachineArn", "BucketName", "LedgerTableName", "EventsRoleArn")
    assert [second.outputs[name] for name in lasting] == [first.outputs[name] for name in lasting]
    assert second.push == "SUCCEEDED"


def test_a_second_sam_deploy_disturbs_no_schedule(stage: Client, first: Seen, second: Seen) -> None:
    assert second.schedules == first.schedules
    watched = stage.watched()
    assert watched["violations"] == []
    assert watched["checks"] > 0


def test_a_second_sam_deploy_changes_what_was_asked_for(stage: Client, second: Seen) -> None:
    assert {str(variables["HISTORY_DAYS"]) for variables in environments(stage)} == {"30"}


def test_make_delete_removes_the_stack_and_no_schedule(stage: Client, second: Seen, removed: Seen) -> None:
    assert environments(stage) == []
    assert removed.outputs == {}
    assert set(removed.schedules) == set(second.schedules)
    assert all(len(targets) == 1 for _, targets in removed.schedules.values())


def test_sam_validate_finds_nothing(stage: Client) -> None:
    assert "is a valid SAM Template" in sam(stage, "validate", "--lint", "--template", "template.yaml")
