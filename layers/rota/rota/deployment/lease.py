"""The app's lease: one deployment at a time changes an app, the newest push wins, and nothing is written without it."""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from rota.contract.deployment import Decision, Execution, Image, Verdict
from rota.contract.steps import Step
from rota.deployment import gates
from rota.deployment.gates import Asked, Gates
from rota.deployment.items import Item, plain, stored
from rota.deployment.record import DeploymentRecord, OptionalRecord, RecordUpdate, begin
from rota.deployment.waiting import Answer
from rota.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CLOCK_SKEW = timedelta(seconds=5)
"""Clocks of two Lambda hosts differ by less than this."""
# Between two looks at the lease: short at first, for most deployments take minutes. Each look is nine events of the
# execution's history, which holds 25,000: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
# After hours they become rarer still: the holder's rollout may wait for a person for weeks.
_SHORTEST_WAIT, _LONGEST_WAIT, _LONGEST_WAIT_OF_DAYS = 20, 120, 1800
# The order of a holder that changes what is live: no push is newer.
_LAST = "~"
# So often others may change the gates between a read and a write.
_TRIES = 10


class Standing(StrEnum):
    """Whether a deployment may write when one of its invocations enters the lease."""

    HELD = "held"
    OVERTAKEN = "overtaken"
    """It holds the lease, and a newer push waits for it."""
    LOST = "lost"
    """Another deployment holds the lease, or none does, or this one is being restored."""
    DELETED = "deleted"
    """The item is gone. Rota never deletes it, so no other deployment has held it since."""


class Entered(NamedTuple):
    """What an invocation meets when it enters; `others` are the deployment's invocations that may still write.

    `record` is None if the version of Rota that took the lease made none, and if the standing is LOST or DELETED.
    `again`: the step has entered before.
    """

    standing: Standing
    others: tuple[str, ...] = ()
    record: DeploymentRecord | None = None
    again: bool = False


class LeaseItem(Item):
    """The item as it is stored, or as much of it as is read."""

    holder: str = ""
    """The ARN of the execution that may write."""
    holder_order: str = ""
    newest: str = ""
    """The order of the newest push that is known; it outlives every holder."""
    digest: str = ""
    announced: str = ""
    """The digest of the newest push that waits for the holder."""
    at_work: dict[str, Decimal] = Field(default_factory=dict)
    """By the id of an invocation of the holder: until when it may write, in Unix time."""
    restorer: str = ""
    """The ARN of the execution that restores the holder."""
    shut: Any = None
    """There if no step of the holder may enter any more but RestoreDeployment."""
    deployment: OptionalRecord = None
    """The holder's record; that of an earlier holder if another version of Rota took the lease since."""
    gates: dict[str, Any] = Field(default_factory=dict)
    """As they are stored; `gate` is what they say."""

    @property
    def gate(self) -> Gates:
        """What stands before the lease."""
        return Gates.model_validate(self.gates)

    @property
    def on_their_way(self) -> set[str]:
        """The digests of the image that the holder deploys, of the newest one that waits for it, and of one held."""
        held = {self.gate.pending.image.digest} if self.gate.pending else set()
        return held | ({self.digest, self.announced} - {""} if self.holder else set())

    @property
    def record(self) -> DeploymentRecord | None:
        """The holder's record, if the lease has it."""
        return self.deployment if self.deployment and self.deployment.execution.id == self.holder else None

    def active_invocations(self) -> list[str]:
        """The invocations that may still write."""
        return [invocation for invocation, end in self.at_work.items() if end > time.time()]


def order(execution: Execution, image: Image) -> str:
    """Who is newer: text that sorts as the deployments should win.

    A deployment that EventBridge started counts from its push, however late it arrives. One that a person started
    counts from its start: running an old event again is a deliberate rollback. None counts from later than its start:
    a year mistyped would overtake every push until then. An event has its time in whole seconds: within one, the
    later start is newer.
    """
    pushed = image.pushed_at if image.started(execution.name) else None
    begins = min(pushed or execution.started_at, execution.started_at).astimezone(UTC)
    return f"{begins.isoformat(timespec='seconds')}#{execution.started_at.isoformat()}#{execution.name}"


