"""A hold: pushes end Held, the newest stays pending with its place in the line, and deploys when the hold is over."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Asks, Image, Origin
from rota.deployment.gates import Gates, Hold, Pending, PendingSchedule
from rota.deployment.items import plain, stored
from rota.deployment.lease.pending import start_pending
from rota.errors import RejectedError
from tests.guestbook import DIGEST, SETTINGS
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, PUSH, THIRD, Deployment, Deployments
from tests.steps.items import LEASE, RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World, handler

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOLD = {"kind": "pause", "hold": {}, "by": "ann", "reason": "the sale"}
RESUME = {"kind": "resume", "hold": {}, "by": "bob"}
ENDS = '. To end the hold: rota resume --deployments, or start {"kind": "resume", "hold": {}}'
START_PENDING = {"kind": "resume", "by": "Sweep", "reason": "no hold and no closed deployment window stops it any more"}


def gates() -> dict[str, Any]:
    found: dict[str, Any] = plain(items.read(LEASE).get("gates", {"M": {}}))
    return found


def pending() -> str | None:
    """The digest that is pending."""
    digest: str | None = gates().get("pending", {}).get("image", {}).get("digest")
    return digest


def live() -> str:
    digest: str = plain({"M": items.read(RELEASES)})["live_digest"]
    return digest


def until(time: timedelta) -> dict[str, Any]:
    return HOLD | {"hold": {"until": (datetime.now(UTC) + time).isoformat()}}


def is_over() -> None:
    """The time of the hold is over."""
    changed = gates()
    changed["hold"]["until"] = (datetime.now(UTC) - HOUR).isoformat()
    items.change(LEASE, "SET gates = :gates", gates=stored(changed))


@pytest.fixture
@once
def held(in_real_time: Deployments) -> Deployments:
    """Deployments after a first one, in a hold."""
    assert in_real_time.ask(**HOLD).run() == "Done"
    return in_real_time


@pytest.fixture
@once
def pushed(held: Deployments) -> Deployments:
    """After a push, which is pending."""
    assert held.start(NEXT).run() == "Held"
    return held


@pytest.fixture
@once
def two(held: Deployments) -> Deployments:
    """After a second release."""
    assert held.start(NEXT, now=True).run() == "Deployed"
    return held


@pytest.fixture
@once
def barred(two: Deployments) -> Deployments:
    """After a rollback from that."""
    assert two.ask(kind="rollback", release="v1").run() == "Deployed"
    return two


@pytest.mark.parametrize("holds", [True, False], ids=["a hold", "none"])
def test_gates_that_are_put_as_they_were_stay(holds: bool, later: Deployments) -> None:
    if holds:
        assert later.ask(**HOLD).run() == "Done"
    before, table = gates(), later.start().lease().table
    assert (bool(before), table.put_gates(before, Gates.model_validate(before))) == (holds, table.read())
    assert gates() == before
    assert table.put_gates({"pending": {}}, Gates()) is None, "they are not as they were seen"
    assert gates() == before


def test_a_hold_is_recorded_and_notified(world: World, later: Deployments) -> None:
    hold = later.ask(**until(HOUR))
    assert hold.run() == "Done"
    entry = world.entry(hold.arn)
    assert (entry["outcome"], entry["kind"], entry["by"], entry["reason"]) == ("done", "pause", "ann", "the sale")
    assert entry["summary"].startswith("deployments are held by ann until 20")
    assert 'To end the hold: rota resume --deployments, or start {"kind": "resume", "hold": {}}' in entry["summary"]
    event = world.calls.notifications[-1]
    assert (event["outcome"], event["started"]) == ("done", "pause by ann: the sale")


def test_a_push_ends_held_and_stays_pending(world: World, held: Deployments) -> None:
    before = world.everything()
    push = held.start(NEXT)
    assert push.run() == "Held"
    assert (world.everything(), pending()) == (before, NEXT)
    entry = world.entry(push.arn)
    assert (entry["outcome"], entry["digest"]) == ("held", NEXT)
    assert entry["cause"].startswith("deployments are held by ann: the sale. It deploys when the hold is over")
    assert push.document["restored"] == {"outcome": "held", "error": "held", "cause": entry["cause"]}
    assert world.calls.notifications[-1]["outcome"] == "held"


@pytest.mark.parametrize(
    ("given", "newer", "now"),
    [
        pytest.param(None, "a newer push", "--image next --now", id="a push"),
        pytest.param({"kind": "schedule", "by": "bob"}, "a push", "--schedule FILE --now", id="the schedule file"),
    ],
)
@pytest.mark.parametrize(
    ("hold", "shut", "when", "ends"),
    [
        pytest.param(HOLD, False, "the hold is over, which a person says", ENDS, id="a hold"),
        pytest.param(until(30 * DAY), False, "the hold is over", ENDS, id="one with an end"),
        pytest.param(None, True, "that opens", "", id="the window"),
        pytest.param(HOLD, True, "the hold is over, which a person says", ENDS, id="both"),
    ],
)
def test_what_is_held_says_until_when_and_what_to_do(
    given: dict[str, Any] | None,
    newer: str,
    now: str,
    hold: dict[str, Any] | None,
    shut: bool,
    when: str,
    ends: str,
    world: World,
    later: Deployments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if hold:
        later.ask(**hold).run()
    if shut:
        monkeypatch.setenv("DEPLOY_WINDOW", f"{datetime.now(UTC) + timedelta(days=2):%a} 00:00-24:00 UTC")
    deployment = later.ask(**given) if given else later.start(NEXT)
    assert deployment.run() == "Held"
    stops, _, rest = world.entry(deployment.arn)["cause"].partition(". It deploys when ")
    assert rest == f"{when}, unless {newer} does. To deploy it now: rota deploy {now}{ends}"
    assert ("deployments are held by ann" in stops, "the deployment window, " in stops) == (hold is not None, shut)


def test_a_newer_push_replaces_it(world: World, pushed: Deployments) -> None:
    assert pushed.start(THIRD).run() == "Held"
    assert pending() == THIRD
    turn = pushed.ask(**RESUME).step("TakeTurn")
    assert (turn["decision"], turn["image"]["digest"], gates().keys()) == ("go", THIRD, {"hold_changed"})


def test_an_older_push_that_comes_late_does_not(world: World, held: Deployments) -> None:
    older = held.start(NEXT)
    held.start(THIRD).run()
    world.push(NEXT, "second")
    assert older.run() == "Overtaken"
    assert pending() == THIRD


@pytest.mark.exhaustive(first=4)
@pytest.mark.parametrize(
    ("event", "end", "lives"),
    [
        pytest.param({"kind": "rollback", "release": "v1", "image_only": True}, "NothingToDo", DIGEST, id="rollback"),
        pytest.param({"kind": "schedule"}, "Held", DIGEST, id="schedule"),
        pytest.param({"kind": "schedule", "now": True}, "NothingToDo", DIGEST, id="schedule, now"),
        pytest.param(PUSH | {"now": True}, "NothingToDo", DIGEST, id="now"),
        pytest.param(PUSH | {"kind": "image"}, "Held", DIGEST, id="an image"),
        pytest.param(PUSH | {"kind": "again"}, "Held", DIGEST, id="again"),
        pytest.param({"kind": "resume"}, "Done", DIGEST, id="what is pending"),
    ],
)
def test_what_passes_a_hold(event: dict[str, Any], end: str, lives: str, world: World, held: Deployments) -> None:
    assert held.ask(**event).run() == end
    assert live() == lives
    assert "hold" in gates()


def test_what_deploys_already_goes_on(world: World, later: Deployments, pushing: Deployment) -> None:
    world.execution("deployment-2")
    assert later.ask(**HOLD).run() == "Done"
    assert pushing.run() == "Deployed"
    assert live() == NEXT


def test_what_waits_is_held(world: World, later: Deployments, pushing: Deployment) -> None:
    world.execution("deployment-2")
    waiting = later.start(THIRD)
    assert waiting.step("TakeTurn")["decision"] == "wait"
    later.ask(**HOLD).run()
    assert (waiting.run(), pushing.run(), pending()) == ("Held", "Overtaken", THIRD)


@pytest.mark.exhaustive(first=0)
def test_it_counts_from_its_push(world: World, pushed: Deployments) -> None:
    """A newer image was deployed with now, so what is pending is older and goes."""
    assert pushed.start(THIRD, now=True).run() == "Deployed"
    assert pending() is None
    assert pushed.ask(**RESUME).run() == "Done"
    assert live() == THIRD


def test_a_push_after_the_hold_deploys_in_its_place(world: World, pushed: Deployments) -> None:
    is_over()
    assert pushed.start(THIRD).step("TakeTurn")["decision"] == "go"
    assert (pending(), "hold" in gates()) == (None, False)


@pytest.mark.exhaustive(first=0)
def test_an_older_push_after_the_hold_gives_way(world: World, held: Deployments) -> None:
    older = held.start(NEXT)
    held.start(THIRD).run()
    world.push(NEXT, "second")
    is_over()
    assert (older.run(), pending()) == ("Overtaken", THIRD)


def test_a_hold_that_is_past_is_refused(world: World, later: Deployments) -> None:
    later.in_real_time()
    hold = later.ask(**until(-HOUR))
    assert hold.run() == "DeploymentFailed"
    assert "which is past; write when the hold is over" in world.entry(hold.arn)["cause"]


def test_a_resume_that_comes_late_ends_no_later_hold(world: World, held: Deployments) -> None:
    resume, again = held.ask(**RESUME), held.ask(**HOLD | {"by": "eve"})
    again.run()
    assert resume.run() == "Done"
    assert gates()["hold"]["by"] == "eve"


def test_a_hold_that_comes_late_does_not_return(world: World, later: Deployments) -> None:
    hold, resume = later.ask(**HOLD), later.ask(**RESUME)
    resume.run()
    hold.run()
    assert "hold" not in gates()


@pytest.mark.exhaustive(first=0)
def test_a_resumed_one_waits_for_its_turn(world: World, held: Deployments) -> None:
    change = held.ask(kind="schedule", now=True).until("ReadConfig")
    world.execution("deployment-3")
    held.start(NEXT).run()
    resume = held.ask(**RESUME)
    assert resume.step("TakeTurn")["decision"] == "wait"
    assert (change.run(), resume.run()) == ("NothingToDo", "Deployed")
    assert live() == NEXT
    entry = world.entry(resume.arn)
    assert (entry["kind"], entry["by"], entry["digest"]) == ("resume", "bob", NEXT)


@pytest.mark.exhaustive(first=0)
def test_a_new_hold_stops_one_that_waits(world: World, held: Deployments) -> None:
    change = held.ask(kind="schedule", now=True).until("ReadConfig")
    world.execution("deployment-3")
    held.start(NEXT).run()
    resume = held.ask(**RESUME)
    assert resume.step("TakeTurn")["decision"] == "wait"
    held.ask(**HOLD).run()
    assert (resume.run(), change.run(), pending()) == ("Held", "NothingToDo", NEXT)


def test_a_rollback_with_a_hold(world: World, two: Deployments) -> None:
    two.ask(**RESUME).run()
    assert two.ask(kind="rollback", release="v1", hold={}, by="ann").run() == "Deployed"
    assert two.start(THIRD).run() == "Held"
    assert (live(), pending()) == (DIGEST, THIRD)


def test_a_rollback_is_newer_than_what_is_pending(world: World, two: Deployments) -> None:
    """What was pushed before it most likely has its fault too; it deploys by a person's choice."""
    two.start(THIRD).run()
    assert two.ask(kind="rollback", release="v1").run() == "Deployed"
    assert (live(), pending()) == (DIGEST, None)


