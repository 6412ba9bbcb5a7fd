"""The stage's decisions on permissions, checked by an independent IAM simulator: `@cloud-copilot/iam-simulate`.

It knows AWS's service authorization reference, so it also finds actions, resource types and condition keys that do not
exist.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client, running
from tests.processes import FORKS
from tests.stage import scenarios
from tests.stage.with_actions.played import played

pytestmark = pytest.mark.iam_simulate
HERE = Path(__file__).parent
# Allowed requests with another context, which the simulator must deny.
NOT_ALLOWED = (
    ("CreateTargets", "events:PutTargets", {"events:TargetArn": ["arn:aws:ecs:us-east-1:123456789012:cluster/other"]}),
    ("RollService", "iam:PassRole", {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("RegisterRevisions", "ecs:TagResource", {"ecs:CreateAction": "RunTask"}),
    ("FinishDeployment", "events:PutEvents", {"events:source": ["aws.ecs"], "events:detail-type": ["x"]}),
)


@pytest.fixture(scope="module")
def judge() -> Any:
    """The simulator, installed from its lock file."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm: install Node.js 20 or later to have a second opinion")
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)

    def ask(policies: dict[str, Any], requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        case = json.dumps({"policies": policies, "requests": requests})
        ran = subprocess.run(["node", "judge.mjs"], cwd=HERE, input=case, capture_output=True, text=True, check=True)
        verdicts: list[dict[str, Any]] = json.loads(ran.stdout)
        return verdicts

    return ask


@pytest.fixture(scope="module")
def stage() -> Iterator[Client]:
    with running(*FORKS) as client:
        yield client


@pytest.fixture(scope="module")
def records(stage: Client) -> list[dict[str, Any]]:
    """Every different permission that the scenarios ask for."""
    asked = [record for scenario in scenarios.ALL for record in scenarios.play(stage, scenario)]
    return list({json.dumps(record, sort_keys=True): record for record in asked}.values())


@pytest.fixture(scope="module")
def policies(stage: Client) -> dict[str, list[dict[str, Any]]]:
    return policies_of(stage)


def policies_of(stage: Client) -> dict[str, list[dict[str, Any]]]:
    """The policies of every role, as IAM's API returns them."""
    iam = stage.client("iam")
    return {
        role["RoleName"]: [
            {"name": name, "policy": iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]}
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        ]
        for role in iam.list_roles()["Roles"]
    }


def request(record: dict[str, Any]) -> dict[str, Any]:
    context = {key: value for key, value in record["context"].items() if value is not None}
    role = record["caller"].split("/")[1]
    return {**record, "role": role, "principal": record["caller"], "context": context}


def doubted(judge: Any, records: list[dict[str, Any]], policies: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The decisions that the simulator does not confirm."""
    verdicts = judge(policies, [request(record) for record in records])
    return [
        (record["action"], record["resource"], verdict)
        for record, verdict in zip(records, verdicts, strict=True)
        if verdict["allowed"] is not record["allowed"] or verdict["doubts"]
    ]


def test_every_decision_is_confirmed(judge: Any, records: list[dict[str, Any]], policies: dict[str, Any]) -> None:
    assert len(records) > 100
    assert doubted(judge, records, policies) == []


def test_so_is_every_decision_about_stopping_and_starting_runs(judge: Any) -> None:
    with played("both") as acting:
        records, policies = acting.permissions(), policies_of(acting)
    assert {"ecs:StopTask", "ecs:RunTask"} <= {each["action"] for each in records}
    assert doubted(judge, list({json.dumps(each, sort_keys=True): each for each in records}.values()), policies) == []


@pytest.mark.parametrize(("step", "action", "context"), NOT_ALLOWED)
def test_it_denies_a_request_that_a_condition_excludes(
    judge: Any,
    records: list[dict[str, Any]],
    policies: dict[str, Any],
    step: str,
    action: str,
    context: dict[str, Any],
) -> None:
    asked = next(each for each in records if f"-{step}Function" in each["caller"] and each["action"] == action)
    before, after = judge(policies, [request(asked), request({**asked, "context": context})])
    assert (before["allowed"], after["allowed"]) == (True, False)
