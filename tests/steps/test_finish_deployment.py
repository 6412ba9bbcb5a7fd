"""FinishDeployment: the ledger's entry, the notification, and the lease given back."""

import json
from datetime import UTC, datetime

import pytest

from rota.deployment.items import plain
from rota.errors import RejectedError, TransientError
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments
from tests.steps.snapshots import once
from tests.steps.world import World

RECORD = "deployment#2026-01-01T06:01:02.000000+00:00#deployment-1"


@pytest.fixture
@once
def finishing(deployments: Deployments) -> Deployment:
    """A first deployment of which everything is done."""
    return deployments.start().until("FinishDeployment")


def test_a_deployment_is_recorded_published_and_frees_the_lease(world: World, finishing: Deployment) -> None:
    version = finishing.document["config"]["schedule"]["version_id"]
    summary = "schedules: 2 new; 3 revisions to register; the service rolls"
    assert finishing.step("FinishDeployment") == {"outcome": "deployed", "summary": summary, "release": 1}
    entry = world.ledger()[RECORD]
    assert {key: entry[key] for key in ("app", "outcome", "digest", "tag", "schedule_version", "summary")} == {
        "app": APP,
        "outcome": "deployed",
        "digest": DIGEST,
        "tag": "5d0c6a1",
        "schedule_version": version,
        "summary": summary,
    }
    assert "holder" not in world.ledger()["lease"]
    (published,) = world.calls.notifications
    assert (published["app"], published["outcome"], published["execution"]) == (APP, "deployed", finishing.arn)
    assert published["image"]["digest"] == DIGEST
    assert {"origin", "paused", "until"}.isdisjoint(published), "the ledger's own"


@pytest.mark.parametrize(
    ("event", "who"),
    [
        pytest.param({"id": "deployment-2"}, "push", id="EventBridge names it after the event"),
        pytest.param({}, "by hand", id="run again"),
    ],
)
def test_the_entry_says_who_started_it(world: World, later: Deployments, event: dict[str, str], who: str) -> None:
    again = later.start(**event)
    assert again.run() == "NothingToDo"
    assert world.entry(again.arn)["started_by"] == who


def test_the_entry_says_how_long_each_step_took(world: World, finishing: Deployment) -> None:
    finishing.step("FinishDeployment")
    spent = dict(each.rsplit(" ", 2)[:2] for each in world.ledger()[RECORD]["durations"].split(", "))
    planning, writing = ["ReadConfig", "PlanDeployment"], ["RegisterRevisions", "CreateTargets"]
    assert list(spent) == ["TakeTurn", *planning, *writing, "RollService", "CheckService"]
    begun = datetime(2026, 1, 1, 6, 1, 2, tzinfo=UTC)
    assert sum(map(float, spent.values())) == pytest.approx((datetime.now(UTC) - begun).total_seconds(), abs=5)


def test_the_entry_has_the_deployments_record(world: World, finishing: Deployment) -> None:
    plan, revisions = (finishing.document[key]["document"] for key in ("plan", "revisions"))
    rollout = finishing.document["rollout"]
    finishing.step("FinishDeployment")
    item = client("dynamodb").get_item(
        TableName=ENVIRONMENT["TABLE"], Key={"app": {"S": APP}, "record": {"S": RECORD}}
    )["Item"]
    record = plain(item["deployment"])
    assert (record["phase"], record["complete"], record["execution"]["id"]) == ("finishing", True, finishing.arn)
    assert (record["plan"], record["revisions"], record["tasks"]) == (plan, revisions, "2")
    assert record["rollout"]["deployment_id"] == rollout["deployment_id"]
    assert record["origin"] == {"kind": "again", "by": "", "reason": ""}
    assert record["seconds"].keys() == {"RegisterRevisions", "CreateTargets", "RollService", "CheckService"}
    assert record["entered"].keys() == record["seconds"].keys() | {"TakeTurn", "FinishDeployment"}


def test_no_step_reads_the_history_when_no_response_was_lost(world: World, finishing: Deployment) -> None:
    finishing.step("FinishDeployment")
    assert "stepfunctions.GetExecutionHistory" not in world.calls.made


def test_a_deployment_with_nothing_to_do_says_so(world: World, later: Deployments) -> None:
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert world.calls.writes() == ["events.PutEvents"]
    assert [published["outcome"] for published in world.calls.notifications] == ["deployed", "nothing to do"]


def test_finished_twice_it_ends_the_same_under_one_event_id(world: World, finishing: Deployment) -> None:
    answers = [finishing.step("FinishDeployment") for _ in range(2)]
    assert answers[0] == answers[1]
    assert {published["id"] for published in world.calls.notifications} == {finishing.arn}
    assert len(world.ledger()) == 4, "one entry, the lease, the releases, and the one that is kept"


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_what_the_bus_refused_is_published_by_the_next_attempt(
    code: str, error: type[Exception], world: World, finishing: Deployment
) -> None:
    with world.calls.refusing("events.PutEvents", code), pytest.raises(error):
        finishing.step("FinishDeployment")
    assert world.calls.notifications == []
    finishing.step("FinishDeployment")
    assert len(world.calls.notifications) == 1


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["dynamodb.TransactWriteItems", "dynamodb.UpdateItem", "events.PutEvents"])
def test_killed_in_the_middle_it_ends_the_same_when_run_again(
    call: str, after: bool, world: World, finishing: Deployment
) -> None:
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        finishing.step("FinishDeployment")
    finishing.step("FinishDeployment")
    assert world.ledger()[RECORD]["outcome"] == "deployed"
    assert "holder" not in world.ledger()["lease"]
    assert {published["id"] for published in world.calls.notifications} == {finishing.arn}, "at least once"


def test_targets_that_aws_still_sees_are_waited_for(world: World, later: Deployments) -> None:
    """DeleteRule is refused as long as a rule has targets, and RemoveTargets may be seen late."""
    world.upload({"tasks": []})
    deployment = later.start().until("FinishDeployment")
    with (
        world.calls.refusing("events.DeleteRule", "ValidationException"),
        pytest.raises(TransientError, match="EventBridge still sees the targets that"),
    ):
        deployment.step("FinishDeployment")
    assert (deployment.run(), world.owned_rules()) == ("Deployed", {})


def test_a_deployment_stays_if_only_its_notification_fails(world: World, finishing: Deployment) -> None:
    after = world.everything()
    with world.calls.refusing("events.PutEvents", "AccessDeniedException"):
        assert finishing.run() == "Deployed"
    assert world.everything() == after
    assert world.ledger()[RECORD]["outcome"] == "deployed"


def test_an_entry_is_kept_for_the_days_of_the_parameter(
    world: World, finishing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HISTORY_DAYS", "1")
    finishing.step("FinishDeployment")
    entry = world.ledger()[RECORD]
    assert json.loads(entry["entry"])["outcome"] == "deployed"
    assert entry["expires_at"].isdigit()
