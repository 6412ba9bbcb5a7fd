"""RestoreDeployment: after any failure everything is as it was before, and the cause says why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.errors import OvertakenError, RejectedError, TransientError
from tests.guestbook import ENVIRONMENT, PREFIX, arn
from tests.steps.calls import KilledError
from tests.steps.deployments import THIRD, Deployment, Deployments, invoke
from tests.steps.moment import once
from tests.steps.world import World, client

WRITES = [
    *("events.RemoveTargets", "events.DeleteRule"),
    *("ecs.RegisterTaskDefinition",) * 4,
    *("events.PutRule",) * 2,
    *("events.PutTargets",) * 3,
    "ecs.UpdateService",
]


def test_the_writes_of_that_deployment(world: World, changing: Deployment) -> None:
    world.calls.made.clear()
    assert changing.run() == "Deployed"
    assert sorted(world.calls.writes()) == sorted([*WRITES, "events.PutEvents"])


@pytest.mark.parametrize("nth", range(len(WRITES)), ids=lambda nth: f"{nth}-{WRITES[nth]}")
def test_whichever_write_is_refused_everything_is_as_before(nth: int, world: World, changing: Deployment) -> None:
    before = world.everything()
    call, skip = WRITES[nth], WRITES[:nth].count(WRITES[nth])
    with world.calls.refusing(call, "AccessDeniedException", skip=skip):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    restored = changing.document["restored"]
    assert (restored["outcome"], restored["error"]) == ("failed", "RejectedError")
    assert f"{call.split('.')[1]} was denied: scripted" in restored["cause"]
    assert restored["cause"].endswith("The operator acts.")
    assert "holder" not in world.ledger()["lease"]
    assert [told["outcome"] for told in world.calls.news] == ["deployed", "failed"]


def test_a_failed_deployment_s_entry_tells_who_started_it_and_how_long_its_steps_took(
    world: World, changing: Deployment
) -> None:
    entered, exited = ({f"state{what}EventDetails": {"name": "ReadConfig"}} for what in ("Entered", "Exited"))
    world.calls.history = [
        {"type": "TaskStateEntered", "timestamp": datetime(2026, 1, 1, tzinfo=UTC), **entered},
        {"type": "TaskStateExited", "timestamp": datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC), **exited},
    ]
    world.upload(b"broken")
    assert changing.run() == "DeploymentFailed"
    (entry,) = [entry for entry in world.ledger().values() if entry.get("outcome") == "failed"]
    assert (entry["started_by"], entry["durations"]) == ("by hand", "ReadConfig 3.0 s")


def test_a_rollout_that_failed_is_rolled_back_with_everything_else(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("CheckService")
    world.roll("FAILED", reason="tasks failed to start")
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    cause = changing.document["restored"]["cause"]
    assert cause.startswith("CheckService: the rollout of guestbook:")
    assert "failed: tasks failed to start. Look at the service's events and the logs of its stopped tasks. " in cause
    assert "tasks. All rules are as they were before, 4 rules had to be put back; " in cause
    assert cause.endswith("ECS is rolling the service back to guestbook:5. The operator acts.")


def test_a_rollout_that_ecs_rolled_back_itself_leaves_the_service_alone(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("CheckService")
    world.roll("COMPLETED", reason="rolled back", revision=before[1])
    world.calls.made.clear()
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert "ecs.UpdateService" not in world.calls.made


def test_a_failure_before_the_first_write_puts_nothing_back(world: World, changing: Deployment) -> None:
    before = world.everything()
    version = world.upload(b"broken")
    world.calls.made.clear()
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert world.calls.writes() == ["events.PutEvents"]
    cause = changing.document["restored"]["cause"]
    file = f"s3://{ENVIRONMENT['BUCKET']}/scheduled_tasks.json (version {version})"
    assert cause.startswith(f"ReadConfig: {file} has 1 problem:")
    assert cause.endswith("Nothing had to be put back. The author of the schedule file acts.")


@pytest.fixture
@once
def restoring(changing: Deployment) -> Deployment:
    """That deployment, failed as late as it can."""
    changing.until("CheckService").fail("RejectedError", "what happened")
    return changing


def test_restored_twice_it_is_the_same(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("CheckService").fail("RejectedError", "what happened")
    answers = [changing.step("RestoreDeployment") for _ in range(2)]
    assert world.everything() == before
    assert answers[0] == answers[1]
    assert {told["id"]: told["outcome"] for told in world.calls.news[1:]} == {changing.arn: "failed"}


def test_the_outcome_is_published_by_a_later_attempt_if_the_bus_refuses_it(world: World, restoring: Deployment) -> None:
    world.calls.news.clear()
    with world.calls.refusing("events.PutEvents", "AccessDeniedException"), pytest.raises(RejectedError):
        restoring.step("RestoreDeployment")
    assert "holder" not in world.ledger()["lease"]
    assert restoring.step("RestoreDeployment")["outcome"] == "failed"
    assert [each["outcome"] for each in world.calls.news] == ["failed"]


def test_a_bus_that_refuses_for_good_keeps_no_restore_from_ending(world: World, restoring: Deployment) -> None:
    restoring.context["State"]["RetryCount"] = 8
    with world.calls.refusing("events.PutEvents", "AccessDeniedException", count=0):
        assert restoring.step("RestoreDeployment")["outcome"] == "failed"


# Of each service one call before and one after it was carried out; `make sweep` kills a restore in each of its calls.
@pytest.mark.parametrize(
    ("call", "after"),
    [
        *(("events.PutTargets", False), ("events.PutRule", True), ("events.DeleteRule", True)),
        *(("ecs.UpdateService", False), ("ecs.DeregisterTaskDefinition", True)),
        *(("dynamodb.PutItem", False), ("dynamodb.PutItem", True)),
    ],
)
def test_killed_in_the_middle_it_ends_the_same_when_run_again(
    call: str, after: bool, world: World, changing: Deployment
) -> None:
    before = world.everything()
    changing.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        changing.step("RestoreDeployment")
    assert changing.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ServerException"])
def test_revisions_that_ecs_does_not_deregister_keep_nobody_waiting_for_long(
    code: str, world: World, restoring: Deployment, deployments: Deployments
) -> None:
    with world.calls.refusing("ecs.DeregisterTaskDefinition", code, status=500, count=0):
        with pytest.raises((RejectedError, TransientError), match="DeregisterTaskDefinition"):
            restoring.step("RestoreDeployment")
        assert "holder" in world.ledger()["lease"]
        restoring.context["State"]["RetryCount"] = 8
        cause = restoring.step("RestoreDeployment")["cause"]
    assert "holder" not in world.ledger()["lease"]
    assert "Everything is as it was before" in cause
    left = "guestbook:9, guestbook:8, guestbook:7, guestbook:6"
    assert f"But {left} stay ACTIVE, because ECS did not deregister them (Deregister" in cause
    assert 9 in world.active_revisions()
    world.push(THIRD, "third")
    assert deployments.start(THIRD).run() == "Deployed"
    assert 9 not in world.active_revisions()


def test_a_target_that_a_200_does_not_put_back_is_noticed(world: World, restoring: Deployment) -> None:
    with (
        world.calls.half_failing("events.PutTargets", "ConcurrentModificationException"),
        pytest.raises(TransientError, match="PutTargets on production__guestbook__"),
    ):
        restoring.step("RestoreDeployment")


def test_a_target_that_somebody_added_to_our_rule_comes_back_whole(world: World, later: Deployments) -> None:
    extra = {"Id": "by-hand", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue", "Input": "{}"}
    client("events").put_targets(Rule="production__guestbook__IngestData", Targets=[extra])
    before = world.everything()
    ours = later.start().until("RollService")
    assert len(world.our_rules()["IngestData"]["Targets"]) == 1
    ours.fail("RejectedError", "what happened")
    ours.step("RestoreDeployment")
    assert world.everything() == before


def test_an_overtaken_deployment_is_no_failure(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("RollService").fail("OvertakenError", "a newer push has arrived")
    answer = changing.step("RestoreDeployment")
    assert world.everything() == before
    assert answer["outcome"] == "overtaken"
    assert answer["cause"].startswith("RollService: a newer push has arrived. Everything is as it was before; ")


def test_a_revision_that_is_used_by_somebody_else_s_hand_stays(world: World, changing: Deployment) -> None:
    changing.until("CreateTargets").fail("RejectedError", "what happened")
    newest = world.active_revisions()[-1]
    by_hand = {"Id": "1", "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/production-2"}
    by_hand_on_ours = by_hand | {"EcsParameters": {"TaskDefinitionArn": arn(newest)}}
    rule = "production__guestbook__SomeoneElses"
    client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)")
    client("events").put_targets(Rule=rule, Targets=[by_hand_on_ours])
    changing.step("RestoreDeployment")
    assert world.active_revisions()[-1] == newest


def with_more(value: Any) -> Any:
    """Every object of it with a key that no version of Rota knows, but those whose keys are anybody's."""
    if isinstance(value, list):
        return [with_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    anybody_s = ("content", "tags", "rules", "targets", "calls", "environment")
    more = {key: inner if key in anybody_s else with_more(inner) for key, inner in value.items()}
    if "rules" in value:
        more["rules"] = {name: with_more(rule) for name, rule in value["rules"].items()}
    return more | {"of_tomorrow": 1}


def test_what_another_version_has_left_is_restored(world: World, changing: Deployment) -> None:
    before = world.everything()
    document = changing.until("RollService").document
    plan = world.stored(document["plan"]["document"])
    key = document["plan"]["snapshot"]["key"]
    plan["snapshot"] = {"key": key, "version_id": world.upload(with_more(world.stored(plan["snapshot"])), key)}
    stored = document["plan"]["document"]
    stored["version_id"] = world.upload(with_more(plan), stored["key"])
    changing.fail("RejectedError", "what happened")
    handed = changing.request("RestoreDeployment")
    invoke("restore_deployment", with_more(handed))
    assert world.everything() == before
    invoke("restore_deployment", with_more(handed))


def test_what_is_being_put_back_cannot_end_as_deployed(world: World, changing: Deployment) -> None:
    """A FinishDeployment whose answer was lost, or whose execution was stopped, may still be at work."""
    before = world.everything()
    changing.until("FinishDeployment").fail("RejectedError", "what happened")
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        changing.step("RestoreDeployment")
    (record,) = [item for item in world.ledger().values() if item.get("execution") == changing.arn]
    assert (record["outcome"], "finished_at" in record) == ("restoring", False)
    assert "FinishDeployment: what happened. It is to be restored." in record["cause"]
    with pytest.raises(OvertakenError, match="is being restored"):
        changing.step("FinishDeployment")
    assert changing.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before
    (record,) = [item for item in world.ledger().values() if item.get("execution") == changing.arn]
    assert (record["outcome"], "finished_at" in record) == ("failed", True)


def test_a_rule_that_was_taken_out_of_our_hands_while_the_service_rolled_stays_as_it_is_and_is_told(
    world: World, restoring: Deployment
) -> None:
    rule = PREFIX + "IngestData"
    client("events").untag_resource(ResourceARN=world.rules(rule)[rule]["Arn"], TagKeys=["rota:app"])
    client("events").put_rule(Name=rule, ScheduleExpression="rate(3 days)", State="DISABLED", Description="mine now")
    theirs = world.rules(rule)
    cause = restoring.step("RestoreDeployment")["cause"]
    assert world.rules(rule) == theirs
    assert f"But the rule {rule} is somebody else's by now, and was left alone." in cause
    assert world.our_rules().keys() == {"RemoveSpam", "CountTeaspoons"}


def test_nothing_that_a_rule_may_still_start_is_deregistered(
    world: World, restoring: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[list[str]] = []
    monkeypatch.setattr("time.sleep", lambda _seconds: waited.append(list(world.calls.made)))
    restoring.step("RestoreDeployment")
    assert "events.PutTargets" in waited[-1]
    assert "ecs.DeregisterTaskDefinition" in world.calls.made[len(waited[-1]) :]
    assert "ecs.DeregisterTaskDefinition" not in waited[-1]
