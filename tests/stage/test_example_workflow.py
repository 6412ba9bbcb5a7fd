"""The example's GitHub workflow: what its step prints that waits for a deployment."""

from datetime import UTC, datetime
from typing import Any

import yaml

from examples.guestbook.client import Client
from tests.examples import ROOT
from tests.printed import signed_in, typed, with_the_aws_cli

pytestmark = with_the_aws_cli
WORKFLOW = yaml.safe_load((ROOT / "examples/app/.github/workflows/deploy.yml").read_text())


def waited(stage: Client, tag: str, since: datetime, minutes: int = 0) -> tuple[int, str]:
    """The step's exit status and output; with 0 minutes it checks once."""
    (step,) = [each for each in WORKFLOW["jobs"]["deploy"]["steps"] if each.get("name") == "Wait for the deployment"]
    given: dict[str, Any] = {
        "APP": "production/guestbook-api",
        "MINUTES": str(minutes),
        "SINCE": f"{since:%Y-%m-%dT%H:%M:%S}",
        "TABLE": stage.names["outputs"]["LedgerTableName"],
        "TAG": tag,
    }
    assert {*step["env"], "SINCE"} == given.keys()
    ran = typed(step["run"], **signed_in(stage), **given)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


def test_a_successful_deployment(stage: Client) -> None:
    begun = datetime.now(UTC)
    stage.deploy("v1")
    status, printed = waited(stage, "v1", begun)
    assert (status, printed.startswith("deployed\tschedules: 3 new")) == (0, True)


def test_a_failed_deployment_is_shown_with_its_cause(stage: Client) -> None:
    begun = datetime.now(UTC)
    stage.settings(rollout="fails")
    ended = stage.deploy("v1")
    assert waited(stage, "v1", begun) == (1, f"failed\t{ended['cause']}\n")


def test_a_push_that_starts_no_deployment(deployed: Client) -> None:
    status, printed = waited(deployed, "v2", datetime.now(UTC))
    assert status == 1
    assert printed.startswith("After 0 minutes no deployment of v2 has ended, and none is under way: the push started")
    assert "None" not in printed


def test_a_deployment_that_takes_longer(stage: Client) -> None:
    begun = datetime.now(UTC)
    stage.settings(rollout="hangs")
    stage.push("v1")
    (execution,) = stage.executions()
    status, printed = waited(stage, "v1", begun)
    assert status == 1
    assert printed.startswith("After 0 minutes no deployment of v1 has ended. Under way is " + execution)
