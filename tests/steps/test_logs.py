"""What a step writes into its log when it fails: an alarm on errors sounds only where somebody has to act."""

import pytest

from rota.errors import RejectedError, TransientError
from tests.steps.deployments import Deployments
from tests.steps.world import World


@pytest.mark.parametrize(
    ("code", "status", "raised", "level"),
    [
        pytest.param("InternalException", 500, TransientError, "WARNING", id="what time cures"),
        pytest.param("AccessDeniedException", 400, RejectedError, "ERROR", id="what somebody has to put right"),
    ],
)
def test_how_grave_it_is_that_a_step_fails(
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
