"""Rollback: the whole release or nothing; what was live after it is barred until a person lifts that."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.deployment import retention
from rota.deployment.items import plain
from rota.deployment.releases import Releases
from rota.errors import RejectedError
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError, number
from tests.steps.deployments import AFTER, NEXT, PUSH, THIRD, Deployment, Deployments
from tests.steps.items import LEASE, RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World

BACK = {"kind": "rollback", "release": "previous", "by": "ann", "reason": "the login fails"}
FIRST_JOBS = {task["name"] for task in SCHEDULE["tasks"]}
SECOND_JOBS = {task["name"] for task in AFTER["tasks"]}


def live() -> tuple[str, str]:
    """Number and digest of what is live."""
    found = plain({"M": items.read(RELEASES)})
    return found["number"], found["live_digest"]


def barred() -> dict[str, str]:
    """By digest, the release for which it is barred."""
    gates: dict[str, Any] = plain(items.read(LEASE).get("gates", {"M": {}}))
    return {bar["digest"]: bar["release"] for bar in gates.get("bars", ())}


def push_of(digest: str, **more: Any) -> dict[str, Any]:
    return PUSH | {"detail": PUSH["detail"] | {"image-digest": digest, "image-tag": "again"}} | more


def third(world: World, two: Deployments) -> Deployment:
    """Another push. The image before it has lost its tag, and has another one now."""
    pushed = two.start(THIRD)
    world.push(NEXT, "second")
    return pushed


@pytest.fixture
@once
def two(world: World, in_real_time: Deployments) -> Deployments:
    """v1 has the guestbook's image and SCHEDULE, v2 another image and AFTER."""
    world.upload(AFTER)
    assert in_real_time.start(NEXT).run() == "Deployed"
    return in_real_time


@pytest.fixture
@once
def back(world: World, two: Deployments) -> Deployment:
    """A rollback to v1, which has been deployed. `world.before` is what there was."""
    world.before = world.everything()
    back = two.ask(**BACK)
    assert back.run() == "Deployed"
    return back


@pytest.fixture
@once
def holder(world: World, two: Deployments) -> Deployment:
    """A third push, before its rules are written."""
    return third(world, two).until("CreateTargets")


def test_the_whole_release_comes_back(world: World, back: Deployment) -> None:
    assert world.owned_rules().keys() == FIRST_JOBS
    ran = {number(world.target(job)["EcsParameters"]["TaskDefinitionArn"]) for job in FIRST_JOBS}
    images = {world.containers(each)["app"]["image"].partition("@")[2] for each in ran}
    assert images == {DIGEST}
    assert live() == ("3", DIGEST)
    assert barred() == {NEXT: "v2"}


def test_identical_revisions_are_used_again(world: World, back: Deployment) -> None:
    assert back.document["plan"]["registers"] == 0
    assert world.active_revisions() == world.before[2]


def test_what_was_deregistered_is_registered_from_the_releases_plan(world: World, two: Deployments) -> None:
    client("ecs").deregister_task_definition(taskDefinition="guestbook:2")
    back = two.ask(**BACK).until("CreateTargets")
    assert back.document["plan"]["registers"] == 1
    assert back.document["revisions"]["finished"]


def test_the_base_comes_back_and_the_plan_says_what_differs(world: World, two: Deployments) -> None:
    served = world.service()["taskDefinition"]
    content = world.task_definition(number(served))
    described = client("ecs").describe_task_definition(taskDefinition=served)["taskDefinition"]
    kept = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "executionRoleArn", "cpu")
    assert content
    register = {key: described[key] for key in kept if key in described} | {"memory": "2048"}
    client("ecs").register_task_definition(**register)
    assert third(world, two).run() == "Deployed"
    back = two.ask(**BACK | {"release": "v1"}).until("CheckService")
    summary = back.document["plan"]["summary"]
    assert "the task definition is as it was then, which is not as today in task:" in summary
    assert world.task_definition(number(world.service()["taskDefinition"])).memory != "2048"


def test_it_says_what_is_barred_and_how_it_is_undone(world: World, back: Deployment) -> None:
    entry = world.entry(back.arn)
    assert (entry["kind"], entry["by"], entry["reason"]) == ("rollback", "ann", "the login fails")
    assert f"brings back v1, barred until a person lifts that: v2 {NEXT}" in entry["summary"]
    assert 'to undo it: rota rollback v2, or start {"kind": "rollback", "release": "v2"}' in entry["summary"]
    assert world.calls.notifications[-1]["started"] == "rollback by ann: the login fails"


