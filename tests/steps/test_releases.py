"""Release numbers: given with the ledger's entry in one transaction, never twice, and what is live beside them."""

from typing import Any

import pytest

from rota.deployment.items import plain
from rota.deployment.releases import Releases
from rota.errors import OvertakenError, RejectedError, TransientError
from tests.guestbook import APP, DIGEST, ENVIRONMENT, IMAGE
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, PUSH, Deployment, Deployments
from tests.steps.items import RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World


def live() -> dict[str, Any]:
    found: dict[str, Any] = plain({"M": items.read(RELEASES)})
    return found


def numbers(world: World) -> list[str | None]:
    """Of each entry of the ledger, the oldest first."""
    entries = sorted((name, item) for name, item in world.ledger().items() if name.startswith("deployment#"))
    return [item.get("release") for _, item in entries]


@pytest.fixture
@once
def finishing(deployments: Deployments) -> Deployment:
    """A first deployment of which everything is done."""
    return deployments.start().until("FinishDeployment")


def test_the_first_release_is_v1(world: World, finishing: Deployment) -> None:
    document = finishing.document
    assert finishing.step("FinishDeployment")["release"] == 1
    (event,) = world.calls.notifications
    assert (event["release"], event["news"].partition(". ")[0]) == (1, "Release v1")
    assert numbers(world) == ["1"]
    schedule = document["config"]["schedule"]
    found = live()
    assert found.pop("live_changing_since") < found.pop("live_since")
    assert found == {
        "app": APP,
        "live_watched": True,
        "kept_number": "1",
        "record": "releases",
        "number": "1",
        "live_digest": DIGEST,
        "live_tag": IMAGE.tag,
        "live_schedule_key": schedule["key"],
        "live_schedule_version": schedule["version_id"],
        "live_plan": document["plan"]["document"],
        "live_revisions": document["revisions"]["document"],
    }


def test_a_new_image_and_a_new_file_are_a_release_each(world: World, later: Deployments) -> None:
    push = later.start(NEXT).until("FinishDeployment")
    world.calls.made.clear()
    assert push.run() == "Deployed"
    assert "dynamodb.Query" not in world.calls.made, "the ledger was counted for the first one"
    world.upload(AFTER)
    last = later.start(NEXT)
    assert last.run() == "Deployed"
    assert numbers(world) == ["1", "2", "3"]
    assert (live()["number"], live()["live_schedule_version"]) == (
        "3",
        last.document["config"]["schedule"]["version_id"],
    )


def test_nothing_to_do_is_no_release(world: World, later: Deployments) -> None:
    before = live()
    assert later.start().run() == "NothingToDo"
    assert numbers(world) == ["1", None]
    assert live() == before


def test_a_change_of_watch_alone_is_not_a_release(world: World, later: Deployments) -> None:
    before = live()
    tasks = [{**task, "watch": {"grace": 60}} for task in SCHEDULE["tasks"]]
    version = world.upload({"tasks": tasks})
    assert later.start().run() == "NothingToDo"
    after = live()
    assert (after["number"], after["live_plan"]) == (before["number"], before["live_plan"])
    assert (after["live_schedule_version"], after["live_since"] > before["live_since"]) == (version, True)


def test_undoing_changes_made_by_hand_is_no_release(world: World, later: Deployments) -> None:
    (name, *_) = (rule["Name"] for rule in world.owned_rules().values())
    client("events").put_rule(Name=name, ScheduleExpression="rate(3 days)")
    again = later.start()
    assert again.run() == "Deployed"
    assert again.document["outcome"]["release"] is None
    assert numbers(world) == ["1", None]
    assert (live()["number"], live()["live_plan"]) == ("1", again.document["plan"]["document"])


def test_a_failed_deployment_is_no_release(world: World, later: Deployments) -> None:
    before = live()
    failing = later.start(NEXT).until("RegisterRevisions")
    failing.fail("RejectedError", "what happened")
    assert failing.step("RestoreDeployment")["outcome"] == "failed"
    assert live() == before
    assert later.start(NEXT).run() == "Deployed"
    assert numbers(world) == ["1", None, "2"]


