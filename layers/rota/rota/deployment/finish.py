"""Ending a deployment, well or not: its entry in the ledger, the lease, the news of it."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract import Execution
from rota.deployment import lease, ledger
from rota.deployment.notify import notify
from rota.errors import RejectedError, TransientError
from rota.stepfunctions import history

if TYPE_CHECKING:
    from rota.settings import Settings

# Seconds before the news is tried again where the machine does not repeat the step for their sake.
_PAUSES = (1, 2, 4)
# The bus said no, so nobody has been told yet; where it said nothing at all, somebody may have been.
_REFUSED = (ClientError, TransientError, RejectedError)


def finish_deployment(
    settings: "Settings",
    execution: Execution,
    entry: ledger.Entry,
    *,
    farewell_may_fail: bool = False,
    restorer: Execution | None = None,
) -> ledger.Entry:
    """Write the entry, give the lease back, tell the world once. Run again it does what is still to be done.

    Returns the entry that stands: an earlier attempt's, if that came so far.

    The entry is the point of no return: a deployment whose entry says `deployed` is deployed, whatever fails after it.
    With `farewell_may_fail` a history that cannot be read and a bus that takes no events for seconds are logged and
    borne: the deployment has ended all the same. `restorer` is the execution that puts it back, if it is another.
    """
    now = datetime.now(UTC)
    entry = ledger.write(clients.dynamodb(), settings, execution, entry, now)
    executions = {execution.id, (restorer or execution).id}
    lease.give_back(
        clients.dynamodb(), settings, execution, partial(history.any_active, clients.stepfunctions(), executions)
    )
    try:
        durations = history.durations(history.read(clients.stepfunctions(), execution.id))
    except AWS_ERRORS:
        if not farewell_may_fail:
            raise
        Logger(child=True).exception("nobody can know how long the steps took")
        durations = ""
    if claim := ledger.claim_notification(clients.dynamodb(), settings, execution, durations):
        seconds = (now - execution.started_at).total_seconds()
        try:
            _tell(partial(notify, settings, execution, entry, seconds), _PAUSES if farewell_may_fail else ())
        except _REFUSED:
            ledger.release_notification(clients.dynamodb(), settings, execution, claim)
            if not farewell_may_fail:
                raise
            Logger(child=True).exception("nobody could be told how the deployment ended")
    return entry


def _tell(news: Callable[[], None], pauses: Iterable[int]) -> None:
    """Tell the news; where the bus refuses it, again after each pause. The last refusal is raised."""
    for pause in pauses:
        try:
            return news()
        except _REFUSED:
            time.sleep(pause)
    return news()