def test_the_image_alone_comes_back_without_its_file(world: World, two: Deployments) -> None:
    _remove("file", two)
    assert two.ask(**BACK, image_only=True).run() == "Deployed"
    assert world.owned_rules().keys() == SECOND_JOBS
    assert live() == ("3", DIGEST)
    assert barred() == {NEXT: "v2"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(push_of(NEXT), id="a push"),
        pytest.param(push_of(NEXT, kind="again", by="bob"), id="again"),
        pytest.param(push_of(NEXT, now=True), id="now"),
        pytest.param(push_of(NEXT, lift=[THIRD]), id="another lifted"),
    ],
)
def test_what_was_rolled_back_from_does_not_come_back(
    event: dict[str, Any], world: World, two: Deployments, back: Deployment
) -> None:
    before = world.everything()
    pushed = two.ask(**event)
    assert pushed.run() == "Barred"
    assert world.everything() == before
    entry = world.entry(pushed.arn)
    assert entry["outcome"] == "barred"
    assert entry["cause"].startswith("ann rolled back from v2, which had this image: the login fails. To deploy it")
    assert f'{{"kind": "image", "detail": {{"repository-name": "guestbook", "image-digest": "{NEXT}"' in entry["cause"]
    assert world.calls.notifications[-1]["outcome"] == "barred"
    assert live() == ("3", DIGEST)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(push_of(NEXT, kind="image"), id="its image"),
        pytest.param(push_of(NEXT, lift=[NEXT]), id="lifted"),
        pytest.param(BACK | {"release": "v2"}, id="its release"),
        pytest.param(BACK, id="previous"),
    ],
)
def test_a_persons_choice_lifts_the_bar_once_it_is_live(
    event: dict[str, Any], world: World, two: Deployments, back: Deployment
) -> None:
    failing = two.ask(**event).until("RollService")
    failing.fail("RejectedError", "what happened")
    assert failing.step("RestoreDeployment")["outcome"] == "failed"
    assert barred() == {NEXT: "v2"}
    assert two.ask(**event).run() == "Deployed"
    assert NEXT not in barred()
    assert live()[1] == NEXT
    assert two.ask(**push_of(NEXT)).step("TakeTurn")["decision"] == "go"


@pytest.mark.exhaustive(first=0)
def test_other_pushes_deploy(world: World, two: Deployments, back: Deployment) -> None:
    assert third(world, two).run() == "Deployed"
    assert (live(), barred()) == (("4", THIRD), {NEXT: "v2"})


def test_a_bar_is_lifted_alone(world: World, two: Deployments, back: Deployment) -> None:
    before = world.everything()
    lifting = two.ask(kind="lift", lift=[NEXT], by="bob")
    assert lifting.run() == "Done"
    assert (barred(), world.everything()) == ({}, before)
    entry = world.entry(lifting.arn)
    assert (entry["outcome"], entry["summary"], entry["by"]) == ("done", f"barred no more: {NEXT}", "bob")
    assert two.ask(**push_of(NEXT)).step("TakeTurn")["decision"] == "go"


def test_a_change_of_what_is_live_is_never_barred(world: World, two: Deployments, back: Deployment) -> None:
    assert two.ask(kind="schedule").run() == "Deployed"
    assert world.owned_rules().keys() == SECOND_JOBS


def test_a_failed_one_bars_nothing(world: World, two: Deployments) -> None:
    before = world.everything()
    back = two.ask(**BACK)
    with world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
        assert back.run() == "DeploymentFailed"
    assert (world.everything(), barred(), live()) == (before, {}, ("2", NEXT))


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("state", ["TakeTurn", "CheckService", "ReadConfig", "CreateTargets"])
def test_an_aborted_one_bars_nothing(state: str, world: World, two: Deployments) -> None:
    before = world.everything()
    back = two.ask(**BACK).until(state)
    if state == "TakeTurn":
        world.execution("deployment-9")
        back.step("TakeTurn")
    assert barred() == {NEXT: "v2"}
    back.stop()
    assert back.restorer().run() == "Restored"
    assert (world.everything(), barred()) == (before, {})


