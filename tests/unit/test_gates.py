"""What stands before the lease: holds, bars, the pending push; and to which release a rollback goes."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from rota.contract.deployment import Asks, Execution, Image, Kind, Origin, Outcome, Pinned, Stored
from rota.deployment.finish import _settle
from rota.deployment.gates import (
    Asked,
    Bar,
    Closed,
    Gates,
    Hold,
    Pending,
    PendingSchedule,
    deploys_anyway,
    hold_of,
    needs_no_answer,
    start_order,
)
from rota.deployment.items import plain, stored
from rota.deployment.lease.item import LeaseItem
from rota.deployment.lease.pending import start_pending
from rota.deployment.ledger import Entry
from rota.deployment.record import DeploymentRecord
from rota.deployment.releases import KEPT, Release, Releases
from rota.deployment.rollback import bars_of, find_target, image_of, live_at, pinned, remark
from rota.deployment.waiting import Answer, BackTo
from rota.errors import RejectedError
from rota.execution_input import parse
from tests.guestbook import APP, SETTINGS

NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORIGIN = Origin(kind=Kind.ROLLBACK, by="ann", reason="the login fails")


def execution(name: str, after: timedelta = timedelta()) -> Execution:
    return Execution(id=f"arn:{name}", name=name, started_at=NOW + after)


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def release(number: int, image: int | None = None, *, version: str = "1", since: timedelta | None = None) -> Release:
    return Release(
        number=number,
        digest=digest(image or number),
        tag=f"t{image or number}",
        schedule=Stored(key="scheduled_tasks.json", version_id=version),
        plan=Stored(key=f"deployments/{number}/plan.json", version_id="1"),
        since=NOW + (HOUR * number if since is None else since),
    )


def bar(number: int, by: str = "a") -> Bar:
    return Bar(digest=digest(number), release=f"v{number}", execution=f"arn:{by}")


def test_what_is_stored_is_read_as_it_was() -> None:
    """The gates are written on condition that they are as they were read, so nothing may change on the way."""
    image = Image(repository="guestbook", digest=digest(1), tag="t1", event_id="e", pushed_at=NOW)
    pending = Pending(order="o", image=image, origin=ORIGIN, lifts=(digest(2),), execution="arn:p")
    hold = hold_of(execution("h"), ORIGIN, NOW + HOUR)
    gates = Gates(hold=hold, hold_changed="x", pending=pending, bars=(bar(1), bar(2, "b")))
    there = gates.stored()
    assert plain(stored(there)) == there
    assert Gates.model_validate(there) == gates
    assert Gates().stored() == {}


@pytest.mark.parametrize("kind", [Pending, PendingSchedule])
def test_what_waits_for_an_approval_keeps_what_it_was_started_with(kind: type[Pending | PendingSchedule]) -> None:
    started = execution("p")
    record = DeploymentRecord(
        execution=started,
        image=Image(repository="guestbook", digest=digest(1), tag="t1", event_id="e", pushed_at=NOW),
        origin=ORIGIN,
        lifts=(digest(2),),
        passes=True,
        order="o",
        schedule=Stored(key="scheduled_tasks.json", version_id="7"),
        asks=Asks(changes="c", until=NOW + HOUR),
        back_to=BackTo(release="v1", image_only=True),
    )
    waits = kind.of(record, "2 schedules change")
    kept = (kind.model_fields.keys() & DeploymentRecord.model_fields.keys()) - {"execution", "summary", "answer"}
    assert {name: getattr(waits, name) for name in kept} == {name: getattr(record, name) for name in kept}
    assert (waits.execution, waits.summary, waits.answer) == (started.id, "2 schedules change", None)


@pytest.mark.parametrize(
    ("until", "in_force"),
    [(None, True), (HOUR, True), (timedelta(0), False), (-HOUR, False)],
    ids=["without an end", "not yet over", "just over", "over"],
)
def test_until_when_a_hold_is_in_force(until: timedelta | None, in_force: bool) -> None:
    gates = Gates(hold=Hold(since=NOW, until=until if until is None else NOW + until))
    assert (gates.hold_at(NOW) is not None) is in_force


def test_the_execution_that_started_last_decides_on_the_hold() -> None:
    early, late = execution("a"), execution("b", HOUR)
    hold = hold_of(early, ORIGIN, None)
    ended = Gates().with_hold(late, None)
    assert ended.with_hold(early, hold) == ended
    held = Gates().with_hold(early, hold)
    assert held == Gates(hold=hold, hold_changed="2026-11-30T06:00:00.000000+00:00#a")
    assert held.with_hold(late, None).hold is None
    assert held.with_hold(early, None) == held, "its own change is not repeated"


def test_a_hold_says_who_until_when_and_why() -> None:
    hold = hold_of(execution("h"), Origin(kind=Kind.PAUSE, by="ann", reason="the sale"), NOW + HOUR)
    assert str(hold) == "deployments are held by ann until 2026-11-30 07:00 UTC: the sale"
    assert str(Hold(since=NOW)) == "deployments are held"


def test_a_rollback_changes_its_own_bars_alone() -> None:
    gates = Gates(bars=(bar(1, "a"), bar(2, "b")))
    a = execution("a")
    assert gates.with_bars(a, (bar(3, "a"),)).bars == (bar(2, "b"), bar(3, "a"))
    assert gates.with_bars(a, ()).bars == (bar(2, "b"),)


def test_an_image_that_two_barred_stays_barred_without_one() -> None:
    gates = Gates(bars=(bar(1, "a"), bar(1, "b")))
    assert gates.with_bars(execution("a"), ()).bar_of(digest(1)) == bar(1, "b")
    assert gates.without_bars_of((digest(1),)).bar_of(digest(1)) is None


@pytest.mark.parametrize("tag", ["b81d07e", None, 'x"y'])
def test_the_input_that_deploys_anyway_is_one(tag: str | None) -> None:
    given = json.loads(deploys_anyway(Image(repository="guestbook", digest=digest(1), tag=tag)))
    detail = {"repository-name": "guestbook", "image-digest": digest(1)} | ({"image-tag": tag} if tag else {})
    assert given == {"kind": "image", "detail": detail}


# ---------------------------------------------------------------------- rollback


@pytest.mark.parametrize(
    ("kept", "asked", "target"),
    [
        pytest.param([release(3), release(2), release(1)], "previous", 2, id="the one before"),
        pytest.param([release(3), release(2), release(1)], "v1", 1, id="by its number"),
        pytest.param([release(3, 1), release(2), release(1)], "previous", 2, id="after a rollback, its undo"),
        pytest.param([release(3, 2), release(2), release(1)], "previous", 1, id="one that differs"),
        pytest.param([release(3, 2, version="2"), release(2)], "previous", 2, id="in its file"),
        pytest.param([release(9), release(3), release(2), release(1)], "previous", 2, id="what was live when asked"),
    ],
)
def test_to_which_release_it_goes(kept: list[Release], asked: str, target: int) -> None:
    assert find_target(kept, asked, NOW + 5 * HOUR).number == target


@pytest.mark.parametrize(
    ("kept", "asked", "problem"),
    [
        ([], "previous", "no release is kept yet, so there is none to roll back to; deploy an image instead"),
        ([release(1)], "previous", "there is no release before v1 that differs from it"),
        ([release(9), release(8)], "previous", "there is no release before v8 that differs from it"),
        ([release(2, 1), release(1)], "previous", "there is no release before v2 that differs from it"),
        (
            [release(3), release(2)],
            "v1",
            "there is no release v1 to roll back to: of the last 20 releases, which are kept, there are v3, v2. Deploy "
            "its image instead, with the kind image",
        ),
    ],
)
def test_a_release_that_is_not_kept(kept: list[Release], asked: str, problem: str) -> None:
    with pytest.raises(RejectedError) as refused:
        find_target(kept, asked, NOW + 5 * HOUR)
    assert str(refused.value) == problem


def test_every_image_that_was_live_after_it_is_barred() -> None:
    kept = [release(5, 1), release(4, 3), release(3), release(2), release(1)]
    back = execution("back")
    bars = bars_of(kept, kept[-1], back, ORIGIN)
    assert {(each.digest, each.release, each.execution, each.by) for each in bars} == {
        (digest(2), "v2", back.id, "ann"),
        (digest(3), "v4", back.id, "ann"),
    }
    assert str(bars[0]) == "ann rolled back from v2, which had this image: the login fails"


def test_its_undo_is_an_input() -> None:
    kept = [release(2), release(1)]
    said = remark(kept[1], live_at(kept, NOW + 5 * HOUR), bars_of(kept, kept[1], execution("back"), ORIGIN))
    assert said.startswith(
        f"brings back v1, barred until a person lifts that: v2 {digest(2)}; to undo it: rota rollback v2, or start "
    )
    undo = parse({"kind": "rollback", "release": "v2"})
    assert said.endswith('{"kind": "rollback", "release": "v2"}')
    assert undo.release == "v2"


def test_without_its_plan_only_the_image_comes_back() -> None:
    with pytest.raises(RejectedError) as refused:
        pinned(release(1).model_copy(update={"plan": None}))
    assert str(refused.value) == (
        'it is not recorded which plan v1 had; roll back with "image_only": true, or deploy its image, '
        f"{digest(1)}, with the schedule file of today"
    )


def test_what_a_rollback_brings_back() -> None:
    revisions = Stored(key="deployments/1/revisions.json", version_id="1")
    target = release(1).model_copy(update={"revisions": revisions})
    assert pinned(target) == Pinned(
        name="v1",
        schedule=Stored(key="scheduled_tasks.json", version_id="1"),
        plan=Stored(key="deployments/1/plan.json", version_id="1"),
        revisions=revisions,
    )
    assert image_of(target, "guestbook") == Image(repository="guestbook", digest=digest(1), tag="t1")


def test_what_the_summary_says_of_a_rollback() -> None:
    two = (bar(3), bar(2))
    assert remark(release(1), None, ()) == "brings back v1"
    assert remark(release(1), release(3), two) == (
        f"brings back v1, barred until a person lifts that: v3 {digest(3)}, v2 {digest(2)}; to undo it: rota rollback "
        'v3, or start {"kind": "rollback", "release": "v3"}'
    )


def test_a_whole_bar() -> None:
    back = execution("back")
    assert bars_of([release(2), release(1)], release(1), back, ORIGIN) == (
        Bar(digest=digest(2), tag="t2", release="v2", execution=back.id, by="ann", reason="the login fails"),
    )
    older = [release(3, 1), release(2), release(1, 5)]
    assert bars_of(older, older[1], back, ORIGIN)[0].digest == digest(1)
    assert bars_of(older[1:], older[1], back, ORIGIN) == (), "what was live before it stays"
    assert str(Bar(digest=digest(2), release="v2", execution="e")) == (
        "a person rolled back from v2, which had this image"
    )


@pytest.mark.parametrize(("hours", "live"), [(0.5, None), (1, 1), (1.5, 1), (2, 2), (9, 3)])
def test_which_release_was_live(hours: float, live: int | None) -> None:
    found = live_at([release(3), release(2), release(1)], NOW + hours * HOUR)
    assert (found and found.number) == live


def test_twenty_releases_are_kept_in_the_round() -> None:
    releases = Releases(None, "table", APP)  # type: ignore[arg-type]  # no call is made
    records = [releases.keep(release(number))["Item"]["record"]["S"] for number in range(1, 42)]
    assert len(set(records)) == KEPT
    assert records[0] == records[20] == records[40] == "archive#01"


@pytest.mark.parametrize(
    ("due", "order", "answered", "waits"),
    [(NOW, "1", False, True), (None, "1", False, False), (NOW, "3", False, False), (NOW, "1", True, False)],
    ids=["uploaded before", "a person asked for it", "uploaded after", "the push is answered"],
)
def test_an_upload_waits_for_its_image(due: datetime | None, order: str, *, answered: bool, waits: bool) -> None:
    answer = Answer(changes="c", approves=True, by="ann", reason="", at=NOW) if answered else None
    asks = Asks(changes="c", until=NOW + HOUR)
    image = Image(repository="guestbook", digest=digest(1), tag="t1", event_id="e", pushed_at=NOW)
    push = Pending(order="2", image=image, origin=ORIGIN, execution="arn:p", asks=asks, answer=answer)
    change = PendingSchedule(order=order, origin=ORIGIN, execution="arn:c", due=due)
    gates = Gates(pending=push, pending_schedule=change)
    assert (gates.waits_for_image(change, NOW), gates.waits_for_image(push, NOW)) == (waits, False)


def test_nothing_is_started_while_there_is_nothing_to_start() -> None:
    assert start_pending(None, SETTINGS, Gates(), lambda: None, NOW) is None  # type: ignore[arg-type]  # no call is made


# ---------------------------------------------------------------------- boundaries

SECOND = timedelta(seconds=1)
IMAGE = Image(repository="guestbook", digest=digest(1), tag="t1")
YES = Answer(changes="c", approves=True, by="ann", reason="the new prices", at=NOW)
NO = Answer(changes="c", approves=False, by="ann", reason="not today", at=NOW)
ASKS = Asks(changes="c", until=NOW)
EXPIRED = "no person approved it until 2026-11-30 06:00 UTC"


def push(order: str = "5", **more: Any) -> Pending:
    return Pending(order=order, image=IMAGE, origin=ORIGIN, execution="arn:p", **more)


def file(order: str = "5", **more: Any) -> PendingSchedule:
    return PendingSchedule(order=order, origin=ORIGIN, execution="arn:c", **more)


@pytest.mark.parametrize(
    ("pending", "before", "at"),
    [
        pytest.param(push(), (False, ""), (False, ""), id="no plan yet"),
        pytest.param(push(asks=ASKS), (True, ""), (False, EXPIRED), id="asked for"),
        pytest.param(push(asks=ASKS, answer=YES), (False, ""), (False, ""), id="approved"),
        pytest.param(
            push(asks=ASKS, answer=NO),
            (False, "ann rejected it: not today"),
            (False, "ann rejected it: not today"),
            id="rejected",
        ),
    ],
)
def test_until_when_it_waits_for_an_answer(pending: Pending, before: tuple[bool, str], at: tuple[bool, str]) -> None:
    found = [(pending.waits_at(when), pending.rejected_at(when)) for when in (NOW - SECOND, NOW)]
    assert found == [before, at]
    gates = Gates(pending=pending, pending_schedule=file(asks=ASKS))
    stays = gates.without_rejected(NOW, is_schedule=False)
    assert stays.pending == (None if at[1] else pending)
    assert stays.pending_schedule == gates.pending_schedule
    assert gates.without_rejected(NOW, is_schedule=True) == Gates(pending=pending)


def test_without_anything_pending_nothing_was_rejected() -> None:
    for is_schedule in (False, True):
        assert Gates().without_rejected(NOW, is_schedule=is_schedule) == Gates()


def test_from_when_a_file_is_due() -> None:
    due = file(due=NOW)
    assert [due.is_due_at(at) for at in (NOW - SECOND, NOW)] == [False, True]
    assert [each.is_due_at(NOW) for each in (file(), push())] == [True, True]


@pytest.mark.parametrize(("order", "stays"), [("4", True), ("5", False), ("6", False)])
def test_a_newer_change_of_the_file_stays(order: str, stays: bool) -> None:
    gates = Gates(pending_schedule=file())
    assert gates.without_schedule(order) == (gates if stays else Gates())
    assert Gates().without_schedule(order) == Gates()


def test_a_file_waits_for_no_push_that_is_not_there_nor_for_itself() -> None:
    change = file(due=NOW)
    assert Gates(pending_schedule=change).waits_for_image(change, NOW - SECOND) is False
    same = Gates(pending=push(asks=ASKS), pending_schedule=change)
    assert same.waits_for_image(change, NOW - SECOND) is False, "of the same time it is the one for that image"


@pytest.mark.parametrize(
    ("gates", "changes", "found"),
    [
        (Gates(pending=push(), pending_schedule=file(asks=ASKS)), "c", "arn:c"),
        (Gates(pending=push(asks=ASKS), pending_schedule=file(asks=ASKS)), "c", "arn:p"),
        (Gates(pending=push(asks=ASKS)), "d", None),
        (Gates(), "c", None),
    ],
    ids=["the file", "both are the same", "others", "nothing"],
)
def test_what_is_asked_for_by_its_changes(gates: Gates, changes: str, found: str | None) -> None:
    asked = gates.asked(changes)
    assert (asked and asked.execution) == found


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (Hold(since=NOW, by="ann"), "deployments are held by ann"),
        (Hold(since=NOW, until=NOW), "deployments are held until 2026-11-30 06:00 UTC"),
        (Hold(since=NOW, reason="the sale"), "deployments are held: the sale"),
    ],
    ids=["who", "until when", "why"],
)
def test_a_hold_says_what_it_knows(hold: Hold, said: str) -> None:
    assert str(hold) == said


def test_a_bar_says_what_it_knows() -> None:
    known = Bar(digest=digest(1), release="v1", execution="e", reason="the login fails")
    assert str(known) == "a person rolled back from v1, which had this image: the login fails"


def test_the_newest_bar_of_an_image_is_named() -> None:
    assert Gates(bars=(bar(1, "a"), bar(1, "b"), bar(2, "c"))).bar_of(digest(1)) == bar(1, "b")


def test_executions_sort_as_they_were_started() -> None:
    """Wherever the clock stands that says when."""
    east = NOW.astimezone(timezone(timedelta(hours=2)))
    assert [start_order(Execution(id="a", name="a", started_at=at)) for at in (NOW, east)] == [
        "2026-11-30T06:00:00.000000+00:00#a"
    ] * 2
    assert start_order(execution("b")) < start_order(execution("a", timedelta(microseconds=1)))


def test_what_is_left_pending_without_what_is_not_known() -> None:
    record = DeploymentRecord(execution=execution("p"), image=IMAGE)
    assert Pending.of(record, "s" * 8_001) == Pending(
        order="", image=IMAGE, origin=Origin(kind=None), execution="arn:p", summary="s" * 8_000
    )
    assert PendingSchedule.of(record, "").order == "2026-11-30T06:00:00.000000+00:00#p"
    with pytest.raises(ValueError, match="p deploys no image"):
        Pending.of(record.model_copy(update={"image": None}), "")


@pytest.mark.parametrize(
    ("kind", "back_to", "answer", "needs_none"),
    [
        (Kind.ROLLBACK, None, None, True),
        (Kind.ROLLBACK, BackTo(release="v1"), None, False),
        (Kind.ROLLBACK, BackTo(release="v1"), YES, True),
        (Kind.PUSH, None, None, False),
        (Kind.PUSH, None, YES, True),
        (None, None, None, False),
    ],
)
def test_what_needs_no_answer(
    kind: Kind | None, back_to: BackTo | None, answer: Answer | None, needs_none: bool
) -> None:
    known: dict[str, Any] = {"back_to": back_to, "answer": answer}
    assert needs_no_answer(Asked(origin=Origin(kind=kind), **known)) is needs_none
    record = DeploymentRecord(execution=execution("p"), origin=Origin(kind=kind) if kind else None, **known)
    assert needs_no_answer(record) is needs_none


# ---------------------------------------------------------------------- how an end changes the bars

LIVE = (Outcome.DEPLOYED, Outcome.NOTHING_TO_DO)
BARRED = Gates(
    bars=(bar(1, "p"), bar(2, "q")), pending=push(asks=ASKS, answer=NO), pending_schedule=file(asks=ASKS, answer=NO)
)
OWN_GONE = BARRED.model_copy(update={"bars": (bar(2, "q"),)})
LIFTED = BARRED.model_copy(update={"bars": (bar(1, "p"),)})


@pytest.mark.parametrize(
    ("outcome", "kind", "lifts", "after"),
    [
        *((outcome, Kind.IMAGE, (digest(2),), LIFTED) for outcome in LIVE),
        *((outcome, Kind.ROLLBACK, (), None) for outcome in LIVE),
        (Outcome.FAILED, Kind.IMAGE, (digest(2),), None),
        (Outcome.FAILED, None, (), None),
        (Outcome.FAILED, Kind.SCHEDULE, (), None),
        *((Outcome.OVERTAKEN, kind, (digest(2),), OWN_GONE) for kind in (Kind.ROLLBACK, Kind.RESUME)),
        (Outcome.REJECTED, Kind.IMAGE, (), OWN_GONE.model_copy(update={"pending": None})),
        (Outcome.REJECTED, Kind.SCHEDULE, (), OWN_GONE.model_copy(update={"pending_schedule": None})),
        (Outcome.REJECTED, None, (), OWN_GONE.model_copy(update={"pending": None})),
    ],
)
def test_how_an_end_changes_the_gates(
    outcome: Outcome, kind: Kind | None, lifts: tuple[str, ...], after: Gates | None
) -> None:
    origin = Origin(kind=kind) if kind else None
    record = DeploymentRecord(execution=execution("p"), origin=origin, lifts=lifts)
    settle = _settle(Entry(outcome=outcome, image=None, schedule=None, summary=""), record)
    assert (settle and settle(LeaseItem(gates=BARRED.stored()))) == after


# ---------------------------------------------------------------------- what is started

HELD = Hold(since=NOW, by="ann")
CLOSED = Closed(window="Mon 09:00-10:00 UTC", opens=NOW + HOUR)
BY_TIME = "no hold and no closed deployment window stops it any more"
LATER_ASKS = Asks(changes="c", until=NOW + HOUR)


@cache
def stepfunctions() -> Any:
    return boto3.client("stepfunctions", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")


def started(gates: Gates, why: str | None, *, approval: str = "required", closed: Closed | None = None) -> str | None:
    """The name of the execution that is started; none is if it has no reason `why`."""
    settings = SETTINGS.model_copy(update={"approval": approval})
    with Stubber(stepfunctions()) as stub:
        if why:
            given = json.dumps({"kind": "resume", "by": "Sweep", "reason": why})
            request = {"stateMachineArn": SETTINGS.state_machine_arn, "name": ANY, "input": given}
            stub.add_response("start_execution", {"executionArn": "arn:started", "startDate": NOW}, request)
        name = start_pending(stepfunctions(), settings, gates, lambda: closed, NOW)
        stub.assert_no_pending_responses()
    return name


@pytest.mark.parametrize(
    ("gates", "approval", "closed", "why"),
    [
        pytest.param(Gates(pending=push()), "required", None, BY_TIME, id="a push"),
        pytest.param(Gates(pending=push(), hold=HELD), "required", None, None, id="in a hold"),
        pytest.param(Gates(pending=push()), "required", CLOSED, None, id="outside the window"),
        pytest.param(Gates(pending=push(passes=True), hold=HELD), "none", CLOSED, BY_TIME, id="what passes both"),
        pytest.param(Gates(pending=push(asks=LATER_ASKS)), "required", None, None, id="not approved yet"),
        pytest.param(Gates(pending=push(asks=LATER_ASKS)), "none", None, BY_TIME, id="where none is asked for"),
        pytest.param(
            Gates(pending=push(asks=LATER_ASKS, answer=YES)), "required", None, "a person approved it", id="approved"
        ),
        pytest.param(
            Gates(pending=push(asks=LATER_ASKS, answer=NO), hold=HELD),
            "required",
            CLOSED,
            "a person rejected it",
            id="rejected, in a hold",
        ),
        pytest.param(Gates(pending=push(asks=ASKS)), "required", CLOSED, "no person approved it in time", id="expired"),
        pytest.param(
            Gates(pending_schedule=file(due=NOW)),
            "required",
            None,
            "the schedule file that was uploaded is due",
            id="a file that is due",
        ),
        pytest.param(Gates(pending_schedule=file(due=NOW + SECOND)), "required", None, None, id="one that is not"),
        pytest.param(Gates(pending_schedule=file()), "required", None, BY_TIME, id="a file that a person asked for"),
        pytest.param(
            Gates(pending=push("6", asks=LATER_ASKS), pending_schedule=file(due=NOW)),
            "required",
            None,
            None,
            id="a file that waits for its image",
        ),
    ],
)
def test_what_is_started_and_why(gates: Gates, approval: str, closed: Closed | None, why: str | None) -> None:
    name = started(gates, why, approval=approval, closed=closed)
    assert bool(name) is bool(why)
    assert name is None or re.fullmatch(r"pending-[0-9a-f]{24}-2026113006", name)


def test_a_window_says_when_it_opens() -> None:
    assert str(CLOSED) == "the deployment window, Mon 09:00-10:00 UTC, opens 2026-11-30 07:00 UTC"


@pytest.mark.parametrize(
    ("changed", "another"),
    [
        pytest.param({"pending": push("6")}, True, id="its place"),
        pytest.param({"pending": push().model_copy(update={"execution": "arn:q"})}, True, id="its execution"),
        pytest.param({"hold_changed": "x"}, True, id="a hold since"),
        pytest.param({"pending_schedule": file(left_by="arn:l")}, True, id="a file that an image has left"),
        pytest.param({"pending_schedule": file(asks=LATER_ASKS)}, True, id="a file that waits for an approval"),
        pytest.param({"pending_schedule": file(due=NOW + HOUR)}, False, id="a file that is not due"),
        pytest.param({"bars": (bar(1),)}, False, id="a bar"),
        pytest.param({"pending": push(summary="x")}, False, id="its summary"),
    ],
)
def test_what_it_is_named_after(changed: dict[str, Any], another: bool) -> None:
    """Two sweeps start one execution; what changes since is started once more."""
    names = {started(Gates(**{"pending": push()} | more), BY_TIME) for more in ({}, changed)}
    assert len(names) == 1 + another


@pytest.mark.parametrize(
    "changed",
    [{"asks": LATER_ASKS.model_copy(update={"changes": "d"})}, {"left_by": "arn:l"}, {"answer": YES}],
    ids=["what is asked", "who left it", "its answer"],
)
def test_another_change_that_was_asked_for_is_another_name(changed: dict[str, Any]) -> None:
    def name(more: dict[str, Any]) -> str | None:
        return started(Gates(pending=push(), pending_schedule=file(**{"asks": LATER_ASKS} | more)), BY_TIME)

    assert name({}) != name(changed)


def test_one_that_was_started_already_has_its_name() -> None:
    names = {started(Gates(pending=push()), BY_TIME)}
    with Stubber(stepfunctions()) as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")
        names.add(start_pending(stepfunctions(), SETTINGS, Gates(pending=push()), lambda: None, NOW))
        stub.add_client_error("start_execution", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            start_pending(stepfunctions(), SETTINGS, Gates(pending=push()), lambda: None, NOW)
    assert len(names) == 1
