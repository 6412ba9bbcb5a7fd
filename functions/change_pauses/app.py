"""ChangePauses: pauses or resumes tasks of what is live; it deploys nothing."""

from datetime import UTC, datetime
from functools import partial

from rota import execution_input
from rota.contract import ChangePausesInput, ChangePausesOutput, Kind, Outcome
from rota.deployment.finish import end_deployment
from rota.deployment.ledger import Entry, ledger_of
from rota.deployment.notify import notify
from rota.deployment.record import DeploymentRecord
from rota.handlers.step import LeaseSession, finishing_step
from rota.pauses import change
from rota.settings import Settings


@finishing_step
def handler(request: ChangePausesInput, settings: Settings, session: LeaseSession) -> ChangePausesOutput:
    publish = partial(notify, settings, request.execution)
    entry = None if session.holds_lease else ledger_of(settings, request.execution).read().ended()
    if entry:
        publish(entry)  # an earlier invocation has recorded it and released the lease
    else:
        session.require(settings.app)
        origin = execution_input.origin(request.event, None, request.execution.name)
        entry = Entry(
            outcome=Outcome.DONE, image=None, schedule=None, summary=_change(request, settings), origin=origin
        )
        record = session.record or DeploymentRecord(execution=request.execution, origin=origin)
        entry = end_deployment(settings, session.lease, entry, record, {request.execution.id}, publish)
    return ChangePausesOutput(outcome=entry.outcome, summary=entry.summary)


def _change(request: ChangePausesInput, settings: Settings) -> str:
    given, now = execution_input.parse(request.event), datetime.now(UTC)
    origin = execution_input.origin(request.event, None, request.execution.name)
    tasks = given.pause.tasks if given.pause else ()
    if given.kind == Kind.RESUME:
        return change.resume(settings, tasks, origin, now)
    until = given.pause.until if given.pause else None
    return change.pause(settings, change.Asked(tasks, until, origin, request.execution), now)
