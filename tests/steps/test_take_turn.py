"""TakeTurn: takes the app's lease, or waits, or learns that it is overtaken."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rota.errors import RejectedError, TransientError
from tests.examples import EVENTS, PUSH
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.steps.conftest import Deployment, Deployments, invoke
from tests.steps.world import World, client

OTHER_DIGEST = "sha256:" + "2e" * 32


def test_the_example_event_takes_a_free_lease(world: World) -> None:
    event = json.loads((EVENTS / "take_turn.json").read_text())
    answer = invoke("take_turn", event)
    assert (answer["decision"], answer["dry_run"], answer["image"]["digest"]) == ("go", False, DIGEST)
    assert world.ledger()["lease"]["holder"] == event["execution"]["id"]


def test_taken_twice_it_is_still_ours(world: World, deployments: Deployments) -> None:
    ours = deployments.start()
    assert [ours.step("TakeTurn")["decision"] for _ in range(2)] == ["go", "go"]
    assert world.ledger()["lease"]["holder"] == ours.arn


def test_while_another_deploys_it_waits(world: World, deployments: Deployments) -> None:
    holder = deployments.start()
    holder.step("TakeTurn")
    world.execution("deployment-1")
    answer = deployments.start(OTHER_DIGEST).step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == ("wait", "deployment-1 is deploying")
    assert answer["wait_seconds"] > 0
    assert world.ledger()["lease"]["holder"] == holder.arn


@pytest.mark.parametrize(("waited", "seconds"), [(1, 20), (900, 45), (86_400, 120)])
def test_who_has_waited_for_long_looks_less_often(
    waited: int, seconds: int, world: World, deployments: Deployments
) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1")
    waits = Deployment(world, "waits", PUSH, datetime.now(UTC) - timedelta(seconds=waited))
    assert waits.step("TakeTurn")["wait_seconds"] == seconds


def test_of_two_that_wait_the_older_is_overtaken(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1")
    older, newer = deployments.start(OTHER_DIGEST), deployments.start(OTHER_DIGEST)
    assert [each.step("TakeTurn")["decision"] for each in (older, newer, older, newer)] == [
        "wait",
        "wait",
        "overtaken",
        "wait",
    ]


def test_a_deployment_that_writes_stops_for_a_newer_one(world: World, deployments: Deployments) -> None:
    holder = deployments.start().until("ClearRules")
    world.execution("deployment-1")
    deployments.start(OTHER_DIGEST).step("TakeTurn")
    assert holder.run() == "Overtaken"
    assert world.our_rules() == {}


@pytest.mark.parametrize("known", [True, False], ids=["stopped", "forgotten by Step Functions"])
def test_the_lease_of_one_that_died_is_taken_over(known: bool, world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1" if known else "another", running=False)
    next_ = deployments.start(OTHER_DIGEST)
    answer = next_.step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == ("go", "deployment-1 held the lease and has ended")
    assert world.ledger()["lease"]["holder"] == next_.arn


def test_a_function_that_may_still_write_is_waited_for(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1", running=False)
    client("dynamodb").update_item(
        TableName=ENVIRONMENT["TABLE"],
        Key={"app": {"S": APP}, "record": {"S": "lease"}},
        UpdateExpression="SET at_work.an_invocation = :soon",
        ExpressionAttributeValues={":soon": {"N": str(datetime.now(UTC).timestamp() + 60)}},
    )
    assert deployments.start(OTHER_DIGEST).step("TakeTurn")["decision"] == "wait"


def test_a_dry_run_needs_no_lease(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    answer = deployments.start(dry_run=True).step("TakeTurn")
    assert (answer["decision"], answer["dry_run"]) == ("go", True)


def test_what_is_no_push_is_rejected_before_anything_else(world: World, deployments: Deployments) -> None:
    with pytest.raises(RejectedError, match=r"detail\.image-digest is 'latest'"):
        deployments.start("latest").step("TakeTurn")
    assert world.calls.made == []


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_what_dynamodb_refuses_has_a_name(
    code: str, error: type[Exception], world: World, deployments: Deployments
) -> None:
    with world.calls.refusing("dynamodb.UpdateItem", code), pytest.raises(error):
        deployments.start().step("TakeTurn")
    assert world.ledger() == {}
