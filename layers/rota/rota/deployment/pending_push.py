"""Starting what is pending, once its time has come, no hold is in force, the deployment window is open, and an approval
is answered.
"""

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from rota.contract.deployment import Kind
from rota.deployment.gates import Closed, Gates, Pending, PendingSchedule

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from rota.settings import Settings

# The same each time, as StartExecution of one name takes one input only.
_INPUT = json.dumps({"kind": Kind.RESUME, "by": "Sweep", "reason": "the hold is over"})


def start_pending(
    stepfunctions: "SFNClient", settings: "Settings", gates: Gates, closed: Closed | None, now: datetime
) -> str | None:
    """Start an execution that deploys the push that is pending, else the change of the schedule file, if it is due, no
    hold is in force, the deployment window is not `closed`, and no person has still to approve it; or one that records
    that it was rejected. Returns its name.

    It is named after what is pending, the hold that it was under, the answer, and the hour: two sweeps start one. One
    that cannot begin is followed by another an hour later. However many there are, the first that takes the lease takes
    what is pending with it, and the others find nothing.
    """

    def may_start(pending: Pending | PendingSchedule) -> bool:
        if pending.refused_at(now):
            return True
        waits = settings.approval != "none" and pending.waits_at(now)
        stopped = not pending.passes and (gates.hold_at(now) or closed)
        return pending.is_due_at(now) and not (waits or stopped)

    found = [each for each in gates.in_their_order if may_start(each)]
    if not found:
        return None
    said = [
        f"{each.order} {each.execution} {each.asks.changes if each.asks else ''} {each.answer or ''}" for each in found
    ]
    what = hashlib.sha256(" ".join((gates.hold_changed, *said)).encode()).hexdigest()[:24]
    name = f"pending-{what}-{now:%Y%m%d%H}"
    with suppress(stepfunctions.exceptions.ExecutionAlreadyExists):
        stepfunctions.start_execution(stateMachineArn=settings.state_machine_arn, name=name, input=_INPUT)
    return name
