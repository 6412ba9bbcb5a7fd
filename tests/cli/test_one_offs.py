"""Which runs of the file's one-off tasks are known."""

from typing import Any

import pytest

from rota.cli import one_offs
from rota.cli.frame import Account
from rota.cli.output import Output
from tests.cli.conftest import Aws


def record(execution: str, **run: Any) -> dict[str, Any]:
    return {"execution": {"id": execution}, "before": {"task_arn": f"task/{execution}", "revision": "shop:3", **run}}


@pytest.mark.parametrize(
    ("lease", "found"),
    [
        ({"holder": "e2", "deployment": record("e2")}, [("task/e2", False, None), ("task/e1", True, 3)]),
        ({"holder": "e3", "deployment": record("e2")}, [("task/e1", True, 3)]),
        ({"deployment": record("e2")}, [("task/e1", True, 3)]),
        ({}, [("task/e1", True, 3)]),
    ],
    ids=["under way", "it has yet to plan", "nothing deploys", "nothing was deployed"],
)
@pytest.mark.usefixtures("typed")
def test_that_of_the_deployment_under_way_is_the_newest(
    aws: Aws, lease: dict[str, Any], found: list[tuple[str, bool, int | None]]
) -> None:
    app = "production/shop"
    ended = {"app": app, "record": "deployment#1", "deployment": record("e1", finished=True, exit_code=3)}
    aws.items = [{"app": app, "record": "lease", **lease}, ended, ended | {"record": "deployment#0", "deployment": {}}]
    runs = one_offs.runs(Account(Output(), region="eu-west-1"), "before")
    assert [(each.task_arn, each.finished, each.exit) for each in runs] == found