@pytest.mark.exhaustive(first=0)
def test_older_deployments_count_for_the_first_number(world: World, later: Deployments) -> None:
    """The previous version of Rota gave no numbers. What failed, and what the ledger does not hold, does not count."""
    assert later.start().run() == "NothingToDo"
    items.delete(RELEASES)
    older = {"app": APP, "record": "deployment#2025", "outcome": "deployed", "finished_at": "2025-01-01T06:00:00+00:00"}
    client("dynamodb").put_item(
        TableName=ENVIRONMENT["TABLE"], Item={key: {"S": value} for key, value in older.items()}
    )
    deployed = later.start(NEXT)
    assert deployed.run() == "Deployed"
    assert deployed.document["outcome"]["release"] == 3
    assert "dynamodb.Query" in world.calls.made


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_repeated_step_gives_the_same_number(after: bool, world: World, finishing: Deployment) -> None:
    with world.calls.killing("dynamodb.TransactWriteItems", after=after), pytest.raises(KilledError):
        finishing.step("FinishDeployment")
    assert (live() != {}) is after
    assert finishing.step("FinishDeployment")["release"] == 1
    assert numbers(world) == ["1"]
    assert live()["number"] == "1"


def test_a_number_that_was_given_meanwhile_is_not_given_again(
    world: World, finishing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item has changed between the read and the write: nothing is written, and the step is retried."""
    client("dynamodb").put_item(
        TableName=ENVIRONMENT["TABLE"],
        Item={**RELEASES["Key"], "number": {"N": "7"}, **{f"live_{each}": {"S": "x"} for each in LIVE}},
    )
    with monkeypatch.context() as patch, pytest.raises(TransientError, match="TransactWriteItems"):
        patch.setattr(Releases, "read", lambda _self: None)
        finishing.step("FinishDeployment")
    assert numbers(world) == []
    assert finishing.step("FinishDeployment")["release"] == 8


LIVE = ("digest", "schedule_key", "schedule_version")


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_what_dynamodb_refuses_has_a_name(
    code: str, error: type[Exception], world: World, finishing: Deployment
) -> None:
    with world.calls.refusing("dynamodb.TransactWriteItems", code, count=0), pytest.raises(error):
        finishing.step("FinishDeployment")
    assert finishing.step("FinishDeployment")["release"] == 1


@pytest.mark.exhaustive(first=0)
def test_a_deployment_that_is_being_restored_is_no_release(world: World, changing: Deployment) -> None:
    changing.until("FinishDeployment")
    entry = {"app": APP, "record": "deployment#2026-01-01T06:02:02.000000+00:00#deployment-2", "outcome": "restoring"}
    client("dynamodb").put_item(
        TableName=ENVIRONMENT["TABLE"], Item={key: {"S": value} for key, value in entry.items()}
    )
    with pytest.raises(OvertakenError, match="is being restored"):
        changing.step("FinishDeployment")
    assert live()["number"] == "1"


@pytest.mark.exhaustive(first=0)
def test_a_deployment_that_the_restore_finishes_is_a_release(world: World, changing: Deployment) -> None:
    changing.until("FinishDeployment")
    with world.calls.refusing("events.DeleteRule", "AccessDeniedException"):
        assert changing.run() == "Deployed"
    assert numbers(world) == ["1", "2"]
    assert live()["live_digest"] == NEXT


LOST = f"The image that is live, {DIGEST}, has lost its tag {IMAGE.tag} to this push, so a lifecycle policy"


@pytest.mark.parametrize(
    ("tag", "loses"),
    [pytest.param(IMAGE.tag, True, id="the live image's tag"), pytest.param("next", False, id="another tag")],
)
def test_a_failure_says_that_the_live_image_lost_its_tag(
    tag: str, loses: bool, world: World, later: Deployments
) -> None:
    world.push(NEXT, "next")
    world.upload(b"broken")
    failing = later.start(detail=PUSH["detail"] | {"image-digest": NEXT, "image-tag": tag})
    assert failing.run() == "DeploymentFailed"
    cause = failing.document["restored"]["cause"]
    assert (LOST in cause) is loses
    assert cause.endswith("correct it, upload it, then deploy again.")


def test_a_live_image_of_which_no_tag_is_known_has_lost_none(world: World, later: Deployments) -> None:
    """A version of Rota before this one wrote what is live, and the push that fails has no tag either."""
    items.change(RELEASES, "REMOVE live_tag")
    world.push(NEXT, "next")
    world.upload(b"broken")
    failing = later.start(
        detail={key: value for key, value in PUSH["detail"].items() if key != "image-tag"} | {"image-digest": NEXT}
    )
    assert failing.run() == "DeploymentFailed"
    assert "has lost its tag" not in failing.document["restored"]["cause"]
