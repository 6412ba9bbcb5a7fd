"""A schedule file that was uploaded: pending for two minutes, then deployed with the image that is live."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.deployment.items import stored
from rota.errors import RejectedError
from tests.guestbook import DIGEST, ENVIRONMENT, PREFIX
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments, invoke
from tests.steps.items import LEASE
from tests.steps.seed import SCHEDULE
from tests.steps.test_hold import HOLD, LATER, gates, live, machine, pending_schedule, started, sweep
from tests.steps.world import World

__all__ = ["machine"]
KEY = "scheduled_tasks.json"
BUCKET = ENVIRONMENT["BUCKET"]


@pytest.fixture
def known(in_real_time: Deployments) -> Deployments:
    """Deployments after a first one, in real time."""
    return in_real_time


def event(version: str, *, key: str = KEY, ago: int = 0, sequencer: str = "01", **more: Any) -> dict[str, Any]:
    """What S3 sends when that version is uploaded, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    of_object = {"key": key, "version-id": version, "sequencer": sequencer, "size": 2, "etag": "x"}
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": of_object, "reason": "PutObject"}
    envelope = {"version": "0", "id": f"upload-{version}", "source": "aws.s3", "detail-type": "Object Created"}
    return envelope | {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "detail": detail} | more


def uploaded(world: World, known: Deployments, file: dict[str, Any] | bytes = LATER, **more: Any) -> Deployment:
    return known.ask(**event(world.upload(file), **more))


def ignored(execution: Deployment) -> str:
    """Why it was not deployed; nothing is pending then."""
    assert execution.run() == "Ignored"
    reason: str = execution.document["turn"]["reason"]
    assert pending_schedule() == {}
    return reason


def every() -> str:
    """How often a task runs that LATER changes."""
    expression: str = client("events").describe_rule(Name=f"{PREFIX}RemoveSpam")["ScheduleExpression"]
    return expression


