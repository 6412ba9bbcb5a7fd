"""Starting the push that was held, once no hold is in force and the deployment window is open."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from rota.contract import Kind
from rota.deployment.gates import Closed, Gates

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# The same each time, as StartExecution of one name takes one input only.
_INPUT = json.dumps({"kind": Kind.RESUME, "by": "Sweep", "reason": "the hold is over"})


def start_pending(
    stepfunctions: "SFNClient", state_machine_arn: str, gates: Gates, closed: Closed | None, now: datetime
) -> str | None:
    """Start an execution that deploys what is pending, if no hold is in force and the deployment window is not
    `closed`. Returns its name.

    It is named after what is pending, the hold that it was under, and the hour: two sweeps start one. One that cannot
    begin is followed by another an hour later. However many there are, the first that takes the lease takes the push
    with it, and the others find nothing pending.
    """
    if gates.pending is None or gates.hold_at(now) or closed:
        return None
    what = hashlib.sha256(f"{gates.pending.order} {gates.hold_changed}".encode()).hexdigest()[:24]
    name = f"pending-{what}-{now:%Y%m%d%H}"
    with suppress(stepfunctions.exceptions.ExecutionAlreadyExists):
        stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=name, input=_INPUT)
    return name
