"""Starting what is pending, once no hold is in force, the deployment window is open, and an approval is answered."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from rota.contract import Kind
from rota.deployment.gates import Closed, Gates

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from rota.settings import Settings

# The same each time, as StartExecution of one name takes one input only.
_INPUT = json.dumps({"kind": Kind.RESUME, "by": "Sweep", "reason": "the hold is over"})


def start_pending(
    stepfunctions: "SFNClient", settings: "Settings", gates: Gates, closed: Closed | None, now: datetime
) -> str | None:
    """Start an execution that deploys what is pending, if no hold is in force, the deployment window is not `closed`,
    and no person has still to approve it; or one that records that it was rejected. Returns its name.

    It is named after what is pending, the hold that it was under, the answer, and the hour: two sweeps start one. One
    that cannot begin is followed by another an hour later. However many there are, the first that takes the lease takes
    the push with it, and the others find nothing pending.
    """
    pending = gates.pending
    if pending is None:
        return None
    if not pending.refused_at(now):
        waits = settings.approval != "none" and pending.waits_at(now)
        if waits or gates.hold_at(now) or closed:
            return None
    answered = f" {pending.asks.changes} {pending.answer}" if pending.asks else ""
    what = hashlib.sha256(f"{pending.order} {gates.hold_changed}{answered}".encode()).hexdigest()[:24]
    name = f"pending-{what}-{now:%Y%m%d%H}"
    with suppress(stepfunctions.exceptions.ExecutionAlreadyExists):
        stepfunctions.start_execution(stateMachineArn=settings.state_machine_arn, name=name, input=_INPUT)
    return name
