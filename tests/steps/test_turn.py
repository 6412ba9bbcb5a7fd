"""Which lease is left by the one that takes it, and what becomes of what waits: `turn.take` on the table alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Asks, Decision, Execution, Image, Kind, Origin, Stored, Verdict
from rota.contract.step_io import OneOffRun
from rota.deployment import steering
from rota.deployment.approval import answer
from rota.deployment.gates import Asked, Closed, Gates, Hold, Pending, PendingSchedule
from rota.deployment.items import stored
from rota.deployment.lease import turn
from rota.deployment.lease.item import LeaseTable
from rota.deployment.steering import Steered, Steering
from rota.deployment.waiting import Answer, BackTo
from rota.errors import RejectedError
from rota.execution_input import ExecutionInput
from tests.guestbook import SETTINGS
from tests.in_process import client
from tests.steps import items
from tests.steps.items import LEASE
from tests.steps.world import World

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
BY_ANN = Origin(kind=Kind.IMAGE, by="ann")
ANSWER = Answer(changes="c", approves=True, by="eve", reason="", at=NOW)
FILE = Stored(key="scheduled_tasks.json", version_id="7")


def execution(number: int) -> Execution:
    arn = f"arn:aws:states:us-east-1:123456789012:execution:rota-deploy:e{number}"
    return Execution(id=arn, name=f"e{number}", started_at=NOW + timedelta(minutes=number))


def image(number: int) -> Image:
    return Image(repository="guestbook", digest=f"sha256:{number:064x}", tag=f"t{number}")


def change(number: int, order: str | None = None) -> PendingSchedule:
    """A change of the schedule file that is pending."""
    at = order or f"2026-12-01T06:{number:02}:00.000000+00:00#e{number}"
    return PendingSchedule(order=at, origin=Origin(kind=Kind.SCHEDULE), execution=execution(number).id)


def table(number: int) -> LeaseTable:
    return LeaseTable(client("dynamodb"), SETTINGS.table, SETTINGS.app, execution(number).id)


def push(number: int, **asked: Any) -> Asked:
    return Asked(image=image(number), origin=BY_ANN, **asked)


PAUSE = Asked(origin=Origin(kind=Kind.PAUSE), passes=True)
A_FILE = Asked(is_schedule=True, origin=Origin(kind=Kind.SCHEDULE), passes=True)


def take(number: int, asked: Asked | None = None, *, active: bool = False, approval: str = "none") -> Verdict:
    return turn.take(table(number), execution(number), asked or push(number), lambda _: active, approval)


def put_gates(gates: Gates) -> None:
    assert table(0).put_gates(table(0).read().gates, gates)


def runs_before(number: int, *, finished: bool = False) -> None:
    """The holder has started the task `before`."""
    record = table(0).read().record
    assert record
    run = OneOffRun(kind="before", task_arn=f"task/{number}", finished=finished)
    running = record.model_copy(update={"before": run, "entered": record.entered | {"RunBefore": NOW}})
    items.change(LEASE, "SET deployment = :record", record=stored(running.stored()))


def test_what_the_first_of_several_lost_ones_left_running_stays_known(world: World) -> None:
    """It is stopped before anything else of that kind begins, so a later one has nothing to add."""
    for number in (1, 2):
        assert take(number).reason in {"the lease was free", "e1 held the lease and has ended"}
        runs_before(number)
    take(3)
    left = table(0).read().left_running
    assert left and (left.execution, left.task_arn) == (execution(1).id, "task/1")


def test_what_has_ended_is_not_left_running(world: World) -> None:
    take(1)
    runs_before(1, finished=True)
    take(2)
    assert table(0).read().left_running is None


@pytest.mark.parametrize(
    ("pending", "taken", "complete", "asked", "expected"),
    [
        pytest.param(2, None, None, push(3), 2, id="what is pending"),
        pytest.param(None, 2, None, push(3), 2, id="whose place a lost one took"),
        pytest.param(2, 1, None, push(3), 2, id="the newer of both"),
        pytest.param(None, 2, False, push(3), 2, id="of one that decided to be restored"),
        pytest.param(None, 2, True, push(3), None, id="of one that is live"),
        pytest.param(None, None, None, push(3), None, id="there is none"),
        pytest.param(2, 1, None, PAUSE, 1, id="a pause, while a newer one is pending"),
        pytest.param(None, 1, None, PAUSE, 1, id="a pause, handed on"),
        pytest.param(None, 1, None, A_FILE, None, id="a change of the file, which is newer"),
        pytest.param(5, 1, None, push(3, schedule=FILE), None, id="a newer one, beside a file of its own"),
        pytest.param(2, None, None, push(3, schedule=FILE), 2, id="an older one, beside a file of its own"),
        pytest.param(5, None, None, push(3), 5, id="a newer one, which the newest file holds"),
    ],
)
def test_whose_place_it_takes(
    pending: int | None, taken: int | None, complete: bool | None, asked: Asked, expected: int | None, world: World
) -> None:
    take(1)
    before = table(0).read().record
    assert before
    known = {"replaces": change(taken).model_dump(mode="json") if taken else None, "complete": complete}
    items.change(LEASE, "SET deployment = :record", record=stored(before.model_copy(update=known).stored()))
    if pending:
        put_gates(Gates(pending_schedule=change(pending)))
    assert take(3, asked).decision == "go"
    lease = table(0).read()
    assert lease.record
    assert (lease.record.replaces or {}).get("execution") == (execution(expected).id if expected else None)
    stays = pending is not None and expected != pending
    assert (lease.gate.pending_schedule is not None) is stays


ROLLBACK = Origin(kind=Kind.ROLLBACK)


@pytest.mark.parametrize(
    ("approval", "holder", "newer", "stops"),
    [
        pytest.param("required", push(1, answer=ANSWER), push(2), False, id="the holder is approved"),
        pytest.param("required", Asked(image=image(1), origin=ROLLBACK), push(2), False, id="it is a rollback"),
        pytest.param("required", push(1), push(2), True, id="neither is"),
        pytest.param("required", push(1, answer=ANSWER), push(2, answer=ANSWER), True, id="both are"),
        pytest.param("none", push(1, answer=ANSWER), push(2), True, id="none is needed"),
    ],
)
def test_what_waits_for_an_approval_stops_no_approved_one(
    approval: str, holder: Asked, newer: Asked, stops: bool, world: World
) -> None:
    take(1, holder, approval=approval)
    assert take(2, newer, active=True, approval=approval) == Verdict(
        decision=Decision.WAIT, reason="e1 is deploying, or was stopped and will be restored"
    )
    lease = table(0).read()
    newest, noted = lease.newest.rpartition("#")[2], lease.announced_order.rpartition("#")[2]
    assert (newest, noted, lease.announced) == ("e2" if stops else "e1", "" if stops else "e2", image(2).digest)


def test_of_those_that_wait_so_the_newest_is_noted(world: World) -> None:
    take(1, push(1, answer=ANSWER), approval="required")
    for number in (3, 2):
        take(number, active=True, approval="required")
        assert table(0).read().announced == image(3).digest
    take(4, push(3), active=True, approval="required")
    assert table(0).read().announced_order.endswith("#e3"), "the same image by another tag is noted already"


def test_a_holder_without_a_record_is_stopped(world: World) -> None:
    take(1, push(1, answer=ANSWER), approval="required")
    items.change(LEASE, "REMOVE deployment")
    take(2, active=True, approval="required")
    assert table(0).read().newest.endswith("#e2")


@pytest.mark.parametrize(
    ("before", "kept"), [(None, 5), (4, 5), (6, 6)], ids=["the first", "a newer one", "an older one"]
)
def test_the_newest_change_of_the_file_stays_pending(before: int | None, kept: int, world: World) -> None:
    put_gates(Gates(hold=Hold(since=NOW, by="ann"), pending_schedule=change(before) if before else None))
    asked = A_FILE.model_copy(update={"passes": False, "schedule": FILE})
    assert take(5, asked) == Verdict(
        decision=Decision.HELD,
        reason="deployments are held by ann. It deploys when the hold is over, which a person says, unless a push "
        "does. To deploy it now: rota deploy --schedule FILE --now. To end the hold: rota resume --deployments, or "
        'start {"kind": "resume", "hold": {}}',
    )
    found = table(0).read().gate.pending_schedule
    assert found and found.execution == execution(kept).id


@pytest.mark.parametrize(
    ("before", "decision", "kept"), [(None, "held", 5), (4, "held", 5), (5, "held", 5), (6, "overtaken", 6)]
)
def test_the_newest_push_stays_pending(before: int | None, decision: str, kept: int, world: World) -> None:
    def place(number: int) -> str:
        return turn.order(execution(number), image(number))

    pending = before and Pending(order=place(before), image=image(before), origin=BY_ANN, execution="arn:before")
    hold = Hold(since=NOW, until=datetime.now(UTC) + timedelta(days=2))
    put_gates(Gates(hold=hold, pending=pending or None))
    asked = push(5, lifts=(image(9).digest,), schedule=FILE)
    found = take(5, asked)
    assert found.decision == decision
    assert decision == "overtaken" or "It deploys when the hold is over, unless a newer push does. " in found.reason
    there = table(0).read().gate
    expected = Pending(
        order=place(5),
        image=image(5),
        origin=BY_ANN,
        lifts=(image(9).digest,),
        schedule=FILE,
        execution=execution(5).id,
    )
    assert there.pending == (expected if before in {None, 4} else pending)
    assert there.hold == hold


def test_what_it_was_asked_for_is_in_its_record(world: World) -> None:
    asked = push(
        1,
        lifts=(image(9).digest,),
        passes=True,
        passed=("deployments are held by ann",),
        schedule=FILE,
        answer=ANSWER,
        back_to=BackTo(release="v1"),
    )
    take(1, asked)
    record = table(0).read().record
    assert record
    shared = Asked.model_fields.keys() & type(record).model_fields.keys() - {"order"}
    assert {name: getattr(record, name) for name in shared} == {name: getattr(asked, name) for name in shared}
    assert record.order == "2026-12-01T06:01:00+00:00#2026-12-01T06:01:00+00:00#e1"


@pytest.mark.parametrize(
    ("asked", "order", "holder_order"),
    [
        (push(1, order="2026-11-30"), "2026-11-30", "2026-11-30"),
        (A_FILE, "2026-12-01T06:01:00.000000+00:00#e1", "~"),
        (A_FILE.model_copy(update={"order": "2026-11-30"}), "2026-11-30", "~"),
        (PAUSE, "", "~"),
    ],
    ids=["a push that is resumed", "a change of the file", "one that is resumed", "a pause"],
)
def test_its_place_in_the_line(asked: Asked, order: str, holder_order: str, world: World) -> None:
    take(1, asked)
    lease = table(0).read()
    assert lease.record
    assert (lease.record.order, lease.holder_order) == (order, holder_order)


def test_a_pause_is_no_image_on_its_way(world: World) -> None:
    take(1)
    take(2, PAUSE)
    assert table(0).read().on_their_way == set()


def test_of_two_restores_the_one_that_was_seen_is_taken_over(world: World) -> None:
    take(1)
    table(8).update("SET restorer = :me", "attribute_exists(holder)")
    assert take(2) == Verdict(decision=Decision.GO, reason="e1 held the lease and has ended")
    assert (table(0).read().holder, table(0).read().restorer) == (execution(2).id, "")


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (push(1), "held"),
        (push(1, passes=True), "go"),
        (A_FILE.model_copy(update={"passes": False}), "held"),
        (A_FILE, "go"),
        (PAUSE.model_copy(update={"passes": False}), "go"),
    ],
    ids=["a push", "one that passes", "the file", "a file that passes", "a pause"],
)
def test_what_the_window_stops(asked: Asked, decision: str, world: World) -> None:
    closed = Closed(window="Mon 09:00-10:00 UTC", opens=NOW + timedelta(days=1))
    assert take(1, asked.model_copy(update={"closed": closed})).decision == decision
    assert (table(0).read().holder == "") is (decision == "held")


@pytest.mark.parametrize(("waited", "seconds"), [(0, 20), (420, 21), (3_000, 120), (15_000, 150), (999_999, 1_800)])
def test_how_long_it_waits_until_it_looks_again(waited: float, seconds: int) -> None:
    assert turn.wait_seconds(waited) == seconds


# ---------------------------------------------------------------------- what is resumed

LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)
RESUMES = Origin(kind=Kind.RESUME, by="bob")
BARS_LIFTED = (image(9).digest,)


def asks(until: datetime = LATER) -> Asks:
    return Asks(changes="c", until=until)


def pending_push(**more: Any) -> Pending:
    known = {"order": "2026-12-01#5", "image": image(5), "origin": BY_ANN, "lifts": BARS_LIFTED, "execution": "arn:p"}
    return Pending.model_validate(known | more)


def pending_file(**more: Any) -> PendingSchedule:
    return change(4).model_copy(update=more)


def resume(*, hold: bool = False, approval: str = "required") -> Steered:
    given = Steering(NOW, lambda: None, lambda: ("the hold",), approval, lambda _: False)
    keys = ExecutionInput.model_validate({"kind": "resume", **({"hold": {}} if hold else {})})
    return steering.carry_out(table(7), execution(7), keys, RESUMES, given)


REJECTED = ANSWER.model_copy(update={"approves": False, "reason": "not today"})
EXPIRED = "no person approved it until 2026-11-30 06:00 UTC. To deploy it after all: "
UNANSWERED = "waits for an approval: rota approve, or rota reject"
UNTAGGED = image(5).model_copy(update={"tag": None})


@pytest.mark.parametrize(
    ("gates", "approval", "decision", "reason"),
    [
        ({}, "required", "done", "no push is pending"),
        ({"pending": pending_push()}, "required", "go", "the lease was free"),
        ({"pending": pending_push(asks=asks(), answer=ANSWER)}, "required", "go", "the lease was free"),
        ({"pending": pending_push(asks=asks())}, "required", "done", f"t5 {UNANSWERED}"),
        ({"pending": pending_push(asks=asks())}, "none", "go", "the lease was free"),
        ({"pending_schedule": pending_file()}, "required", "go", "it is its turn"),
        ({"pending_schedule": pending_file(asks=asks())}, "required", "done", f"the schedule file {UNANSWERED}"),
        (
            {"pending_schedule": pending_file(due=NOW + timedelta(seconds=6))},
            "required",
            "done",
            "the schedule file waits until 2026-12-01 06:00 UTC",
        ),
        ({"pending_schedule": pending_file(due=NOW + timedelta(seconds=5))}, "required", "go", "it is its turn"),
        (
            {"pending": pending_push(asks=asks()), "pending_schedule": pending_file(due=EARLIER, order="2026-11-30")},
            "required",
            "done",
            f"t5 {UNANSWERED}; the schedule file waits for that push",
        ),
        (
            {"pending": pending_push(asks=asks()), "pending_schedule": pending_file(due=EARLIER, order="2026-11-30")},
            "none",
            "go",
            "the lease was free",
        ),
        ({"pending": pending_push(asks=asks(EARLIER))}, "required", "rejected", f"{EXPIRED}rota deploy --image t5"),
        (
            {"pending": pending_push(asks=asks(), answer=REJECTED)},
            "required",
            "rejected",
            "eve rejected it: not today. To deploy it after all: rota deploy --image t5",
        ),
        (
            {"pending": pending_push(asks=asks(EARLIER), back_to=BackTo(release="v1"))},
            "required",
            "rejected",
            f"{EXPIRED}rota rollback v1",
        ),
        (
            {"pending": pending_push(asks=asks(EARLIER), back_to=BackTo(release="v1", image_only=True))},
            "required",
            "rejected",
            f"{EXPIRED}rota rollback v1 --image-only",
        ),
        (
            {"pending": pending_push(asks=asks(EARLIER), back_to=BackTo(release="v1", with_before=True))},
            "required",
            "rejected",
            f"{EXPIRED}rota rollback v1 --with-before",
        ),
        (
            {
                "pending": pending_push(
                    asks=asks(EARLIER), back_to=BackTo(release="v1", image_only=True, with_before=True)
                )
            },
            "required",
            "rejected",
            f"{EXPIRED}rota rollback v1 --image-only --with-before",
        ),
        (
            {"pending": pending_push(asks=asks(EARLIER), image=UNTAGGED)},
            "none",
            "rejected",
            f"{EXPIRED}rota deploy --image {UNTAGGED.digest}",
        ),
        ({"pending": pending_push(asks=asks(), image=UNTAGGED)}, "required", "done", f"{UNTAGGED.digest} {UNANSWERED}"),
        (
            {"pending_schedule": pending_file(asks=asks(EARLIER))},
            "required",
            "rejected",
            f"{EXPIRED}rota deploy --schedule FILE",
        ),
        ({"pending": pending_push(passes=True, back_to=BackTo(release="v1"))}, "required", "go", "it is its turn"),
    ],
)
def test_what_a_resume_deploys(gates: dict[str, Any], approval: str, decision: str, reason: str, world: World) -> None:
    put_gates(Gates(**gates))
    found = resume(approval=approval)
    assert found.verdict == Verdict(decision=Decision(decision), reason=reason)
    if decision == "done":
        assert found.asked == Asked(origin=RESUMES)


@pytest.mark.parametrize(
    ("pending", "origin", "passed"),
    [
        (pending_push(schedule=FILE), RESUMES, ()),
        (pending_push(asks=asks(), answer=ANSWER), BY_ANN, ()),
        (pending_push(passes=True, asks=asks(), answer=ANSWER, back_to=BackTo(release="v1")), BY_ANN, ("the hold",)),
    ],
    ids=["held", "approved", "a rollback"],
)
def test_what_is_resumed_is_asked_as_it_was(
    pending: Pending, origin: Origin, passed: tuple[str, ...], world: World
) -> None:
    put_gates(Gates(pending=pending))
    assert resume().asked == Asked(
        image=image(5),
        origin=origin,
        passes=pending.passes,
        passed=passed,
        lifts=BARS_LIFTED,
        order="2026-12-01#5",
        schedule=pending.schedule,
        answer=pending.answer,
        back_to=pending.back_to,
    )


def test_a_resumed_change_of_the_file_stays_that_of_who_asked(world: World) -> None:
    put_gates(Gates(pending_schedule=pending_file(schedule=FILE, asks=asks(), answer=ANSWER)))
    assert resume().asked == Asked(
        is_schedule=True,
        origin=Origin(kind=Kind.SCHEDULE),
        order=pending_file().order,
        schedule=FILE,
        answer=ANSWER,
    )


@pytest.mark.parametrize(
    ("pending", "stopped"),
    [(pending_push(), True), (pending_push(passes=True), False), (pending_push(asks=asks(EARLIER)), False)],
    ids=["held", "passes", "rejected"],
)
def test_what_a_closed_window_stops(pending: Pending, stopped: bool, world: World) -> None:
    closed = Closed(window="Mon 09:00-10:00 UTC", opens=LATER)
    put_gates(Gates(pending=pending))
    given = Steering(NOW, lambda: closed, lambda: (), "required", lambda _: False)
    found = steering.carry_out(table(7), execution(7), ExecutionInput(kind=Kind.RESUME), RESUMES, given)
    assert (found.asked.closed is not None) is stopped


def test_a_rejection_goes_before_what_may_go(world: World) -> None:
    put_gates(Gates(pending=pending_push(), pending_schedule=pending_file(asks=asks(EARLIER))))
    assert resume().verdict.decision == Decision.REJECTED


@pytest.mark.parametrize(("hold", "reason"), [(True, "deployments are held no more; "), (False, "")])
def test_a_resume_ends_a_hold_where_it_says_so(hold: bool, reason: str, world: World) -> None:
    put_gates(Gates(hold=Hold(since=NOW, by="ann")))
    assert resume(hold=hold).verdict.reason == f"{reason}no push is pending"
    assert (table(0).read().gate.hold is None) is hold


def test_what_holds_the_lease_already_is_asked_again_by_its_record(world: World) -> None:
    asked = push(
        7,
        order="2026-12-01#5",
        schedule=FILE,
        passes=True,
        passed=("the hold",),
        answer=ANSWER,
        back_to=BackTo(release="v1"),
    )
    take(7, asked)
    assert resume() == Steered(
        Verdict(decision=Decision.GO, reason="this deployment holds the lease already"),
        asked.model_copy(update={"lifts": ()}),
    )


# ---------------------------------------------------------------------- what a person answers

STATUS = "rota status says what waits"
NOTHING_WAITS = f"nothing waits for an approval: it was answered, or replaced by a newer push; {STATUS}"


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({}, NOTHING_WAITS),
        ({"pending": pending_push()}, NOTHING_WAITS),
        (
            {"pending": pending_push(asks=asks().model_copy(update={"changes": "d"}))},
            f"what waits is d, not c: it has changed since; {STATUS}",
        ),
        (
            {
                "pending": pending_push(asks=asks().model_copy(update={"changes": "d"})),
                "pending_schedule": pending_file(asks=asks().model_copy(update={"changes": "e"})),
            },
            f"what waits is d and e, not c: it has changed since; {STATUS}",
        ),
        (
            {"pending": pending_push(asks=asks(NOW))},
            "it waited until 2026-12-01 06:00 UTC, and is deployed no more: deploy it again",
        ),
        (
            {"pending": pending_push(asks=asks(), answer=REJECTED)},
            "eve rejected it: not today already, at 2026-12-01 06:00 UTC",
        ),
        (
            {"pending": pending_push(asks=asks(), order="2026-11-29")},
            f"a newer push has arrived, and what waited is deployed no more; {STATUS}",
        ),
    ],
    ids=["nothing", "not asked yet", "others", "two others", "expired", "rejected", "a newer push"],
)
def test_an_answer_that_comes_too_late(gates: dict[str, Any], said: str, world: World) -> None:
    put_gates(Gates(**gates))
    items.change(LEASE, "SET newest = :newest", newest={"S": "2026-11-30"})
    with pytest.raises(RejectedError) as refused:
        answer(table(0), ANSWER)
    assert str(refused.value) == said


LAST_SECOND = NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (ANSWER, {"pending": pending_push(asks=asks(LAST_SECOND))}),
        (ANSWER, {"pending": pending_push(asks=asks(), order="2026-11-30")}),
        (ANSWER, {"pending_schedule": pending_file(asks=asks(), order="2026-11-29")}),
        (REJECTED, {"pending": pending_push(asks=asks(EARLIER), answer=ANSWER)}),
    ],
    ids=["in time", "of the newest push", "of a file, whatever was pushed", "rejected after all"],
)
def test_an_answer_is_written(given: Answer, there: dict[str, Any], world: World) -> None:
    put_gates(Gates(**there))
    items.change(LEASE, "SET newest = :newest", newest={"S": "2026-11-30"})
    expected = Gates(**{name: each.model_copy(update={"answer": given}) for name, each in there.items()})
    assert answer(table(0), given) == expected
    assert table(0).read().gate == expected


def test_the_first_answer_of_a_kind_stays(world: World) -> None:
    before = Gates(pending=pending_push(asks=asks(EARLIER), answer=ANSWER))
    put_gates(before)
    assert answer(table(0), ANSWER.model_copy(update={"by": "bob"})) == before
