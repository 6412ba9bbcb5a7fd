"""The whole state machine with every step in Lambda's runtime, in Docker: `make stage RUNTIME=sam`."""

import pytest

from examples.guestbook.client import running
from tests.local_invoke.conftest import skip_unless_functions_can_run

pytestmark = pytest.mark.docker


def test_a_push_deploys_the_app_with_every_step_in_docker() -> None:
    skip_unless_functions_can_run()
    with running("--host", "0.0.0.0", "--runtime", "sam") as stage:  # noqa: S104 - containers come from outside
        stage.settings(rollout_seconds=0.1)
        ended = stage.deploy("v1", timeout=600)
        assert ended["status"] == "SUCCEEDED", ended
        rules = stage.client("events").list_rules(NamePrefix="production__guestbook__")["Rules"]
        assert len(rules) == 3
        # A step in a process of the stage would have called with its role's key, and so with a name.
        assert {call["caller"] for call in stage.calls("ecs", "RegisterTaskDefinition")} == {None}