@pytest.mark.exhaustive(first=0)
def test_an_overtaken_one_bars_nothing_of_another(world: World, two: Deployments) -> None:
    """Two people roll back at once: the bars of the second stay."""
    third(world, two).run()
    first = two.ask(**BACK).until("CreateTargets")
    world.execution("deployment-4")
    second = two.ask(**BACK | {"release": "v1"})
    assert second.step("TakeTurn")["decision"] == "wait"
    assert first.run() == "Overtaken"
    assert second.run() == "Deployed"
    assert barred() == {NEXT: "v2", THIRD: "v3"}


def test_bars_count_while_it_waits(world: World, two: Deployments, holder: Deployment) -> None:
    world.execution("deployment-3")
    back = two.ask(**BACK)
    assert back.step("TakeTurn")["decision"] == "wait"
    assert two.ask(**push_of(NEXT)).step("TakeTurn")["decision"] == "barred"
    assert holder.run() == "Overtaken"


def test_what_goes_live_while_it_waits_is_barred_too(world: World, two: Deployments, holder: Deployment) -> None:
    """The holder was past the point at which it gives way. Previous is what it was when the person asked."""
    holder.until("FinishDeployment")
    world.execution("deployment-3")
    back = two.ask(**BACK)
    assert back.step("TakeTurn")["decision"] == "wait"
    assert holder.run() == "Deployed"
    assert back.run() == "Deployed"
    assert (live(), barred()) == (("4", DIGEST), {NEXT: "v2", THIRD: "v3"})


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        pytest.param("image", "is not in ECR", id="the image"),
        pytest.param("file", "of v1 the schedule file (scheduled_tasks.json, version ", id="the file"),
        pytest.param("plan", "of v1 the plan (deployments/deployment-1/plan.json, version ", id="the plan"),
    ],
)
def test_without_a_part_of_it_nothing_changes(
    gone: str, named: str, world: World, two: Deployments, holder: Deployment
) -> None:
    world.execution(holder.context["Execution"]["Name"])
    _remove(gone, two)
    back = two.ask(**BACK)
    before = items.read(LEASE)
    assert back.run() == "DeploymentFailed"
    assert items.read(LEASE) == before, "it stops no other deployment"
    assert named in world.entry(back.arn)["cause"]


def test_a_plan_that_goes_after_its_turn_is_named(two: Deployments) -> None:
    back = two.ask(**BACK).until("ReadConfig")
    _remove("plan", two)
    with pytest.raises(RejectedError, match=r"the plan of v1, .*plan.json, is gone from the bucket, so its base is"):
        back.step("ReadConfig")


def _remove(what: str, _two: Deployments) -> None:
    if what == "image":
        client("ecr").batch_delete_image(repositoryName="guestbook", imageIds=[{"imageDigest": DIGEST}])
        return
    bucket = ENVIRONMENT["BUCKET"]
    key = "scheduled_tasks.json" if what == "file" else "deployments/deployment-1/plan.json"
    *_, oldest = client("s3").list_object_versions(Bucket=bucket, Prefix=key)["Versions"]  # the newest first
    client("s3").delete_object(Bucket=bucket, Key=key, VersionId=oldest["VersionId"])


@pytest.mark.parametrize(
    ("release", "problem"),
    [("v7", "there is no release v7 to roll back to"), ("previous", "there is no release before v1")],
)
def test_what_is_not_kept_is_refused(release: str, problem: str, world: World, later: Deployments) -> None:
    back = later.ask(**BACK | {"release": release})
    assert back.run() == "DeploymentFailed"
    assert problem in world.entry(back.arn)["cause"]


def test_a_dry_run_changes_nothing(world: World, two: Deployments) -> None:
    before = items.read(LEASE)
    back = two.ask(**BACK, dry_run=True)
    assert back.run() == "Planned"
    assert items.read(LEASE) == before
    assert "brings back v1" in back.document["plan"]["summary"]


@pytest.mark.exhaustive(first=0)
def test_the_release_from_before_the_update_can_come_back(world: World, two: Deployments) -> None:
    """The version before kept no releases: the first that is recorded after it keeps the one that was live."""
    for record in list(world.ledger()):
        if record.startswith("archive#"):
            items.delete({"TableName": LEASE["TableName"], "Key": LEASE["Key"] | {"record": {"S": record}}})
    items.change(RELEASES, "REMOVE kept_number")
    assert third(world, two).run() == "Deployed"
    assert two.ask(**BACK).run() == "Deployed"
    assert live() == ("4", NEXT)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", range(4))
