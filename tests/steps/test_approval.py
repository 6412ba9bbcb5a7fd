"""An approval: a deployment ends in Held with its plan, and deploys once a person with the right has approved that."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Kind
from rota.deployment.items import plain, stored
from rota.errors import RejectedError, TransientError
from stage.gateway.calls import Call, Reply
from tests.guestbook import DIGEST
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, PUSH, THIRD, Deployment, Deployments, invoke
from tests.steps.items import LEASE, RELEASES
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.test_replicated_images import Replicas
from tests.steps.world import World, handler

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:rota-deploy"
BY = {"by": "ann", "reason": "the new prices"}
UNREADABLE = "Mon-Fri 09:00-17:00 Europe/Berlinn"


def gates() -> dict[str, Any]:
    found: dict[str, Any] = plain(items.read(LEASE).get("gates", {"M": {}}))
    return found


def pending() -> dict[str, Any]:
    found: dict[str, Any] = gates().get("pending", {})
    return found


def waits() -> str | None:
    """The digest of the image that waits."""
    digest: str | None = pending().get("image", {}).get("digest")
    return digest


def live() -> str:
    digest: str = plain({"M": items.read(RELEASES)})["live_digest"]
    return digest


def approve(*, approves: bool = True, **more: Any) -> dict[str, Any]:
    """Invoke the function as a person who has seen what waits."""
    return invoke("approve", {"changes": pending()["asks"]["changes"], "approves": approves, **BY, **more})


def sweep() -> None:
    handler("sweep")({"id": "tick"}, None)  # its context is not used


def started() -> list[tuple[str, dict[str, Any]]]:
    """Name and input of what Sweep and Approve have started."""
    found = client("stepfunctions").list_executions(stateMachineArn=MACHINE)["executions"]
    described = [client("stepfunctions").describe_execution(executionArn=each["executionArn"]) for each in found]
    return [(each["name"], json.loads(each["input"])) for each in described if each["name"].startswith("pending-")]


def is_late(name: str = "pending") -> None:
    """The days in which it may be approved are over."""
    changed = gates()
    changed[name]["asks"]["until"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    items.change(LEASE, "SET gates = :gates", gates=stored(changed))


@pytest.fixture
@once
def asking(world: World, in_real_time: Deployments) -> Deployments:
    """Deployments after a first one, of a stack that asks for approvals from then on."""
    world.execution("another")
    return in_real_time


@pytest.fixture(autouse=True)
def parameter(monkeypatch: pytest.MonkeyPatch, asking: Deployments) -> Iterator[None]:
    for name, value in {"APPROVAL": "required", "STATE_MACHINE_ARN": MACHINE, "WATCH_RUNS": "false"}.items():
        monkeypatch.setenv(name, value)
    yield


@pytest.fixture
@once
def waiting(asking: Deployments) -> Deployments:
    """After a push, which waits."""
    assert asking.start(NEXT).run() == "Held"
    return asking


def begun(world: World) -> Deployment:
    """The one execution that was started for what was pending."""
    ((name, given),) = started()
    return Deployment(world, name, given, datetime.now(UTC))


def begins(world: World) -> bool:
    """Whether what was approved passes the gate and goes on to its first write."""
    return begun(world).until("RegisterRevisions").at == "RegisterRevisions"


def test_a_push_ends_held_before_anything_is_written(world: World, asking: Deployments) -> None:
    before = world.everything()
    push = asking.start(NEXT)
    world.calls.made.clear()
    assert push.run() == "Held"
    assert (world.everything(), waits(), world.calls.writes()) == (before, NEXT, ["events.PutEvents"])
    entry = world.entry(push.arn)
    changes = pending()["asks"]["changes"]
    assert (entry["outcome"], entry["digest"], "holder" in items.read(LEASE)) == ("held", NEXT, False)
    said = world.calls.notifications[-1]["news"]
    for words in (entry["summary"], f"rota approve {changes}", f"rota reject {changes}", "/v2/executions/details/"):
        assert words in said
    sweep()
    assert (started(), waits()) == ([], NEXT)


def test_approved_it_deploys_once(world: World, waiting: Deployments) -> None:
    name = approve()["execution"]
    assert approve()["execution"] == name, "a second answer is as the first"
    sweep()
    resumed = begun(world)
    assert resumed.run() == "Deployed"
    entry = world.entry(resumed.arn)
    assert (live(), pending(), entry["digest"]) == (NEXT, {}, NEXT)
    assert "ann approved it: the new prices" in entry["summary"]
    answer = _record(world, resumed.arn)["answer"]
    assert (answer["by"], answer["reason"], answer["approves"]) == ("ann", "the new prices", True)
    with pytest.raises(RejectedError, match="nothing waits for an approval"):
        invoke("approve", {"changes": "0" * 32, "approves": True, **BY})


def _record(world: World, execution: str) -> dict[str, Any]:
    """What the ledger keeps of a deployment's record."""
    name = next(name for name, item in world.ledger().items() if item.get("execution") == execution)
    key = LEASE["Key"] | {"record": {"S": name}}
    found: dict[str, Any] = plain(items.read(LEASE | {"Key": key})["deployment"])
    return found


