"""The log line of a failed step: an alarm on errors sounds only where a person must act."""

import json

import pytest

from rota.errors import OvertakenError, RejectedError, TransientError
from rota.log import logger
from tests.steps.deployments import NEXT, Deployments
from tests.steps.world import World


@pytest.mark.parametrize(
    ("code", "status", "raised", "level"),
    [
        pytest.param("InternalException", 500, TransientError, "WARNING", id="transient"),
        pytest.param("AccessDeniedException", 400, RejectedError, "ERROR", id="a person must act"),
    ],
)
def test_the_log_level_of_a_failed_step(
    world: World,
    deployments: Deployments,
    caplog: pytest.LogCaptureFixture,
    code: str,
    status: int,
    raised: type[Exception],
    level: str,
) -> None:
    deployment = deployments.start().until("ReadConfig")
    caplog.clear()
    with world.calls.refusing("events.ListRules", code, status=status, count=0), pytest.raises(raised):
        deployment.step("ReadConfig")
    (line,) = caplog.records
    assert (line.levelname, line.__dict__["error"], bool(line.exc_info)) == (level, raised.__name__, level == "ERROR")


def test_a_step_that_stops_for_a_newer_push_says_so(
    world: World, deployments: Deployments, caplog: pytest.LogCaptureFixture
) -> None:
    overtaken = deployments.start().until("RegisterRevisions")
    world.execution("deployment-1")
    deployments.start(NEXT).step("TakeTurn")
    caplog.clear()
    with pytest.raises(OvertakenError):
        overtaken.step("RegisterRevisions")
    (line,) = caplog.records
    found = (line.levelname, line.__dict__["error"], line.__dict__["reason"])
    assert found == ("WARNING", "OvertakenError", "a newer push has arrived")


def test_each_line_names_the_deployment(
    world: World, deployments: Deployments, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a restore, that which is restored."""
    deployment = deployments.start().until("ReadConfig")
    with world.calls.refusing("events.ListRules", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        deployment.step("ReadConfig")
    assert execution(caplog) == "deployment-1"
    deployment.stop()
    restorer = deployment.restorer().until("RestoreDeployment")
    with world.calls.refusing("events.PutEvents", "AccessDeniedException"), pytest.raises(RejectedError):
        restorer.step("RestoreDeployment")
    assert execution(caplog) == "deployment-1"


def execution(caplog: pytest.LogCaptureFixture) -> str:
    """What the last line has as it is printed."""
    line: dict[str, str] = json.loads(logger.registered_formatter.format(caplog.records[-1]))
    return line["execution"]