def test_killed_while_it_takes_its_turn_it_ends_the_same(
    call: int, after: bool, world: World, two: Deployments
) -> None:
    back = two.ask(**BACK)
    with world.calls.killing("dynamodb.UpdateItem", after=after, skip=call), suppress(KilledError):
        back.step("TakeTurn")
    turn = back.step("TakeTurn")
    assert (turn["decision"], turn["image"]["digest"], barred()) == ("go", DIGEST, {NEXT: "v2"})


def test_what_a_release_needs_outlives_the_history(world: World, two: Deployments) -> None:
    """A sweep a year later stores it again; the version that the release names expires then."""
    kept = Releases(client("dynamodb"), ENVIRONMENT["TABLE"], APP).kept()
    s3, bucket, now = client("s3"), ENVIRONMENT["BUCKET"], datetime.now(UTC)
    assert retention.keep(s3, bucket, kept, 365, now + timedelta(days=300)) == 0
    assert retention.keep(s3, bucket, kept, 365, now + timedelta(days=359)) == 4
    for release in kept:
        for stored in (release.plan, release.revisions):
            assert stored
            s3.delete_object(Bucket=bucket, Key=stored.key, VersionId=stored.version_id)
    assert two.ask(**BACK).run() == "Deployed"
    assert live() == ("3", DIGEST)


def test_what_is_gone_is_not_kept(world: World, two: Deployments) -> None:
    _remove("plan", two)
    kept = Releases(client("dynamodb"), ENVIRONMENT["TABLE"], APP).kept()
    late = datetime.now(UTC) + timedelta(days=360)
    assert retention.keep(client("s3"), ENVIRONMENT["BUCKET"], kept, 365, late) == 3


# ---------------------------------------------------------------------- what TakeTurn answers, each key

BROUGHT_BACK = (
    f"brings back v1, barred until a person lifts that: v2 {NEXT}; to undo it: rota rollback v2, or start "
    '{"kind": "rollback", "release": "v2"}'
)
HELD = "deployments are held by ann: the sale"
OWN_HOLD = "deployments are held by ann: the login fails"
FREE = "the lease was free"
DRY = "a dry run changes nothing and needs no lease"
RESUME = 'To end the hold: rota resume --deployments, or start {"kind": "resume", "hold": {}}'
HOLD = {"kind": "pause", "hold": {}, "by": "ann", "reason": "the sale"}
OF_V1 = {
    "schedule": "scheduled_tasks.json",
    "name": "v1",
    "plan": "deployments/deployment-1/plan.json",
    "revisions": "deployments/deployment-1/revisions.json",
}
ALL_APPROVALS = ("none", "required", "required-always")


