"""The lease's item: each request that changes it, whole, and what is made of DynamoDB's answer."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from rota.contract.deployment import Asks, Decision, Execution, Image, Kind, Origin, Standing, Verdict
from rota.contract.steps import STEPS, Step
from rota.deployment.gates import Asked, Gates, Hold, Pending, PendingSchedule
from rota.deployment.items import plain, stored
from rota.deployment.lease import turn
from rota.deployment.lease.item import LeaseItem, LeaseTable
from rota.deployment.lease.lease import Entered, Lease
from rota.deployment.lease.pending import leave_pending, write_answer
from rota.deployment.record import DeploymentRecord
from rota.deployment.waiting import Answer
from rota.errors import OvertakenError, RejectedError, TransientError
from rota.handlers.step import LeaseSession
from tests.guestbook import DIGEST

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
ME, OTHER = "arn:me", "arn:other"
RESTORER = Execution(id="arn:restorer", name="restorer", started_at=NOW)
RECORD = DeploymentRecord(execution=Execution(id=ME, name="me", started_at=NOW))
STEP = {step.name: step for step in STEPS}
LATE, PAST = 9_999_999_999, 1
HELD = Gates(hold=Hold(since=NOW, by="ann"))


def of(dynamodb: Stubber) -> LeaseTable:
    client: Any = dynamodb.client
    return LeaseTable(client, "ledger", "shop", ME)


def item(**attributes: Any) -> dict[str, Any]:
    """The item with these attributes, as DynamoDB shows it."""
    found: dict[str, Any] = stored({"app": "shop", "record": "lease", **attributes})["M"]
    return found


def asked(update: str, condition: str, values: dict[str, Any] | None = None, **names: str) -> dict[str, Any]:
    """A request to change the item."""
    request: dict[str, Any] = {
        "TableName": "ledger",
        "Key": {"app": {"S": "shop"}, "record": {"S": "lease"}},
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        request["ExpressionAttributeValues"] = {
            name: value if value is ANY else stored(value) for name, value in values.items()
        }
    return request | ({"ExpressionAttributeNames": {f"#{name}": each for name, each in names.items()}} if names else {})


def changes(dynamodb: Stubber, request: dict[str, Any] | None = None, **attributes: Any) -> None:
    """The next request is carried out."""
    dynamodb.add_response("update_item", {"Attributes": item(**attributes)}, request)


def refuses(dynamodb: Stubber, request: dict[str, Any] | None = None, **attributes: Any) -> None:
    """The condition of the next request does not hold of the item with these attributes; without any there is none."""
    there: dict[str, Any] = {"modeled_fields": {"Item": item(**attributes)}} if attributes else {}
    dynamodb.add_client_error("update_item", "ConditionalCheckFailedException", expected_params=request, **there)


def shows(dynamodb: Stubber, **attributes: Any) -> None:
    """What the next read finds."""
    request = {"TableName": "ledger", "Key": asked("", "")["Key"], "ConsistentRead": True}
    dynamodb.add_response("get_item", {"Item": item(**attributes)} if attributes else {}, request)


# ---------------------------------------------------------------------- the item


def test_an_item_that_is_not_there_is_empty(dynamodb: Stubber) -> None:
    shows(dynamodb)
    assert of(dynamodb).read() == LeaseItem()


@pytest.mark.parametrize("named", ["update", "condition", "neither"])
def test_only_what_an_expression_names_is_filled_in(named: str, dynamodb: Stubber) -> None:
    update = "SET holder = :me" if named == "update" else "REMOVE shut"
    condition = "holder = :me" if named == "condition" else "attribute_exists(holder)"
    values = {} if named == "neither" else {":me": ME}
    changes(dynamodb, asked(update, condition, values), holder=ME)
    assert of(dynamodb).update(update, condition) == (True, LeaseItem(holder=ME))


def test_a_refused_change_shows_what_is_there(dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=OTHER)
    assert of(dynamodb).update("REMOVE shut", "holder = :me") == (False, LeaseItem(holder=OTHER))
    refuses(dynamodb)
    assert of(dynamodb).update("REMOVE shut", "holder = :me") == (False, None)
    dynamodb.add_client_error("update_item", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        of(dynamodb).update("REMOVE shut", "holder = :me")


def test_gates_are_changed_as_they_were_seen(dynamodb: Stubber) -> None:
    seen = {"hold_changed": "x"}
    request = asked(
        "SET gates = :changed",
        "holder = :me AND gates = :gates",
        {":changed": HELD.stored(), ":gates": seen, ":me": ME},
    )
    for again in (True, False):
        shows(dynamodb, gates=seen)
        (refuses if again else changes)(dynamodb, request, gates=HELD.stored())
    assert of(dynamodb).change_gates(lambda _: HELD, "holder = :me AND ").gate == HELD


def test_the_first_gates_and_the_last(dynamodb: Stubber) -> None:
    shows(dynamodb)
    changes(
        dynamodb, asked("SET gates = :changed", "attribute_not_exists(gates)", {":changed": HELD.stored()}), holder=ME
    )
    assert of(dynamodb).change_gates(lambda _: HELD).holder == ME
    shows(dynamodb, gates=HELD.stored())
    changes(dynamodb, asked("REMOVE gates", "gates = :gates", {":gates": HELD.stored()}))
    assert of(dynamodb).change_gates(lambda _: Gates()).gate == Gates()


def test_gates_that_stay_are_not_written(dynamodb: Stubber) -> None:
    shows(dynamodb, gates=HELD.stored(), holder=ME)
    assert of(dynamodb).change_gates(lambda lease: lease.gate).holder == ME


def test_gates_that_others_change_each_time_are_left(dynamodb: Stubber) -> None:
    for _ in range(10):
        shows(dynamodb)
        refuses(dynamodb)
    with pytest.raises(TransientError) as given_up:
        of(dynamodb).change_gates(lambda _: HELD)
    assert str(given_up.value) == "the gates have just changed"


def test_what_is_on_its_way() -> None:
    pending = {"pending": {"order": "1", "execution": "e", "origin": {"kind": "push"}, "image": image(3)}}
    known: dict[str, Any] = {"digest": "a", "announced": "b", "gates": pending}
    assert LeaseItem(**known).on_their_way == {image(3)["digest"]}
    assert LeaseItem(holder=ME, **known).on_their_way == {"a", "b", image(3)["digest"]}
    assert LeaseItem(holder=ME, announced="b").on_their_way == {"b"}


def image(number: int) -> dict[str, Any]:
    return {"repository": "shop", "digest": f"sha256:{number:064x}"}


def test_since_when_the_holder_changes_schedules() -> None:
    later = NOW.replace(hour=7)
    entered = {"CreateTargets": later, "ClearRules": NOW, "RollService": NOW.replace(hour=5)}
    record = RECORD.model_copy(update={"entered": entered})
    assert LeaseItem(holder=ME, deployment=record).changing_schedules_since == NOW
    assert LeaseItem(holder=OTHER, deployment=record).changing_schedules_since is None
    assert LeaseItem(holder=ME, deployment=RECORD).changing_schedules_since is None
    assert LeaseItem().record is None


# ---------------------------------------------------------------------- one request each


def test_the_image_of_a_change_of_what_is_live(dynamodb: Stubber) -> None:
    request = asked(
        "SET deployment.#image = :image",
        "holder = :me",
        {":image": {"repository": "guestbook", "digest": DIGEST}, ":me": ME},
        image="image",
    )
    changes(dynamodb, request)
    turn.note_image(of(dynamodb), Image(repository="guestbook", digest=DIGEST))
    refuses(dynamodb, request)
    with pytest.raises(TransientError) as lost:
        turn.note_image(of(dynamodb), Image(repository="guestbook", digest=DIGEST))
    assert str(lost.value) == "another execution has just taken the lease"


def test_a_lease_is_kept_for_its_restore(dynamodb: Stubber) -> None:
    these = ":ended0, :ended1"
    request = asked(
        "SET restorer = :me",
        f"holder IN ({these}) OR restorer IN ({these})",
        {":me": ME, ":ended0": "arn:a", ":ended1": "arn:b"},
    )
    refuses(dynamodb, request)
    turn.reserve_for_restore(of(dynamodb), ["arn:a", "arn:b"])


def test_nothing_is_left_running_any_more(dynamodb: Stubber) -> None:
    changes(dynamodb, asked("REMOVE left_running", "holder = :me", {":me": ME}))
    lease = Lease(of(dynamodb))
    lease.forget_left_running()
    assert lease.left_running is None


# ---------------------------------------------------------------------- entering


def enter(lease: Lease, step: Step | None = None, **more: Any) -> Entered:
    return lease.enter("i1", 60, step or STEP["ClearRules"], {}, **more)


def test_the_whole_request_as_a_step_enters(dynamodb: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    """The invocation may write for its 60 seconds, and as long as two clocks differ."""
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    request = asked(
        "SET at_work.#invocation = :end, #record.#phase = :phase, "
        "#record.#entered.#step = if_not_exists(#record.#entered.#step, :now)",
        "holder = :me AND attribute_not_exists(shut) AND #record.#execution.#id = :me AND #record.#phase IN "
        "(:phase0, :phase1, :phase2, :phase3)",
        {
            ":end": Decimal("1065.0"),
            ":now": ANY,
            ":phase": "clearing",
            **{f":phase{at}": each for at, each in enumerate(("planning", "registering", "migrating", "clearing"))},
            ":me": ME,
        },
        invocation="i1",
        record="deployment",
        step="ClearRules",
        phase="phase",
        entered="entered",
        execution="execution",
        id="id",
    )
    changes(dynamodb, request, holder=ME, deployment=RECORD.stored())
    assert enter(Lease(of(dynamodb))) == Entered(Standing.HOLDS, (), RECORD, again=True)


def lets_in(dynamodb: Stubber, **attributes: Any) -> None:
    changes(dynamodb, **{"holder": ME, "at_work": {"i1": LATE}, "deployment": RECORD.stored()} | attributes)


@pytest.mark.parametrize(
    ("newest", "order", "standing"),
    [("2", "1", Standing.OVERTAKEN), ("1", "1", Standing.HOLDS), ("1", "~", Standing.HOLDS)],
)
def test_whether_a_newer_push_waits(newest: str, order: str, standing: Standing, dynamodb: Stubber) -> None:
    lets_in(dynamodb, newest=newest, holder_order=order)
    assert enter(Lease(of(dynamodb))) == Entered(standing, (), RECORD, again=True)


def test_who_else_may_still_write(dynamodb: Stubber) -> None:
    left = {"execution": "arn:lost", "task_arn": "task/1"}
    lets_in(dynamodb, at_work={"i1": LATE, "i2": LATE, "i3": PAST}, left_running=left)
    lease = Lease(of(dynamodb))
    assert enter(lease).others == ("i2",)
    assert lease.left_running is not None
    assert lease.left_running.task_arn == "task/1"


@pytest.mark.parametrize(
    ("there", "entered"),
    [
        ({}, Entered(Standing.DELETED)),
        ({"holder": OTHER}, Entered(Standing.LOST)),
        ({"holder": ME, "deployment": RECORD.stored()}, Entered(Standing.LOST)),
    ],
    ids=["it is gone", "another holds it", "a later step has begun"],
)
def test_what_it_meets_where_it_may_not_enter(there: dict[str, Any], entered: Entered, dynamodb: Stubber) -> None:
    refuses(dynamodb, **there)
    lease = Lease(of(dynamodb))
    assert enter(lease) == entered
    lease.leave("i1", 1, STEP["ClearRules"], {})  # without a call


@pytest.mark.parametrize("restores", [False, True])
def test_one_that_has_no_record_enters_without(restores: bool, dynamodb: Stubber) -> None:
    """A version of Rota that makes none took the lease."""
    refuses(dynamodb, holder=ME)
    shut, more = (", shut = :end, restorer = :restorer", {":restorer": RESTORER.id}) if restores else ("", {})
    request = asked(
        f"SET at_work.#invocation = :end{shut}",
        "holder = :me" if restores else "holder = :me AND attribute_not_exists(shut)",
        {":end": ANY, ":me": ME, **more},
        invocation="i1",
    )
    changes(dynamodb, request, holder=ME, at_work={"i1": LATE})
    lease = Lease(of(dynamodb))
    known: dict[str, Any] = {"step": STEP["RestoreDeployment"], "restorer": RESTORER} if restores else {}
    assert enter(lease, **known) == Entered(Standing.HOLDS)
    changes(dynamodb, asked("REMOVE at_work.#invocation", "holder = :me", {":me": ME}, invocation="i1"))
    lease.leave("i1", 1, STEP["ClearRules"], {"summary": "x"})
    lease.leave("i1", 1, STEP["ClearRules"], {})  # without a call


@pytest.mark.parametrize(("step", "waited", "attempts"), [("ClearRules", True, ""), ("RestoreDeployment", True, "-")])
def test_the_whole_request_as_a_step_leaves(step: str, waited: bool, attempts: str, dynamodb: Stubber) -> None:
    """Its work so far is in the record, and that it was no attempt to restore if it had to wait."""
    for waits in (waited, False):
        lets_in(dynamodb)
        lease, counted = Lease(of(dynamodb)), attempts if waits else ""
        lease.enter("i1", 60, STEP[step], {}, restorer=RESTORER if attempts else None)
        tried = f", #record.#attempts = if_not_exists(#record.#attempts, :zero) {counted} :one"
        request = asked(
            "REMOVE at_work.#invocation SET "
            "#record.#seconds.#step = if_not_exists(#record.#seconds.#step, :zero) + :spent, #record.#fact0 = :fact0"
            + (tried if counted else ""),
            "holder = :me",
            {":me": ME, ":zero": 0, ":spent": 1.5, ":fact0": "x"} | ({":one": 1} if counted else {}),
            invocation="i1",
            record="deployment",
            step=step,
            fact0="summary",
            seconds="seconds",
            **({"attempts": "restore_attempts"} if counted else {}),
        )
        changes(dynamodb, request)
        lease.leave("i1", 1.5, STEP[step], {"summary": "x"}, **({"waited": True} if waits else {}))
        lease.leave("i1", 1.5, STEP[step], {})  # without a call


RECREATES = asked(
    "SET holder = :me, at_work = :at_work, shut = :end, restorer = :restorer",
    "attribute_not_exists(app)",
    {":at_work": ANY, ":end": ANY, ":restorer": RESTORER.id, ":me": ME},
)


@pytest.mark.parametrize(
    ("there", "standing"),
    [
        (None, Standing.HOLDS),
        ({"holder": ME, "at_work": {"i1": LATE}}, Standing.HOLDS),
        ({"holder": OTHER, "at_work": {"i1": LATE}}, Standing.LOST),
        ({}, Standing.LOST),
    ],
    ids=["it is not there", "by this call, whose reply was lost", "by another", "and deleted once more"],
)
def test_a_restore_creates_the_item_again(there: dict[str, Any] | None, standing: Standing, dynamodb: Stubber) -> None:
    refuses(dynamodb)
    if there is None:
        changes(dynamodb, RECREATES, holder=ME)
    else:
        refuses(dynamodb, RECREATES, **there)
    lease = Lease(of(dynamodb))
    assert enter(lease, restorer=RESTORER, recreate=True) == Entered(standing)
    if standing == Standing.HOLDS:
        changes(dynamodb, asked("REMOVE at_work.#invocation", "holder = :me", {":me": ME}, invocation="i1"))
    lease.leave("i1", 1, STEP["RestoreDeployment"], {})


def test_another_invocation_has_created_it_again(dynamodb: Stubber) -> None:
    refuses(dynamodb)
    refuses(dynamodb, holder=ME, at_work={"i2": LATE})
    with pytest.raises(TransientError) as late:
        enter(Lease(of(dynamodb)), restorer=RESTORER, recreate=True)
    assert str(late.value) == "another invocation has just created the lease again"


@pytest.mark.parametrize("given", [{"recreate": True}, {"restorer": RESTORER}], ids=["no restore", "it had not begun"])
def test_else_a_deleted_item_stays_deleted(given: dict[str, Any], dynamodb: Stubber) -> None:
    refuses(dynamodb)
    assert enter(Lease(of(dynamodb)), **given) == Entered(Standing.DELETED)


# ---------------------------------------------------------------------- releasing


def frees(at_work: dict[str, int]) -> dict[str, Any]:
    """The request that frees the lease."""
    return asked(
        "REMOVE holder, holder_order, digest, announced, announced_order, at_work, shut, restorer, deployment",
        "holder = :me AND at_work = :at_work",
        {":me": ME, ":at_work": at_work},
    )


def test_it_is_freed_if_no_other_may_write(dynamodb: Stubber) -> None:
    changes(dynamodb, frees({}))
    Lease(of(dynamodb)).release(lambda _: True)


@pytest.mark.parametrize("there", [{}, {"holder": OTHER}], ids=["it is gone", "another holds it"])
def test_what_it_does_not_hold_stays(there: dict[str, Any], dynamodb: Stubber) -> None:
    refuses(dynamodb, frees({}), **there)
    Lease(of(dynamodb)).release(lambda _: True)


@pytest.mark.parametrize("active", [True, False])
def test_while_another_invocation_may_write_it_stays_shut(active: bool, dynamodb: Stubber) -> None:
    at_work = {"i1": LATE, "i2": LATE, "i3": PAST}
    changes(dynamodb, holder=ME, at_work=at_work, deployment=RECORD.stored())
    lease, seen = Lease(of(dynamodb)), list[Collection[str]]()
    enter(lease)
    refuses(dynamodb, holder=ME, at_work=at_work)
    if active:
        request = asked("SET shut = :me REMOVE at_work.#own0", "holder = :me", {":me": ME}, own0="i1")
        changes(dynamodb, request)
    else:
        changes(dynamodb, frees(at_work))

    def any_active(invocations: Collection[str]) -> bool:
        seen.append(invocations)
        return active

    lease.release(any_active)
    assert seen == [["i2"]]


def test_a_lease_that_changes_meanwhile_is_released_again(dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=ME, at_work={"i2": PAST})
    refuses(dynamodb, frees({"i2": PAST}), holder=ME)
    with pytest.raises(TransientError) as late:
        Lease(of(dynamodb)).release(lambda _: False)
    assert str(late.value) == "the lease changed while it was being released"


def test_the_gates_are_settled_first(dynamodb: Stubber) -> None:
    shows(dynamodb)
    changes(
        dynamodb, asked("SET gates = :changed", "attribute_not_exists(gates)", {":changed": HELD.stored()}), holder=ME
    )
    changes(dynamodb, frees({}))
    Lease(of(dynamodb)).release(lambda _: False, lambda _: HELD)


# ---------------------------------------------------------------------- taking

EXECUTION = Execution(id=ME, name="me", started_at=NOW)
PUSHED = Image(repository="guestbook", digest=DIGEST, tag="v2")
PUSH = Asked(image=PUSHED, origin=Origin(kind=Kind.IMAGE, by="ann"))
PAUSE, FILE = (
    Asked(origin=Origin(kind=kind), is_schedule=kind == Kind.SCHEDULE) for kind in (Kind.PAUSE, Kind.SCHEDULE)
)
ORDER = "2026-12-01T06:00:00+00:00#2026-12-01T06:00:00+00:00#me"
OLDER, NEWER = "2026-12-01T05", "2026-12-01T07"
CLAIM = "SET holder = :me, holder_order = :order, at_work = {}, deployment = :record"
OF_PUSH = ", newest = :order, digest = :digest REMOVE shut, restorer, gates, announced, announced_order"
NO_NEWER = " AND attribute_not_exists(gates) AND (attribute_not_exists(newest) OR newest <= :order)"
CHANGED = Verdict(
    decision=Decision.WAIT, reason="another execution has just taken the lease, or changed a hold or a bar"
)
FREE = Verdict(decision=Decision.GO, reason="the lease was free")


def take(dynamodb: Stubber, asked: Asked = PUSH, *active: str, approval: str = "none") -> Verdict:
    return turn.take(of(dynamodb), EXECUTION, asked, active.__contains__, approval)


def claims(more: dict[str, Any], order: str = ORDER) -> dict[str, Any]:
    """The values with which the lease is taken, and these."""
    return {":none": {}, ":record": ANY, ":order": order, ":me": ME, **more}


def test_a_push_takes_the_free_lease(dynamodb: Stubber) -> None:
    request = asked(
        f"{CLAIM.format('if_not_exists(at_work, :none)')}{OF_PUSH}",
        f"attribute_not_exists(holder){NO_NEWER}",
        claims({":digest": DIGEST}),
    )
    changes(dynamodb, request, holder=ME)
    assert take(dynamodb) == FREE


def test_two_executions_of_one_event_have_one_place(dynamodb: Stubber) -> None:
    """EventBridge delivers at least once: neither overtakes the other."""
    first, second = (EXECUTION.model_copy(update={"name": f"a_{digit * 32}"}) for digit in "01")
    newest = f"2026-12-01T06:00:00+00:00#2026-12-01T06:00:09+00:00#{second.name}"
    refuses(dynamodb, newest=newest)
    request = asked(
        f"{CLAIM.format('if_not_exists(at_work, :none)')}{OF_PUSH}",
        f"attribute_not_exists(holder){NO_NEWER}",
        claims({":digest": DIGEST}, newest),
    )
    changes(dynamodb, request, holder=ME)
    of_event = PUSH.model_copy(update={"image": PUSHED.model_copy(update={"event_id": "a"})})
    assert turn.take(of(dynamodb), first, of_event, ().__contains__, "none") == FREE


def test_a_pause_leaves_what_waits_for_the_lease(dynamodb: Stubber) -> None:
    update = f"{CLAIM.format('if_not_exists(at_work, :none)')} REMOVE shut, restorer, digest"
    changes(dynamodb, asked(update, "attribute_not_exists(holder)", claims({}, "~")), holder=ME)
    assert take(dynamodb, PAUSE) == FREE


@pytest.mark.parametrize("taken", [True, False])
def test_a_change_of_the_file_takes_along_what_is_pending_of_it(taken: bool, dynamodb: Stubber) -> None:
    seen = {"hold_changed": "x", "pending_schedule": {"order": OLDER, "execution": "e", "origin": {"kind": "schedule"}}}
    shows(dynamodb, gates=seen)
    request = asked(
        f"{CLAIM.format('if_not_exists(at_work, :none)')}, gates = :changed REMOVE shut, restorer, digest",
        "attribute_not_exists(holder) AND gates = :gates",
        claims({":gates": seen, ":changed": {"hold_changed": "x"}}, "~"),
    )
    (changes if taken else refuses)(dynamodb, request, holder=ME)
    assert take(dynamodb, FILE) == (FREE if taken else CHANGED)


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("restorer", [{}, {"restorer": "arn:restorer"}], ids=["", "restored"])
def test_the_lease_of_one_that_has_ended_is_taken_over_as_it_was_seen(
    restorer: dict[str, Any], taken: bool, dynamodb: Stubber
) -> None:
    refuses(dynamodb, holder=OTHER, at_work={"i": PAST}, newest=OLDER, **restorer)
    also = "restorer = :restorer" if restorer else "attribute_not_exists(restorer)"
    values = claims({":digest": DIGEST, ":dead": OTHER, ":seen": {"i": PAST}})
    request = asked(
        f"{CLAIM.format(':none')}{OF_PUSH}",
        f"holder = :dead AND at_work = :seen AND {also}{NO_NEWER}",
        values | {f":{name}": each for name, each in restorer.items()},
    )
    (changes if taken else refuses)(dynamodb, request, holder=ME)
    said = Verdict(decision=Decision.GO, reason="other held the lease and has ended")
    assert take(dynamodb) == (said if taken else CHANGED)


def waits(reason: str) -> Verdict:
    return Verdict(decision=Decision.WAIT, reason=reason)


@pytest.mark.parametrize("active", [OTHER, "arn:restorer"], ids=["it runs", "its restore runs"])
def test_what_waits_says_so_for_the_holder_to_stop(active: str, dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=OTHER, restorer="arn:restorer", newest=OLDER, digest="another")
    request = asked("SET newest = :order, announced = :digest", "newest < :order", {":order": ORDER, ":digest": DIGEST})
    changes(dynamodb, request)
    assert take(dynamodb, PUSH, active) == waits("other is deploying, or was stopped and will be restored")


@pytest.mark.parametrize(
    ("asked_", "digest"), [(PUSH, DIGEST), (PAUSE, "another")], ids=["the same image", "a change of what is live"]
)
def test_what_need_not_stop_the_holder_only_waits(asked_: Asked, digest: str, dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=OTHER, newest=OLDER, digest=digest)
    assert take(dynamodb, asked_, OTHER) == waits("other is deploying, or was stopped and will be restored")


def test_a_function_of_it_that_may_still_write_is_waited_for(dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=OTHER, newest=OLDER, at_work={"i": LATE})
    assert take(dynamodb) == waits("other has ended, but one of its functions may still write")


def test_what_is_to_be_approved_is_noted_and_stops_no_rollback(dynamodb: Stubber) -> None:
    record = RECORD.model_copy(
        update={"execution": EXECUTION.model_copy(update={"id": OTHER}), "origin": Origin(kind=Kind.ROLLBACK)}
    )
    holder: dict[str, Any] = {"holder": OTHER, "newest": OLDER, "deployment": record.stored()}
    request = asked(
        "SET announced = :digest, announced_order = :order",
        "holder = :holder AND (attribute_not_exists(announced_order) OR announced_order <= :order)",
        {":digest": DIGEST, ":order": ORDER, ":holder": OTHER},
    )
    for noted in (False, True):
        refuses(dynamodb, **(holder | ({"announced": DIGEST} if noted else {})))
        if not noted:
            changes(dynamodb, request)
        assert take(dynamodb, PUSH, OTHER, approval="required").decision == Decision.WAIT


@pytest.mark.parametrize("newest", [NEWER, ORDER, OLDER])
def test_a_newer_push_goes_before(newest: str, dynamodb: Stubber) -> None:
    refuses(dynamodb, holder=ME, newest=newest)
    assert take(dynamodb) == (
        Verdict(decision=Decision.OVERTAKEN, reason="a newer push of shop has arrived")
        if newest == NEWER
        else Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
    )


@pytest.mark.parametrize(
    ("event_id", "pushed_at", "name", "order"),
    [
        (
            "a",
            NOW.replace(hour=5),
            "a_" + "0" * 32,
            "2026-12-01T05:00:00+00:00#2026-12-01T06:00:00+00:00#a_" + "0" * 32,
        ),
        ("a", NOW.replace(hour=7), "a", "2026-12-01T06:00:00+00:00#2026-12-01T06:00:00+00:00#a"),
        ("a", NOW.replace(hour=5), "by-hand", "2026-12-01T06:00:00+00:00#2026-12-01T06:00:00+00:00#by-hand"),
        ("a", None, "a", "2026-12-01T06:00:00+00:00#2026-12-01T06:00:00+00:00#a"),
    ],
    ids=["its push", "a push to come", "a person", "without a time"],
)
def test_which_of_two_is_newer(event_id: str, pushed_at: datetime | None, name: str, order: str) -> None:
    started = Execution(id="x", name=name, started_at=NOW)
    pushed = Image(repository="guestbook", digest=DIGEST, event_id=event_id, pushed_at=pushed_at)
    assert turn.order(started, pushed) == order


# ---------------------------------------------------------------------- an answer

ASKS = Asks(changes="c", until=NOW)
YES, NO = (Answer(changes="c", approves=each, by="ann", reason="", at=NOW) for each in (True, False))


@pytest.mark.parametrize("before", [None, YES], ids=["the first", "another one"])
@pytest.mark.parametrize("is_push", [True, False], ids=["a push", "a file"])
def test_an_answer_is_written_to_what_was_seen(is_push: bool, before: Answer | None, dynamodb: Stubber) -> None:
    known: dict[str, Any] = {
        "order": ORDER,
        "origin": PUSH.origin,
        "execution": "arn:p",
        "asks": ASKS,
        "answer": before,
    }
    pending = Pending(image=PUSHED, **known) if is_push else PendingSchedule(**known)
    at = "gates.pending" if is_push else "gates.pending_schedule"
    request = asked(
        f"SET {at}.answer = :answer",
        f"{at}.#order = :order AND {at}.#execution = :execution AND "
        + (f"{at}.answer = :before" if before else f"attribute_not_exists({at}.answer)"),
        {
            ":answer": NO.model_dump(mode="json"),
            ":order": ORDER,
            ":execution": "arn:p",
            **({":before": before.model_dump(mode="json")} if before else {}),
        },
        order="order",
        execution="execution",
    )
    changes(dynamodb, request)
    assert write_answer(of(dynamodb), pending, NO) is True
    refuses(dynamodb, request)
    assert write_answer(of(dynamodb), pending, NO) is False


# ---------------------------------------------------------------------- what is left pending


def leaves(dynamodb: Stubber, pending: Pending | PendingSchedule, there: dict[str, Any], **attributes: Any) -> Any:
    """What is written of the gates; None if they stay."""
    shows(dynamodb, **{"holder": ME} | attributes | ({"gates": there} if there else {}))
    written: dict[str, Any] = {}
    dynamodb.client.meta.events.register_last(
        "provide-client-params.dynamodb.UpdateItem", lambda params, **_: written.update(params)
    )
    dynamodb.add_response("update_item", {"Attributes": item(holder=ME)})
    leave_pending(of(dynamodb), pending)
    if not written:
        of(dynamodb).update("REMOVE shut", "holder = :me")  # what was not asked for
        return None
    assert written["ConditionExpression"].startswith("holder = :me AND ")
    return plain(written["ExpressionAttributeValues"][":changed"])


A_PUSH = Pending(order="5", image=PUSHED, origin=PUSH.origin, execution="arn:p")
A_FILE = PendingSchedule(order="5", origin=FILE.origin, execution="arn:c")


def stored_as(name: str, pending: Pending | PendingSchedule, **more: Any) -> dict[str, Any]:
    return Gates(**{name: pending.model_copy(update=more)}).stored()


@pytest.mark.parametrize(
    ("pending", "there", "attributes", "left"),
    [
        pytest.param(A_PUSH, {}, {}, True, id="the first"),
        pytest.param(A_PUSH, {}, {"newest": "5"}, True, id="it is the newest"),
        pytest.param(A_PUSH, {}, {"newest": "6"}, False, id="a newer one has come"),
        pytest.param(A_FILE, {}, {"newest": "6"}, True, id="a file beside a newer push"),
        pytest.param(A_PUSH, stored_as("pending", A_PUSH, order="6", execution="arn:q"), {}, False, id="a newer waits"),
        pytest.param(A_PUSH, stored_as("pending", A_PUSH, order="5", execution="arn:q"), {}, True, id="one as new"),
        pytest.param(A_PUSH, stored_as("pending", A_PUSH, order="4"), {}, False, id="it waits already"),
        pytest.param(
            A_FILE,
            stored_as("pending_schedule", A_FILE, order="6", execution="arn:q"),
            {},
            False,
            id="a newer file waits",
        ),
        pytest.param(A_PUSH, {}, {"holder": OTHER}, False, id="it holds the lease no more"),
    ],
)
def test_what_is_left_pending(
    pending: Pending | PendingSchedule, there: dict[str, Any], attributes: dict[str, Any], left: bool, dynamodb: Stubber
) -> None:
    found = leaves(dynamodb, pending, there, **attributes)
    name = "pending" if isinstance(pending, Pending) else "pending_schedule"
    assert found == (there | stored_as(name, pending) if left else None)


@pytest.mark.parametrize(
    ("due", "announced", "later"),
    [(NOW, {"announced": DIGEST}, True), (NOW, {}, False), (None, {"announced": DIGEST}, False)],
    ids=["an upload, and a push waits", "none waits", "a person asked for it"],
)
def test_an_upload_leaves_time_for_a_push(
    due: datetime | None, announced: dict[str, str], later: bool, dynamodb: Stubber
) -> None:
    found = leaves(dynamodb, A_FILE.model_copy(update={"due": due}), {}, **announced)["pending_schedule"].get("due")
    if not later:
        assert found == (due and "2026-12-01T06:00:00Z")
        return
    wait = datetime.fromisoformat(found) - datetime.now(UTC)
    assert timedelta(minutes=2, seconds=50) < wait <= timedelta(minutes=3)


# ---------------------------------------------------------------------- what a step meets


@pytest.mark.parametrize(
    ("standing", "holds", "overtaken", "error"),
    [
        (Standing.HOLDS, True, False, None),
        (Standing.OVERTAKEN, True, True, None),
        (Standing.LOST, False, False, OvertakenError("another deployment holds the lease")),
        (Standing.DELETED, False, False, RejectedError("the lease of shop was deleted from the ledger's table")),
    ],
)
def test_who_may_write(
    standing: Standing, holds: bool, overtaken: bool, error: Exception | None, dynamodb: Stubber
) -> None:
    session = LeaseSession(Lease(of(dynamodb)), standing)
    assert (session.holds_lease, session.overtaken, session.again, session.since(NOW)) == (holds, overtaken, False, NOW)
    session.note({"summary": "x"})
    assert session._replace(entered=NOW.replace(hour=5)).since(NOW) == NOW.replace(hour=5)
    if error is None:
        session.require("shop")
        return
    with pytest.raises(type(error)) as refused:
        session.require("shop")
    assert str(refused.value) == str(error)
