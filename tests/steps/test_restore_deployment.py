"""RestoreDeployment: after any failure everything is as it was before, and the cause says why."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.errors import OvertakenError, RejectedError, TransientError, UnreadableError
from tests.examples import end_of
from tests.guestbook import CLUSTER_ARN, ENVIRONMENT, PREFIX, arn
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, Deployment, Deployments, invoke
from tests.steps.items import LEASE
from tests.steps.world import World

# CountTeaspoons is removed, RemoveSpam gets another schedule, Digest is new, and so is the image.
WRITES = [
    "events.DisableRule",
    *("ecs.RegisterTaskDefinition",) * 4,
    *("events.PutRule",) * 2,
    *("events.PutTargets",) * 3,
    "ecs.UpdateService",
]
EACH_KIND_FIRST = sorted(range(len(WRITES)), key=lambda nth: WRITES[nth] in WRITES[:nth])
AT_THE_END = ["events.RemoveTargets", "events.DeleteRule"]


def last_attempt(deployment: Deployment) -> dict[str, Any]:
    """What RestoreDeployment answers after eight attempts that were refused."""
    items.change(LEASE, "SET deployment.restore_attempts = :eight", eight={"N": "8"})
    deployment.context["State"]["RetryCount"] = 8
    return deployment.step("RestoreDeployment")


@pytest.mark.exhaustive(first=0)
def test_the_writes_of_the_deployment(world: World, changing: Deployment) -> None:
    world.calls.made.clear()
    assert changing.run() == "Deployed"
    assert sorted(world.calls.writes()) == sorted([*WRITES, *AT_THE_END, "events.PutEvents"])


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("nth", EACH_KIND_FIRST, ids=lambda nth: f"{nth}-{WRITES[nth]}")
def test_whichever_write_is_refused_everything_is_as_before(nth: int, world: World, changing: Deployment) -> None:
    before = world.everything()
    call, skip = WRITES[nth], WRITES[:nth].count(WRITES[nth])
    with world.calls.refusing(call, "AccessDeniedException", skip=skip):
        assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    restored = changing.document["restored"]
    assert (restored["outcome"], restored["error"]) == ("failed", "RejectedError")
    assert f"{call.split('.')[1]} was denied: scripted" in restored["cause"]
    assert restored["cause"].endswith("For the operator: fix this, then deploy again.")
    assert "holder" not in world.ledger()["lease"]
    assert [each["outcome"] for each in world.calls.notifications] == ["deployed", "failed"]


def test_the_entry_of_a_failure_has_who_started_it_and_durations(world: World, changing: Deployment) -> None:
    world.upload(b"broken")
    assert changing.run() == "DeploymentFailed"
    (entry,) = [entry for entry in world.ledger().values() if entry.get("outcome") == "failed"]
    assert entry["started_by"] == "by hand"
    assert [each.rsplit(" ", 2)[0] for each in entry["durations"].split(", ")] == ["TakeTurn", "planning"]


def test_a_failed_rollout_is_rolled_back_with_all_else(world: World, checking: Deployment) -> None:
    before = world.before
    world.roll("FAILED", reason="tasks failed to start")
    assert checking.run() == "DeploymentFailed"
    assert world.everything() == before
    cause = checking.document["restored"]["cause"]
    assert cause.startswith("CheckService: the rollout of guestbook:")
    assert "failed: tasks failed to start. Look at the service's events and the logs of its stopped tasks. " in cause
    assert "tasks. All schedules are as they were before, 4 schedules were restored; " in cause
    assert cause.endswith(
        "ECS is rolling the service back to guestbook:5. For the operator: fix this, then deploy again."
    )


def test_a_rollout_that_ecs_rolled_back_is_left_alone(world: World, checking: Deployment) -> None:
    before = world.before
    world.roll("COMPLETED", reason="rolled back", revision=before[1])
    world.calls.made.clear()
    assert checking.run() == "DeploymentFailed"
    assert world.everything() == before
    assert "ecs.UpdateService" not in world.calls.made


def test_a_failure_before_the_first_write_restores_nothing(world: World, changing: Deployment) -> None:
    before = world.everything()
    version = world.upload(b"broken")
    world.calls.made.clear()
    assert changing.run() == "DeploymentFailed"
    assert world.everything() == before
    assert world.calls.writes() == ["events.PutEvents"]
    cause = changing.document["restored"]["cause"]
    file = f"s3://{ENVIRONMENT['BUCKET']}/scheduled_tasks.json (version {version})"
    assert cause.startswith(f"ReadConfig: {file} has 1 problem:")
    assert cause.endswith(
        "Nothing had to be restored. For the author of the schedule file: correct it, upload it, then deploy again."
    )


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("call", AT_THE_END)
def test_a_deployment_that_is_complete_is_finished_not_restored(call: str, world: World, finishing: Deployment) -> None:
    complete = world.owned_rules()
    with world.calls.refusing(call, "AccessDeniedException"):
        assert finishing.run() == "Deployed"
    assert finishing.document["restored"]["outcome"] == "deployed"
    del complete["CountTeaspoons"]
    assert world.owned_rules() == complete
    assert "holder" not in world.ledger()["lease"]
    assert [each["outcome"] for each in world.calls.notifications] == ["deployed", "deployed"]


def test_what_may_not_be_deleted_stays_disabled_and_is_named(world: World, finishing: Deployment) -> None:
    finishing.fail("RejectedError", "what happened")
    with world.calls.refusing("events.DeleteRule", "AccessDeniedException", count=0):
        assert last_attempt(finishing)["outcome"] == "deployed"
    assert world.owned_rules()["CountTeaspoons"]["State"] == "DISABLED"
    (entry,) = [entry for entry in world.ledger().values() if entry.get("execution") == finishing.arn]
    rule = f"{PREFIX}CountTeaspoons"
    assert f"; AWS refuses to delete {rule}, disabled until the next deployment deletes them: " in entry["summary"]
    assert entry.get("cause", "") == "", "it is deployed, whatever failed"
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=0)
def test_a_refused_deletion_keeps_no_other_from_being_tried(world: World, deployments: Deployments) -> None:
    tasks = [{"name": name, "task": "digest_task", "rate": "7 days"} for name in ("Ant", "Bee", "Cat")]
    world.upload({"tasks": [*AFTER["tasks"], *tasks]})
    assert deployments.start().run() == "Deployed"
    world.upload(AFTER)
    finishing = deployments.start().until("FinishDeployment")
    finishing.fail("RejectedError", "what happened")
    refusing = world.calls.refusing("events.DeleteRule", "AccessDeniedException")
    with refusing, pytest.raises(RejectedError, match="DeleteRule was denied"):
        finishing.step("RestoreDeployment")
    left = world.owned_rules().keys() & {task["name"] for task in tasks}
    assert len(left) == 1


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("artifact", ["plan", "snapshot"])
@pytest.mark.parametrize("content", [None, b"{", b"{}", b"[]"], ids=["gone", "no JSON", "another shape", "no object"])
def test_what_cannot_be_read_fails_the_restore_at_once(
    artifact: str, content: bytes | None, world: World, rolling: Deployment
) -> None:
    rolling.fail("RejectedError", "what happened")
    replace(artifact, content, world, rolling)
    now = world.everything()
    cannot = (
        rf"/{artifact}\.json .*cannot be read .*, so nothing was restored, and trying again does not help\. For the"
    )
    with pytest.raises(UnreadableError, match=cannot):
        rolling.step("RestoreDeployment")
    assert world.everything() == now
    entry = world.entry(rolling.arn)
    assert entry["outcome"] == "restoring"
    assert entry["cause"].startswith("RollService: what happened. It is being restored. ")


def replace(artifact: str, content: bytes | None, world: World, deployment: Deployment) -> None:
    """Delete the artifact, or have the record name one with that content."""
    stored = deployment.document["plan"]["document" if artifact == "plan" else artifact]
    if content is None:
        client("s3").delete_object(Bucket=ENVIRONMENT["BUCKET"], Key=stored["key"], VersionId=stored["version_id"])
        return
    version = world.upload(content, stored["key"])
    client("dynamodb").update_item(
        **LEASE,
        UpdateExpression="SET deployment.#artifact.version_id = :version",
        ExpressionAttributeNames={"#artifact": artifact},
        ExpressionAttributeValues={":version": {"S": version}},
    )


def test_a_complete_deployment_ends_without_its_plan(world: World, finishing: Deployment) -> None:
    replace("plan", None, world, finishing)
    assert finishing.run() == "Deployed"
    assert world.owned_rules()["CountTeaspoons"]["State"] == "DISABLED"
    assert (
        "the schedules that were removed stay disabled until the next deployment"
        in world.calls.notifications[-1]["summary"]
    )


def test_a_complete_deployment_ends_though_its_plan_is_denied(world: World, finishing: Deployment) -> None:
    finishing.fail("RejectedError", "what happened")
    with world.calls.refusing("s3.GetObject", "AccessDenied", status=403, count=0):
        with pytest.raises(RejectedError, match="GetObject was denied"):
            finishing.step("RestoreDeployment")
        assert last_attempt(finishing)["outcome"] == "deployed"
    assert world.owned_rules()["CountTeaspoons"]["State"] == "DISABLED"
    summary = world.calls.notifications[-1]["summary"]
    assert "stay disabled until the next deployment deletes them, because GetObject was denied" in summary


def test_restored_twice_it_is_the_same(world: World, restoring: Deployment) -> None:
    before = world.before
    answers = [restoring.step("RestoreDeployment") for _ in range(2)]
    assert world.everything() == before
    assert answers[0] == answers[1]
    assert {each["id"]: each["outcome"] for each in world.calls.notifications[1:]} == {restoring.arn: "failed"}


def test_a_refused_notification_is_published_by_a_retry(world: World, restoring: Deployment) -> None:
    world.calls.notifications.clear()
    with world.calls.refusing("events.PutEvents", "AccessDeniedException"), pytest.raises(RejectedError):
        restoring.step("RestoreDeployment")
    assert "holder" not in world.ledger()["lease"]
    assert restoring.step("RestoreDeployment")["outcome"] == "failed"
    assert [each["outcome"] for each in world.calls.notifications] == ["failed"]


# For each service one call before and one after it takes effect; `make sweep` kills a restore in each of its calls.
@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("call", "after"),
    [
        *(("events.PutRule", True), ("events.PutTargets", False), ("events.DeleteRule", True)),
        ("events.EnableRule", False),
        *(("ecs.UpdateService", False), ("ecs.DeregisterTaskDefinition", True)),
        *(("dynamodb.PutItem", False), ("dynamodb.PutItem", True)),
    ],
)
def test_killed_in_the_middle_it_ends_the_same(call: str, after: bool, world: World, restoring: Deployment) -> None:
    before = world.before
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        restoring.step("RestoreDeployment")
    assert restoring.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


def test_a_target_refused_in_a_200_is_noticed(world: World, restoring: Deployment) -> None:
    with (
        world.calls.half_failing("events.PutTargets", "ConcurrentModificationException"),
        pytest.raises(TransientError, match="PutTargets on production__guestbook__"),
    ):
        restoring.step("RestoreDeployment")


def test_an_overtaken_deployment_is_no_failure(world: World, rolling: Deployment) -> None:
    before = world.before
    rolling.fail("OvertakenError", "a newer push has arrived")
    answer = rolling.step("RestoreDeployment")
    assert world.everything() == before
    assert answer["outcome"] == "overtaken"
    assert answer["cause"].startswith("RollService: a newer push has arrived. Everything is as it was before; ")


def test_a_revision_that_a_foreign_rule_runs_stays(world: World, creating: Deployment) -> None:
    creating.fail("RejectedError", "what happened")
    newest = world.active_revisions()[-1]
    by_hand = {"Id": "1", "Arn": CLUSTER_ARN + "-2", "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"]}
    with_revision = by_hand | {"EcsParameters": {"TaskDefinitionArn": arn(newest)}}
    rule = "production__guestbook__SomeoneElses"
    client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)")
    client("events").put_targets(Rule=rule, Targets=[with_revision])
    creating.step("RestoreDeployment")
    assert world.active_revisions()[-1] == newest


def with_more(value: Any) -> Any:
    """The value with an unknown key in every object, except in objects whose keys are arbitrary."""
    if isinstance(value, list):
        return [with_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    arbitrary = ("content", "tags", "rules", "targets", "calls", "environment", "reused", "put_rule", "put_targets")
    more = {key: inner if key in arbitrary else with_more(inner) for key, inner in value.items()}
    if "rules" in value:
        more["rules"] = {name: with_more(rule) for name, rule in value["rules"].items()}
    return more | {"of_tomorrow": 1}


def test_documents_of_another_version_are_restored(world: World, rolling: Deployment) -> None:
    document = rolling.document
    plan = world.stored(document["plan"]["document"])
    snapshot = document["plan"]["snapshot"]
    snapshot["version_id"] = world.upload(with_more(world.stored(snapshot)), snapshot["key"])
    stored = document["plan"]["document"]
    stored["version_id"] = world.upload(with_more(plan), stored["key"])
    rolling.fail("RejectedError", "what happened")
    handed = rolling.request("RestoreDeployment")
    invoke("restore_deployment", with_more(handed))
    assert world.everything() == world.before
    invoke("restore_deployment", with_more(handed))


def test_nothing_that_a_rule_may_still_start_is_deregistered(
    world: World, restoring: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[list[str]] = []
    monkeypatch.setattr("time.sleep", lambda _seconds: waited.append(list(world.calls.made)))
    restoring.step("RestoreDeployment")
    assert "events.PutTargets" in waited[-1]
    assert "ecs.DeregisterTaskDefinition" in world.calls.made[len(waited[-1]) :]
    assert "ecs.DeregisterTaskDefinition" not in waited[-1]


def test_a_restore_before_the_first_target_does_not_wait(
    world: World, creating: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rule can have started what was registered."""
    creating.fail("RejectedError", "what happened")
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    creating.step("RestoreDeployment")
    assert waited == []
    assert "ecs.DeregisterTaskDefinition" in world.calls.made


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ServerException"])
def test_revisions_that_ecs_keeps_active_are_named(code: str, world: World, restoring: Deployment) -> None:
    with world.calls.refusing("ecs.DeregisterTaskDefinition", code, status=500, count=0):
        with pytest.raises((RejectedError, TransientError), match="DeregisterTaskDefinition"):
            restoring.step("RestoreDeployment")
        assert "holder" in world.ledger()["lease"]
        cause = last_attempt(restoring)["cause"]
    assert "holder" not in world.ledger()["lease"]
    assert "Everything is as it was before" in cause
    left = "guestbook:9, guestbook:8, guestbook:7, guestbook:6"
    assert f"But {left} stay ACTIVE, because ECS did not deregister them (Deregister" in cause
    assert 9 in world.active_revisions()