def two_minutes_pass() -> None:
    changed = gates()
    changed["pending_schedule"]["due"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    items.change(LEASE, "SET gates = :gates", gates=stored(changed))


def deployed_by_sweep(world: World, machine: str) -> Deployment:
    """The one execution that two sweeps have started; the last, if there were others before."""
    before = len(started(machine))
    for _ in range(2):
        sweep()
    found = started(machine)
    assert len(found) == before + 1
    name, given = found[0] if before == 0 else next(each for each in found if each not in found[:before])
    return Deployment(world, name, given, datetime.now(UTC))


def test_it_is_deployed_two_minutes_later(world: World, known: Deployments, machine: str) -> None:
    before, told = world.everything(), [*world.calls.notifications]
    upload = uploaded(world, known)
    assert (upload.run(), world.everything()) == ("Held", before)
    entry = world.entry(upload.arn)
    assert (entry["outcome"], entry["kind"], entry["by"], entry["reason"]) == ("held", "schedule", "an upload", KEY)
    due = datetime.fromisoformat(pending_schedule()["due"])
    assert entry["cause"] == (
        f"{KEY} is deployed at {due:%Y-%m-%d %H:%M} UTC or within a minute, with the image that is live, unless a "
        "newer file is uploaded or an image is deployed. To deploy it now: rota deploy --schedule FILE"
    )
    assert due - datetime.fromisoformat(upload.context["Execution"]["StartTime"]) == timedelta(minutes=2)
    assert "holder" not in items.read(LEASE)
    assert world.calls.notifications == told, "that it waits is no news"
    sweep()
    assert started(machine) == []
    two_minutes_pass()
    begun = deployed_by_sweep(world, machine)
    assert begun.context["Execution"]["Input"]["reason"] == "the schedule file that was uploaded is due"
    assert begun.run() == "Deployed"
    assert [each["execution"] for each in world.calls.notifications[len(told) :]] == [begun.arn]
    entry = world.entry(begun.arn)
    assert (entry["kind"], entry["by"], entry["digest"], pending_schedule()) == ("schedule", "an upload", DIGEST, {})
    assert every() == "rate(20 minutes)"


@pytest.mark.parametrize("stops", ["nothing", "a window that is open", "a hold"])
def test_that_it_waits_is_news_where_more_than_its_image_stops_it(
    stops: str, world: World, known: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stops == "a window that is open":
        monkeypatch.setenv("DEPLOY_WINDOW", "Mon-Sun 00:00-24:00 UTC")
    if stops == "a hold":
        assert known.ask(**HOLD).run() == "Done"
    told = len(world.calls.notifications)
    upload = uploaded(world, known)
    assert upload.run() == "Held"
    assert [each["execution"] for each in world.calls.notifications[told:]] == [upload.arn] * (stops != "nothing")


def test_that_version_is_deployed(world: World, known: Deployments, machine: str) -> None:
    """A newer one whose event has not come yet is the next change."""
    uploaded(world, known).run()
    world.upload(SCHEDULE)
    two_minutes_pass()
    assert deployed_by_sweep(world, machine).run() == "Deployed"


def test_a_newer_upload_replaces_it(world: World, known: Deployments) -> None:
    uploaded(world, known, ago=30).run()
    newer = uploaded(world, known, SCHEDULE)
    assert (newer.run(), pending_schedule()["execution"]) == ("Held", newer.arn)


def test_one_from_the_future_counts_from_now(world: World, known: Deployments) -> None:
    uploaded(world, known, time="2099-01-01T00:00:00Z").run()
    newer = uploaded(world, known, SCHEDULE, sequencer="02")
    assert (newer.run(), pending_schedule()["execution"]) == ("Held", newer.arn)


def test_within_one_second_the_sequencer_decides(world: World, known: Deployments) -> None:
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    uploaded(world, known, time=time, sequencer="0A").run()
    newer = uploaded(world, known, SCHEDULE, time=time, sequencer="0B")
    assert (newer.run(), pending_schedule()["execution"]) == ("Held", newer.arn)
    again = known.ask(**event(pending_schedule()["schedule"]["version_id"], time=time, sequencer="0B"))
    assert (again.run(), pending_schedule()["execution"]) == ("Ignored", newer.arn)
    assert again.document["turn"]["reason"] == "a change of the schedule file that is as new waits already"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("newer", [False, True], ids=["", "unless a newer one is"])
def test_it_is_pending_again_if_the_image_fails(newer: bool, world: World, known: Deployments, machine: str) -> None:
    upload = uploaded(world, known, ago=30)
    upload.run()
    push = known.start(NEXT).until("RegisterRevisions")
    assert pending_schedule() == {}
    if newer:
        upload = uploaded(world, known)
        upload.run()
    push.fail("RejectedError", "the image is broken")
    push.restore()
    assert pending_schedule()["execution"] == upload.arn
    two_minutes_pass()
    assert deployed_by_sweep(world, machine).run() == "Deployed"
    push.restore()
    assert pending_schedule() == {}, "once"


def test_it_is_started_once_more_where_an_image_came_between(world: World, known: Deployments, machine: str) -> None:
    """The execution that was started for it found nothing, as an image held the lease, which then fails."""
    uploaded(world, known, ago=30).run()
    two_minutes_pass()
    first = deployed_by_sweep(world, machine)
    push = known.start(NEXT).until("RegisterRevisions")
    assert first.run() == "Done"
    push.fail("RejectedError", "the image is broken")
    push.restore()
    assert deployed_by_sweep(world, machine).run() == "Deployed"


@pytest.mark.exhaustive(first=0)
def test_it_is_pending_again_after_two_images(world: World, known: Deployments) -> None:
    """Of the first nothing is restored: the event of its end is lost."""
    upload = uploaded(world, known)
    upload.run()
    known.start(NEXT).until("RegisterRevisions").stop(ago=timedelta(minutes=5))
    push = known.start(THIRD).until("RegisterRevisions")
    push.fail("RejectedError", "the image is broken")
    push.restore()
    assert pending_schedule()["execution"] == upload.arn


def test_it_leaves_time_for_a_push_that_waits(world: World, known: Deployments, machine: str) -> None:
    """Else it would be deployed with the image from before both."""
    uploaded(world, known, ago=30).run()
    two_minutes_pass()
    push = known.start(NEXT).until("RegisterRevisions")
    world.execution(push.context["Execution"]["Name"])
    newer = known.start(THIRD)
    assert newer.step("TakeTurn")["decision"] == "wait"
    assert push.run() == "Overtaken"
    sweep()
    assert (started(machine), "due" in pending_schedule()) == ([], True)
    assert (newer.run(), pending_schedule()) == ("Deployed", {})


@pytest.mark.exhaustive(first=0)
def test_it_is_pending_again_after_a_pause_behind_an_image(world: World, known: Deployments) -> None:
    """Of the image nothing is restored: the event of its end is lost."""
    upload = uploaded(world, known)
    upload.run()
    known.start(NEXT).until("RegisterRevisions").stop(ago=timedelta(minutes=5))
    assert known.ask(kind="pause", pause={"tasks": ["RemoveSpam"]}).run() == "Done"
    assert pending_schedule()["execution"] == upload.arn


@pytest.mark.exhaustive(first=0)
def test_it_waits_for_the_image_that_is_to_be_approved(
    world: World, known: Deployments, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved alone it would be deployed with the image from before it."""
    monkeypatch.setenv("APPROVAL", "required")
    uploaded(world, known, ago=30).run()
    assert known.start(NEXT).run() == "Held"
    two_minutes_pass()
    sweep()
    assert started(machine) == []
    resume = known.ask(kind="resume", hold={})
    assert (resume.run(), "due" in pending_schedule()) == ("Done", True)
    assert "the schedule file waits for that push" in world.entry(resume.arn)["summary"]
    changes = gates()["pending"]["asks"]["changes"]
    invoke("approve", {"changes": changes, "approves": False, "by": "ann", "reason": "not on a Friday"})
    ((name, given),) = started(machine)
    assert Deployment(world, name, given, datetime.now(UTC)).run() == "Rejected"
    assert deployed_by_sweep(world, machine).run() == "Held", "it is asked for itself"


def test_an_older_event_that_comes_late_does_not(world: World, known: Deployments, machine: str) -> None:
    """Neither while the newer one is pending, nor after it was deployed."""
    older = uploaded(world, known, ago=30)
    newer = uploaded(world, known, SCHEDULE)
    newer.run()
    assert older.run() == "Ignored"
    assert pending_schedule()["execution"] == newer.arn
    two_minutes_pass()
    assert deployed_by_sweep(world, machine).run() == "NothingToDo"
    assert ignored(older_again(older, known)) == f"{KEY} has a newer version, or was deleted"


def older_again(older: Deployment, known: Deployments) -> Deployment:
    return known.ask(**older.context["Execution"]["Input"])


@pytest.mark.exhaustive(first=0)
def test_an_image_takes_its_place(world: World, known: Deployments) -> None:
    uploaded(world, known).run()
    assert known.start(NEXT).run() == "Deployed"
    assert (live(), pending_schedule()) == (NEXT, {})
    assert every() == "rate(20 minutes)"


def test_a_hold_keeps_it(world: World, known: Deployments, machine: str) -> None:
    known.ask(**HOLD).run()
    upload = uploaded(world, known)
    assert upload.run() == "Held"
    assert "; but deployments are held by ann: the sale." in world.entry(upload.arn)["cause"]
    assert world.calls.notifications[-1]["execution"] == upload.arn
    two_minutes_pass()
    sweep()
    assert started(machine) == []
    assert known.ask(kind="resume", hold={}).run() == "Deployed"


def test_a_resume_waits_until_it_is_due(world: World, known: Deployments) -> None:
    uploaded(world, known).run()
    resume = known.ask(kind="resume", hold={})
    assert resume.run() == "Done"
    assert "the schedule file waits until 20" in world.entry(resume.arn)["summary"]
    assert "due" in pending_schedule()


def test_it_is_approved_first(world: World, known: Deployments, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVAL", "required")
    uploaded(world, known).run()
    two_minutes_pass()
    begun = deployed_by_sweep(world, machine)
    assert begun.run() == "Held"
    assert (pending_schedule()["execution"], "asks" in pending_schedule()) == (begun.arn, True)


@pytest.mark.exhaustive(first=0)
def test_what_waits_for_an_approval_replaces_no_newer(
    world: World, known: Deployments, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer one was uploaded before the first began, and its event came while it was planned."""
    monkeypatch.setenv("APPROVAL", "required")
    uploaded(world, known, ago=60).run()
    two_minutes_pass()
    begun = deployed_by_sweep(world, machine).until("RestoreDeployment")
    newer = uploaded(world, known, LATER | {"tasks": LATER["tasks"][:1]}, ago=10)
    assert newer.run() == "Held"
    assert (begun.run(), pending_schedule()["execution"]) == ("Held", newer.arn)


def test_a_bad_file_fails_and_is_told(world: World, known: Deployments, machine: str) -> None:
    before = world.everything()
    uploaded(world, known, {"tasks": [{"name": "A", "rate": "5 parsecs", "task": "a"}, {"name": "B"}]}).run()
    two_minutes_pass()
    begun = deployed_by_sweep(world, machine)
    assert begun.run() == "DeploymentFailed"
    cause = world.entry(begun.arn)["cause"]
    assert "tasks[0].rate" in cause
    assert "tasks[1]" in cause
    assert (world.calls.notifications[-1]["outcome"], world.everything()) == ("failed", before)
    assert pending_schedule() == {}
    sweep()
    assert len(started(machine)) == 1


def test_what_rota_deploy_uploads_is_deployed_once(world: World, known: Deployments) -> None:
    put = client("s3").put_object(
        Bucket=BUCKET, Key=KEY, Body=b"{}", Metadata={"deployed-by": "rota deploy"}, ContentType="application/json"
    )
    assert ignored(known.ask(**event(put["VersionId"]))) == "rota deploy has uploaded it, and deploys it"


def test_a_copy_of_what_it_has_uploaded_is_deployed(world: World, known: Deployments) -> None:
    """As the runbook goes back to an older file: a copy has the metadata, too."""
    put = client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"{}", Metadata={"deployed-by": "rota deploy"})
    source = {"Bucket": BUCKET, "Key": KEY, "VersionId": put["VersionId"]}
    copied = client("s3").copy_object(Bucket=BUCKET, Key=KEY, CopySource=source, MetadataDirective="COPY")
    uploaded = event(copied["VersionId"])
    uploaded["detail"]["reason"] = "CopyObject"
    assert known.ask(**uploaded).run() == "Held"
    assert pending_schedule()["schedule"]["version_id"] == copied["VersionId"]


def test_a_deletion_does_nothing(world: World, known: Deployments) -> None:
    upload = uploaded(world, known)
    client("s3").delete_object(Bucket=BUCKET, Key=KEY)
    assert ignored(upload) == f"{KEY} has a newer version, or was deleted"


def test_without_a_live_image_it_waits_for_the_first(world: World, deployments: Deployments) -> None:
    reason = "no image of production/guestbook-api is live yet; the first deployment reads the file"
    assert ignored(uploaded(world, deployments)) == reason


OF_AN_IMAGE = "a key of ScheduleKeys has {tag} or {digest}: which file is deployed, an image says; push one"
FIRST = f"{KEY} is deployed in its place, which comes before it in ScheduleKeys"


@pytest.mark.parametrize(
    ("keys", "key", "reason"),
    [
        pytest.param("{tag}.json,b.json", "b.json", OF_AN_IMAGE, id="of an image"),
        pytest.param(KEY, "another.json", "another.json is not among ScheduleKeys", id="another key"),
        pytest.param(f"{KEY},b.json", "b.json", FIRST, id="one comes before"),
    ],
)
def test_a_key_that_is_not_read(
    keys: str, key: str, reason: str, world: World, known: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE_KEYS", keys)
    assert ignored(known.ask(**event(world.upload(LATER, key), key=key))) == reason


@pytest.mark.parametrize("key", ["a+b=1.json", "guestbook/c@d.json"])
def test_a_key_is_as_the_object_has_it(
    key: str, world: World, known: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE_KEYS", "none.json,a+b=1.json,{repository}/c@d.json")
    assert known.ask(**event(world.upload(LATER, key), key=key)).run() == "Held"
    assert pending_schedule()["schedule"]["key"] == key


def test_one_that_cannot_be_read_is_refused(world: World, known: Deployments) -> None:
    wrong = known.ask(**event(world.upload(LATER), now=True))
    assert wrong.run() == "DeploymentFailed"
    entry = world.entry(wrong.arn)
    assert "now does not go with an event of S3" in entry["cause"]
    assert (entry["kind"], entry["by"]) == ("schedule", "an upload")


@pytest.mark.parametrize("after", [False, True], ids=["before", "lost reply"])
def test_killed_while_it_is_kept_it_is_not_lost(after: bool, world: World, known: Deployments) -> None:
    upload = uploaded(world, known)
    with world.calls.killing("dynamodb.UpdateItem", after=after), suppress(KilledError):
        upload.step("TakeTurn")
    assert (upload.run(), pending_schedule()["execution"]) == ("Held", upload.arn)


@pytest.mark.exhaustive(first=0)
def test_one_that_fails_is_pending_no_more(world: World, known: Deployments, machine: str) -> None:
    before = world.everything()
    uploaded(world, known).run()
    two_minutes_pass()
    with world.calls.refusing("events.PutRule", "AccessDeniedException"):
        assert deployed_by_sweep(world, machine).run() == "DeploymentFailed"
    assert (world.everything(), pending_schedule()) == (before, {})


@pytest.mark.parametrize("after", ["a newer upload", "an image"])
def test_what_is_replaced_at_once_is_told(after: str, world: World, known: Deployments) -> None:
    """That it waits is none any more that Sweep will end."""
    upload = uploaded(world, known, ago=30).until("RestoreDeployment")
    newer = uploaded(world, known) if after == "a newer upload" else known.start(NEXT)
    newer.run()
    told = len(world.calls.notifications)
    assert upload.run() == "Held"
    assert [each["execution"] for each in world.calls.notifications[told:]] == [upload.arn]


def test_what_s3_denies_is_no_deletion(world: World, known: Deployments) -> None:
    upload = uploaded(world, known)
    with (
        world.calls.refusing("s3.HeadObject", "403", status=403, count=0),
        pytest.raises(RejectedError, match="HeadObject"),
    ):
        upload.step("TakeTurn")
    assert pending_schedule() == {}
