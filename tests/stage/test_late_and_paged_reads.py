"""Deployments and restores while lists have pages of one entry, or EventBridge's reads are late."""

import pytest

from examples.guestbook.client import Client
from tests.stage.account import account, states
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.scenarios import NEXT

DENIED = {"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}
NOT_LATE = {"late_reads": 0, "late_tags": 0, "page_size": None}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "reads",
    [{"page_size": 1}, {"late_reads": 30, "late_tags": 300}],
    ids=["pages of one entry", "late"],
)
def test_a_deployment_and_a_restore(deployed: Client, reads: dict[str, int]) -> None:
    deployed.settings(**reads)
    deployed.upload_schedule(NEXT)
    assert states(deployed, deployed.deploy("v2"))[-1] == "Deployed"

    deployed.settings(**NOT_LATE)
    before = account(deployed)
    deployed.settings(**reads)
    deployed.faults([DENIED])
    failed = deployed.deploy("v3")
    deployed.settings(**NOT_LATE)

    assert states(deployed, failed)[-1] == "DeploymentFailed"
    assert "Everything is as it was before" in failed["cause"]
    assert_all_is_as_it_was(deployed, before)
