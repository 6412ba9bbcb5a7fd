"""A stack that goes back to an older version of Rota, and forward again: what becomes of what this version wrote.

The older version itself does it, so its commit has to be in the clone; `test_version_before` has what the same one
wrote. It knows rules alone, and neither releases, gates, pauses nor watched runs.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.guestbook import PREFIX
from tests.in_process import client
from tests.steps.deployments import AFTER, NEXT, THIRD, Deployment, Deployments, entered
from tests.steps.older_version import OlderVersion, older_version
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

_COMMIT = "b9198c7e2a4f694433af36c46125499c58f70dd6"
_WRITING = ["CreateTargets", "RegisterRevisions", "ClearRules", "RollService", "CheckService", "FinishDeployment"]
_IN_BERLIN = SCHEDULE["tasks"][0] | {"timezone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OlderVersion]:
    with older_version(_COMMIT, tmp_path_factory.mktemp("older")) as found:
        yield found


def live_image(world: World) -> str:
    """The digest of the image that the service runs."""
    return image_of(world, world.service()["taskDefinition"])


def image_of(world: World, revision: str) -> str:
    """The digest of the image that the revision with that ARN runs."""
    image: str = world.containers(int(revision.rpartition(":")[2]))["app"]["image"]
    return image.rpartition("@")[2]


@pytest.fixture
def removing_what_is_off(world: World, of_before: Deployments) -> Deployment:
    """The same as `changing`, where the task that leaves the file is off, so that ClearRules is not entered."""
    client("events").disable_rule(Name=f"{PREFIX}CountTeaspoons")
    world.upload(AFTER)
    world.before = world.everything()
    return of_before.start(NEXT)


def assert_ended(world: World, deployment: Deployment, *, complete: bool, outcome: str) -> None:
    """It is as before the deployment, which failed, unless that was complete; the lease is free."""
    assert (world.everything() == world.before) is not complete
    assert world.entry(deployment.arn)["outcome"] == ("deployed" if complete else outcome)
    assert "holder" not in world.ledger()["lease"]


def aborted(deployment: Deployment, step: str) -> list[dict[str, Any]]:
    """The history, the newest first, of an execution that was aborted as the step began."""
    now = datetime.now(UTC)
    handed = {"input": json.dumps(deployment.request(step))}
    return [
        {"type": "ExecutionAborted", "timestamp": now},
        {"type": "LambdaFunctionScheduled", "timestamp": now, "lambdaFunctionScheduledEventDetails": handed},
        entered(step, deployment.document),
    ]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("of_this", [{"pause": {"tasks": ["IngestData"]}}, {"hold": {}}], ids=["a pause", "a hold"])
def test_its_push_passes_what_it_does_not_know(
    of_this: dict[str, Any], older: OlderVersion, world: World, later: Deployments
) -> None:
    assert later.ask(kind="pause", **of_this).run() == "Done"
    with older.stack():
        assert later.start(NEXT).run() == "Deployed"
        assert later.start(NEXT).run() == "NothingToDo"
    rules = world.owned_rules()
    assert {rule["State"] for rule in rules.values()} == {"ENABLED"}
    revisions = [rule["Targets"][0]["EcsParameters"]["TaskDefinitionArn"] for rule in rules.values()]
    assert {live_image(world), *(image_of(world, each) for each in revisions)} == {NEXT}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", ["ReadConfig", *_WRITING])
def test_its_push_takes_over_from_one_that_has_ended(
    step: str, older: OlderVersion, world: World, of_before: Deployments, changing: Deployment
) -> None:
    changing.until(step).stop(timedelta(minutes=30))
    with older.stack():
        push = of_before.start(THIRD)
        assert push.run() == "Deployed"
    assert (world.owned_rules().keys(), live_image(world)) == ({task["name"] for task in AFTER["tasks"]}, THIRD)
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", _WRITING)
def test_a_deployment_that_meets_its_functions(
    step: str, older: OlderVersion, world: World, changing: Deployment
) -> None:
    complete = step == "FinishDeployment"
    changing.until(step)
    with older.functions():
        assert changing.run() == ("Deployed" if complete else "DeploymentFailed")
    assert_ended(world, changing, complete=complete, outcome="failed")
    if not complete:
        assert changing.document["restored"]["cause"].endswith(
            "This is a bug in Rota: report it with the function's log, which has the traceback."
        )


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", _WRITING)
def test_it_restores_one_that_was_aborted(step: str, older: OlderVersion, world: World, changing: Deployment) -> None:
    complete = step == "FinishDeployment"
    changing.until(step).stop()
    world.calls.history[:0] = aborted(changing, step)
    with older.stack():
        assert changing.restorer().run() == ("Deployed" if complete else "Restored")
    assert_ended(world, changing, complete=complete, outcome="aborted")


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("is_aborted", [True, False], ids=["aborted", "met"])
@pytest.mark.parametrize("step", ["RollService", "FinishDeployment", "CreateTargets", "CheckService"])
def test_it_restores_one_that_did_not_enter_clear_rules(
    step: str, is_aborted: bool, older: OlderVersion, world: World, removing_what_is_off: Deployment
) -> None:
    """It goes by how many are removed, and by the answers of the steps, how far that one came."""
    deployment, complete = removing_what_is_off.until(step), step == "FinishDeployment"
    if is_aborted:
        deployment.stop()
        world.calls.history[:0] = aborted(deployment, step)
        with older.stack():
            assert deployment.restorer().run() == ("Deployed" if complete else "Restored")
    else:
        with older.functions():
            assert deployment.run() == ("Deployed" if complete else "DeploymentFailed")
    assert_ended(world, deployment, complete=complete, outcome="aborted" if is_aborted else "failed")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", ["RollService", "FinishDeployment"])
def test_what_it_cannot_restore_this_version_can(
    step: str, older: OlderVersion, world: World, deployments: Deployments
) -> None:
    """It cannot read a plan of schedules in Scheduler, and says so. Then the stack is updated again."""
    world.upload({"tasks": [_IN_BERLIN]})
    assert deployments.start().run() == "Deployed"
    before = world.everything()
    world.upload({"tasks": [_IN_BERLIN | {"cron": "0 7 * * ? *"}]})
    deployment = deployments.start(NEXT).until(step)
    with older.functions():
        assert deployment.run() == "RestoreFailed"
    assert world.everything() != before
    deployment.stop(status="FAILED")
    assert deployment.restorer().run() == "DeploymentFailed"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


def test_the_image_that_it_deployed_stays_live(older: OlderVersion, world: World, later: Deployments) -> None:
    """It writes no release. Later this version changes the schedule file alone."""
    assert later.start(NEXT).run() == "Deployed"
    with older.stack():
        assert later.start(THIRD).run() == "Deployed"
    world.upload(AFTER)
    assert later.ask(kind="schedule").run() == "Deployed"
    assert live_image(world) == THIRD
    assert world.ledger()["releases"]["live_digest"] == THIRD