def keys_alone(pinned: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without the ids of versions, which are new in each run."""
    return pinned and {name: each["key"] if isinstance(each, dict) else each for name, each in pinned.items()}


@pytest.mark.parametrize(
    ("given", "held", "approvals", "answer"),
    [
        pytest.param(
            PUSH | {"now": True, "by": "eve", "reason": "urgent"},
            True,
            ("required", "required-always"),
            {"origin": ["again", "eve", "urgent"], "image": DIGEST, "remark": f"passed: {HELD}", "with_before": True},
            id="a push that passes the hold",
        ),
        pytest.param(
            PUSH | {"dry_run": True, "now": True},
            True,
            (),
            {"origin": ["again", "", ""], "image": DIGEST, "reason": DRY, "dry_run": True, "with_before": True},
            id="a push, in a dry run",
        ),
        pytest.param(
            BACK,
            False,
            ("required-always",),
            {"image": DIGEST, "pinned": OF_V1, "remark": BROUGHT_BACK},
            id="a rollback",
        ),
        pytest.param(
            BACK | {"dry_run": True},
            True,
            (),
            {"image": DIGEST, "pinned": OF_V1, "remark": BROUGHT_BACK, "reason": DRY, "dry_run": True},
            id="a rollback, in a dry run",
        ),
        pytest.param(
            BACK | {"image_only": True},
            True,
            ("required", "required-always"),
            {"image": DIGEST, "remark": f"{BROUGHT_BACK}; passed: {HELD}"},
            id="a rollback of the image alone",
        ),
        pytest.param(
            BACK | {"with_before": True, "hold": {}},
            True,
            ("required", "required-always"),
            {
                "image": DIGEST,
                "pinned": OF_V1,
                "remark": f"{BROUGHT_BACK}; passed: {OWN_HOLD}",
                "with_before": True,
            },
            id="a rollback with its migration and a hold",
        ),
        pytest.param(
            {"kind": "schedule", "by": "eve"},
            False,
            ("required", "required-always"),
            {"origin": ["schedule", "eve", ""], "image": NEXT},
            id="the schedule file",
        ),
        pytest.param(
            {"kind": "schedule", "by": "eve"},
            True,
            ("required", "required-always"),
            {
                "origin": ["schedule", "eve", ""],
                "decision": "held",
                "reason": f"{HELD}. It deploys when the hold is over, which a person says, unless a push does. To "
                f"deploy it now: rota deploy --schedule FILE --now. {RESUME}",
            },
            id="the schedule file, held",
        ),
        pytest.param(
            {"kind": "schedule", "by": "eve", "now": True},
            True,
            ("required", "required-always"),
            {"origin": ["schedule", "eve", ""], "image": NEXT, "remark": f"passed: {HELD}"},
            id="the schedule file, which passes the hold",
        ),
        pytest.param(
            {"kind": "schedule", "by": "eve", "now": True, "dry_run": True},
            True,
            (),
            {"origin": ["schedule", "eve", ""], "image": NEXT, "reason": DRY, "dry_run": True},
            id="the schedule file, in a dry run",
        ),
        pytest.param(
            {"kind": "pause", "pause": {"tasks": ["IngestData"]}},
            True,
            (),
            {"origin": ["pause", "", ""], "decision": "pause", "with_before": True},
            id="a pause",
        ),
        pytest.param(
            HOLD,
            False,
            ("required", "required-always"),
            {
                "origin": ["pause", "ann", "the sale"],
                "decision": "done",
                "reason": f"{HELD}. A running deployment continues. {RESUME}",
                "with_before": True,
            },
            id="a hold",
        ),
    ],
)
@pytest.mark.parametrize("approval", ALL_APPROVALS)
def test_the_whole_answer_to_its_turn(
    given: dict[str, Any],
    held: bool,
    approvals: tuple[str, ...],
    answer: dict[str, Any],
    approval: str,
    two: Deployments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if held:
        two.ask(**HOLD).run()
    monkeypatch.setenv("APPROVAL", approval)
    found = two.ask(**given).step("TakeTurn")
    found["origin"] = [*found["origin"].values()]
    found["image"] = found["image"] and found["image"]["digest"]
    found["pinned"] = keys_alone(found["pinned"])
    expected: dict[str, Any] = {
        "decision": "go",
        "reason": FREE,
        "wait_seconds": 20,
        "dry_run": False,
        "image": None,
        "origin": ["rollback", "ann", "the login fails"],
        "restores": None,
        "pinned": None,
        "approval": {"given": ""} if approval in approvals else None,
        "remark": "",
        "with_before": False,
    } | answer
    if given == BACK and approval == "required":
        expected["remark"] += "; passed: the changes of a push have to be approved"
    assert found == expected


@pytest.mark.parametrize(
    ("more", "approvals"),
    [({}, ("required-always",)), ({"image_only": True}, ALL_APPROVALS[1:]), ({"with_before": True}, ALL_APPROVALS[1:])],
    ids=["the whole release", "the image alone", "with its migration"],
)
@pytest.mark.parametrize("approval", ALL_APPROVALS)
def test_while_it_waits_it_bars_unless_it_is_to_be_approved(
    more: dict[str, Any],
    approvals: tuple[str, ...],
    approval: str,
    world: World,
    two: Deployments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APPROVAL", approval)
    two.start(THIRD, kind="image").step("TakeTurn")
    world.execution("deployment-3")
    back = two.ask(**BACK, **more, hold={})
    assert back.step("TakeTurn")["decision"] == "wait"
    assert barred() == ({} if approval in approvals else {NEXT: "v2"})
    assert "hold" in plain(items.read(LEASE)["gates"])


def test_the_hold_of_a_rollback_has_its_end(two: Deployments) -> None:
    two.ask(**BACK, hold={"until": "2099-01-01T00:00:00Z"}).step("TakeTurn")
    hold = plain(items.read(LEASE)["gates"])["hold"]
    assert (hold["until"], hold["by"], hold["reason"]) == ("2099-01-01T00:00:00Z", "ann", "the login fails")
