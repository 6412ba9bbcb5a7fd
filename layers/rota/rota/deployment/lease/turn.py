"""Taking the lease: a deployment has its turn when the lease is free or its holder has ended, and no gate stops it."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rota.contract.deployment import Decision, Execution, Image, Verdict
from rota.deployment import gates
from rota.deployment.gates import Asked, Gates
from rota.deployment.lease.item import GatesUpdate, LeaseItem, LeaseTable
from rota.deployment.record import DeploymentRecord, LeftRunning, begin
from rota.errors import TransientError

# Between two looks at the lease: short at first, for most deployments take minutes. Each look is nine events of the
# execution's history, which holds 25,000: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
# After hours they become rarer still: the holder's rollout may wait for a person for weeks.
_SHORTEST_WAIT, _LONGEST_WAIT, _LONGEST_WAIT_OF_DAYS = 20, 120, 1800
# The order of a holder that changes what is live: no push is newer.
_LAST = "~"


def wait_seconds(waited: float) -> int:
    """Seconds until a deployment that has waited for so many seconds looks again."""
    longest = min(_LONGEST_WAIT_OF_DAYS, max(_LONGEST_WAIT, waited / 100))
    return int(min(longest, max(_SHORTEST_WAIT, waited / 20)))


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


def take(
    table: LeaseTable, execution: Execution, asked: Asked, is_active: Callable[[str], bool], approval: str
) -> Verdict:
    """Take the lease and begin the deployment's record, or say why not. Taking it again is as good as having it.

    A change of what is live has no place in the line: it waits for the holder, stops no deployment, and no push and
    no gate stops it. A push that is held stays pending.
    `is_active(execution_arn)`: whether it runs, or was stopped so recently that its restore may not have begun.
    `approval`: as the stack's parameter has it.
    """
    return _Turn(table, execution, asked, approval).take(is_active)


def note_image(table: LeaseTable, image: Image) -> None:
    """Write which image a change of what is live deploys, into the record of the deployment that has the lease."""
    given = image.model_dump(mode="json", exclude_none=True)
    done, _ = table.update("SET deployment.#image = :image", "holder = :me", {":image": given}, {"#image": "image"})
    if not done:
        raise TransientError("another execution has just taken the lease")


def reserve_for_restore(table: LeaseTable, ended: Collection[str]) -> None:
    """Keep the lease for this execution to restore its holder, if that is one of the executions `ended`, or if one
    of those was to restore it: nothing takes it over while this one runs, however late it enters.
    """
    values = {f":ended{number}": arn for number, arn in enumerate(ended)}
    these = ", ".join(values)
    table.update("SET restorer = :me", f"holder IN ({these}) OR restorer IN ({these})", values)


class _Claim(NamedTuple):
    """What a deployment that takes the lease writes into it."""

    order: str
    """Empty without an image."""
    record: DeploymentRecord
    gates_seen: Mapping[str, Any] = {}
    """The gates under which it takes the lease."""
    gates_after: Mapping[str, Any] = {}
    """The gates from then on."""
    left: LeftRunning | None = None
    """What may still run of the holder before; None leaves what is known of earlier ones."""


class _Turn:
    """One attempt of an execution to take the lease for what it asks."""

    def __init__(self, table: LeaseTable, execution: Execution, asked: Asked, approval: str) -> None:
        self._table = table
        self._approval = approval
        self._execution = execution
        self._asked = asked
        self._digest = asked.image.digest if asked.image else ""

    @property
    def _order_of_schedule(self) -> str:
        """Its place among changes of the schedule file alone."""
        return self._asked.order or gates.start_order(self._execution)

    def take(self, is_active: Callable[[str], bool]) -> Verdict:
        asked, image = self._asked, self._asked.image
        place = (asked.order or order(self._execution, image)) if image else ""
        among_changes = self._order_of_schedule if asked.is_schedule else ""
        known = {
            "lifts": asked.lifts,
            "schedule": asked.schedule,
            "passes": asked.passes,
            "passed": asked.passed,
            "order": place or among_changes,
            "answer": asked.answer,
            "back_to": asked.back_to,
        }
        claim = _Claim(place, begin(self._execution, image, asked.origin).model_copy(update=known))
        stopped = asked.closed and (image or asked.is_schedule) and not asked.passes
        lease = self._table.read() if stopped or asked.is_schedule else self._claim_if_free(claim)
        if lease is not None and image and _started_by_one_event(lease.newest, claim.order, image):
            at_the_same_place = claim.record.model_copy(update={"order": lease.newest})
            claim = claim._replace(order=lease.newest, record=at_the_same_place)
            lease = lease if stopped else self._claim_if_free(claim)
        if lease is None:
            return Verdict(decision=Decision.GO, reason="the lease was free")
        if decided := self._decided(lease, claim):
            return decided
        after = self._gates_after(lease, claim)
        record = claim.record.model_copy(update={"replaces": self._replaces(lease, after)})
        passing = claim._replace(record=record, gates_seen=lease.gates, gates_after=after)
        if not lease.holder:
            taken = self._claim_if_free(passing) is None
            return Verdict(decision=Decision.GO, reason="the lease was free") if taken else _CHANGED
        return self._take_over(lease, passing, is_active)

    def _decided(self, lease: LeaseItem, claim: _Claim) -> Verdict | None:
        """What the item says before anyone waits: it is taken already, or a newer push or a gate stops this one."""
        image, mine = self._asked.image, lease.holder == self._execution.id
        if image and not mine and (barred := self._barred(lease, image)):
            return barred
        if claim.order and lease.newest > claim.order:
            self._let_none_pend_before(lease.newest, lease)
            return Verdict(decision=Decision.OVERTAKEN, reason=f"a newer push of {self._table.app} has arrived")
        if mine:
            return Verdict(decision=Decision.GO, reason="this deployment holds the lease already")
        if self._asked.is_schedule:
            return self._schedule_at_the_gate(lease)
        return self._at_the_gate(lease, claim, image) if image else None

    def _barred(self, lease: LeaseItem, image: Image) -> Verdict | None:
        """That the image is barred; it is pending no more."""
        bar = None if image.digest in self._asked.lifts else lease.gate.bar_of(image.digest)
        if bar is None:
            return None
        pending = lease.gate.pending
        if pending and pending.order == self._asked.order:
            self._table.put_gates(lease.gates, lease.gate.model_copy(update={"pending": None}))
        reason = (
            f"{bar}. To deploy it anyway: rota deploy --image {image.digest}, or start {gates.deploys_anyway(image)}"
        )
        return Verdict(decision=Decision.BARRED, reason=reason)

    def _let_none_pend_before(self, newer: str, lease: LeaseItem) -> None:
        """A push that is pending deploys no more once a newer one waits for the lease, whatever becomes of that."""
        pending = lease.gate.pending
        if pending and pending.order < newer:
            self._table.put_gates(lease.gates, lease.gate.model_copy(update={"pending": None}))

    def _at_the_gate(self, lease: LeaseItem, claim: _Claim, image: Image) -> Verdict | None:
        """That a hold or the deployment window stops the push, which is pending from then on, or a newer one is; None
        if it may pass.
        """
        gate, asked = lease.gate, self._asked
        if gate.pending and gate.pending.order > claim.order:
            return Verdict(decision=Decision.OVERTAKEN, reason=f"a newer push of {self._table.app} is held")
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
            if not self._table.put_gates(lease.gates, gate.model_copy(update={"pending": pending})):
                return _CHANGED
        return _held(stops, "a newer push", f"rota deploy --image {image.tag or image.digest} --now")

    def _schedule_at_the_gate(self, lease: LeaseItem) -> Verdict | None:
        """The same of a change of the schedule file alone."""
        asked, stops = self._asked, _stops(lease.gate, self._asked)
        if not stops:
            return None
        before, own = lease.gate.pending_schedule, self._order_of_schedule
        if before is None or before.order < own:
            pending = gates.PendingSchedule(
                order=own, origin=asked.origin, schedule=asked.schedule, execution=self._execution.id
            )
            changed = lease.gate.model_copy(update={"pending_schedule": pending})
            if not self._table.put_gates(lease.gates, changed):
                return _CHANGED
        return _held(stops, "a push", "rota deploy --schedule FILE --now")

    def _gates_after(self, lease: LeaseItem, claim: _Claim) -> dict[str, Any]:
        """The gates once this execution has passed them: what was pending is older, and a hold that is over is gone. It
        reads the newest schedule file, unless it is to be deployed with another one: then a newer change stays.
        """
        gate = lease.gate
        if self._asked.is_schedule:
            return gate.without_schedule(self._order_of_schedule).stored()
        if self._asked.image is None:
            return {}
        hold = gate.hold_at(datetime.now(UTC))
        rest = gate.without_schedule(claim.order if self._asked.schedule else _LAST)
        return rest.model_copy(update={"pending": None, "hold": hold}).stored()

    def _replaces(self, lease: LeaseItem, after: Mapping[str, Any]) -> dict[str, Any] | None:
        """The change of the schedule file whose place an image takes; also one whose place a holder took that has ended
        otherwise, without a restore. A change of pauses hands that on.
        """
        if self._asked.is_schedule or "pending_schedule" in after:
            return None
        before = lease.record.replaces if lease.record and not lease.record.complete else None
        return (lease.gates.get("pending_schedule") if self._asked.image else None) or before

    def _take_over(self, lease: LeaseItem, claim: _Claim, is_active: Callable[[str], bool]) -> Verdict:
        """Take the lease from a holder that has ended, or say what is waited for."""
        holder = lease.holder.rsplit(":", 1)[-1]
        if any(is_active(each) for each in {lease.holder, lease.restorer} - {""}):
            # The same image by another tag is on its way already and need not be stopped.
            if claim.order and lease.digest != self._digest:
                if self._is_unapproved_behind(lease.record):
                    self._note_waiting(lease, claim)
                else:
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
        # What a holder before that one has left is stopped before it begins anything of that kind itself.
        left = None if lease.left_running or not lease.record else lease.record.leaves_running
        if self._claim(claim._replace(left=left), unchanged, ":none", seen) is None:
            return Verdict(decision=Decision.GO, reason=f"{holder} held the lease and has ended")
        return _CHANGED

    def _is_unapproved_behind(self, holder: DeploymentRecord | None) -> bool:
        """Whether a person has still to approve this one, but not the holder: it would stop that, and then wait."""
        if self._approval == "none" or gates.needs_no_answer(self._asked):
            return False
        return holder is not None and gates.needs_no_answer(holder)

    def _claim_if_free(self, claim: _Claim) -> LeaseItem | None:
        # Invocations that are listed in a lease without a holder may still write: it was changed by hand.
        return self._claim(claim, "attribute_not_exists(holder)", "if_not_exists(at_work, :none)", {})

    def _claim(self, claim: _Claim, condition: str, at_work: str, seen: Mapping[str, Any]) -> LeaseItem | None:
        """Hold the lease from now on, under `condition` and if no newer push is known. None, or the lease instead.

        A change of what is live leaves `newest`, `announced` and the gates as they are, for the pushes that wait; one
        of the schedule file takes along what is pending of that.
        """
        sets = [f"holder = :me, holder_order = :order, at_work = {at_work}, deployment = :record"]
        removed = ["shut", "restorer"]
        values = {":none": {}, ":record": claim.record.stored(), **seen}
        if claim.left:
            sets += ["left_running = :left"]
            values |= {":left": claim.left.model_dump(mode="json")}
        if claim.order or self._asked.is_schedule:
            gate = GatesUpdate(claim.gates_seen, claim.gates_after)
            sets += gate.sets
            removed += gate.removes
            condition += f" AND {gate.condition}"
            values |= gate.values
        if claim.order:
            sets += ["newest = :order, digest = :digest"]
            removed += ["announced", "announced_order"]
            condition += " AND (attribute_not_exists(newest) OR newest <= :order)"
            values |= {":order": claim.order, ":digest": self._digest}
        else:
            removed += ["digest"]
            values |= {":order": _LAST}
        update = f"SET {', '.join(sets)} REMOVE {', '.join(removed)}"
        done, lease = self._table.update(update, condition, values)
        return None if done else lease or LeaseItem()

    def _announce_newer(self, claim: _Claim) -> None:
        """Record a newer push, for which the holder and older waiting deployments stop; a still newer one stays."""
        self._table.update(
            "SET newest = :order, announced = :digest",
            "newest < :order",
            {":order": claim.order, ":digest": self._digest},
        )

    def _note_waiting(self, lease: LeaseItem, claim: _Claim) -> None:
        """Record a push that waits and stops nothing: an older image that is replicated meanwhile is ignored. A newer
        one that waits, too, stays.
        """
        if lease.announced != self._digest:
            self._table.update(
                "SET announced = :digest, announced_order = :order",
                "holder = :holder AND (attribute_not_exists(announced_order) OR announced_order <= :order)",
                {":digest": self._digest, ":order": claim.order, ":holder": lease.holder},
            )


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