@pytest.mark.exhaustive(first=0)
def test_what_is_barred_is_not_pending(world: World, barred: Deployments) -> None:
    assert barred.start(NEXT).run() == "Barred"
    assert pending() is None


def test_what_was_barred_meanwhile_is_pending_no_more(world: World, pushed: Deployments) -> None:
    bar = {"digest": {"S": NEXT}, "release": {"S": "v9"}, "execution": {"S": "x"}}
    items.change(LEASE, "SET gates.bars = :bars", bars={"L": [{"M": bar}]})
    assert pushed.ask(**RESUME).run() == "Barred"
    assert pending() is None


@pytest.mark.exhaustive(first=0)
def test_a_choice_in_spite_of_a_bar_is_kept_with_it(world: World, barred: Deployments) -> None:
    assert barred.start(NEXT, kind="image").run() == "Held"
    assert barred.ask(**RESUME).run() == "Deployed"
    assert (live(), "bars" in gates()) == (NEXT, False)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", range(3))
def test_killed_in_its_turn_a_resumed_one_ends_the_same(
    call: int, after: bool, world: World, pushed: Deployments
) -> None:
    resume = pushed.ask(**RESUME)
    with world.calls.killing("dynamodb.UpdateItem", after=after, skip=call), suppress(KilledError):
        resume.step("TakeTurn")
    turn = resume.step("TakeTurn")
    assert (turn["decision"], turn["image"]["digest"], pending()) == ("go", NEXT, None)


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", range(2))
def test_killed_while_it_is_held_a_push_is_not_lost(call: int, after: bool, world: World, held: Deployments) -> None:
    push = held.start(NEXT)
    with world.calls.killing("dynamodb.UpdateItem", after=after, skip=call), pytest.raises(KilledError):
        push.step("TakeTurn")
    assert push.run() == "Held"
    assert pending() == NEXT


