"""Ending a deployment, well or not: its entry in the ledger, then the lease."""

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract import Execution
from rota.deployment.lease import Lease
from rota.deployment.ledger import Entry, Ledger
from rota.stepfunctions import history

if TYPE_CHECKING:
    from rota.settings import Settings


def finish_deployment(
    settings: "Settings", execution: Execution, entry: Entry, *, restorer: Execution | None = None
) -> Entry:
    """Write the entry and release the lease. Run again it does what is still to be done.

    Returns the entry in force: an earlier attempt's, if that came so far. It is the point of no return: a deployment
    whose entry says `deployed` is deployed, whatever fails after it. `restorer` is the execution that restores it, if
    that is another.
    """
    dynamodb, stepfunctions = clients.dynamodb(), clients.stepfunctions()
    ledger = Ledger(dynamodb, settings.table, settings.app, execution, settings.history_days)
    entry = ledger.close(entry, datetime.now(UTC), _durations(execution))
    executions = {execution.id, (restorer or execution).id}
    lease = Lease(dynamodb, settings.table, settings.app, execution)
    lease.release(partial(history.any_active, stepfunctions, executions))
    return entry


def _durations(execution: Execution) -> str:
    try:
        return history.durations(history.read(clients.stepfunctions(), execution.id))
    except AWS_ERRORS:
        Logger(child=True).exception("the history with the steps' durations could not be read")
        return ""
