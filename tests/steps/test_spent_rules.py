"""RestoreDeployment where AWS does not take back a rule whose last run is past."""

import pytest

from rota.errors import RejectedError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.world import SCHEDULE, World

PAST = {"name": "Migrate", "task": "migrate_task", "cron": "0 6 1 1 ? 2025"}


@pytest.mark.parametrize("kept", [False, True], ids=["its task has left the file", "its task has moved"])
def test_a_rule_that_never_runs_again_and_that_aws_refuses_is_told_and_keeps_nothing_else_back(
    kept: bool, world: World, deployments: Deployments
) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], PAST]})
    assert deployments.start().run() == "Deployed"
    rules, *others = world.everything()
    world.upload({"tasks": [*SCHEDULE["tasks"], *([PAST | {"cron": "0 6 1 1 ? *"}] if kept else [])]})
    world.push(NEXT, "next")
    failed = deployments.start(NEXT).until("CheckService")
    failed.fail("RejectedError", "what happened")
    with world.calls.refusing("events.PutRule", "ValidationException"):
        cause = failed.step("RestoreDeployment")["cause"]
    del rules["production__guestbook__Migrate"]
    assert world.everything() == (rules, *others)
    assert "But the rule production__guestbook__Migrate is gone: its last run is past, and AWS refused it" in cause
    assert "(PutRule: ValidationException: scripted)" in cause
    assert "holder" not in world.ledger()["lease"]


def test_a_rule_that_never_runs_again_and_is_as_it_was_stays_though_aws_refuses_it(
    world: World, deployments: Deployments
) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], PAST]})
    assert deployments.start().run() == "Deployed"
    before = world.everything()
    world.upload(SCHEDULE)
    failed = deployments.start().until("ClearRules")
    failed.fail("OvertakenError", "a newer one waits")
    with world.calls.refusing("events.PutRule", "ValidationException", count=0):
        assert "Nothing had to be put back" in failed.step("RestoreDeployment")["cause"]
    assert world.everything() == before


def test_a_rule_that_would_run_again_is_put_back_for_hours(world: World, changing: Deployment) -> None:
    changing.until("CheckService").fail("RejectedError", "what happened")
    with (
        world.calls.refusing("events.PutRule", "ValidationException", count=0),
        pytest.raises(RejectedError, match="PutRule: ValidationException"),
    ):
        changing.step("RestoreDeployment")
    assert "CountTeaspoons" not in world.our_rules()
