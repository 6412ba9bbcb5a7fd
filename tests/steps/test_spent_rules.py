"""RestoreDeployment where AWS refuses a rule whose last run is past."""

import pytest

from rota.errors import RejectedError
from tests.in_process import client
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World

PAST = {"name": "Migrate", "task": "migrate_task", "cron": "0 6 1 1 ? 2025"}
RULE = "production__guestbook__Migrate"


@pytest.fixture
@once
def spent(world: World, deployments: Deployments) -> Deployments:
    """Deployments after a first one, with a rule whose last run is past."""
    world.upload({"tasks": [*SCHEDULE["tasks"], PAST]})
    assert deployments.start().run() == "Deployed"
    return deployments


@pytest.fixture
def moving(world: World, spent: Deployments) -> Deployment:
    """A deployment that gives a later schedule to that rule."""
    world.upload({"tasks": [*SCHEDULE["tasks"], PAST | {"cron": "0 6 1 1 ? *"}]})
    return spent.start(NEXT)


def test_a_spent_rule_that_aws_refuses_is_deleted_and_named(world: World, moving: Deployment) -> None:
    rules, *others = world.everything()
    moving.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.refusing("events.PutRule", "ValidationException", count=0):
        cause = moving.restore()["cause"]
    del rules[RULE]
    assert world.everything() == (rules, *others)
    assert f"But the rule {RULE} was not restored: its last run is past, and AWS refused it" in cause
    assert "(PutRule: ValidationException: scripted)" in cause
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=0)
def test_a_spent_rule_that_was_never_changed_stays(world: World, moving: Deployment) -> None:
    before = world.everything()
    with world.calls.refusing("events.PutRule", "ValidationException", count=0):
        assert moving.run() == "DeploymentFailed"
    assert world.everything() == before
    assert "gone" not in moving.document["restored"]["cause"]


@pytest.mark.exhaustive(first=0)
def test_a_spent_rule_whose_task_left_is_enabled_again(world: World, spent: Deployments) -> None:
    before = world.everything()
    world.upload(SCHEDULE)
    failed = spent.start(NEXT).until("CheckService")
    failed.fail("OvertakenError", "a newer one waits")
    with world.calls.refusing("events.PutRule", "ValidationException", count=0):
        failed.restore()
    assert world.everything() == before


@pytest.mark.exhaustive(first=0)
def test_a_rule_that_would_run_again_is_tried_again(world: World, changing: Deployment) -> None:
    changing.until("CheckService").fail("RejectedError", "what happened")
    with (
        world.calls.refusing("events.PutRule", "ValidationException", count=0),
        pytest.raises(RejectedError, match="PutRule: ValidationException"),
    ):
        changing.restore()
    assert "holder" in world.ledger()["lease"]


@pytest.mark.exhaustive(first=0)
def test_a_rule_with_an_event_pattern_is_never_spent(world: World, moving: Deployment) -> None:
    """A person has added the pattern: the rule still starts the task when an event matches."""
    client("events").put_rule(
        Name=RULE, ScheduleExpression=f"cron({PAST['cron']})", EventPattern='{"source": ["the.shop"]}'
    )
    moving.until("CheckService").fail("RejectedError", "what happened")
    with (
        world.calls.refusing("events.PutRule", "ValidationException", count=0),
        pytest.raises(RejectedError, match="PutRule: ValidationException"),
    ):
        moving.restore()
    assert "Migrate" in world.owned_rules()
