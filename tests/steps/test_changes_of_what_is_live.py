"""Executions of the two kinds: deployments of an image stand in line, changes of what is live have no place in it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.deployment.items import plain
from tests import asl
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, BEFORE, NEXT, THIRD, Deployment, Deployments
from tests.steps.items import LEASE, RELEASES
from tests.steps.seed import SCHEDULE as SCHEDULE_FILE
from tests.steps.world import World

SCHEDULE = {"kind": "schedule", "by": "ann", "reason": "spam comes at night"}


def name_of(deployment: Deployment) -> str:
    name: str = deployment.context["Execution"]["Name"]
    return name


def running(world: World, deployment: Deployment) -> Deployment:
    """What Step Functions says of it from now on."""
    world.execution(name_of(deployment))
    return deployment


def live_digest() -> str:
    digest: str = plain({"M": items.read(RELEASES)})["live_digest"]
    return digest


def test_it_changes_schedules_keeps_the_image_and_says_who(world: World, later: Deployments) -> None:
    world.upload(AFTER)
    change = later.ask(**SCHEDULE)
    assert change.run() == "Deployed"
    assert world.owned_rules().keys() == {"IngestData", "RemoveSpam", "Digest"}
    assert (live_digest(), change.document["turn"]["image"]["tag"]) == (DIGEST, "5d0c6a1")
    assert change.document["plan"]["rolls_service"] is False
    entry = world.entry(change.arn)
    assert (entry["kind"], entry["by"], entry["reason"]) == ("schedule", "ann", "spam comes at night")
    assert (entry["digest"], entry["started_by"]) == (DIGEST, "by hand")
    event = world.calls.notifications[-1]
    assert (event["kind"], event["by"], event["reason"]) == ("schedule", "ann", "spam comes at night")
    assert event["started"] == "schedule by ann: spam comes at night"


def test_what_it_says_is_fit_for_a_mail(world: World, later: Deployments) -> None:
    later.ask(**SCHEDULE | {"by": '"ann"\\', "reason": "one\ntwo"}).run()
    assert world.calls.notifications[-1]["started"] == "schedule by 'ann'/: one | two"


def test_a_push_has_no_person(world: World, later: Deployments) -> None:
    event = world.calls.notifications[-1]
    assert (event["kind"], event["by"], event["reason"], event["started"]) == ("again", "", "", "again by a person")


def test_it_waits_for_a_deployment_and_does_not_stop_it(world: World, later: Deployments, pushing: Deployment) -> None:
    holder = running(world, pushing)
    change = later.ask(**SCHEDULE)
    answer = change.step("TakeTurn")
    assert (answer["decision"], answer["image"]) == ("wait", None)
    assert holder.run() == "Deployed"
    assert change.run() == "NothingToDo"
    assert (live_digest(), world.entry(change.arn)["digest"]) == (NEXT, NEXT)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("state", asl.AFTER_ITS_TURN)
def test_at_any_state_with_a_push_waiting_both_end_as_without(
    state: str, world: World, deployments: Deployments
) -> None:
    ends = []
    for thrown_in in (False, True):
        digests = (NEXT, THIRD) if thrown_in else ("sha256:" + "4a" * 32, "sha256:" + "5b" * 32)
        world.upload(BEFORE)
        deployments.start().run()
        world.upload(AFTER)
        first = running(world, deployments.start(digests[0]).until(state))
        second = running(world, deployments.start(digests[1]))
        assert second.step("TakeTurn")["decision"] == "wait"
        change = deployments.ask(**SCHEDULE)
        assert not thrown_in or running(world, change).step("TakeTurn")["decision"] == "wait"
        ends.append((first.run(), second.run()))
        if thrown_in:
            assert change.run() == "NothingToDo"
        assert live_digest() == digests[1]
    assert ends[0] == ends[1]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("state", ["CreateTargets", "FinishDeployment", "ReadConfig", "PlanDeployment"])
def test_a_push_waits_for_it_and_does_not_stop_it(state: str, world: World, later: Deployments) -> None:
    world.upload(AFTER)
    change = running(world, later.ask(**SCHEDULE).until(state))
    push = later.start(NEXT)
    assert push.step("TakeTurn")["decision"] == "wait"
    assert change.run() == "Deployed"
    assert push.step("TakeTurn")["decision"] == "go"


def test_a_push_that_waits_for_it_overtakes_an_older_one(world: World, later: Deployments) -> None:
    world.upload(AFTER)
    older = later.start(NEXT)
    running(world, later.ask(**SCHEDULE).until("CreateTargets"))
    newer = later.start(THIRD)
    world.push(NEXT, "older")  # which has lost the tag
    assert [each.step("TakeTurn")["decision"] for each in (newer, older)] == ["wait", "overtaken"]


def test_the_newest_push_stays_the_newest(world: World, later: Deployments) -> None:
    """The change started later than it, and it comes late."""
    push = later.start(NEXT)
    assert later.ask(**SCHEDULE).run() == "NothingToDo"
    assert push.step("TakeTurn")["decision"] == "go"


def test_nothing_is_live_yet(world: World, deployments: Deployments) -> None:
    change = deployments.ask(**SCHEDULE)
    assert change.run() == "DeploymentFailed"
    assert "no release of production/guestbook-api is known to be live" in change.document["restored"]["cause"]
    assert "holder" not in world.ledger()["lease"]
    assert deployments.start().step("TakeTurn")["decision"] == "go"


@pytest.mark.parametrize(("ended", "image"), [(1, THIRD), (-1, DIGEST)], ids=["since", "before, though begun later"])
def test_an_older_version_of_rota_has_deployed(ended: int, image: str, later: Deployments) -> None:
    """It writes no release. One that had to wait may go live after another that began later."""
    live_since = datetime.fromisoformat(plain({"M": items.read(RELEASES)})["live_since"])
    finished_at = (live_since + timedelta(seconds=ended)).isoformat()
    entry = {"app": APP, "record": "deployment#2026-01-01T06:01:30#older", "outcome": "deployed", "digest": THIRD}
    client("dynamodb").put_item(
        TableName=ENVIRONMENT["TABLE"],
        Item={name: {"S": each} for name, each in {**entry, "finished_at": finished_at}.items()},
    )
    assert later.ask(**SCHEDULE).step("TakeTurn")["image"]["digest"] == image


@pytest.mark.parametrize("is_push", [True, False], ids=["its image again", "a file that changes nothing"])
def test_an_older_version_of_rota_has_deployed_and_then_nothing_was_to_do(
    is_push: bool, world: World, later: Deployments
) -> None:
    """That what is live has another version of the file does not bring the image before back."""
    releases = items.read(RELEASES)
    assert later.start(THIRD).run() == "Deployed"
    client("dynamodb").put_item(TableName=ENVIRONMENT["TABLE"], Item=releases)  # an older version writes none
    world.upload(SCHEDULE_FILE)
    assert (later.start(THIRD) if is_push else later.ask(**SCHEDULE)).run() == "NothingToDo"
    assert items.read(RELEASES) != releases
    world.upload(AFTER)
    change = later.ask(**SCHEDULE)
    assert change.run() == "Deployed"
    assert (live_digest(), change.document["turn"]["image"]["tag"]) == (THIRD, "next")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["dynamodb.UpdateItem", "dynamodb.GetItem"])
def test_killed_while_it_takes_its_turn_it_goes_on(call: str, after: bool, world: World, later: Deployments) -> None:
    world.upload(AFTER)
    change = later.ask(**SCHEDULE)
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        change.step("TakeTurn")
    assert change.step("TakeTurn")["decision"] == "go"
    assert world.ledger()["lease"]["holder"] == change.arn


def test_a_failed_one_is_restored_and_reported(world: World, later: Deployments) -> None:
    before = world.owned_rules()
    world.upload(AFTER)
    change = later.ask(**SCHEDULE)
    with world.calls.refusing("events.PutTargets", "AccessDeniedException"):
        assert change.run() == "DeploymentFailed"
    assert world.owned_rules() == before
    assert (world.entry(change.arn)["by"], world.calls.notifications[-1]["by"]) == ("ann", "ann")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("state", ["CreateTargets", "TakeTurn"])
def test_an_aborted_one_is_restored(state: str, world: World, later: Deployments) -> None:
    before = world.owned_rules()
    world.upload(AFTER)
    change = later.ask(**SCHEDULE).until(state)
    change.stop()
    assert change.restorer().run() == "Restored"
    assert world.owned_rules() == before
    entry = world.entry(change.arn)
    assert (entry["outcome"], entry["kind"], entry["by"]) == ("aborted", "schedule", "ann")


def test_a_dry_run_of_it_shows_the_plan(world: World, later: Deployments) -> None:
    before = items.read(LEASE)
    world.upload(AFTER)
    assert later.ask(**SCHEDULE, dry_run=True).run() == "Planned"
    assert items.read(LEASE) == before


@pytest.mark.parametrize("wrong", [{"kind": "schedule", "shedule_key": "x"}, {"kind": "rollback"}, {"kind": "push"}])
def test_a_wrong_input_changes_nothing(wrong: dict[str, Any], world: World, later: Deployments) -> None:
    before = items.read(LEASE)
    change = later.ask(**wrong)
    assert change.run() == "DeploymentFailed"
    assert change.document["restored"]["cause"].startswith("TakeTurn: the input cannot be carried out: ")
    assert items.read(LEASE) == before