def test_revisions_left_for_lack_of_time_are_named(
    world: World, restoring: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock advances three minutes with each read."""
    clock = itertools.count(step=180)
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    cause = restoring.step("RestoreDeployment")["cause"]
    *before, left = world.active_revisions()
    assert (before, left > 5) == ([1, 2, 3, 4, 5], True)
    assert f"But guestbook:{left} stay ACTIVE, because ECS did not deregister them (it takes one a second" in cause


@pytest.mark.exhaustive(first=0)
def test_a_message_names_ten_revisions(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [{"name": f"Task{n}", "task": f"task_{n}", "rate": "1 day"} for n in range(11)]})
    failed = deployments.start().until("CreateTargets")
    failed.fail("RejectedError", "what happened")
    with world.calls.refusing("ecs.DeregisterTaskDefinition", "AccessDeniedException", count=0):
        cause = failed.restore()["cause"]
    assert "guestbook:13, guestbook:12, " in cause
    assert "guestbook:4 and 2 more stay ACTIVE" in cause


def test_a_target_added_by_hand_is_restored(world: World, later: Deployments) -> None:
    extra = {"Id": "by-hand", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue", "Input": "{}"}
    client("events").put_targets(Rule="production__guestbook__IngestData", Targets=[extra])
    before = world.everything()
    deployment = later.start(NEXT).until("RollService")
    assert len(world.owned_rules()["IngestData"]["Targets"]) == 1
    deployment.fail("RejectedError", "what happened")
    deployment.step("RestoreDeployment")
    assert world.everything() == before


@pytest.mark.exhaustive(first=0)
def test_what_is_being_restored_cannot_end_as_deployed(world: World, restoring: Deployment) -> None:
    """A FinishDeployment whose response was lost, or whose execution was stopped, may still be running."""
    before = world.before
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        restoring.step("RestoreDeployment")
    record = world.entry(restoring.arn)
    assert (record["outcome"], "finished_at" in record) == ("restoring", False)
    assert "CheckService: what happened. It is being restored." in record["cause"]
    with pytest.raises(OvertakenError):
        restoring.step("FinishDeployment")
    assert restoring.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before
    record = world.entry(restoring.arn)
    assert (record["outcome"], "finished_at" in record) == ("failed", True)


def test_a_rule_that_was_untagged_meanwhile_stays_and_is_named(world: World, restoring: Deployment) -> None:
    rule = PREFIX + "IngestData"
    client("events").untag_resource(ResourceARN=world.rules(rule)[rule]["Arn"], TagKeys=["rota:app"])
    client("events").put_rule(Name=rule, ScheduleExpression="rate(3 days)", State="DISABLED", Description="mine now")
    changed = world.rules(rule)
    cause = restoring.restore()["cause"]
    assert world.rules(rule) == changed
    assert f"But the rule {rule} has another owner now and was left unchanged." in cause
    assert world.owned_rules().keys() == {"RemoveSpam", "CountTeaspoons"}


def test_a_rule_that_was_deleted_meanwhile_is_created_again(world: World, restoring: Deployment) -> None:
    rule = PREFIX + "CountTeaspoons"
    client("events").remove_targets(Rule=rule, Ids=[rule])
    client("events").delete_rule(Name=rule)
    restoring.step("RestoreDeployment")
    found = world.owned_rules()["CountTeaspoons"]
    assert (found["State"], len(found["Targets"])) == ("ENABLED", 1)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("task", "state"),
    [
        pytest.param("RemoveSpam", "ENABLED", id="changed"),
        pytest.param("CountTeaspoons", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", id="disabled"),
    ],
)
def test_a_rule_deleted_just_before_its_write_is_restored_whole(
    task: str, state: str, world: World, of_before: Deployments
) -> None:
    """It was there when it was asked for its owner."""
    rule = PREFIX + task
    client("events").put_rule(Name=rule, ScheduleExpression="rate(2 days)", State=state)
    before = world.owned_rules()
    world.upload(AFTER)
    same_image = of_before.start().until("FinishDeployment")
    same_image.document.pop("targets")
    same_image.fail("RejectedError", "what happened")
    shown = world.rules()
    client("events").remove_targets(Rule=rule, Ids=[rule])
    client("events").delete_rule(Name=rule)
    with world.calls.showing(shown):
        same_image.step("RestoreDeployment")
    assert world.owned_rules()[task] == before[task]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("failed", "writes"),
    [
        pytest.param("CreateTargets", ["events.EnableRule"], id="CountTeaspoons was disabled"),
        pytest.param(
            "FinishDeployment",
            ["events.EnableRule", "events.PutRule", "events.PutTargets", "events.RemoveTargets", "events.DeleteRule"],
            id="RemoveSpam was moved and Digest created, too",
        ),
    ],
)
def test_what_the_plan_leaves_alone_is_not_restored(
    failed: str, writes: list[str], world: World, of_before: Deployments
) -> None:
    world.upload(AFTER)
    same_image = of_before.start().until(failed)
    same_image.document.pop("targets", None)
    same_image.fail("RejectedError", "what happened")
    world.calls.made.clear()
    same_image.step("RestoreDeployment")
    rules_written = [call for call in world.calls.writes() if call != "ecs.DeregisterTaskDefinition"]
    assert sorted(rules_written) == sorted([*writes, "events.PutEvents"])


FIRST = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:first"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        pytest.param(
            None,
            {
                "outcome": "failed",
                "error": "RejectedError",
                "cause": f"Step Functions knows no execution {FIRST}. For the operator: start this with the "
                "deployment's ARN.",
            },
            id="there is none",
        ),
        pytest.param(
            {"dry_run": True},
            {"outcome": "aborted", "error": "", "cause": "first was a dry run, which changes nothing."},
            id="a dry run",
        ),
    ],
)
def test_the_whole_answer_where_there_is_nothing_to_restore(
    given: dict[str, Any] | None, answer: dict[str, str], world: World
) -> None:
    world.execution("another")
    if given:
        world.execution("first", ended=timedelta(minutes=5), given=given)
    restorer = Deployment(world, "second", end_of(FIRST), datetime.now(UTC))
    restorer.fail("RejectedError", "DescribeExecution was denied")
    assert restorer.step("RestoreDeployment") == answer
    assert (world.ledger(), world.calls.notifications) == ({}, [])


def test_the_whole_answer_of_a_dry_run(world: World, deployments: Deployments) -> None:
    deployment = deployments.start(dry_run=True).until("ReadConfig")
    deployment.fail("ConfigError", "it is wrong")
    assert deployment.step("RestoreDeployment") == {
        "outcome": "failed",
        "error": "ConfigError",
        "cause": "ReadConfig: it is wrong. Nothing had to be restored. For the author of the schedule file: correct "
        "it, upload it, then deploy again.",
    }
    assert (world.ledger(), world.calls.notifications) == ({}, [])


def test_the_first_refusal_is_raised_once_all_was_tried(world: World, restoring: Deployment) -> None:
    """Of a rule and of the service: the rest is restored, and no revision is deregistered."""
    active = world.active_revisions()
    with (
        world.calls.refusing("events.PutRule", "AccessDeniedException", count=0),
        world.calls.refusing("ecs.UpdateService", "ServerException", count=0),
        pytest.raises(RejectedError, match="PutRule was denied"),
    ):
        restoring.step("RestoreDeployment")
    assert world.owned_rules()["CountTeaspoons"]["State"] == "ENABLED"
    assert world.active_revisions() == active


def test_what_could_not_be_restored_is_named_in_order(world: World, restoring: Deployment) -> None:
    rules = [PREFIX + name for name in ("RemoveSpam", "CountTeaspoons", "IngestData")]
    for rule in rules:
        client("events").untag_resource(ResourceARN=world.rules(rule)[rule]["Arn"], TagKeys=["rota:app"])
    named = re.findall(r"But the rule (\S+) has another owner now", restoring.restore()["cause"])
    assert named == sorted(rules)