def test_a_resumed_one_that_fails_is_pending_no_more(pushed: Deployments) -> None:
    """As a push that fails, it is started again by a person."""
    resumed = pushed.ask(**RESUME).until("RegisterRevisions")
    resumed.fail("RejectedError", "what happened")
    assert (resumed.step("RestoreDeployment")["outcome"], pending()) == ("failed", None)


# ---------------------------------------------------------------------- the schedule file alone


LATER = {"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"rate": "20 minutes"}]}


def pending_schedule() -> dict[str, Any]:
    found: dict[str, Any] = gates().get("pending_schedule", {})
    return found


def test_a_change_of_the_schedule_file_deploys_after_the_hold(world: World, held: Deployments, machine: str) -> None:
    world.upload(LATER)
    change = held.ask(kind="schedule", by="ann", reason="less often")
    assert change.run() == "Held"
    assert "unless a push does. To deploy it now: rota deploy --schedule FILE --now" in world.entry(change.arn)["cause"]
    assert (pending(), pending_schedule()["execution"]) == (None, change.arn)
    sweep()
    assert started(machine) == []
    is_over()
    for _ in range(2):
        sweep()
    ((name, given),) = started(machine)
    begun = Deployment(world, name, given, datetime.now(UTC))
    assert begun.run() == "Deployed"
    entry = world.entry(begun.arn)
    assert (entry["kind"], entry["by"], entry["reason"], pending_schedule()) == ("schedule", "ann", "less often", {})


def test_the_newest_change_stays(world: World, held: Deployments) -> None:
    older, newer = held.ask(kind="schedule"), held.ask(kind="schedule")
    assert (newer.run(), older.run()) == ("Held", "Held")
    assert pending_schedule()["execution"] == newer.arn


def test_it_replaces_no_push_and_a_push_replaces_it(world: World, pushed: Deployments) -> None:
    pushed.ask(kind="schedule").run()
    assert (pending(), "execution" in pending_schedule()) == (NEXT, True)
    assert pushed.ask(**RESUME).run() == "Deployed"
    assert (live(), pending(), pending_schedule()) == (NEXT, None, {})


@pytest.mark.exhaustive(first=0)
def test_a_push_with_an_older_file_keeps_it(world: World, held: Deployments) -> None:
    version = world.upload(SCHEDULE)
    held.start(NEXT, schedule_key="scheduled_tasks.json", schedule_version=version).run()
    world.upload(LATER)
    change = held.ask(kind="schedule")
    change.run()
    assert held.ask(**RESUME).run() == "Deployed"
    assert (live(), pending_schedule()["execution"]) == (NEXT, change.arn)


def test_a_new_hold_keeps_a_change_that_was_started(world: World, held: Deployments, machine: str) -> None:
    first = held.ask(kind="schedule")
    first.run()
    is_over()
    sweep()
    ((name, given),) = started(machine)
    held.ask(**HOLD).run()
    assert Deployment(world, name, given, datetime.now(UTC)).run() == "Held"
    assert pending_schedule()["execution"] == first.arn


# ---------------------------------------------------------------------- the deployment window


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch, in_real_time: Deployments) -> Deployments:
    """Deployments after a first one, outside the deployment window."""
    monkeypatch.setenv("DEPLOY_WINDOW", f"{datetime.now(UTC) + timedelta(days=2):%a} 00:00-24:00 UTC")
    return in_real_time


