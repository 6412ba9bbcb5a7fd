"""What people query of deployments stays as it is beside a table full of runs."""

from datetime import timedelta
from typing import Any

from rota.aws import clients
from rota.runs.model import Run, Status
from rota.runs.table import RunTable
from tests.examples import ROOT
from tests.guestbook import APP, ENVIRONMENT
from tests.in_process import client
from tests.run_events import DUE
from tests.steps.deployments import Deployment

# By page: the key condition that it has, its names, and values for it.
QUERIES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "docs/operations.md": (
        "app = :a AND begins_with(#r, :d)",
        {"#r": "record"},
        {":a": APP, ":d": "deployment#"},
    ),
    "examples/app/.github/workflows/deploy.yml": (
        "app = :app AND #record > :since",
        {"#record": "record"},
        {":app": APP, ":since": "deployment#2000"},
    ),
}


def test_a_query_of_deployments_sees_no_run(pushing: Deployment) -> None:
    def entries(page: str) -> list[Any]:
        """Those with an outcome: the page's second query sees the lease and the releases as well."""
        condition, names, values = QUERIES[page]
        assert condition in (ROOT / page).read_text()
        found = client("dynamodb").query(
            TableName=ENVIRONMENT["TABLE"],
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        )["Items"]
        assert {item["record"]["S"].partition("#")[0] for item in found} <= {"deployment", "lease", "releases"}
        return [item for item in found if "outcome" in item]

    before = {page: entries(page) for page in QUERIES}
    assert [len(each) for each in before.values()] == [1, 1], "a deployment that is under way has no entry"
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    for number in range(30):
        due = DUE + number * timedelta(minutes=1)
        table.put(Run(task="IngestData", scheduled_at=due, task_id=f"t{number}", status=Status.OK), None)
    pushing.step("CreateTargets")
    assert {page: entries(page) for page in QUERIES} == before
