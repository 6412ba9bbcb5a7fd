"""What is pending in the lease's item: leaving it there, a person's answer to it, and starting it once its time has
come, no hold is in force, the deployment window is open, and an approval is answered.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rota.contract.deployment import Kind
from rota.deployment.gates import Closed, Gates, Pending, PendingSchedule
from rota.deployment.lease.item import LeaseItem, LeaseTable
from rota.deployment.waiting import Answer

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from rota.settings import Settings

_BY = "Sweep"
# A push that waits for the lease looks at it each two minutes at most, unless it has waited for hours.
_LOOKS_WITHIN = timedelta(minutes=3)


def leave_pending(table: LeaseTable, pending: Pending | PendingSchedule) -> None:
    """Let what this execution was to deploy, or had taken the place of, be pending, while it holds the lease and no
    newer one has come. An upload leaves time for a push that waits for the lease, which takes it along.
    TransientError if others change the gates, too, each time that this is tried.
    """
    name = _name(pending)

    def replace_older(lease: LeaseItem) -> Gates:
        newer_push = name == "pending" and lease.newest > pending.order
        before = getattr(lease.gate, name)
        stays = before and (before.order > pending.order or before.execution == pending.execution)
        if lease.holder != table.execution or newer_push or stays:
            return lease.gate
        left = pending
        if isinstance(pending, PendingSchedule) and pending.due and lease.announced:
            left = pending.model_copy(update={"due": max(pending.due, datetime.now(UTC) + _LOOKS_WITHIN)})
        return lease.gate.model_copy(update={name: left})

    table.change_gates(replace_older, "holder = :me AND ")


def write_answer(table: LeaseTable, pending: Pending | PendingSchedule, answer: Answer) -> bool:
    """Write a person's answer to what is pending. False if that has changed meanwhile, or has another answer than
    `pending` has.
    """
    at, before = f"gates.{_name(pending)}", pending.answer
    is_as_seen = f"{at}.answer = :before" if before else f"attribute_not_exists({at}.answer)"
    done, _ = table.update(
        f"SET {at}.answer = :answer",
        f"{at}.#order = :order AND {at}.#execution = :execution AND {is_as_seen}",
        {
            ":answer": answer.model_dump(mode="json"),
            ":order": pending.order,
            ":execution": pending.execution,
            **({":before": before.model_dump(mode="json")} if before else {}),
        },
        {"#order": "order", "#execution": "execution"},
    )
    return done


def _name(pending: Pending | PendingSchedule) -> str:
    """Which of the gates it is."""
    return "pending" if isinstance(pending, Pending) else "pending_schedule"


def start_pending(
    stepfunctions: "SFNClient", settings: "Settings", gates: Gates, closed: Callable[[], Closed | None], now: datetime
) -> str | None:
    """Start an execution that deploys the push that is pending, else the change of the schedule file, if it is due, no
    hold is in force, the deployment window is not `closed`, and no person has still to approve it; or one that records
    that it was rejected. Returns its name. `closed` is asked only of what the window may stop: maybe it cannot be read.

    It is named after what is pending, the hold that it was under, the answer, and the hour: two sweeps start one. So is
    what still waits for an approval: if that is rejected or expires, one that waits for the lease records it and ends.
    A change that an image left pending has another name than before it: its execution has found nothing meanwhile.
    One that cannot begin is followed by another an hour later. However many there are, the first that takes the lease
    takes what is pending with it, and the others find nothing.
    """

    def may_start(pending: Pending | PendingSchedule, *, stops: Callable[[], object]) -> bool:
        if pending.rejected_at(now):
            return True
        waits = settings.approval != "none" and (pending.waits_at(now) or gates.waits_for_image(pending, now))
        return pending.is_due_at(now) and not waits and (pending.passes or not stops())

    def found_unless(stops: Callable[[], object]) -> list[Pending | PendingSchedule]:
        return [each for each in gates.in_their_order if may_start(each, stops=stops)]

    found = found_unless(lambda: True) or found_unless(lambda: gates.hold_at(now) or closed())
    if not found:
        return None
    said = [
        f"{each.order} {each.execution} {each.asks.changes if each.asks else ''} {each.answer or ''}"
        f"{f' {each.left_by}' if isinstance(each, PendingSchedule) else ''}"
        for each in gates.in_their_order
        if each.asks or each in found
    ]
    what = hashlib.sha256(" ".join((gates.hold_changed, *said)).encode()).hexdigest()[:24]
    name = f"pending-{what}-{now:%Y%m%d%H}"
    given = json.dumps({"kind": Kind.RESUME, "by": _BY, "reason": _why(found[0], now)})
    with suppress(stepfunctions.exceptions.ExecutionAlreadyExists):
        stepfunctions.start_execution(stateMachineArn=settings.state_machine_arn, name=name, input=given)
    return name


def _why(pending: Pending | PendingSchedule, now: datetime) -> str:
    """Why it is started, or what is to be recorded of it."""
    if pending.answer:
        return f"a person {'approved' if pending.answer.approves else 'rejected'} it"
    if pending.rejected_at(now):
        return "no person approved it in time"
    if isinstance(pending, PendingSchedule) and pending.due:
        return "the schedule file that was uploaded is due"
    return "no hold and no closed deployment window stops it any more"