def test_rejected_it_is_gone_and_recorded(world: World, waiting: Deployments) -> None:
    approve(approves=False, reason="the prices are wrong")
    with pytest.raises(RejectedError, match="ann rejected it: the prices are wrong already"):
        approve()
    rejected = begun(world)
    assert rejected.run() == "Rejected"
    entry = world.entry(rejected.arn)
    assert (entry["outcome"], entry["digest"], pending(), live()) == ("rejected", NEXT, {}, DIGEST)
    assert entry["cause"] == ("ann rejected it: the prices are wrong. To deploy it after all: rota deploy --image next")
    assert world.calls.notifications[-1]["outcome"] == "rejected"
    assert waiting.start(NEXT).run() == "Held", "nothing is barred"


def test_without_an_answer_it_expires_and_that_is_told_once(world: World, waiting: Deployments) -> None:
    is_late()
    with pytest.raises(RejectedError, match="is deployed no more: deploy it again"):
        approve()
    for _ in range(2):
        sweep()
    expired = begun(world)
    assert started()[0][1]["reason"] == "no person approved it in time"
    assert expired.run() == "Rejected"
    assert "no person approved it until " in world.entry(expired.arn)["cause"]
    sweep()
    assert (pending(), len(started()), live()) == ({}, 1, DIGEST)


def test_a_newer_push_replaces_it(world: World, waiting: Deployments) -> None:
    seen = pending()["asks"]["changes"]
    assert waiting.start(THIRD).run() == "Held"
    assert waits() == THIRD
    with pytest.raises(RejectedError, match="it has changed since"):
        invoke("approve", {"changes": seen, "approves": True, **BY})


@pytest.mark.exhaustive(first=0)
def test_an_older_push_that_comes_late_does_not(world: World, asking: Deployments) -> None:
    older = asking.start(NEXT)
    asking.start(THIRD).run()
    world.push(NEXT, "second")
    assert (older.run(), waits()) == ("Overtaken", THIRD)


def test_what_would_change_otherwise_is_asked_again(world: World, waiting: Deployments) -> None:
    approve()
    world.upload({"tasks": [SCHEDULE["tasks"][0]]})
    resumed = begun(world)
    assert started()[0][1]["reason"] == "a person approved it"
    assert resumed.run() == "Held"
    assert "It is asked again, because this is not what ann approved." in world.entry(resumed.arn)["cause"]
    assert (waits(), "answer" in pending(), live()) == (NEXT, False, DIGEST)
    sweep()
    assert len(started()) == 1


def test_another_version_of_the_same_file_is_not_asked_again(world: World, waiting: Deployments) -> None:
    approve()
    world.upload(SCHEDULE)
    assert begins(world)


