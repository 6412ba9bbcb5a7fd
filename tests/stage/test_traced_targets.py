"""What the targets of a deployment do: a job knows its task and has the variables of the file and of the app, and a
start that EventBridge gives up is not lost.
"""

import re

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import PREFIX, environment, ran_by, schedules
from tests.stage.test_runs import items

NAMES = ("ROTA_TASK", "SEASON", "LOG_LEVEL", "ADMIN_TOKEN", "ROTA_SCHEDULED_AT")
SHOW = {
    "name": "Show",
    "command": ["python", "-c", f"import os; print(*(os.environ.get(name) for name in {NAMES}))"],
    "rate": "1 hour",
    "environment": {"SEASON": "winter"},
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("settings", "time"),
    [
        pytest.param({"TRACE_SCHEDULED_TIME": "true"}, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", id="the minute that is due"),
        pytest.param({}, "None", id="its task alone"),
        pytest.param(
            {"TRACE_SCHEDULED_TIME": "true", "REVISION_MODE": "shared"}, "None", id="not beside quotes in overrides"
        ),
    ],
)
def test_what_is_passed_to_a_job(settings: dict[str, str], time: str, stage: Client) -> None:
    stage.upload_schedule({"tasks": [SHOW]})
    with environment(stage, "ReadConfig", **settings), environment(stage, "PlanDeployment", **settings):
        assert stage.deploy("v1")["status"] == "SUCCEEDED"
    assert re.fullmatch(f"Show winter info let-me-in {time}\n", stage.fire(PREFIX + "Show")["output"])


def test_a_start_that_is_given_up_is_not_lost(deployed: Client) -> None:
    """It is in the target's dead-letter queue, from which RecordRun learns of it."""
    revision = ran_by(schedules(deployed)["IngestData"])
    deployed.client("ecs").deregister_task_definition(taskDefinition=revision)
    assert "TaskDefinition is inactive" in str(deployed.fire(PREFIX + "IngestData")["error"])
    (run,) = wait_for(lambda: items(deployed), 20)
    assert (run["task"], run["status"]) == ("IngestData", "missed")
    assert "INVALID_PARAMETER: TaskDefinition is inactive" in run["reason"]