@pytest.mark.parametrize("by", ["a push", "a pause"])
def test_a_change_whose_place_a_lost_push_took_is_pending_again(by: str, world: World, held: Deployments) -> None:
    """Nothing has restored that push: the next one, or a change of pauses, lets the change be pending if it fails."""
    world.upload(LATER)
    change = held.ask(kind="schedule", by="ann")
    change.run()
    lost = held.start(NEXT, kind="image", now=True).until("ReadConfig")
    assert pending_schedule() == {}
    lost.stop(timedelta(hours=1))
    after = (
        held.start(THIRD, kind="image", now=True)
        if by == "a push"
        else held.ask(kind="pause", pause={"tasks": ["RemoveSpam"]})
    )
    after.until("ReadConfig" if by == "a push" else "ChangePauses")
    record = after.lease().table.read().record
    assert record and record.replaces and record.replaces["execution"] == change.arn
    after.fail("RejectedError", "what happened")
    after.restore()
    assert pending_schedule()["execution"] == change.arn


HOLD_ALONE = {"kind": "pause", "hold": {}}


def opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", "Mon-Sun 00:00-24:00 UTC")


def test_outside_the_window_the_newest_push_is_pending(
    world: World, shut: Deployments, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    shut.start(NEXT).run()
    push = shut.start(THIRD)
    assert (push.run(), pending()) == ("Held", THIRD)
    cause = world.entry(push.arn)["cause"]
    assert "the deployment window, " in cause
    assert "It deploys when that opens, unless a newer push does. To deploy it now: rota deploy --image next --now" in (
        cause
    )
    sweep()
    assert started(machine) == []
    opens(monkeypatch)
    for _ in range(2):
        sweep()
    ((name, given),) = started(machine)
    turn = Deployment(world, name, given, datetime.now(UTC)).step("TakeTurn")
    assert (turn["decision"], turn["image"]["digest"]) == ("go", THIRD)


@pytest.mark.exhaustive(first=4)
@pytest.mark.parametrize(
    ("event", "end"),
    [
        pytest.param(PUSH | {"kind": "image"}, "Held", id="an image"),
        pytest.param(PUSH | {"kind": "image", "now": True, "by": "ann"}, "NothingToDo", id="now"),
        pytest.param({"kind": "rollback", "release": "v1", "by": "ann"}, "NothingToDo", id="rollback"),
        pytest.param({"kind": "pause", "pause": {"tasks": ["RemoveSpam"]}}, "Done", id="pause"),
        pytest.param(PUSH | {"kind": "again"}, "Held", id="again"),
        pytest.param({"kind": "resume", "pause": {}}, "Done", id="resume"),
        pytest.param(HOLD_ALONE, "Done", id="hold"),
        pytest.param({"kind": "schedule"}, "Held", id="schedule"),
        pytest.param({"kind": "schedule", "now": True}, "NothingToDo", id="schedule, now"),
    ],
)
def test_what_passes_the_window(event: dict[str, Any], end: str, world: World, shut: Deployments) -> None:
    execution = shut.ask(**event)
    assert execution.run() == end
    passed = end != "Held" and event != HOLD_ALONE
    assert ("passed: the deployment window, " in world.entry(execution.arn).get("summary", "")) is passed


@pytest.mark.exhaustive(first=0)
def test_one_that_waits_when_the_window_shuts_is_held(
    world: World, later: Deployments, pushing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.execution("deployment-2")
    waiting = later.start(THIRD)
    assert waiting.step("TakeTurn")["decision"] == "wait"
    monkeypatch.setenv("DEPLOY_WINDOW", f"{datetime.now(UTC) + timedelta(days=2):%a} 00:00-24:00 UTC")
    assert (waiting.run(), pushing.run(), pending()) == ("Held", "Overtaken", THIRD)


def test_the_end_of_a_hold_waits_for_the_window(
    world: World, pushed: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", f"{datetime.now(UTC) + timedelta(days=2):%a} 00:00-24:00 UTC")
    resume = pushed.ask(**RESUME)
    assert (resume.run(), pending(), "hold" in gates()) == ("Held", NEXT, False)


def test_a_window_that_cannot_be_read_is_the_operators(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", "Mon-Fri 09:00-17:00 Europe/Belrin")
    push = later.start(NEXT)
    assert push.run() == "DeploymentFailed"
    assert (
        'the parameter DeployWindow cannot be read: "Europe/Belrin" is not a time zone'
        in (world.entry(push.arn)["cause"])
    )


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    ("event", "end"),
    [
        pytest.param({"kind": "rollback", "release": "v1"}, "NothingToDo", id="rollback"),
        pytest.param(HOLD_ALONE, "Done", id="hold"),
        pytest.param(PUSH | {"kind": "image", "now": True}, "NothingToDo", id="now"),
        pytest.param({"kind": "pause", "pause": {"tasks": ["RemoveSpam"]}}, "Done", id="pause"),
        pytest.param({"kind": "resume", "hold": {}}, "Done", id="end of a hold"),
    ],
)
def test_one_that_cannot_be_read_stops_no_way_out(
    event: dict[str, Any], end: str, world: World, shut: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_WINDOW", "Mon-Fri 09:00-17:00 Europe/Belrin")
    execution = shut.ask(**event)
    assert execution.run() == end
    passed = "passed: the parameter DeployWindow cannot be read" in world.entry(execution.arn)["summary"]
    assert passed is ("hold" not in event)


# ---------------------------------------------------------------------- Sweep


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, world: World) -> Iterator[str]:
    """The state machine that Sweep starts, and its ARN."""
    world.execution("another")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:rota-deploy"
    monkeypatch.setenv("STATE_MACHINE_ARN", arn)
    monkeypatch.setenv("WATCH_RUNS", "false")
    yield arn


def started(machine: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and input of what Sweep has started."""
    found = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    described = [client("stepfunctions").describe_execution(executionArn=each["executionArn"]) for each in found]
    return [(each["name"], json.loads(each["input"])) for each in described if each["name"].startswith("pending-")]


def sweep() -> None:
    handler("sweep")({"id": "tick"}, None)  # its context is not used


def test_sweep_starts_what_is_pending_once(world: World, pushed: Deployments, machine: str) -> None:
    sweep()
    assert started(machine) == []
    is_over()
    for _ in range(2):
        sweep()
    ((name, given),) = started(machine)
    assert given == START_PENDING
    assert Deployment(world, name, given, datetime.now(UTC)).run() == "Deployed"
    assert live() == NEXT
    sweep()
    assert len(started(machine)) == 1


def test_pauses_that_cannot_be_read_keep_nothing_from_starting(world: World, pushed: Deployments, machine: str) -> None:
    is_over()
    with world.calls.refusing("dynamodb.Query", "AccessDeniedException"), pytest.raises(RejectedError, match="Query"):
        sweep()
    assert len(started(machine)) == 1


@pytest.mark.exhaustive(first=0)
def test_two_that_were_started_deploy_it_once(world: World, pushed: Deployments) -> None:
    is_over()
    first, second = pushed.ask(**START_PENDING), pushed.ask(**START_PENDING)
    assert (first.run(), second.run()) == ("Deployed", "Done")


def test_a_hold_set_meanwhile_keeps_it(world: World, pushed: Deployments) -> None:
    is_over()
    begun = pushed.ask(**START_PENDING)
    pushed.ask(**HOLD).run()
    assert (begun.run(), pending(), live()) == ("Held", NEXT, DIGEST)


def test_after_another_hold_it_is_started_again(world: World, pushed: Deployments, machine: str) -> None:
    is_over()
    sweep()
    pushed.ask(**HOLD).run()
    sweep()
    is_over()
    sweep()
    assert len({name for name, _ in started(machine)}) == 2


def test_one_that_could_not_begin_is_followed_in_an_hour(world: World, pushed: Deployments, machine: str) -> None:
    is_over()
    now = datetime.now(UTC).replace(minute=59)
    found = Gates.model_validate(gates())
    settings = SETTINGS.model_copy(update={"state_machine_arn": machine})
    names = [start_pending(client("stepfunctions"), settings, found, lambda: None, at) for at in (now, now, now + HOUR)]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(("approval", "starts"), [("none", True), ("required", False)])
def test_a_file_waits_for_a_push_only_where_pushes_are_approved(
    world: World, machine: str, approval: str, starts: bool
) -> None:
    """The push asked for an approval before the stack's parameter was changed, and is held now."""
    now = datetime.now(UTC)
    image = Image(repository="guestbook", digest=NEXT, tag="v2", event_id="e", pushed_at=now)
    kept: dict[str, Any] = {"origin": Origin(kind=None), "execution": "arn"}
    asks = Asks(changes="c", until=now + HOUR)
    gates = Gates(
        hold=Hold(since=now),
        pending=Pending(order="2", image=image, asks=asks, **kept),
        pending_schedule=PendingSchedule(order="1", due=now, passes=True, **kept),
    )
    settings = SETTINGS.model_copy(update={"state_machine_arn": machine, "approval": approval})
    assert (start_pending(client("stepfunctions"), settings, gates, lambda: None, now) is not None) is starts


def test_a_hold_without_an_end_is_not_ended_by_sweep(world: World, pushed: Deployments, machine: str) -> None:
    sweep()
    assert (started(machine), pending()) == ([], NEXT)