def test_a_person_who_resumes_does_not_approve(world: World, waiting: Deployments) -> None:
    before = pending()
    resume = waiting.ask(kind="resume", by="eve")
    assert (resume.run(), live(), pending()) == ("Done", DIGEST, before)
    assert "waits for an approval: rota approve, or rota reject" in world.entry(resume.arn)["summary"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("key", ["approve", "approval", "Approved", "approves"])
def test_the_machine_takes_no_approval(key: str, world: World, waiting: Deployments) -> None:
    for event in ({"kind": "resume", key: True}, PUSH | {key: True}):
        refused = waiting.ask(**event)
        assert refused.run() == "DeploymentFailed"
        assert "who may approve does it with rota approve" in world.entry(refused.arn)["cause"]


@pytest.mark.parametrize(
    ("parameter", "event", "end"),
    [
        pytest.param("required", PUSH | {"kind": "image"}, "NothingToDo", id="nothing to do"),
        pytest.param("required", PUSH | {"kind": "image", "dry_run": True}, "Planned", id="a dry run"),
        pytest.param("required", {"kind": "pause", "pause": {"tasks": ["RemoveSpam"]}}, "Done", id="pause"),
        pytest.param("required-always", {"kind": "pause", "pause": {"tasks": ["RemoveSpam"]}}, "Done", id="always"),
        pytest.param("required", {"kind": "pause", "hold": {}}, "Done", id="hold"),
    ],
)
def test_what_needs_no_approval(
    parameter: str, event: dict[str, Any], end: str, asking: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL", parameter)
    assert asking.ask(**event).run() == end


def test_an_execution_of_a_machine_that_asks_for_none_ends(asking: Deployments) -> None:
    """It began before the update with which the parameter came."""
    push = asking.start(NEXT).until("PlanDeployment")
    request = push.request("PlanDeployment")
    del request["approval"]
    with pytest.raises(RejectedError, match="Rota was updated meanwhile"):
        invoke("plan_deployment", request)


def test_now_passes_no_approval(asking: Deployments) -> None:
    assert asking.start(NEXT, kind="image", now=True, by="eve").run() == "Held"


@pytest.fixture
@once
def second(asking: Deployments) -> Deployments:
    """After a second release."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPROVAL", "none")
        assert asking.start(NEXT).run() == "Deployed"
    return asking


def test_a_rollback_passes_it_which_is_said(second: Deployments) -> None:
    rollback = second.ask(kind="rollback", release="v1", **BY).until("CreateTargets")
    assert rollback.document["turn"]["image"]["digest"] == DIGEST
    assert "passed: the changes of a push have to be approved" in rollback.document["plan"]["summary"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("killed", [None, 0, 1, 2, 3], ids=str)
def test_a_rollback_that_always_needs_it(
    killed: int | None, world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL", "required-always")
    assert second.ask(kind="rollback", release="previous", by="bob", reason="the login fails").run() == "Held"
    assert (live(), waits(), "bars" in gates()) == (NEXT, DIGEST, False)
    approve()
    rollback = begun(world)
    if killed is not None:
        with world.calls.killing("dynamodb.UpdateItem", after=True, skip=killed), suppress(KilledError):
            rollback.step("TakeTurn")
    assert (rollback.run(), live()) == ("Deployed", DIGEST)
    entry = world.entry(rollback.arn)
    assert (entry["kind"], entry["by"]) == ("rollback", "bob")
    assert "ann approved it" in entry["summary"]
    assert second.start(NEXT).run() == "Barred"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("end", ["rejected", "replaced", "stopped"])
def test_an_approved_rollback_that_does_not_go_bars_nothing(
    end: str, world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the lease, and has barred what it goes back from."""
    monkeypatch.setenv("APPROVAL", "required-always")
    second.ask(kind="rollback", release="previous", by="bob", reason="the login fails").run()
    holder = second.ask(kind="pause", pause={"tasks": ["RemoveSpam"]}).until("ChangePauses")
    world.execution(holder.context["Execution"]["Name"])
    approve()
    rollback = begun(world)
    assert (rollback.step("TakeTurn")["decision"], "bars" in gates()) == ("wait", True)
    if end == "rejected":
        approve(approves=False, by="eve", reason="it was the network")
    if end == "replaced":
        assert second.start(THIRD).step("TakeTurn")["decision"] == "wait"
    if end == "stopped":
        rollback.stop()
        rollback = rollback.restorer()
    rollback.run()
    assert ("bars" in gates(), live()) == (False, NEXT)


def test_a_rollback_that_is_to_be_approved_bars_nothing_while_it_waits(
    world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bars count from when it goes; the hold that comes with it counts at once."""
    monkeypatch.setenv("APPROVAL", "required-always")
    holder = second.ask(kind="pause", pause={"tasks": ["RemoveSpam"]}).until("ChangePauses")
    world.execution(holder.context["Execution"]["Name"])
    rollback = second.ask(kind="rollback", release="previous", hold={}, by="bob", reason="the login fails")
    assert rollback.step("TakeTurn")["decision"] == "wait"
    assert ("bars" in gates(), gates()["hold"]["by"]) == (False, "bob")
    holder.run()
    assert (rollback.run(), waits(), "bars" in gates()) == ("Held", DIGEST, False)


@pytest.mark.exhaustive(first=0)
def test_an_event_that_comes_twice_is_approved_once(world: World, asking: Deployments) -> None:
    detail = PUSH["detail"] | {"image-digest": NEXT, "image-tag": "next"}
    world.push(NEXT, "next")
    event = PUSH | {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "detail": detail}
    for number in range(2):
        now = datetime.now(UTC) + timedelta(seconds=1 + number)
        assert Deployment(world, f"{PUSH['id']}_{number:032}", event, now).run() == "Held"
    approve()
    assert (begun(world).run(), live(), pending()) == ("Deployed", NEXT, {})


LATER = {"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"rate": "20 minutes"}]}


def change_waits() -> dict[str, Any]:
    found: dict[str, Any] = gates().get("pending_schedule", {})
    return found


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("killed", [None, 0, 1, 2], ids=str)
def test_a_change_of_the_schedule_file_waits_too(killed: int | None, world: World, asking: Deployments) -> None:
    world.upload(LATER)
    before = world.everything()
    change = asking.ask(kind="schedule", by="bob", reason="less often")
    assert (change.run(), world.everything() == before, pending()) == ("Held", True, {})
    changes = change_waits()["asks"]["changes"]
    invoke("approve", {"changes": changes, "approves": True, **BY})
    begins = begun(world)
    if killed is not None:
        with world.calls.killing("dynamodb.UpdateItem", after=True, skip=killed), suppress(KilledError):
            begins.step("TakeTurn")
    assert begins.run() == "Deployed"
    entry = world.entry(begins.arn)
    assert (entry["kind"], entry["by"], change_waits()) == ("schedule", "bob", {})
    assert "ann approved it" in entry["summary"]


@pytest.mark.exhaustive(first=0)
def test_a_change_of_the_schedule_file_is_rejected(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.ask(kind="schedule").run()
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": False, **BY})
    rejected = begun(world)
    assert rejected.run() == "Rejected"
    assert "rota deploy --schedule FILE" in world.entry(rejected.arn)["cause"]
    assert change_waits() == {}
    assert asking.ask(kind="schedule").run() == "Held", "it is asked again"


def test_a_rejected_change_behind_a_held_push_is_recorded(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.ask(kind="schedule").run()
    asking.ask(**HELD).run()
    asking.start(NEXT).run()
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": False, **BY})
    assert (begun(world).run(), change_waits(), waits()) == ("Rejected", {}, NEXT)


def test_an_approved_push_goes_on_after_a_change_expires(world: World, asking: Deployments) -> None:
    """The execution that waits with the push for the lease may be the one that records it."""
    world.upload(LATER)
    asking.ask(kind="schedule").run()
    asking.start(NEXT).run()
    holder = asking.ask(kind="pause", pause={"tasks": ["RemoveSpam"]})
    holder.step("TakeTurn")
    world.execution(holder.context["Execution"]["Name"])
    approve()
    first = begun(world)
    assert first.step("TakeTurn")["decision"] == "wait"
    is_late("pending_schedule")
    assert (first.run(), waits(), change_waits()) == ("Rejected", NEXT, {})
    sweep()
    assert len(started()) == 2, "another is started for the push"


def test_an_approved_change_outlives_an_unapproved_push(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.ask(kind="schedule", by="bob").run()
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": True, **BY})
    change = begun(world)
    assert (asking.start(NEXT).run(), waits()) == ("Held", NEXT)
    assert (change.run(), waits(), change_waits()) == ("Deployed", NEXT, {})


@pytest.mark.exhaustive(first=0)
def test_a_newer_change_that_a_push_left_stays_rejected(world: World, asking: Deployments) -> None:
    """A push that names its file leaves it pending, and does not bring it back."""
    named = {"schedule_key": "scheduled_tasks.json", "schedule_version": world.upload(SCHEDULE)}
    push = asking.start(NEXT, kind="image", **named)
    world.upload(LATER)
    asking.ask(kind="schedule").run()
    assert push.step("TakeTurn")["decision"] == "go"
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": False, **BY})
    assert (begun(world).run(), push.run(), change_waits()) == ("Rejected", "Held", {})


def test_a_push_and_a_change_are_asked_for_each_alone(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.start(NEXT).run()
    asking.ask(kind="schedule").run()
    assert pending()["asks"]["changes"] != change_waits()["asks"]["changes"]
    approve()
    assert ("answer" in pending(), "answer" in change_waits()) == (True, False)


@pytest.mark.exhaustive(first=0)
def test_asked_for_the_same_the_push_is_answered(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.start(DIGEST, kind="image").run()
    asking.ask(kind="schedule").run()
    assert pending()["asks"]["changes"] == change_waits()["asks"]["changes"]
    approve()
    assert ("answer" in pending(), "answer" in change_waits()) == (True, False)


def test_what_was_approved_is_rejected_until_it_starts(world: World, asking: Deployments) -> None:
    asking.ask(**HELD).run()
    asking.start(NEXT, kind="image", now=True).run()
    approved = Deployment(world, approve()["execution"], {"kind": "resume"}, datetime.now(UTC))
    name = approve(approves=False, by="eve", reason="too late on a Friday")["execution"]
    rejected = Deployment(world, name, {"kind": "resume"}, datetime.now(UTC))
    assert (rejected.run(), approved.run(), live(), pending()) == ("Rejected", "Done", DIGEST, {})


@pytest.mark.exhaustive(first=0)
def test_of_two_that_expire_each_is_recorded(world: World, asking: Deployments) -> None:
    world.upload(LATER)
    asking.start(NEXT).run()
    asking.ask(kind="schedule").run()
    changed = gates()
    for name in ("pending", "pending_schedule"):
        changed[name]["asks"]["until"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    items.change(LEASE, "SET gates = :gates", gates=stored(changed))
    done: list[str] = []
    for _ in range(2):
        sweep()
        ((name, given),) = [each for each in started() if each[0] not in done]
        assert Deployment(world, name, given, datetime.now(UTC)).run() == "Rejected"
        done.append(name)
    assert gates() == {}


def test_in_a_hold_it_deploys_after_that(world: World, waiting: Deployments) -> None:
    waiting.ask(kind="pause", hold={}, by="bob", reason="the sale").run()
    answered = approve()
    assert (answered["execution"], answered["stopped_by"]) == ("", ["deployments are held by bob: the sale"])
    sweep()
    assert started() == []
    resumed = waiting.ask(kind="resume", hold={}, by="bob").until("RegisterRevisions")
    assert resumed.document["turn"]["image"]["digest"] == NEXT


HELD = {"kind": "pause", "hold": {}, "by": "bob", "reason": "the sale"}


def _shut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", f"{datetime.now(UTC) + timedelta(days=2):%a} 00:00-24:00 UTC")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"kind": "rollback", "release": "v1"}, id="rollback"),
        pytest.param({"kind": "schedule", "now": True}, id="schedule"),
        pytest.param(PUSH | {"kind": "image", "now": True}, id="a push"),
    ],
)
def test_what_passes_the_gates_passes_them_approved(
    event: dict[str, Any], world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an incident, hours before the window opens."""
    monkeypatch.setenv("APPROVAL", "required-always")
    second.ask(**HELD).run()
    _shut(monkeypatch)
    world.upload(LATER)
    assert second.ask(**event).run() == "Held"
    waits = pending() or change_waits()
    invoke("approve", {"changes": waits["asks"]["changes"], "approves": True, **BY})
    sweep()
    resumed = begun(world)
    assert resumed.run() == "Deployed"
    summary = world.entry(resumed.arn)["summary"]
    assert "passed: deployments are held by bob: the sale; the deployment window, " in summary
    assert "ann approved it" in summary


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("approves", [True, False])
@pytest.mark.parametrize("by", ["Approve", "Sweep"])
def test_a_window_that_cannot_be_read_stops_no_rollback(
    by: str, approves: bool, world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not stop is started, and so is what records a rejection."""
    monkeypatch.setenv("APPROVAL", "required-always")
    monkeypatch.setenv("DEPLOY_WINDOW", UNREADABLE)
    second.ask(kind="rollback", release="v1").run()
    if by == "Sweep":
        with world.calls.refusing("stepfunctions.StartExecution", "ThrottlingException"), suppress(Exception):
            approve(approves=approves)
        assert started() == []
        sweep()
    else:
        approve(approves=approves)
    assert begun(world).run() == ("Deployed" if approves else "Rejected")


def test_a_window_that_cannot_be_read_keeps_no_rejection_of_a_push(
    world: World, waiting: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", UNREADABLE)
    approve(approves=False)
    assert (begun(world).run(), pending()) == ("Rejected", {})


def test_nor_that_of_a_change_beside_a_push_that_it_stops(
    world: World, waiting: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload(LATER)
    waiting.ask(kind="schedule").run()
    monkeypatch.setenv("DEPLOY_WINDOW", UNREADABLE)
    (stopped_by,) = approve()["stopped_by"]
    assert stopped_by.startswith("the parameter DeployWindow cannot be read: ")
    is_late("pending_schedule")
    sweep()
    assert (begun(world).run(), waits(), change_waits()) == ("Rejected", NEXT, {})


@pytest.mark.exhaustive(first=0)
def test_it_does_not_wait_behind_a_push_that_is_held(
    world: World, asking: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.ask(**HELD).run()
    asking.start(NEXT).run()
    world.upload(LATER)
    asking.ask(kind="schedule", now=True).run()
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": True, **BY})
    assert (begun(world).run(), waits(), change_waits()) == ("Deployed", NEXT, {})


def test_a_rollback_to_todays_file_is_asked_for(world: World, second: Deployments) -> None:
    """Or who may not approve could deploy any file."""
    world.upload(LATER)
    before = world.everything()
    assert second.ask(kind="rollback", release="v2", image_only=True, by="eve").run() == "Held"
    assert (world.everything(), pending()["back_to"]["image_only"]) == (before, True)


def test_a_rollback_that_runs_before_is_asked_for(second: Deployments) -> None:
    """No approver may have seen the command: a change of the file alone does not run it."""
    assert second.ask(kind="rollback", release="v1", with_before=True, by="eve").run() == "Held"
    assert pending()["back_to"]["with_before"] is True


def test_a_change_of_the_file_shows_the_smoke_test_that_a_rollback_runs(world: World, asking: Deployments) -> None:
    """A rollback to that release runs it without an approval."""
    world.upload(LATER | {"after": {"task": "smoke_test"}})
    change = asking.ask(kind="schedule")
    assert change.run() == "Held"
    assert "after: the smoke test ./bin/start smoke_test does not run" in world.entry(change.arn)["cause"]
    invoke("approve", {"changes": change_waits()["asks"]["changes"], "approves": True, **BY})
    world.upload(LATER | {"after": {"task": "another"}})
    assert begun(world).run() == "Held", "another one is asked for"


def test_a_push_says_that_it_replaces_a_rollback(world: World, second: Deployments) -> None:
    second.ask(kind="rollback", release="v1", image_only=True, by="eve", reason="the login fails").run()
    push = second.start(THIRD)
    assert (push.run(), waits()) == ("Held", THIRD)
    words = (
        "replaces the rollback to v1, which waits (rollback by eve: the login fails); to ask again: rota rollback v1"
    )
    assert words in world.entry(push.arn)["summary"]


def test_a_push_that_waits_says_it_each_time(world: World, second: Deployments) -> None:
    second.ask(kind="rollback", release="v1", image_only=True, by="eve", reason="the login fails").run()
    holder = second.ask(kind="pause", pause={"tasks": ["RemoveSpam"]})
    holder.step("TakeTurn")
    world.execution(holder.context["Execution"]["Name"])
    push = second.start(THIRD)
    said = push.step("TakeTurn")["remark"]
    assert (said.startswith("replaces the rollback to v1, which waits"), pending()) == (True, {})
    assert push.step("TakeTurn")["remark"] == said


@pytest.mark.exhaustive(first=0)
def test_a_push_that_waits_says_it_afterwards(world: World, second: Deployments) -> None:
    second.ask(kind="rollback", release="v1", image_only=True, by="eve", reason="the login fails").run()
    holder = second.ask(kind="schedule", by="ann")
    assert holder.step("TakeTurn")["decision"] == "go"
    world.execution(holder.context["Execution"]["Name"])
    push = second.start(THIRD).until("WaitForTurn")
    assert pending() == {}
    holder.run()
    assert push.run() == "Held"
    assert "replaces the rollback to v1, which waits" in world.entry(push.arn)["summary"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("why", ["it is older", "the days are over"])
def test_a_push_that_replaces_no_rollback_says_nothing(why: str, second: Deployments) -> None:
    earlier = second.start(THIRD)
    second.ask(kind="rollback", release="v1", image_only=True, by="eve", reason="the login fails").run()
    if why == "the days are over":
        is_late()
    push = earlier if why == "it is older" else second.start(THIRD)
    assert push.step("TakeTurn")["remark"] == ""


@pytest.mark.exhaustive(first=0)
def test_a_rollback_with_its_migration_is_approved_so(
    world: World, second: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL", "required-always")
    assert second.ask(kind="rollback", release="v1", with_before=True).run() == "Held"
    approve()
    resumed = begun(world)
    assert resumed.step("TakeTurn")["with_before"] is True


def test_what_was_held_is_planned_first_and_then_asked(world: World, asking: Deployments) -> None:
    asking.ask(kind="pause", hold={}, by="bob").run()
    asking.start(NEXT).run()
    assert "asks" not in pending()
    assert asking.ask(kind="resume", hold={}, by="bob").run() == "Held"
    assert "asks" in pending()


def test_a_stack_that_asks_no_more_deploys_it(
    world: World, waiting: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL", "none")
    sweep()
    assert begins(world)


def test_a_newer_push_that_waits_for_the_lease_goes_before(world: World, asking: Deployments) -> None:
    older = asking.start(NEXT).until("RestoreDeployment")
    world.execution(older.arn.rpartition(":")[2])
    newer = asking.start(THIRD)
    assert newer.step("TakeTurn")["decision"] == "wait"
    assert (older.run(), pending()) == ("Overtaken", {})
    assert ": a newer push has arrived. " in world.entry(older.arn)["cause"]
    assert (newer.run(), waits()) == ("Held", THIRD)


class Comes:
    """A hook with which a push comes once another one writes how it ended."""

    def __init__(self, push: Deployment) -> None:
        self._push = push
        self.decision = ""

    def before(self, call: Call) -> None:
        if call.caller and call.operation == "PutItem" and not self.decision:
            self.decision = "comes"
            self.decision = self._push.step("TakeTurn")["decision"]

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_a_newer_push_that_comes_as_it_ends_goes_before(world: World, asking: Deployments) -> None:
    older = asking.start(NEXT).until("RestoreDeployment")
    world.execution(older.arn.rpartition(":")[2])
    newer = asking.start(THIRD)
    with local_stage().hooked(comes := Comes(newer)):
        older.run()
    assert (comes.decision, pending()) == ("wait", {})
    assert (newer.run(), waits()) == ("Held", THIRD)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("holder", ["a rollback", "an approved push"])
def test_an_unapproved_push_stops_nothing_that_goes(holder: str, world: World, second: Deployments) -> None:
    if holder == "a rollback":
        first = second.ask(kind="rollback", release="v1", **BY).until("RollService")
        world.execution(first.context["Execution"]["Name"])
    else:
        second.start(DIGEST, kind="image").run()
        approve()
        first = begun(world).until("CreateTargets")
    push = second.start(THIRD)
    assert push.step("TakeTurn")["decision"] == "wait"
    assert (first.run(), push.run(), live(), waits()) == ("Deployed", "Held", DIGEST, THIRD)


@pytest.mark.exhaustive(first=0)
def test_an_older_replica_does_not_overtake_it_meanwhile(world: World, second: Deployments) -> None:
    older, newest = "sha256:" + "4a" * 32, THIRD
    replicas = Replicas(world)
    for minute, digest in enumerate((DIGEST, NEXT, older, newest)):
        replicas.come(digest, minute)
    first = second.ask(kind="rollback", release="v1", **BY)
    first.step("TakeTurn")
    world.execution(first.context["Execution"]["Name"])
    for digest, decision in ((newest, "wait"), (older, "ignore")):
        assert replicas.start(digest, at=datetime.now(UTC)).step("TakeTurn")["decision"] == decision


@pytest.mark.exhaustive(first=0)
def test_of_two_that_wait_the_newer_keeps_an_older_replica_away(world: World, second: Deployments) -> None:
    """Whichever has looked at the lease last: a push, or an image that ECR replicated."""
    first, older, newest = ("sha256:" + "4a" * 31 + f"0{number}" for number in (1, 2, 3))
    holder = second.ask(kind="rollback", release="v1", **BY)
    holder.step("TakeTurn")
    world.execution(holder.context["Execution"]["Name"])
    push, replicas = second.start(first), Replicas(world)
    for minute, digest in enumerate((DIGEST, NEXT, first, older, newest)):
        replicas.come(digest, minute)
    replica = replicas.start(newest, at=datetime.now(UTC))
    for each in (push, replica, push):
        assert each.step("TakeTurn")["decision"] == "wait"
    assert replicas.start(older, at=datetime.now(UTC)).step("TakeTurn")["decision"] == "ignore"


def test_one_that_is_aborted_as_it_ends_asks_for_nothing(world: World, asking: Deployments) -> None:
    push = asking.start(NEXT).until("RestoreDeployment")
    push.stop()
    assert (push.restorer().run(), pending(), live()) == ("Restored", {}, DIGEST)
    assert "holder" not in items.read(LEASE)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", [1, 0, *range(2, 6)])
def test_killed_while_it_ends_it_waits_all_the_same(call: int, after: bool, world: World, asking: Deployments) -> None:
    push = asking.start(NEXT).until("RestoreDeployment")
    with world.calls.killing("dynamodb.UpdateItem", after=after, skip=call), suppress(KilledError):
        push.step("RestoreDeployment")
    assert (push.run(), waits()) == ("Held", NEXT)
    approve()
    assert begins(world)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["stepfunctions.StartExecution", "dynamodb.UpdateItem"])
def test_killed_while_it_is_approved(call: str, after: bool, world: World, waiting: Deployments) -> None:
    with world.calls.killing(call, after=after), suppress(KilledError):
        approve()
    answered = "answer" in pending()
    assert answered is not (call == "dynamodb.UpdateItem" and not after)
    if not answered:
        approve()
    sweep()
    assert (begins(world), pending()) == (True, {})


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("call", range(3))
def test_killed_in_its_turn_an_approved_one_ends_the_same(call: int, world: World, waiting: Deployments) -> None:
    approve()
    resumed = begun(world)
    with world.calls.killing("dynamodb.UpdateItem", after=True, skip=call), suppress(KilledError):
        resumed.step("TakeTurn")
    assert resumed.until("RegisterRevisions").at == "RegisterRevisions"


def test_what_another_has_just_changed_is_looked_at_again(world: World, waiting: Deployments) -> None:
    changes = pending()["asks"]["changes"]

    with (
        world.calls.refusing("dynamodb.UpdateItem", "ConditionalCheckFailedException"),
        pytest.raises(TransientError, match="has just changed"),
    ):
        invoke("approve", {"changes": changes, "approves": True, **BY})
    assert "answer" not in pending()


def test_a_lost_reply_is_no_other_answer(world: World, waiting: Deployments) -> None:
    with world.calls.losing("dynamodb.UpdateItem"):
        assert approve()["execution"]
    assert begins(world)


@pytest.mark.exhaustive(first=0)
def test_approved_with_the_same_words_again_it_starts(world: World, waiting: Deployments) -> None:
    seen = []
    for file in (LATER, SCHEDULE):
        seen.append(approve()["execution"])
        world.upload(file)
        assert Deployment(world, seen[-1], {"kind": "resume"}, datetime.now(UTC)).run() == "Held"
    assert approve()["execution"] not in seen


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_a_newer_push_that_waits_replaces_it_and_may_be_aborted(
    killed: bool, world: World, waiting: Deployments
) -> None:
    """It would be started each hour, and never have its turn."""
    name = approve()["execution"]
    change = waiting.ask(kind="pause", pause={"tasks": ["RemoveSpam"]}).until("ChangePauses")
    world.execution(change.arn.rpartition(":")[2])
    newer = waiting.start(THIRD)
    if killed:  # before it says that the other one is pending no more
        with world.calls.killing("dynamodb.UpdateItem", after=True, skip=1), suppress(KilledError):
            newer.step("TakeTurn")
        assert waits() == NEXT
    else:
        assert newer.step("TakeTurn")["decision"] == "wait"
        assert waits() is None
    newer.stop()
    newer.restorer().run()
    change.run()
    resumed = Deployment(world, name, {"kind": "resume"}, datetime.now(UTC))
    assert (resumed.run(), pending()) == ("Overtaken" if killed else "Done", {})


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    "request_",
    [{"changes": "x"}, {"approves": "yes"}, {"by": ""}, {"reason": ""}, {"by": "x" * 257}],
    ids=lambda given: next(iter(given)),
)
def test_an_answer_says_what_who_and_why(request_: dict[str, Any], waiting: Deployments) -> None:
    with pytest.raises(Exception, match=next(iter(request_))):
        approve(**request_) if "approves" not in request_ else approve(approves=request_["approves"])


@pytest.mark.exhaustive(first=0)
def test_the_kinds_of_what_is_resumed_stay(world: World, asking: Deployments) -> None:
    asking.start(NEXT, kind="image", by="bob", reason="try it").run()
    approve()
    resumed = begun(world)
    resumed.run()
    assert world.entry(resumed.arn)["kind"] == Kind.IMAGE
