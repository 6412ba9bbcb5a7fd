"""How a step ends its execution: once, however often it is invoked."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rota.deployment.finish import end_deployment
from rota.deployment.ledger import Entry, ledger_of
from rota.deployment.notify import notify
from rota.deployment.record import DeploymentRecord

if TYPE_CHECKING:
    from rota.contract.deployment import Execution
    from rota.handlers.step import LeaseSession
    from rota.settings import Settings


def end_once(
    execution: "Execution", settings: "Settings", session: "LeaseSession", work: Callable[[DeploymentRecord], Entry]
) -> Entry:
    """Do the work that is left, and end the execution with the entry that it returns. If an earlier invocation has
    recorded the end and released the lease, publish that only. Returns the entry in force.
    """
    publish = partial(notify, settings, execution)
    ended = None if session.holds_lease else ledger_of(settings, execution).read().ended()
    if ended:
        publish(ended)
        return ended
    session.require(settings.app)
    record = session.record or DeploymentRecord(execution=execution)
    return end_deployment(settings, session.lease, work(record), record, {execution.id}, publish)
