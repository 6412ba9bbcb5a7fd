"""What stands before the lease: holds, bars, the pending push; and to which release a rollback goes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rota.contract.deployment import Asks, Execution, Image, Kind, Origin, Stored
from rota.deployment.gates import Bar, Gates, Hold, Pending, PendingSchedule, deploys_anyway, hold_of
from rota.deployment.items import plain, stored
from rota.deployment.lease.pending import start_pending
from rota.deployment.record import DeploymentRecord
from rota.deployment.releases import KEPT, Release, Releases
from rota.deployment.rollback import bars_of, find_target, live_at, pinned, remark
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
