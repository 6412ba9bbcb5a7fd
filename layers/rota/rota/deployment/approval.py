"""What a person answers to a deployment that waits for an approval, which is pending in the lease's item."""

from rota.deployment.gates import Gates, Pending
from rota.deployment.lease.item import LeaseTable
from rota.deployment.lease.pending import write_answer
from rota.deployment.waiting import Answer
from rota.errors import RejectedError, TransientError
from rota.times import minute

_STATUS = "rota status says what waits"


def answer(table: LeaseTable, given: Answer) -> Gates:
    """Write a person's answer to what waits for an approval, if that has the same changes. Returns the gates then.

    Given twice, or after the same answer of another person, it is as given once. What was approved may be rejected
    until it starts. RejectedError says why it cannot be given; TransientError if what waits has just changed.
    """
    lease = table.read()
    pending = lease.gate.asked(given.changes)
    if pending is None or pending.asks is None:
        if waits := " and ".join(each.asks.changes for each in lease.gate.in_their_order if each.asks):
            raise RejectedError(f"what waits is {waits}, not {given.changes}: it has changed since; {_STATUS}")
        raise RejectedError(f"nothing waits for an approval: it was answered, or replaced by a newer push; {_STATUS}")
    if isinstance(pending, Pending) and lease.newest > pending.order:
        raise RejectedError(f"a newer push has arrived, and what waited is deployed no more; {_STATUS}")
    if before := pending.answer:
        if before.approves == given.approves:
            return lease.gate
        if given.approves:
            raise RejectedError(f"{before} already, at {minute(before.at)}")
    elif pending.asks.until <= given.at:
        raise RejectedError(f"it waited until {minute(pending.asks.until)}, and is deployed no more: deploy it again")
    if not write_answer(table, pending, given):
        # The answer of a call that wrote it may be lost, which botocore then repeats.
        found = table.read().gate.asked(given.changes)
        if not found or found.answer != given:
            raise TransientError("what waits has just changed; look at it again")
    name = "pending" if isinstance(pending, Pending) else "pending_schedule"
    return lease.gate.model_copy(update={name: pending.model_copy(update={"answer": given})})
