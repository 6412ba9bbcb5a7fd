"""How long RestoreDeployment is patient: attempts count, and not the state's retries, which are waits too."""

import pytest

from rota.errors import RejectedError, StillRunningError, TransientError
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import BEFORE, Deployment
from tests.steps.items import LEASE
from tests.steps.world import World

DIGEST = "production__guestbook__Digest"


def wait(restoring: Deployment, times: int) -> None:
    """The first of these retries waits for an invocation whose response was lost; Lambda refuses the others."""
    if not times:
        return
    items.change(LEASE, "SET at_work.an_invocation = :until", until={"N": "9999999999"})
    with pytest.raises(StillRunningError):
        restoring.step("RestoreDeployment")
    items.change(LEASE, "REMOVE at_work.an_invocation")
    restoring.context["State"]["RetryCount"] += times


def refused(restoring: Deployment, times: int) -> None:
    """So many attempts fail."""
    for _ in range(times):
        with pytest.raises((RejectedError, TransientError)):
            restoring.step("RestoreDeployment")
        restoring.context["State"]["RetryCount"] += 1


WAITS = pytest.mark.parametrize("waits", [200, 0, 1, 5])


@pytest.mark.exhaustive(every=5)
@WAITS
@pytest.mark.parametrize(
    ("step", "call", "outcome", "cause"),
    [
        # The first attempt releases the lease, and its record is in the ledger alone.
        pytest.param("CheckService", "events.PutEvents", "failed", "what happened", id="the outcome's event"),
        pytest.param("FinishDeployment", "events.DeleteRule", "deployed", "", id="a rule to be deleted"),
        pytest.param(
            "CheckService",
            "ecs.DeregisterTaskDefinition",
            "failed",
            "because ECS did not deregister them",
            id="a revision to be deregistered",
        ),
    ],
)
def test_what_is_refused_is_tried_in_nine_attempts(
    step: str,
    call: str,
    outcome: str,
    cause: str,
    waits: int,
    world: World,
    changing: Deployment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changing.until(step).fail("RejectedError", "what happened")
    wait(changing, waits)
    with world.calls.refusing(call, "AccessDeniedException", count=0):
        refused(changing, 8)
        answer = changing.step("RestoreDeployment")
    assert (answer["outcome"], cause in answer["cause"]) == (outcome, True)
    assert ("the outcome could not be published" in caplog.text) is (call == "events.PutEvents")


@pytest.mark.exhaustive(first=1)
@WAITS
def test_a_denied_restore_does_not_believe_late_reads(waits: int, world: World, changing: Deployment) -> None:
    """What EventBridge shows is as before, but the new image is in its rules."""
    world.upload({"tasks": BEFORE["tasks"]})
    before, shown = world.everything(), world.rules()
    changing.until("RollService").fail("RejectedError", "what happened")
    wait(changing, waits)
    with (
        world.calls.showing(shown),
        world.calls.refusing("events.PutTargets", "AccessDeniedException", count=0),
    ):
        refused(changing, 4)
    changing.step("RestoreDeployment")
    assert world.everything() == before


@pytest.mark.exhaustive(first=1)
@WAITS
def test_a_created_rule_without_tags_is_foreign_after_four(waits: int, world: World, rolling: Deployment) -> None:
    rolling.fail("RejectedError", "what happened")
    wait(rolling, waits)
    shown = world.rules()
    shown[DIGEST] |= {"Tags": []}
    with world.calls.showing(shown):
        refused(rolling, 4)
        assert f"the rule {DIGEST} has another owner" in rolling.step("RestoreDeployment")["cause"]


def test_a_killed_attempt_counts_and_a_wait_does_not(world: World, restoring: Deployment) -> None:
    wait(restoring, 3)
    assert attempts() == 0
    with world.calls.killing("events.PutTargets"), pytest.raises(KilledError):
        restoring.step("RestoreDeployment")
    assert attempts() == 1


def attempts() -> int:
    """As the lease's record counts them."""
    return int(items.read(LEASE)["deployment"]["M"]["restore_attempts"]["N"])


def test_another_execution_has_all_its_patience(world: World, restoring: Deployment) -> None:
    """A person starts the restore again once it was given up."""
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0):
        refused(restoring, 1)
        items.change(LEASE, "SET deployment.restore_attempts = :eight", eight={"N": "8"})
        restoring.context["State"]["RetryCount"] = 8
        with pytest.raises(RejectedError):
            restoring.step("RestoreDeployment")
    restoring.context["State"]["RetryCount"] = 0
    with world.calls.refusing("events.PutEvents", "AccessDeniedException"):
        refused(restoring, 1)
    assert restoring.step("RestoreDeployment")["outcome"] == "failed"