def wait_seconds(waited: float) -> int:
    """Seconds until a deployment that has waited for so many seconds looks again."""
    longest = min(_LONGEST_WAIT_OF_DAYS, max(_LONGEST_WAIT, waited / 100))
    return int(min(longest, max(_SHORTEST_WAIT, waited / 20)))


def read_lease(dynamodb: "DynamoDBClient", table: str, app: str) -> LeaseItem:
    """The lease of an app as it is now; an empty one where it has no item."""
    found = dynamodb.get_item(TableName=table, Key=_key(app), ConsistentRead=True).get("Item")
    return LeaseItem.model_validate(plain({"M": found or {}}), extra="ignore")


def write_answer(
    dynamodb: "DynamoDBClient",
    table: str,
    app: str,
    pending: gates.Pending | gates.PendingSchedule,
    answer: Answer,
) -> bool:
    """Write a person's answer to what is pending. False if that has changed meanwhile, or has another answer than
    `pending` has.
    """
    name = "pending" if isinstance(pending, gates.Pending) else "pending_schedule"
    before = stored(pending.answer.model_dump(mode="json")) if pending.answer else None
    try:
        dynamodb.update_item(
            TableName=table,
            Key=_key(app),
            UpdateExpression=f"SET gates.{name}.answer = :answer",
            ConditionExpression=f"gates.{name}.#order = :order AND gates.{name}.#execution = :execution "
            f"AND {f'gates.{name}.answer = :before' if before else f'attribute_not_exists(gates.{name}.answer)'}",
            ExpressionAttributeNames={"#order": "order", "#execution": "execution"},
            ExpressionAttributeValues={
                ":answer": stored(answer.model_dump(mode="json")),
                ":order": stored(pending.order),
                ":execution": stored(pending.execution),
                **({":before": before} if before else {}),
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def changing_schedules_since(dynamodb: "DynamoDBClient", table: str, app: str) -> datetime | None:
    """When the deployment that holds the lease began to change schedules; None if it has not, or none holds it."""
    record = read_lease(dynamodb, table, app).record
    return record.changing_schedules_since if record else None


def _key(app: str) -> dict[str, Any]:
    return {"app": {"S": app}, "record": {"S": "lease"}}


class Lease:
    """The lease as one execution sees it: one item of the ledger table, changed by conditional writes only.

    ```
            take            enter               enter as restorer
    free ----------> held ---------> writing         ------> shut: no other step enters
      ^               |  ^             |                       |
      |    release    |  +-------------+                       |
      +---------------+        leave, or its time is up        |
      +----------------------------release---------------------+
    held, shut -- take by the next deployment, once the holder has ended and nothing of it may still write --> held
    ```
    `holder` is missing in the free lease; `at_work` lists who is writing; `shut` and `restorer` are there in the shut.

    AWS's rule and service calls take no fencing token, so the lease goes by time: every invocation that writes says in
    `at_work` how long its function may live, and takes that back when it leaves. While one is listed there that has not
    ended, nothing else writes: not the next deployment, not the same step once more after a lost response, not
    RestoreDeployment.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, app: str, execution: Execution) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._app = app
        self._execution = execution
        self._has_record = False
        self._at_work: dict[str, Decimal] = {}

    def take(self, asked: Asked, is_active: Callable[[str], bool]) -> Verdict:
        """Take the lease and begin the deployment's record, or say why not. Taking it again is as good as having it.

        A change of what is live has no place in the line: it waits for the holder, stops no deployment, and no push and
        no gate stops it. A push that is held stays pending.
        `is_active(execution_arn)`: whether it runs, or was stopped so recently that its restore may not have begun.
        """
        image = asked.image
        place = (asked.order or order(self._execution, image)) if image else ""
        among_changes = (asked.order or gates.start_order(self._execution)) if asked.is_schedule else ""
        known = {
            "lifts": asked.lifts,
            "schedule": asked.schedule,
            "passes": asked.passes,
            "passed": asked.passed,
            "order": place or among_changes,
            "answer": asked.answer,
            "back_to": asked.back_to,
        }
        record = begin(self._execution, image, asked.origin).model_copy(update=known)
        claim = _Claim(place, image.digest if image else "", record, asked.is_schedule)
        stopped = asked.closed and (image or asked.is_schedule) and not asked.passes
        lease = self.look() if stopped or asked.is_schedule else self._claim_if_free(claim)
        if lease is not None and image and _started_by_one_event(lease.newest, claim.order, image):
            at_the_same_place = record.model_copy(update={"order": lease.newest})
            claim = claim._replace(order=lease.newest, record=at_the_same_place)
            lease = lease if stopped else self._claim_if_free(claim)
        if lease is None:
            return Verdict(decision=Decision.GO, reason="the lease was free")
        if decided := self._decided(lease, claim, asked):
            return decided
        passing = claim._replace(gates_seen=lease.gates, gates_after=self._gates_after(lease, claim, asked))
        if not lease.holder:
            taken = self._claim_if_free(passing) is None
            return Verdict(decision=Decision.GO, reason="the lease was free") if taken else _CHANGED
        return self._take_over(lease, passing, is_active)

    def _decided(self, lease: LeaseItem, claim: "_Claim", asked: Asked) -> Verdict | None:
        """What the item says before anyone waits: it is taken already, or a newer push or a gate stops this one."""
        image, mine = asked.image, lease.holder == self._execution.id
        if image and not mine and (barred := self._barred(lease, asked, image)):
            return barred
        if claim.order and lease.newest > claim.order:
            self._let_none_pend_before(lease.newest, lease)
            return Verdict(decision=Decision.OVERTAKEN, reason=f"a newer push of {self._app} has arrived")
        if mine:
            return Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
        if asked.is_schedule:
            return self._schedule_at_the_gate(lease, asked)
        return self._at_the_gate(lease, claim, asked, image) if image else None

    def _barred(self, lease: LeaseItem, asked: Asked, image: Image) -> Verdict | None:
        """That the image is barred; it is pending no more."""
        bar = None if image.digest in asked.lifts else lease.gate.bar_of(image.digest)
        if bar is None:
            return None
        pending = lease.gate.pending
        if pending and pending.order == asked.order:
            self._put_gates(lease.gates, lease.gate.model_copy(update={"pending": None}))
        reason = (
            f"{bar}. To deploy it anyway: rota deploy --image {image.digest}, or start {gates.deploys_anyway(image)}"
        )
        return Verdict(decision=Decision.BARRED, reason=reason)

    def _let_none_pend_before(self, newer: str, lease: LeaseItem) -> None:
        """A push that is pending deploys no more once a newer one waits for the lease, whatever becomes of that."""
        pending = lease.gate.pending
        if pending and pending.order < newer:
            self._put_gates(lease.gates, lease.gate.model_copy(update={"pending": None}))

    def _at_the_gate(self, lease: LeaseItem, claim: "_Claim", asked: Asked, image: Image) -> Verdict | None:
        """That a hold or the deployment window stops the push, which is pending from then on, or a newer one is; None
        if it may pass.
        """
        gate = lease.gate
        if gate.pending and gate.pending.order > claim.order:
            return Verdict(decision=Decision.OVERTAKEN, reason=f"a newer push of {self._app} is held")
        stops = _stops(gate, asked)
        if not stops:
            return None
        if not gate.pending or gate.pending.order < claim.order:
            pending = gates.Pending(
                order=claim.order,
                image=image,
                origin=asked.origin,
                lifts=asked.lifts,
                schedule=asked.schedule,
                execution=self._execution.id,
            )
            if not self._put_gates(lease.gates, gate.model_copy(update={"pending": pending})):
                return _CHANGED
        return _held(stops, "a newer push", f"rota deploy --image {image.tag or image.digest} --now")

    def _schedule_at_the_gate(self, lease: LeaseItem, asked: Asked) -> Verdict | None:
        """The same of a change of the schedule file alone."""
        stops = _stops(lease.gate, asked)
        if not stops:
            return None
        before, order = lease.gate.pending_schedule, asked.order or gates.start_order(self._execution)
        if before is None or before.order < order:
            pending = gates.PendingSchedule(
                order=order, origin=asked.origin, schedule=asked.schedule, execution=self._execution.id
            )
            changed = lease.gate.model_copy(update={"pending_schedule": pending})
            if not self._put_gates(lease.gates, changed):
                return _CHANGED
        return _held(stops, "a push", "rota deploy --schedule FILE --now")

    def leave_pending(self, pending: gates.Pending | gates.PendingSchedule) -> None:
        """Let what this execution was to deploy be pending, while it holds the lease and no newer push has come.
        TransientError if others change the gates, too, each time that this is tried.
        """
        name = "pending" if isinstance(pending, gates.Pending) else "pending_schedule"
        for _ in range(_TRIES):
            lease = self.look()
            if lease.holder != self._execution.id or (name == "pending" and lease.newest > pending.order):
                return
            before = getattr(lease.gate, name)
            if before and (before.order > pending.order or before.execution == pending.execution):
                return
            changed = lease.gate.model_copy(update={name: pending})
            if self._put_gates(lease.gates, changed, "holder = :me AND "):
                return
        raise TransientError("the gates have just changed")

    def _gates_after(self, lease: LeaseItem, claim: "_Claim", asked: Asked) -> dict[str, Any]:
        """The gates once this execution has passed them: what was pending is older, and a hold that is over is gone. It
        reads the newest schedule file, unless it is to be deployed with another one: then a newer change stays.
        """
        gate = lease.gate
        if asked.is_schedule:
            return gate.without_schedule(asked.order or gates.start_order(self._execution)).stored()
        if asked.image is None:
            return {}
        hold = gate.hold_at(datetime.now(UTC))
        rest = gate.without_schedule(claim.order if asked.schedule else _LAST)
        return rest.model_copy(update={"pending": None, "hold": hold}).stored()

    def change_gates(self, change: Callable[[Gates], Gates]) -> LeaseItem:
        """Change what stands before the lease. Returns the item as it is then. TransientError if others change it, too,
        each time that this is tried.
        """
        for _ in range(_TRIES):
            lease = self.look()
            changed = change(lease.gate)
            if changed == lease.gate:
                return lease
            done = self._put_gates(lease.gates, changed)
            if done:
                return done
        raise TransientError("the gates have just changed")

    def _put_gates(self, seen: Mapping[str, Any], changed: Gates, also: str = "") -> LeaseItem | None:
        """The item with other gates than those that were seen; None if they have changed meanwhile. `also`: a condition
        beside that.
        """
        update = _GatesUpdate(seen, changed.stored())
        expression = f"SET {update.sets[0]}" if update.sets else "REMOVE gates"
        done, lease = self._update(expression, f"{also}{update.condition}", update.values)
        return lease if done else None

    def look(self) -> LeaseItem:
        """The item as it is now."""
        return read_lease(self._dynamodb, self._table, self._app)

    def note_image(self, image: Image) -> None:
        """Write which image a change of what is live deploys, into the record of the deployment that has the lease."""
        given = image.model_dump(mode="json", exclude_none=True)
        done, _ = self._update("SET deployment.#image = :image", "holder = :me", {":image": given}, {"#image": "image"})
        if not done:
            raise TransientError("another execution has just taken the lease")

    def _take_over(self, lease: LeaseItem, claim: "_Claim", is_active: Callable[[str], bool]) -> Verdict:
        """Take the lease from a holder that has ended, or say what is waited for."""
        holder = lease.holder.rsplit(":", 1)[-1]
        if any(is_active(each) for each in {lease.holder, lease.restorer} - {""}):
            # The same image by another tag is on its way already and need not be stopped.
            if claim.order and lease.digest != claim.digest:
                self._announce_newer(claim)
                self._let_none_pend_before(claim.order, lease)
            return _wait(f"{holder} is deploying, or was stopped and will be restored")
        if lease.active_invocations():
            return _wait(f"{holder} has ended, but one of its functions may still write")
        unchanged = "holder = :dead AND at_work = :seen AND " + (
            "restorer = :restorer" if lease.restorer else "attribute_not_exists(restorer)"
        )
        seen = {":dead": lease.holder, ":seen": lease.at_work} | (
            {":restorer": lease.restorer} if lease.restorer else {}
        )
        if self._claim(claim, unchanged, ":none", seen) is None:
            return Verdict(decision=Decision.GO, reason=f"{holder} held the lease and has ended")
        return _CHANGED

    def enter(
        self,
        invocation: str,
        seconds: float,
        step: Step,
        facts: Mapping[str, Any],
        *,
        restorer: Execution | None = None,
        recreate: bool = False,
    ) -> Entered:
        """Say that an invocation of `step` may write for so many seconds. It may if the standing is HELD; one that ends
        or restores the deployment also if it is OVERTAKEN.

        The record has `facts` and the step's phase from then on. The standing is LOST if a later step has begun: the
        response of this invocation was lost, and the machine went on without it.

        `restorer` is the execution in which RestoreDeployment runs, this one or another. It shuts all other steps out,
        and nothing takes the lease over while it runs. `recreate`: creates the item again if it was deleted. That is
        safe for a deployment that has held the lease: as long as the item is missing, no other one has held it since.
        """
        end = Decimal(str(time.time() + seconds + CLOCK_SKEW.total_seconds()))
        values: dict[str, Any] = {":end": end}
        update, condition = "SET at_work.#invocation = :end", "holder = :me AND attribute_not_exists(shut)"
        if restorer:
            values[":restorer"] = restorer.id
            update, condition = f"{update}, shut = :end, restorer = :restorer", "holder = :me"
        names, note = {"#invocation": invocation}, RecordUpdate(step, facts)
        done, lease = self._update(
            update + note.entered(),
            f"{condition} AND {note.is_forward()}",
            {**values, **note.values},
            {**names, **note.names},
        )
        self._has_record = done
        if not done and lease and lease.holder == self._execution.id and not lease.record:
            # Taken by a version of Rota that made no record, or none that this one can read.
            done, lease = self._update(update, condition, values, names)
        if done and lease:
            self._at_work = {invocation: end}
            standing = Standing.OVERTAKEN if lease.newest > lease.holder_order else Standing.HELD
            others = tuple(each for each in lease.active_invocations() if each != invocation)
            again = bool(lease.record and lease.record.entered.get(step.name) != note.now)
            return Entered(standing, others, lease.record, again)
        if lease:
            return Entered(Standing.LOST)
        return self._recreate(invocation, end, restorer) if recreate and restorer else Entered(Standing.DELETED)

    def _recreate(self, invocation: str, end: Decimal, restorer: Execution) -> Entered:
        """Create the item again and enter, unless another execution has created it meanwhile."""
        done, lease = self._update(
            "SET holder = :me, at_work = :at_work, shut = :end, restorer = :restorer",
            "attribute_not_exists(app)",
            {":at_work": {invocation: end}, ":end": end, ":restorer": restorer.id},
        )
        if done or (lease and lease.holder == self._execution.id and invocation in lease.at_work):
            self._at_work = {invocation: end}
            return Entered(Standing.HELD)
        if lease and lease.holder == self._execution.id:
            raise TransientError("another invocation has just created the lease again")
        return Entered(Standing.LOST)

    def leave(
        self, invocation: str, seconds: float, step: Step, facts: Mapping[str, Any], *, waited: bool = False
    ) -> None:
        """Say that the invocation writes no more; it has worked for so many seconds, and `facts` came of it. `waited`:
        it was not its turn yet, so it did nothing.

        Nothing, if the lease was released meanwhile.
        """
        if not self._at_work:
            return
        update, condition, names = "REMOVE at_work.#invocation", "holder = :me", {"#invocation": invocation}
        note = RecordUpdate(step, facts)
        if self._has_record:
            update += note.left(seconds, waited=waited)
            names |= note.names
        self._update(update, condition, note.values if self._has_record else {}, names)
        self._at_work = {}

    def reserve_for_restore(self, ended: Collection[str]) -> None:
        """Keep the lease for this execution to restore its holder, if that is one of the executions `ended`, or if one
        of those was to restore it: nothing takes it over while this one runs, however late it enters.
        """
        values = {f":ended{number}": arn for number, arn in enumerate(ended)}
        these = ", ".join(values)
        self._update("SET restorer = :me", f"holder IN ({these}) OR restorer IN ({these})", values)

    def release(
        self, any_active: Callable[[Collection[str]], bool], settle: Callable[[Gates], Gates] | None = None
    ) -> None:
        """Change the gates as `settle` says, then free the lease if this execution holds it. The invocation that has
        entered writes no more.

        While another one may still write, the lease stays, shut, and the next deployment takes it over in time.
        `any_active(invocations)`: whether any of these may not have ended. TransientError if the lease changes
        meanwhile.
        """
        if settle:
            self.change_gates(settle)
        own, self._at_work = self._at_work, {}
        done, lease = self._free(own)
        if done or not lease or lease.holder != self._execution.id:
            return
        if any_active([each for each in lease.active_invocations() if each not in own]):
            removed = "".join(f" REMOVE at_work.#own{number}" for number, _ in enumerate(own))
            names = {f"#own{number}": invocation for number, invocation in enumerate(own)}
            self._update(f"SET shut = :me{removed}", "holder = :me", names=names)
        elif not self._free(lease.at_work)[0]:
            raise TransientError("the lease changed while it was being released")

    def _claim_if_free(self, claim: "_Claim") -> LeaseItem | None:
        # Invocations that are listed in a lease without a holder may still write: it was changed by hand.
        return self._claim(claim, "attribute_not_exists(holder)", "if_not_exists(at_work, :none)", {})

    def _claim(self, claim: "_Claim", condition: str, at_work: str, seen: Mapping[str, Any]) -> LeaseItem | None:
        """Hold the lease from now on, under `condition` and if no newer push is known. None, or the lease instead.

        A change of what is live leaves `newest`, `announced` and the gates as they are, for the pushes that wait; one
        of the schedule file takes along what is pending of that.
        """
        sets = [f"holder = :me, holder_order = :order, at_work = {at_work}, deployment = :record"]
        removed = ["shut", "restorer"]
        values = {":none": {}, ":record": claim.record.stored(), **seen}
        if claim.order or claim.is_schedule:
            gate = _GatesUpdate(claim.gates_seen, claim.gates_after)
            sets += gate.sets
            removed += gate.removes
            condition += f" AND {gate.condition}"
            values |= gate.values
        if claim.order:
            sets += ["newest = :order, digest = :digest"]
            removed += ["announced"]
            condition += " AND (attribute_not_exists(newest) OR newest <= :order)"
            values |= {":order": claim.order, ":digest": claim.digest}
        else:
            removed += ["digest"]
            values |= {":order": _LAST}
        update = f"SET {', '.join(sets)} REMOVE {', '.join(removed)}"
        done, lease = self._update(update, condition, values)
        return None if done else lease or LeaseItem()

    def _announce_newer(self, claim: "_Claim") -> None:
        """Record a newer push, for which the holder and older waiting deployments stop; a still newer one stays."""
        self._update(
            "SET newest = :order, announced = :digest",
            "newest < :order",
            {":order": claim.order, ":digest": claim.digest},
        )

    def _free(self, at_work: Mapping[str, Decimal]) -> tuple[bool, LeaseItem | None]:
        update = "REMOVE holder, holder_order, digest, announced, at_work, shut, restorer, deployment"
        return self._update(update, "holder = :me AND at_work = :at_work", {":at_work": at_work})

    def _update(
        self,
        update: str,
        condition: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> tuple[bool, LeaseItem | None]:
        """Change the item under a condition; `:me` is this execution. Returns whether that was done, and the item as it
        is now; None for an item that does not exist.
        """
        expressions = f"{update} {condition}"
        filled = {":me": self._execution.id, **(values or {})} if ":me" in expressions else dict(values or {})
        named: Any = {"ExpressionAttributeNames": names} if names else {}
        try:
            item: Mapping[str, Any] = self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(self._app),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: stored(value) for name, value in filled.items()},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **named,
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            old: Mapping[str, Any] | None = dict(error.response).get("Item")  # type: ignore[assignment]  # not in the stubs
            return False, LeaseItem.model_validate(plain({"M": old}), extra="ignore") if old else None
        return True, LeaseItem.model_validate(plain({"M": item}), extra="ignore")


class _Claim(NamedTuple):
    """What a deployment that takes the lease writes into it; `order` and `digest` are empty without an image."""

    order: str
    digest: str
    record: DeploymentRecord
    is_schedule: bool = False
    gates_seen: Mapping[str, Any] = {}
    """The gates under which it takes the lease."""
    gates_after: Mapping[str, Any] = {}
    """The gates from then on."""


class _GatesUpdate:
    """Parts of the expressions with which the gates are changed, if they still are as they were seen."""

    def __init__(self, seen: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        differs = changed != seen
        self.sets = ["gates = :changed"] if changed and differs else []
        self.removes = ["gates"] if differs and not changed else []
        self.condition = "gates = :gates" if seen else "attribute_not_exists(gates)"
        self.values = ({":gates": seen} if seen else {}) | ({":changed": changed} if self.sets else {})


def _stops(gate: Gates, asked: Asked) -> list[gates.Hold | gates.Closed]:
    """What stops a deployment before the lease."""
    each = () if asked.passes else (gate.hold_at(datetime.now(UTC)), asked.closed)
    return [one for one in each if one]


def _held(stops: list[gates.Hold | gates.Closed], newer: str, now: str) -> Verdict:
    """That it is pending: until when, unless what is `newer` comes, and how it deploys `now`."""
    hold = next((each for each in stops if isinstance(each, gates.Hold)), None)
    when = "the hold is over" if hold else "that opens"
    by_a_person = ", which a person says" if hold and not hold.until else ""
    ends = f". To end the hold: {gates.RESUME}" if hold else ""
    return Verdict(
        decision=Decision.HELD,
        reason=f"{'; '.join(map(str, stops))}. It deploys when {when}{by_a_person}, unless {newer} does. "
        f"To deploy it now: {now}{ends}",
    )


def _wait(reason: str) -> Verdict:
    return Verdict(decision=Decision.WAIT, reason=reason)


_CHANGED = _wait("another execution has just taken the lease, or changed a hold or a bar")


def _started_by_one_event(an_order: str, another: str, image: Image) -> bool:
    """True if the event of that image started both executions: EventBridge delivers at least once."""
    return all(image.started(each.rpartition("#")[2]) for each in (an_order, another))
